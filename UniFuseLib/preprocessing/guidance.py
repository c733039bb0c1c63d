"""What the user says before the alignment: where it may start, what is compared, landmarks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np
import torch

from UniFuseLib.errors import InputError
from UniFuseLib.preprocessing.checks import fields_of_view, overlap
from UniFuseLib.registration.affine import STRETCH_TO_TELL
from UniFuseLib.registration.affine_decision import stretch_percent
from UniFuseLib.registration.landmarks import (
    check_pairs,
    check_spread,
    exchanged,
    fit_mm,
    rigid_procrustes,
)
from UniFuseLib.spatial.displacement import sample_at
from UniFuseLib.spatial.linear import check_motion
from UniFuseLib.spatial.resampling import block_places, inside, row_blocks
from UniFuseLib.spatial.volume import Grid, Volume

GivenMask = Volume | Literal["body"] | None  # `body`: what `preprocessing.body` finds


@dataclass(frozen=True, eq=False)
class Guidance:
    """What the user gave; None where nothing.

    Attributes:
        initial_transform: A `(4, 4)`, RAS point of the reference → RAS point of the degraded
            volume, mm.
        reference_mask: values above 0 are compared, on any grid; `body`: the body that is found.
        degraded_mask: likewise.
        reference_landmarks: `(n, 3)` RAS mm.
        degraded_landmarks: the same places in the degraded volume, in the same order.

    Raises:
        InputError: a transform that is not a motion, landmarks of one volume alone, or lists of
            different lengths.
    """

    initial_transform: np.ndarray | None = None
    reference_mask: GivenMask = None
    degraded_mask: GivenMask = None
    reference_landmarks: np.ndarray | None = None
    degraded_landmarks: np.ndarray | None = None

    def __post_init__(self) -> None:
        if self.initial_transform is not None:
            check_motion(self.initial_transform, "The initial transform")
        first, second = self.reference_landmarks, self.degraded_landmarks
        if first is None and second is None:
            return
        if first is None or second is None:
            name = "reference" if second is None else "degraded volume"
            raise InputError(
                f"Landmarks were given for the {name} alone. Give those of the other volume as "
                "well, in the same order."
            )
        for points in (first, second):
            if points.ndim != 2 or points.shape[1] != 3 or not np.isfinite(points).all():
                raise InputError(
                    f"Expected landmarks (n, 3) of finite numbers, got {points.shape}."
                )
        check_pairs(first, second)

    @property
    def landmarks(self) -> LandmarkPairs | None:
        """Both lists."""
        if self.reference_landmarks is None or self.degraded_landmarks is None:
            return None
        return LandmarkPairs(self.reference_landmarks, self.degraded_landmarks)


class LandmarkPairs(NamedTuple):
    """The same places in both volumes, `(n, 3)` RAS mm."""

    reference: np.ndarray
    degraded: np.ndarray


class GivenPoses(NamedTuple):
    """Where the search starts beside its own poses."""

    matrices: tuple[np.ndarray, ...]  # (4, 4) RAS point of the reference → of the degraded volume
    landmark_fit_mm: float | None  # root mean square of what a rigid motion leaves
    warnings: tuple[str, ...]


class Mask(NamedTuple):
    """What of a volume is compared."""

    array: np.ndarray | None  # (d, h, w) bool; None: all of it
    warnings: tuple[str, ...]


def given_poses(guidance: Guidance, reference: Grid, degraded: Grid) -> GivenPoses:
    """The initial transform, and the rigid motion between the landmarks.

    Args:
        guidance: of the user.
        reference: grid of the reference.
        degraded: of the degraded volume.

    Raises:
        InputError: one of them moves all of the degraded volume out of view.
    """
    matrices, warnings = [], []
    if guidance.initial_transform is not None:
        _check_in_view(guidance.initial_transform, reference, degraded)
        matrices.append(guidance.initial_transform)
        warnings += _stretched(guidance.initial_transform)
    pairs = guidance.landmarks
    if pairs is None:
        return GivenPoses(tuple(matrices), None, tuple(warnings))
    try:
        for points in pairs:
            check_spread(points)
    except InputError as reason:
        warnings.append(f"The landmarks measure the alignment, but do not start it. {reason}")
        return GivenPoses(tuple(matrices), None, tuple(warnings))
    motion = rigid_procrustes(pairs.reference, pairs.degraded)
    _check_landmarks_in_view(motion, reference, degraded)
    fit = fit_mm(pairs.reference, pairs.degraded)
    warnings += _out_of_order(pairs, fit)
    return GivenPoses((*matrices, motion), fit, tuple(warnings))


def _stretched(matrix: np.ndarray) -> list[str]:
    stretch = stretch_percent(matrix)
    if stretch <= STRETCH_TO_TELL:
        return []
    return [
        f"The initial transform stretches the degraded volume by up to {stretch:.1f} %, more than "
        "a patient changes. Check the voxel sizes of both files, and what it was made for."
    ]


def _out_of_order(pairs: LandmarkPairs, fit: float) -> list[str]:
    found = exchanged(pairs.reference, pairs.degraded)
    if found is None:
        return []
    one, other = found.numbers
    return [
        f"The landmarks fit each other to {fit:.1f} mm, and to {found.fit_mm:.1f} mm with numbers "
        f"{one} and {other} of one list exchanged. Check that both lists have the same order."
    ]


def _placed(degraded: Grid, matrix: np.ndarray) -> Grid:
    """Where A puts the voxels of the degraded volume in the reference's scan."""
    return Grid(degraded.shape, np.linalg.inv(matrix) @ degraded.affine)


def _check_landmarks_in_view(motion: np.ndarray, reference: Grid, degraded: Grid) -> None:
    placed = _placed(degraded, motion)
    if overlap(placed, reference) == 0:
        raise InputError(
            "The landmarks bring all of the degraded volume out of the reference's field of view "
            f"({fields_of_view(placed, reference)}). Check their order, that each list belongs to "
            "its volume, and whether their coordinates are LPS or RAS."
        )


def _check_in_view(matrix: np.ndarray, reference: Grid, degraded: Grid) -> None:
    placed = _placed(degraded, matrix)
    if overlap(placed, reference) > 0:
        return
    turned_round = Grid(degraded.shape, matrix @ degraded.affine)
    fits = overlap(turned_round, reference) > 0
    advice = (
        "Its inverse does not: an initial transform maps points of the reference to points of the "
        "degraded volume, as ITK writes it. Invert it."
        if fits
        else "Check that it was made for these two volumes."
    )
    raise InputError(
        "The initial transform moves all of the degraded volume out of the reference's field of "
        f"view ({fields_of_view(placed, reference)}). {advice}"
    )


def mask_on(mask: Volume | None, volume: Volume, name: str) -> Mask:
    """Where a mask is above 0, at the voxels of `volume`.

    A mask on another grid is read at the nearest voxel; beyond its field of view nothing is
    compared.

    Args:
        mask: of the user.
        volume: whose voxels are meant.
        name: `degraded` or `reference`, for the sentences.

    Raises:
        InputError: it holds fractions or colours, or leaves nothing.
    """
    if mask is None:
        return Mask(None, ())
    chosen = _labelled(mask, name)
    same = mask.grid.same_as(volume.grid)
    on_volume = chosen if same else _nearest(Volume(chosen, mask.affine), volume.grid)
    if not on_volume.any():
        where = "" if same else f" ({_apart(mask.grid, volume.grid)})"
        raise InputError(
            f"The {name} mask leaves nothing to compare: no voxel of the {name} volume has a value "
            f"above 0 in it{where}. Draw what is to be compared, or leave the mask out."
        )
    warning = (
        f"The {name} mask lies on another grid than the {name} volume; it was read at the nearest "
        "voxel."
    )
    return Mask(on_volume, () if same else (warning,))


def check_word(mask: str, name: str) -> None:
    """Raises InputError of another word than `body`."""
    if mask != "body":
        raise InputError(
            f'Expected a label map or "body" as the {name} mask, got {mask!r}. Read its file with '
            "read_volume."
        )


def _apart(mask: Grid, volume: Grid) -> str:
    return "it lies on another grid" if overlap(mask, volume) else "the two do not overlap"


def _labelled(mask: Volume, name: str) -> np.ndarray:
    array = mask.array
    if array.ndim != 3:
        raise InputError(f"The {name} mask holds colours; expected a label map with one number.")
    if np.issubdtype(array.dtype, np.floating):
        fractions = np.isfinite(array) & (array != np.round(array))
        if fractions.any():
            value = float(array[fractions][0])
            raise InputError(
                f"The {name} mask holds fractions ({value:.4g}); expected a label map of whole "
                "numbers, of which those above 0 are compared. Threshold it first."
            )
    return np.asarray(array > 0)


def _nearest(mask: Volume, grid: Grid) -> np.ndarray:
    """`(d, h, w)` bool on `grid`; False outside the mask's field of view."""
    pull = grid.index_to_index(mask.grid)
    values = torch.from_numpy(mask.array.astype(np.float32))[None, None]
    found = np.empty(grid.shape, dtype=bool)
    for rows in row_blocks(grid.shape):
        index = block_places(pull, grid.shape, rows)
        read = (sample_at(values, index, "nearest") > 0) & inside(index, mask.array.shape)
        found[rows] = read[0, 0].numpy()
    return found
