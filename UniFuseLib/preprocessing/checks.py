"""What is refused, and what is repaired, before anything else looks at a volume."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from scipy import ndimage

from UniFuseLib.errors import InputError
from UniFuseLib.preprocessing.acquired import outside_patient, without_fill
from UniFuseLib.preprocessing.signs import label_count, whole_numbers
from UniFuseLib.preprocessing.wrapped import unwrapped
from UniFuseLib.spatial.linear import mapped
from UniFuseLib.spatial.resampling import inside
from UniFuseLib.spatial.volume import Volume

if TYPE_CHECKING:
    from UniFuseLib.spatial.volume import Grid

SMALLEST_AXIS = 4  # voxels
REPAIRABLE_FRACTION = 0.05
_SMALLEST_MM, _LARGEST_MM = 5.0, 5000.0  # of the longest side: a mouse's brain, a whole body twice
_SPARSE = 1009  # voxels: one in so many shows that two volumes differ
_POINTS = 24  # along every axis of a field of view, to see how much of it lies in another


class CheckedVolume(NamedTuple):
    """What `check_volume` lets through."""

    volume: Volume
    acquired: np.ndarray  # (d, h, w) bool: False where NaN or a fill value stood
    warnings: tuple[str, ...]


def check_volume(volume: Volume, name: str, *, says_labels: bool = False) -> CheckedVolume:
    """The volume without what was not acquired.

    NaN around the patient, fill values and padding become the lowest value that was acquired; a few
    broken voxels inside are replaced by the nearest finite one.

    Args:
        volume: as read.
        name: how messages call it (`degraded`, `reference`).
        says_labels: the file calls itself a label map.

    Raises:
        InputError: too thin or too small, empty, constant, a label map, or more than 5 % of the
            voxels inside are not finite.
    """
    _check_kind(volume.array, name)
    _check_extent(volume.grid, name)
    array = volume.array
    warnings: list[str] = []
    acquired = np.broadcast_to(np.True_, array.shape[:3])  # takes no memory
    bad = _not_finite(array)
    if bad.any():
        array, acquired = _without_broken(array, bad, name, warnings)
    if array.max() == array.min():
        raise InputError(
            f"The {name} volume is constant (all voxels are {array.flat[0]:g}): there is nothing "
            "to fuse."
        )
    if array.ndim == 3:
        found = without_fill(array, acquired)
        acquired = found.mask
        warnings += [_filled(finding, name) for finding in found.findings]
        array, wrapped = unwrapped(found, volume.affine)
        if wrapped:
            warnings.append(_raised(wrapped, name))
        _check_labels(array, acquired, name, says_labels=says_labels)
        warnings += _empty_slices(array, volume.grid, name)
    return CheckedVolume(Volume(array, volume.affine), acquired, tuple(warnings))


def _check_kind(array: np.ndarray, name: str) -> None:
    if min(array.shape[:3]) < SMALLEST_AXIS:
        size = " × ".join(map(str, array.shape[:3]))
        raise InputError(
            f"The {name} volume has {size} voxels; expected at least {SMALLEST_AXIS} along every "
            "axis. Load the whole 3-D volume."
        )
    if not np.issubdtype(array.dtype, np.number) or np.issubdtype(array.dtype, np.complexfloating):
        raise InputError(f"The {name} volume holds {array.dtype} values; expected real numbers.")


def _check_extent(grid: Grid, name: str) -> None:
    """Units that are wrong by a thousand would ask for gigabytes, or for nothing."""
    extent = np.array(grid.shape) * grid.spacing
    if _SMALLEST_MM <= extent.max() <= _LARGEST_MM:
        return
    size = " × ".join(f"{v:g}" for v in extent.round(4))
    raise InputError(
        f"The {name} volume covers {size} mm; expected {_SMALLEST_MM:g} to {_LARGEST_MM:g} mm. "
        "The unit of its voxel size is wrong; repair its header (spacing in millimetres)."
    )


def _check_labels(array: np.ndarray, acquired: np.ndarray, name: str, *, says_labels: bool) -> None:
    if says_labels and whole_numbers(array):
        found = int(np.unique(array).size)
    else:
        found = label_count(array) if acquired.all() else 0
    if found:
        kind = "a binary mask" if found == 2 else f"a label map ({found} values)"
        raise InputError(
            f"The {name} volume looks like {kind}; expected the intensities of MR, CT or PET. "
            "Choose the scan that it was drawn on."
        )


def _filled(finding: str, name: str) -> str:
    return f"In the {name} volume, {finding}; they were treated as not acquired."


def _raised(count: int, name: str) -> str:
    return (
        f"In the {name} CT, {count} voxels amid bone or metal lie below any Hounsfield unit: they "
        "wrapped around in 12 bits, and 4096 was added to them. Export the series again if you can."
    )


def _empty_slices(array: np.ndarray, grid: Grid, name: str) -> list[str]:
    """Constant slices between others: a transfer lost them, and a file format filled them."""
    axis = int(np.argmax(grid.spacing))
    others = tuple(k for k in range(3) if k != axis)
    shown = np.flatnonzero(array.min(axis=others) < array.max(axis=others))
    empty = int(shown[-1] - shown[0] + 1 - shown.size) if shown.size else 0
    if not empty:
        return []
    return [
        f"{empty} of {array.shape[axis]} slices of the {name} volume are empty, between others "
        "that are not: slices are missing. Export the series again."
    ]


def _not_finite(array: np.ndarray) -> np.ndarray:
    if np.issubdtype(array.dtype, np.floating):
        return ~np.isfinite(array)
    return np.zeros(1, dtype=bool)  # whole numbers are finite


def _repaired(count: int, name: str) -> str:
    if count == 1:
        return (
            f"1 NaN or infinite voxel in the {name} volume was replaced by its nearest neighbour."
        )
    return (
        f"{count} NaN or infinite voxels in the {name} volume were replaced by their nearest "
        "valid neighbours."
    )


def overlap(degraded: Grid, reference: Grid) -> float:
    """Fraction of the smaller field of view that lies in the other one, from 24³ points each.

    Args:
        degraded: one grid.
        reference: the other.
    """
    return max(_fraction_inside(degraded, reference), _fraction_inside(reference, degraded))


def copy_warning(degraded: Volume, reference: Volume) -> tuple[str, ...]:
    """A sentence where both hold the same voxels; empty else.

    Args:
        degraded: after its repair.
        reference: likewise.
    """
    some = slice(None, None, _SPARSE)
    alike = np.array_equal(degraded.array.flat[some], reference.array.flat[some])
    if not alike or not np.array_equal(degraded.array, reference.array):
        return ()
    return (
        "Both volumes hold the same voxels: one file was chosen twice, or is a copy of the other. "
        "Choose the degraded volume and its reference.",
    )


def fields_of_view(degraded: Grid, reference: Grid) -> str:
    """Where both lie, in words.

    Args:
        degraded: one grid.
        reference: the other.
    """
    return f"degraded {_extent(degraded)}, reference {_extent(reference)}"


def _without_broken(
    array: np.ndarray, bad: np.ndarray, name: str, warnings: list[str]
) -> tuple[np.ndarray, np.ndarray]:
    """(numbers everywhere, mask of what was acquired); what was done joins `warnings`."""
    if bad.all():
        raise InputError(
            f"The {name} volume holds no numbers: every voxel is NaN or infinite. Export it again."
        )
    everywhere = np.asarray(bad.all(axis=3)) if bad.ndim == 4 else bad
    outside = outside_patient(everywhere)
    array = array.copy()
    if outside.any():
        array[outside] = array[~bad].min()
        warnings.append(
            f"{100 * outside.mean():.0f} % of the {name} volume is NaN around the patient; it was "
            "treated as not acquired."
        )
    broken = bad & (~outside[..., None] if bad.ndim == 4 else ~outside)
    if broken.any():
        array = _repair(array, broken, name)
        warnings.append(_repaired(int(broken.sum()), name))
    return array, ~outside


def _repair(array: np.ndarray, bad: np.ndarray, name: str) -> np.ndarray:
    fraction = float(bad.mean())
    if fraction > REPAIRABLE_FRACTION:
        raise InputError(
            f"{100 * fraction:.0f} % of the {name} volume is NaN or infinite; up to "
            f"{100 * REPAIRABLE_FRACTION:.0f} % can be repaired automatically. Replace them with "
            "the background value and try again."
        )
    distance = tuple(1.0 if axis < 3 else 1e9 for axis in range(array.ndim))  # never across colours
    nearest = ndimage.distance_transform_edt(
        bad, sampling=distance, return_distances=False, return_indices=True
    )
    return array[tuple(nearest)]


def _fraction_inside(one: Grid, other: Grid) -> float:
    """Fraction of 24³ points of one field of view that fall into the other."""
    axes = [np.linspace(-0.5, n - 0.5, _POINTS) for n in one.shape]
    points = np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1).reshape(-1, 3)
    return float(inside(mapped(one.index_to_index(other), points), other.shape).mean())


def _extent(grid: Grid) -> str:
    low, high = grid.corners().min(axis=0), grid.corners().max(axis=0)
    ranges = (f"{letter} {a:.0f} to {b:.0f}" for letter, a, b in zip("RAS", low, high, strict=True))
    return f"[{', '.join(ranges)}] mm"
