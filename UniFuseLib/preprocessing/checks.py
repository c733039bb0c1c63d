"""A volume as it comes from the scanner → what the network sees: checks, modality, body, working
grid.

Intensity rules live in `intensity.py`, sampling in `resampling.py`; both are re-exported here.
"""

from __future__ import annotations

import itertools
from typing import Literal

import numpy as np
from scipy import ndimage

from UniFuseLib.errors import InputError
from UniFuseLib.preprocessing.intensity import (
    BACKGROUND,
    DEFAULT_INTENSITY,
    MODALITIES,
    IntensityMap,
    Modality,
    fit,
)
from UniFuseLib.spatial.resampling import block_mean, resample
from UniFuseLib.spatial.volume import Grid, Volume

__all__ = [
    "BACKGROUND",
    "DEFAULT_INTENSITY",
    "MODALITIES",
    "IntensityMap",
    "Modality",
    "acquired_mask",
    "body_mask",
    "canonical",
    "check_overlap",
    "check_volume",
    "detect_modality",
    "fit",
    "from_canonical",
    "luma",
    "modality_from_header",
    "resample",
    "working_axes",
    "working_grid",
]

SMALLEST_AXIS = 4
REPAIRABLE_FRACTION = 0.05
_HINTS: dict[str, Modality | Literal["auto"]] = {"MR": "mr", "CT": "ct", "PT": "pet", "PET": "pet"}
_BODY_MM = 3.0  # the body is found on about this spacing: noise averages out, and it is quick
# d → Superior, h → Posterior, w → Left, as RAS unit columns
_WORKING_AXES = np.array([[0.0, 0.0, -1.0], [0.0, -1.0, 0.0], [1.0, 0.0, 0.0]])
BT601 = (0.299, 0.587, 0.114)


def check_volume(volume: Volume, name: str) -> tuple[Volume, list[str]]:
    """The volume with its few non-finite voxels replaced by the nearest finite one, and warnings.

    Args:
        volume: as read.
        name: how messages call it ("degraded", "reference").

    Raises:
        InputError: too thin, empty, constant, or more than 5 % of the voxels are not finite.
    """
    array = volume.array
    if min(array.shape[:3]) < SMALLEST_AXIS:
        size = " × ".join(map(str, array.shape[:3]))
        raise InputError(
            f"The {name} volume has {size} voxels; expected at least {SMALLEST_AXIS} along every axis. "
            "Load the whole 3-D volume."
        )
    if not np.issubdtype(array.dtype, np.number) or np.issubdtype(array.dtype, np.complexfloating):
        raise InputError(f"The {name} volume holds {array.dtype} values; expected real numbers.")
    warnings = []
    if np.issubdtype(array.dtype, np.floating):
        bad = ~np.isfinite(array)
        if bad.any():
            array = _repair(array, bad, name)
            warnings.append(
                f"The {name} volume had {int(bad.sum())} NaN or infinite voxels; neighbours fill them."
            )
    if array.max() == array.min():
        raise InputError(
            f"The {name} volume is constant (all voxels are {array.flat[0]:g}): there is nothing to fuse."
        )
    return Volume(array, volume.affine), warnings


def check_overlap(degraded: Grid, reference: Grid) -> float:
    """Fraction of the smaller field of view that lies in the other one, from 24³ points each.

    Raises:
        InputError: no point of either lies in the other.
    """
    fraction = max(_fraction_inside(degraded, reference), _fraction_inside(reference, degraded))
    if fraction == 0:
        raise InputError(
            f"The fields of view do not overlap: degraded {_extent(degraded)}, reference {_extent(reference)}. "
            "If both show the same patient, bring them together first (3D Slicer: Volumes > Volume Information > "
            "Center Volume, or a transform that is then hardened) and try again."
        )
    return fraction


def detect_modality(volume: Volume, header_hint: str = "") -> Modality:
    """`mr`, `ct` or `pet` from the DICOM modality if there is one, else from the intensities and
    the grid.

    CT has air far below zero. PET is smooth, coarse and has hot spots: two of three signs decide
    against MR.
    """
    hinted = modality_from_header(header_hint)
    if hinted != "auto":
        return hinted
    if volume.array.ndim == 4:
        return "pet"  # colour maps of PET are the usual RGB volumes
    array = volume.array[:: max(1, volume.array.shape[0] // 64)]
    low, p95, p999 = (float(v) for v in np.percentile(array, (0.5, 95, 99.9)))
    if low < -50 and -low > 0.05 * p999:
        return "ct"
    whole_numbers = np.issubdtype(array.dtype, np.integer) or bool((array == np.round(array)).all())
    coarse = float(np.sort(volume.grid.spacing)[1]) > 2.5
    hot = p999 > 2.2 * p95
    uptake = not whole_numbers and 1.0 < p999 < 100
    return "pet" if sum((coarse, hot, uptake)) >= 2 else "mr"


def modality_from_header(hint: str) -> Modality | Literal["auto"]:
    """`MR`, `CT`, `PT` of DICOM (0008,0060) → ours; `auto` for anything else."""
    return _HINTS.get(hint.strip().upper(), "auto")


def body_mask(
    array: np.ndarray, spacing: np.ndarray | tuple[float, float, float], modality: str
) -> np.ndarray:
    """Where the patient is: bool `(d, h, w)`; holes filled, islands (table, noise) dropped, both
    legs kept.

    Args:
        array: `(d, h, w)`, the volume's units.
        spacing: mm along d, h, w.
        modality: `ct` uses -400 HU; the others a threshold between background and tissue.

    Returns:
        all True where no background can be told from a body.
    """
    steps = (round(_BODY_MM / float(s)) for s in spacing)
    factors = tuple(max(1, min(n // 4, step)) for n, step in zip(array.shape, steps, strict=True))
    coarse = block_mean(array, factors)
    mask = ndimage.binary_opening(coarse > _body_threshold(coarse, modality))
    mask = _fill(_large_components(mask))
    if mask.mean() < 0.005:
        return np.ones(array.shape, dtype=bool)
    for axis, factor in enumerate(factors):
        mask = np.repeat(mask, factor, axis=axis)
    return np.ascontiguousarray(mask[tuple(slice(n) for n in array.shape)])


def acquired_mask(array: np.ndarray, modality: str) -> np.ndarray:
    """False where the file is padded: MR that is exactly constant in 3³ voxels and beyond,
    connected to the border.

    The edge of a padding is no anatomy. Air in CT and PET is physical even where it is clipped to a
    constant.
    """
    if modality != "mr":
        return np.ones(array.shape, dtype=bool)
    constant = ndimage.binary_opening(
        np.pad(array == array.min(), 1, mode="edge"), np.ones((3, 3, 3))
    )[1:-1, 1:-1, 1:-1]
    labels, _ = ndimage.label(np.pad(constant, 1, constant_values=True))
    padding = (labels == labels[0, 0, 0])[1:-1, 1:-1, 1:-1]
    return ~padding


def working_grid(reference: Grid, spacing_mm: float) -> Grid:
    """Isotropic grid over the reference's field of view: its axes, permuted and flipped to d → S, h
    → P, w → L.

    At least two voxels along each axis, for derivatives; a thinner volume lies in their middle.

    Args:
        reference: any axis codes, oblique or not; obliqueness is kept.
        spacing_mm: side of a voxel.
    """
    if not spacing_mm > 0:
        raise InputError(f"Expected a working spacing above 0 mm, got {spacing_mm:g}.")
    order, sign = working_axes(reference)
    extent = (np.array(reference.shape) * reference.spacing)[list(order)]
    shape = tuple(int(n) for n in np.maximum(2, np.ceil(extent / spacing_mm - 1e-3)))
    affine = np.eye(4)
    affine[:3, :3] = reference.directions[:, list(order)] * sign * spacing_mm
    centre = reference.corners().mean(axis=0)
    affine[:3, 3] = centre - affine[:3, :3] @ ((np.array(shape) - 1) / 2)
    return Grid((shape[0], shape[1], shape[2]), affine)


def working_axes(grid: Grid) -> tuple[tuple[int, ...], np.ndarray]:
    """Which array axis runs along d → S, h → P, w → L, and in which sense (+1, -1); the nearest
    when oblique.
    """
    toward = _WORKING_AXES.T @ grid.directions  # [working axis, array axis]
    order = max(
        itertools.permutations(range(3)), key=lambda p: sum(abs(toward[i, p[i]]) for i in range(3))
    )
    return order, np.array([1.0 if toward[i, order[i]] >= 0 else -1.0 for i in range(3)])


def canonical(volume: Volume) -> Volume:
    """The same voxels with the array's axes along d → S, h → P, w → L: what follows cannot depend
    on storage order.
    """
    order, sign = working_axes(volume.grid)
    rest = tuple(range(3, volume.array.ndim))
    array = volume.array.transpose(*order, *rest)[_flips(sign)]
    affine = volume.affine.copy()
    affine[:3, :3] = volume.affine[:3, list(order)] * sign
    last = (np.array(array.shape[:3]) - 1) * (sign < 0)
    affine[:3, 3] = volume.affine[:3, 3] - affine[:3, :3] @ last
    return Volume(array, affine)


def from_canonical(array: np.ndarray, grid: Grid) -> np.ndarray:
    """An array on `canonical`'s axes back in the storage order of `grid`."""
    order, sign = working_axes(grid)
    return np.ascontiguousarray(array[_flips(sign)].transpose(*np.argsort(order)))


def luma(volume: Volume) -> Volume:
    """Y = 0.299 R + 0.587 G + 0.114 B (ITU-R BT.601); a volume of scalars comes back unchanged."""
    if volume.array.ndim == 3:
        return volume
    return Volume(
        volume.array.astype(np.float32) @ np.array(BT601, dtype=np.float32), volume.affine
    )


def _flips(sign: np.ndarray) -> tuple[slice, ...]:
    return tuple(slice(None) if s > 0 else slice(None, None, -1) for s in sign)


def _repair(array: np.ndarray, bad: np.ndarray, name: str) -> np.ndarray:
    fraction = float(bad.mean())
    if fraction == 1:
        raise InputError(
            f"The {name} volume holds no number: every voxel is NaN or infinite. Export it again."
        )
    if fraction > REPAIRABLE_FRACTION:
        raise InputError(
            f"{100 * fraction:.0f} % of the {name} volume is NaN or infinite; only up to "
            f"{100 * REPAIRABLE_FRACTION:.0f} % is repaired. Replace them by the background value and try again."
        )
    distance = tuple(1.0 if axis < 3 else 1e9 for axis in range(array.ndim))  # never across colours
    nearest = ndimage.distance_transform_edt(
        bad, sampling=distance, return_distances=False, return_indices=True
    )
    return array[tuple(nearest)]


def _fraction_inside(of: Grid, inside: Grid) -> float:
    """Fraction of 24³ points of one field of view that fall into the other."""
    axes = [np.linspace(-0.5, n - 0.5, 24) for n in of.shape]
    points = np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1).reshape(-1, 3)
    matrix = of.index_to_index(inside)
    index = points @ matrix[:3, :3].T + matrix[:3, 3]
    return float(((index >= -0.5) & (index <= np.array(inside.shape) - 0.5)).all(axis=1).mean())


def _extent(grid: Grid) -> str:
    low, high = grid.corners().min(axis=0), grid.corners().max(axis=0)
    ranges = (f"{letter} {a:.0f} to {b:.0f}" for letter, a, b in zip("RAS", low, high, strict=True))
    return f"[{', '.join(ranges)}] mm"


def _body_threshold(coarse: np.ndarray, modality: str) -> float:
    if modality == "ct":
        return -400.0
    # the root compresses hot spots and bright fat; Otsu may cut through a body that fills the
    # picture: hence the cap
    root = np.sqrt(np.clip(coarse - min(0.0, float(np.percentile(coarse, 1))), 0, None))
    level = float(root[root > root.mean()].mean())
    return min(_otsu(root), (0.45 if modality == "mr" else 0.4) * level) ** 2


def _otsu(values: np.ndarray) -> float:
    """The cut with the largest variance between the two classes (Otsu 1979, doi
    10.1109/TSMC.1979.4310076).
    """
    counts, edges = np.histogram(values, bins=128)
    centres = (edges[1:] + edges[:-1]) / 2
    below = np.cumsum(counts)
    mass = np.cumsum(counts * centres)
    total, whole = below[-1], mass[-1]
    between = (whole * below / total - mass) ** 2 / np.maximum(below * (total - below), 1)
    return float(centres[np.argmax(between[:-1])])


def _large_components(mask: np.ndarray) -> np.ndarray:
    """The largest component and all that have a tenth of its voxels."""
    labels, count = ndimage.label(mask)
    if count < 2:
        return mask
    sizes = np.bincount(labels.ravel())
    sizes[0] = 0
    return (sizes >= 0.1 * sizes.max())[labels]


def _fill(mask: np.ndarray) -> np.ndarray:
    """Close cavities in space, and those that are closed in a plane of the array (airways leave at
    the border).
    """
    mask = ndimage.binary_fill_holes(mask)
    for axis in range(3):
        planes = np.moveaxis(mask, axis, 0)
        mask = np.moveaxis(np.stack([ndimage.binary_fill_holes(p) for p in planes]), 0, axis)
    return mask
