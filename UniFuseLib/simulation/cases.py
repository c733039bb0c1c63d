"""Cases from aligned pairs: misalign, degrade on the degraded scan's own grid, keep every truth.

    clean_misaligned[x] = clean(ψ(X(x)))        degraded = D(clean_misaligned)
    field = φ − id on the reference grid

The folder's format is `case_folder`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import torch
from scipy import ndimage

from UniFuseLib.preprocessing.intensity import BACKGROUND
from UniFuseLib.simulation.binned import sample_for_bin
from UniFuseLib.simulation.case_folder import write_case
from UniFuseLib.simulation.clean_pair import PairReading, Stream, read_pair, stream
from UniFuseLib.simulation.degrade import (
    Parameters,
    apply_degradation,
    degradation_to_json,
    sample_degradation,
    slice_axis,
)
from UniFuseLib.simulation.field_of_view import as_array, holds, indices_in
from UniFuseLib.simulation.misalignment import Deformation, Misalignment
from UniFuseLib.simulation.parameters import to_json, triple
from UniFuseLib.simulation.tasks import TASKS
from UniFuseLib.spatial.resampling import resample
from UniFuseLib.spatial.volume import Grid, Volume

if TYPE_CHECKING:
    from pathlib import Path

    from UniFuseLib.simulation.case_list import Row
    from UniFuseLib.simulation.clean_pair import CleanPair


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
    pair, task = read_pair(row, root, reading or PairReading()), TASKS[row.task]
    grid = pair.reference.grid
    misalignment, body = sample_for_bin(
        stream(row, Stream.MISALIGNMENT),
        pair.degraded.grid,
        pair.reference,
        task.reference,
        row.bin,
    )
    deformation = Deformation(misalignment)
    moved = misalign(pair.degraded, deformation, BACKGROUND[task.degraded])
    parameters, degraded = degrade(moved, row, stream(row, Stream.DEGRADATION))
    field = as_array(deformation.phi(grid))
    mean_mm = float(np.linalg.norm(field[body], axis=1).mean())
    volumes = {
        "degraded": degraded,
        "reference": pair.reference,
        "clean_aligned": _aligned(pair, BACKGROUND[task.degraded]),
        "clean_misaligned": moved,
        "body": Volume(body.astype(np.uint8), pair.reference.affine),
    }
    if pair.labels is not None:
        volumes |= _moved_labels(pair.labels, grid, moved.grid, deformation)
    text = _text(row, misalignment, parameters, mean_mm)
    text["warnings"] = list(pair.warnings)
    write_case(folder, text, _sources(row), volumes, field)
    return MadeCase(mean_mm, pair.warnings)


def _text(
    row: Row, misalignment: Misalignment, parameters: Parameters, mean_mm: float
) -> dict[str, Any]:
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
    }


def _sources(row: Row) -> dict[str, str]:
    """The case list's own relative paths: no path of this machine."""
    return {
        "degraded": row.degraded,
        "reference": row.reference,
        "degraded_contrast": row.degraded_contrast,
        "reference_contrast": row.reference_contrast,
    }


def misalign(clean: Volume, deformation: Deformation, background: float) -> Volume:
    """out[x] = clean(ψ(X(x))) on the same grid, cubic.

    The type of the input is kept: whole numbers stay whole numbers.

    Args:
        clean: the scan before it moves.
        deformation: ψ.
        background: value where the clean scan saw nothing, its units.
    """
    grid, lowest = clean.grid, float(clean.array.min())
    index = indices_in(grid, grid, as_array(deformation.psi(grid)))
    moved = ndimage.map_coordinates(
        clean.array.astype(np.float32), index, order=3, mode="nearest", prefilter=True
    )
    # cubic interpolation rings at edges: keep to the range of the scan
    moved = np.clip(moved, clean.array.min(), clean.array.max())
    moved = np.where(holds(grid, index), moved, max(background, lowest))
    return Volume(_as_type(moved, clean.array.dtype), clean.affine)


def degrade(moved: Volume, row: Row, generator: torch.Generator) -> tuple[Parameters, Volume]:
    """Draw and apply the row's degradation on the scan's own grid, slice by slice."""
    array = torch.from_numpy(moved.array.astype(np.float32))
    spacing, across = triple(moved.grid.spacing), slice_axis(moved.grid)
    parameters = sample_degradation(row.label, generator, array, spacing, row.severity, across)
    degraded = apply_degradation(array, spacing, parameters, across).numpy()
    return parameters, Volume(_as_type(degraded, moved.array.dtype), moved.affine)


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
        "labels_reference": _nearest(labels, reference, np.zeros((*reference.shape, 3))),
        "labels_degraded": _nearest(labels, moved, as_array(deformation.psi(moved))),
    }


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
