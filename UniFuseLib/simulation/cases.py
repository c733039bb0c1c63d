"""Cases from aligned pairs: misalign, degrade on the degraded scan's own grid, keep every truth.

    clean_misaligned[x] = clean(ψ(X(x)))        degraded = D(clean_misaligned)
    field = φ − id on the reference grid

X(x) is where the misaligned scan's own header places its voxel x. The folder's format is
`case_folder`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import torch
from scipy import ndimage

from UniFuseLib.errors import InputError
from UniFuseLib.preprocessing.body import body_mask
from UniFuseLib.preprocessing.intensity import BACKGROUND
from UniFuseLib.simulation.acquisition import field_of_view, is_brain, stripped, thickened
from UniFuseLib.simulation.anatomy import Placed, place_by_anatomy
from UniFuseLib.simulation.binned import sample_for_bin
from UniFuseLib.simulation.case_folder import write_case
from UniFuseLib.simulation.clean_pair import CleanPair, PairReading, Stream, read_pair, stream
from UniFuseLib.simulation.degrade import (
    Parameters,
    apply_degradation,
    degradation_to_json,
    sample_degradation,
    slice_axis,
)
from UniFuseLib.simulation.field_of_view import as_array, holds, indices_in, sees
from UniFuseLib.simulation.groups import STRESS
from UniFuseLib.simulation.misalignment_field import Deformation
from UniFuseLib.simulation.parameters import to_json, triple
from UniFuseLib.simulation.tasks import TASKS
from UniFuseLib.spatial.resampling import resample
from UniFuseLib.spatial.volume import Grid, Volume

if TYPE_CHECKING:
    from pathlib import Path

    from UniFuseLib.simulation.case_list import Row
    from UniFuseLib.simulation.misalignment import Misalignment


class MadeCase(NamedTuple):
    """What is to be said of a case."""

    mean_mm: float  # mean displacement inside the body
    warnings: tuple[str, ...]


def make_case(row: Row, root: Path, folder: Path, reading: PairReading | None = None) -> MadeCase:
    """Write one case into `folder`, `case.json` last.

    Args:
        row: of the case list.
        root: what relative paths start from.
        folder: of this case; exists.
        reading: what the user allows where files leave something open.

    Raises:
        InputError: a file is missing, unreadable or unusable (see `clean_pair.read_pair`), or the
            pair does not overlap.
    """
    pair = read_pair(row, root, reading or PairReading())
    grid = pair.reference.grid
    placed = _place(row, pair)
    deformation = Deformation(placed.misalignment)
    moved = _taken(row, pair, deformation, placed.grid)
    across = slice_axis(pair.degraded.grid)
    parameters, degraded = degrade(moved, row, stream(row, Stream.DEGRADATION), across)
    field = as_array(deformation.phi(grid))
    mean_mm = float(np.linalg.norm(field[placed.body], axis=1).mean())
    volumes = {
        "degraded": degraded,
        "reference": pair.reference,
        "clean_aligned": _clean_aligned(row, pair),
        "clean_misaligned": moved,
        "body": Volume(placed.body.astype(np.uint8), pair.reference.affine),
    }
    if pair.labels is not None:
        volumes |= _moved_labels(pair.labels, grid, moved.grid, deformation)
    text = _text(row, placed.misalignment, parameters, mean_mm)
    text["warnings"] = list(pair.warnings)
    write_case(folder, text, _sources(row), volumes, field)
    return MadeCase(mean_mm, pair.warnings)


def _place(row: Row, pair: CleanPair) -> Placed:
    """The stress test leaves the scan's grid where it was; by anatomy the grid moves."""
    scan, reference, modality = pair.degraded.grid, pair.reference, TASKS[row.task].reference
    generator = stream(row, Stream.MISALIGNMENT)
    if row.misalignment == STRESS:
        return _stress(generator, scan, reference, modality, row.bin)
    body = body_mask(reference.array, reference.grid.spacing, modality)
    body &= sees(scan, reference.grid, np.zeros((*body.shape, 3)))
    if row.acquisition == "stripped":
        body &= is_brain(_nearest_to(_labels(row, pair), reference.grid).array)
    view = field_of_view(stream(row, Stream.FIELD_OF_VIEW), scan, row.acquisition)
    return place_by_anatomy(generator, row.misalignment, view, reference.grid, body, row.bin)


def _stress(
    generator: torch.Generator, scan: Grid, reference: Volume, modality: str, bin_name: str
) -> Placed:
    misalignment, body = sample_for_bin(generator, scan, reference, modality, bin_name)
    return Placed(misalignment, scan, body)


def _taken(row: Row, pair: CleanPair, deformation: Deformation, grid: Grid) -> Volume:
    """The clean scan, misaligned, as the row's acquisition takes it."""
    background = BACKGROUND[TASKS[row.task].degraded]
    moved = misalign(pair.degraded, deformation, background, grid)
    if row.acquisition == "stripped":
        labels = _nearest(_labels(row, pair), grid, as_array(deformation.psi(grid)))
        return stripped(moved, labels, background)
    if row.acquisition == "thick":
        return thickened(moved, slice_axis(pair.degraded.grid))
    return moved


def _labels(row: Row, pair: CleanPair) -> Volume:
    if pair.labels is None:
        raise InputError(f"{row.id}: expected a label map to strip the brain with, got none")
    return pair.labels


def _text(
    row: Row, misalignment: Misalignment, parameters: Parameters, mean_mm: float
) -> dict[str, Any]:
    kinds = {"group": row.group, "misalignment_kind": row.misalignment}
    return {
        "id": row.id,
        "task": row.task,
        "bin": row.bin,
        "seed": row.seed,
        "class": row.label,
        "degraded_modality": TASKS[row.task].degraded,
        "reference_modality": TASKS[row.task].reference,
        "degradation": degradation_to_json(parameters),
        "misalignment": to_json(misalignment),
        "mean_displacement_mm": round(mean_mm, 4),
        # the stress test's cases are told by their absence, as before there were groups
        **{key: value for key, value in kinds.items() if value != STRESS},
        **({"acquisition": row.acquisition} if row.acquisition else {}),
    }


def _sources(row: Row) -> dict[str, str]:
    """The case list's own relative paths: no path of this machine."""
    return {
        "degraded": row.degraded,
        "reference": row.reference,
        "degraded_contrast": row.degraded_contrast,
        "reference_contrast": row.reference_contrast,
    }


def misalign(clean: Volume, deformation: Deformation, background: float, scan: Grid) -> Volume:
    """out[x] = clean(ψ(X(x))) on the misaligned scan's grid, cubic.

    The type of the input is kept: whole numbers stay whole numbers.

    Args:
        clean: the scan before it moves.
        deformation: ψ.
        background: value where the clean scan saw nothing, its units.
        scan: where the result lies; X are the places of its voxels.
    """
    grid, lowest = clean.grid, float(clean.array.min())
    index = indices_in(grid, scan, as_array(deformation.psi(scan)))
    moved = ndimage.map_coordinates(
        clean.array.astype(np.float32), index, order=3, mode="nearest", prefilter=True
    )
    # cubic interpolation rings at edges: keep to the range of the scan
    moved = np.clip(moved, clean.array.min(), clean.array.max())
    moved = np.where(holds(grid, index), moved, max(background, lowest))
    return Volume(_as_type(moved, clean.array.dtype), scan.affine)


def degrade(
    moved: Volume, row: Row, generator: torch.Generator, across: int
) -> tuple[Parameters, Volume]:
    """Draw and apply the row's degradation on the scan's own grid, slice by slice.

    Args:
        moved: the clean, misaligned scan.
        row: class and severity.
        generator: of all draws.
        across: array axis across the slices.
    """
    array = torch.from_numpy(moved.array.astype(np.float32))
    spacing = triple(moved.grid.spacing)
    parameters = sample_degradation(row.label, generator, array, spacing, row.severity, across)
    degraded = apply_degradation(array, spacing, parameters, across).numpy()
    return parameters, Volume(_as_type(degraded, moved.array.dtype), moved.affine)


def _clean_aligned(row: Row, pair: CleanPair) -> Volume:
    background = BACKGROUND[TASKS[row.task].degraded]
    aligned = _aligned(pair, background)
    if row.acquisition != "stripped":
        return aligned
    return stripped(aligned, _nearest_to(_labels(row, pair), aligned.grid), background)


def _aligned(pair: CleanPair, background: float) -> Volume:
    """I_D: the clean degraded scan on the reference grid."""
    clean, reference = pair.degraded, pair.reference
    if clean.grid.same_as(reference.grid):
        return Volume(clean.array, reference.affine)
    values, _ = resample(clean, reference.grid, max(background, float(clean.array.min())))
    return Volume(_as_type(values[0, 0].numpy(), clean.array.dtype), reference.affine)


def _moved_labels(
    labels: Volume, reference: Grid, moved: Grid, deformation: Deformation
) -> dict[str, Volume]:
    return {
        "labels_reference": _nearest_to(labels, reference),
        "labels_degraded": _nearest(labels, moved, as_array(deformation.psi(moved))),
    }


def _nearest_to(labels: Volume, grid: Grid) -> Volume:
    return _nearest(labels, grid, np.zeros((*grid.shape, 3)))


def _nearest(labels: Volume, grid: Grid, displacement: np.ndarray) -> Volume:
    """out[x] = labels(X(x) + displacement[x]), nearest neighbour, 0 outside."""
    index = np.rint(indices_in(labels.grid, grid, displacement)).astype(int)
    last = np.array(labels.array.shape).reshape(3, 1, 1, 1) - 1
    inside = ((index >= 0) & (index <= last)).all(0)
    nearest = labels.array[tuple(np.clip(index, 0, last))]
    return Volume(np.where(inside, nearest, 0), grid.affine)


def _as_type(array: np.ndarray, dtype: np.dtype) -> np.ndarray:
    if not np.issubdtype(dtype, np.integer):
        return array.astype(np.float32)
    limits = np.iinfo(dtype)
    return np.clip(np.rint(array), limits.min, limits.max).astype(dtype)
