"""Cases on disk from aligned pairs: misalign, then degrade on the degraded scan's own grid, keep
every truth.

    clean_misaligned[x] = clean(ψ(X(x)))      degraded = D(clean_misaligned)      field = φ − id on
    the reference grid

The folder is what `evaluation/cases.py` reads.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from scipy import ndimage

from UniFuseLib.errors import InputError
from UniFuseLib.io.volumes import read_volume, write_displacement, write_volume
from UniFuseLib.preprocessing.body import body_mask
from UniFuseLib.preprocessing.intensity import BACKGROUND
from UniFuseLib.simulation.case_list import BINS, TASKS, Row
from UniFuseLib.simulation.contrast import sample_contrast
from UniFuseLib.simulation.degrade import (
    Parameters,
    apply_degradation,
    degradation_to_json,
    sample_degradation,
    slice_axis,
)
from UniFuseLib.simulation.heads import crop_to_head, scan_head
from UniFuseLib.simulation.misalignment import (
    FULL,
    Deformation,
    Misalignment,
    sample_misalignment,
    scale_to_mean,
)
from UniFuseLib.simulation.parameters import local_generator, to_json, uniform
from UniFuseLib.spatial.resampling import resample
from UniFuseLib.spatial.volume import Grid, Volume

if TYPE_CHECKING:
    from pathlib import Path

VERSION = 1
BODY_POINTS = 4000
FILES = ("degraded", "reference", "field", "clean_aligned", "clean_misaligned", "body")
LABEL_FILES = ("labels_reference", "labels_degraded")


@dataclass(frozen=True)
class Pair:
    """A clean, aligned pair in one patient frame; grids may differ.

    Attributes:
        degraded, reference: the scan that will be degraded, and its reference.
        labels: `(d, h, w)` integers in the same frame, or None.
    """

    degraded: Volume
    reference: Volume
    labels: Volume | None


def make_case(row: Row, root: Path, folder: Path) -> float:
    """Write one case into `folder`, `case.json` last.

    Args:
        root: what relative paths start from.

    Returns:
        The mean displacement inside the body, mm.

    Raises:
        InputError: a file is missing or unreadable, or the pair does not overlap.
    """
    pair = read_pair(row, root)
    task = TASKS[row.task]
    # separate streams: a change in one simulator leaves the others' draws alone
    generators = [local_generator(row.seed * 4 + k) for k in range(2)]
    misalignment, body = sample_for_bin(generators[0], pair, task[1], row.bin)
    deformation = Deformation(misalignment)
    moved = misalign(pair.degraded, deformation, BACKGROUND[task[0]])
    parameters, degraded = degrade(moved, row, generators[1])
    field = deformation.phi(pair.reference.grid)[0].permute(1, 2, 3, 0).numpy()
    mean = float(np.linalg.norm(field[body], axis=1).mean())
    volumes = {
        "degraded": degraded,
        "reference": pair.reference,
        "clean_aligned": _aligned(pair, BACKGROUND[task[0]]),
        "clean_misaligned": moved,
        "body": Volume(body.astype(np.uint8), pair.reference.affine),
    }
    if pair.labels is not None:
        identity = np.zeros((*pair.reference.grid.shape, 3))
        volumes["labels_reference"] = _nearest(pair.labels, pair.reference.grid, identity)
        volumes["labels_degraded"] = _nearest(
            pair.labels, moved.grid, _world(deformation.psi(moved.grid))
        )
    for name, volume in volumes.items():
        write_volume(volume, folder / f"{name}.nii.gz")
    write_displacement(field, pair.reference.grid, folder / "field.nii.gz")
    text = describe(row, misalignment, parameters, mean, [*volumes, "field"])
    (folder / "case.json").write_text(json.dumps(text, indent=1), encoding="utf-8")
    return mean


def describe(
    row: Row, misalignment: Misalignment, parameters: Parameters, mean_mm: float, names: list[str]
) -> dict[str, Any]:
    """The content of `case.json`; sources are the table's own relative paths."""
    degraded_modality, reference_modality, _ = TASKS[row.task]
    return {
        "version": VERSION,
        "id": row.id,
        "task": row.task,
        "bin": row.bin,
        "seed": row.seed,
        "class": row.label,
        "degraded_modality": degraded_modality,
        "reference_modality": reference_modality,
        "degradation": degradation_to_json(parameters),
        "misalignment": to_json(misalignment),
        "mean_displacement_mm": round(mean_mm, 4),
        "files": {name: f"{name}.nii.gz" for name in (*FILES, *LABEL_FILES) if name in names},
        "sources": {
            "degraded": row.degraded,
            "reference": row.reference,
            "degraded_contrast": row.degraded_contrast,
            "reference_contrast": row.reference_contrast,
        },
    }


def read_pair(row: Row, root: Path) -> Pair:
    """Both scans of a row, made from label maps where the row gives a contrast.

    Raises:
        InputError: a file is missing or cannot be read.
    """
    degraded, labels = _scan(row, root / row.degraded, row.degraded_contrast, 2)
    reference, _ = _scan(row, root / row.reference, row.reference_contrast, 3)
    if row.labels:
        labels = _read(root / row.labels)
    return Pair(degraded, reference, labels)


def _scan(row: Row, path: Path, contrast: str, stream: int) -> tuple[Volume, Volume | None]:
    volume = _read(path)
    if not contrast:
        return volume, None
    if (
        not np.issubdtype(volume.array.dtype, np.integer)
        or volume.array.min() < 0
        or volume.array.max() > 1023
    ):
        raise InputError(
            f"'{path}' is not a label map: expected whole numbers from 0 to 1023, since a contrast is given"
        )
    labels = crop_to_head(volume)
    parameters = sample_contrast(local_generator(row.seed * 4 + stream), contrast)
    return scan_head(labels, parameters, anatomy_seed=row.seed), labels


def _read(path: Path) -> Volume:
    if not path.exists():
        raise InputError(f"'{path}' does not exist. Check the path and --data")
    volume = read_volume(path)
    if volume.array.ndim != 3:
        raise InputError(f"'{path}' has shape {volume.array.shape}; expected one grey volume")
    return volume


def sample_for_bin(
    generator: torch.Generator, pair: Pair, reference_modality: str, name: str
) -> tuple[Misalignment, np.ndarray]:
    """A misalignment whose mean displacement lies in the bin, and the body mask it is measured in.

    The mask holds reference voxels of the body whose partner exists: inside the clean scan's field
    of view before the movement, and inside the degraded scan's after it.

    Raises:
        InputError: the scans hardly overlap.
    """
    low, high = BINS[name]
    target = uniform(generator, low + 0.1 * (high - low), high - 0.1 * (high - low))
    reference, scan = pair.reference, pair.degraded.grid
    body = body_mask(reference.array, reference.grid.spacing, reference_modality)
    body &= _sees(scan, reference.grid, np.zeros((*reference.grid.shape, 3)))
    grids = (reference.grid, scan)
    points = _points(generator, body, reference.grid)
    for _ in range(20):
        drawn = sample_misalignment(generator, grids)
        misalignment = scale_to_mean(drawn, points, target)
        field = _world(Deformation(misalignment).phi(reference.grid))
        seen = body & _sees(scan, reference.grid, field)
        if not seen.any():
            continue
        misalignment = scale_to_mean(misalignment, _points(generator, seen, reference.grid), target)
        field = _world(Deformation(misalignment).phi(reference.grid))
        seen = body & _sees(scan, reference.grid, field)
        mean = float(np.linalg.norm(field[seen], axis=1).mean()) if seen.any() else 0.0
        if low <= mean < high and _within(misalignment):
            return misalignment, seen
    raise InputError(
        f"no misalignment of {name} mm keeps the scans together: they overlap too little"
    )


def _within(misalignment: Misalignment) -> bool:
    """True when scaling to the bin did not leave the range that single values are drawn from."""
    return (
        max(map(abs, misalignment.rotation_deg)) <= FULL.rotation_deg
        and max(map(abs, misalignment.translation_mm)) <= FULL.translation_mm
        and max(map(abs, misalignment.log_scale)) <= np.log1p(FULL.scale)
        and misalignment.elastic_mm <= FULL.elastic_mm
    )


def misalign(clean: Volume, deformation: Deformation, background: float) -> Volume:
    """out[x] = clean(ψ(X(x))) on the same grid, cubic; `background` where the clean scan saw
    nothing.

    The type of the input is kept: whole numbers stay whole numbers.
    """
    index = _index(clean.grid, clean.grid, _world(deformation.psi(clean.grid)))
    moved = ndimage.map_coordinates(
        clean.array.astype(np.float32), index, order=3, mode="nearest", prefilter=True
    )
    # cubic interpolation rings at edges: keep to the range of the scan
    moved = np.clip(moved, clean.array.min(), clean.array.max())
    moved = np.where(_covers(clean.grid, index), moved, max(background, float(clean.array.min())))
    return Volume(_as_type(moved, clean.array.dtype), clean.affine)


def degrade(moved: Volume, row: Row, generator: torch.Generator) -> tuple[Parameters, Volume]:
    """Draw and apply the row's degradation on the scan's own grid, slices across the patient's long
    axis.
    """
    array = torch.from_numpy(moved.array.astype(np.float32))
    a, b, c = (float(s) for s in moved.grid.spacing)
    across = slice_axis(moved.grid)
    parameters = sample_degradation(row.label, generator, array, (a, b, c), row.severity, across)
    degraded = apply_degradation(array, (a, b, c), parameters, across).numpy()
    return parameters, Volume(_as_type(degraded, moved.array.dtype), moved.affine)


def _aligned(pair: Pair, background: float) -> Volume:
    """I_D: the clean degraded scan on the reference grid."""
    if pair.degraded.grid.same_as(pair.reference.grid):
        return Volume(pair.degraded.array, pair.reference.affine)
    values, _ = resample(
        pair.degraded, pair.reference.grid, max(background, float(pair.degraded.array.min()))
    )
    return Volume(_as_type(values[0, 0].numpy(), pair.degraded.array.dtype), pair.reference.affine)


def _nearest(labels: Volume, grid: Grid, displacement: np.ndarray) -> Volume:
    """out[x] = labels(X(x) + displacement[x]), nearest neighbour, 0 outside."""
    index = np.rint(_index(labels.grid, grid, displacement)).astype(int)
    last = np.array(labels.array.shape).reshape(3, 1, 1, 1) - 1
    inside = ((index >= 0) & (index <= last)).all(0)
    return Volume(np.where(inside, labels.array[tuple(np.clip(index, 0, last))], 0), grid.affine)


def _index(of: Grid, at: Grid, displacement: np.ndarray) -> np.ndarray:
    """Continuous indices `(3, d, h, w)` into `of` of the points X(x) + displacement[x], x in `at`;
    RAS mm.
    """
    x = np.indices(at.shape, dtype=np.float64)
    matrix, inverse = at.index_to_index(of), np.linalg.inv(of.affine[:3, :3])
    index = np.tensordot(matrix[:3, :3], x, 1) + matrix[:3, 3].reshape(3, 1, 1, 1)
    return index + np.tensordot(inverse, np.moveaxis(displacement, -1, 0), 1)


def _covers(grid: Grid, index: np.ndarray) -> np.ndarray:
    """True where an index `(3, d, h, w)` lies within the faces of the grid's voxels."""
    last = np.array(grid.shape).reshape(3, 1, 1, 1) - 0.5
    return np.asarray(((index >= -0.5) & (index <= last)).all(0))


def _sees(scan: Grid, at: Grid, displacement: np.ndarray) -> np.ndarray:
    """True where the scan's field of view holds X(x) + displacement[x]."""
    return _covers(scan, _index(scan, at, displacement))


def _world(displacement: torch.Tensor) -> np.ndarray:
    """`(1, 3, d, h, w)` → `(d, h, w, 3)` array, RAS mm."""
    return displacement[0].permute(1, 2, 3, 0).numpy()


def _points(generator: torch.Generator, mask: np.ndarray, grid: Grid) -> np.ndarray:
    """Up to 4000 RAS points of the mask, `(n, 3)`."""
    found = np.argwhere(mask)
    if len(found) == 0:
        raise InputError(
            "the scans do not overlap inside the body; both have to show the same patient, aligned"
        )
    pick = torch.randperm(len(found), generator=generator)[:BODY_POINTS].numpy()
    return found[pick] @ grid.affine[:3, :3].T + grid.affine[:3, 3]


def _as_type(array: np.ndarray, dtype: np.dtype) -> np.ndarray:
    if not np.issubdtype(dtype, np.integer):
        return array.astype(np.float32)
    limits = np.iinfo(dtype)
    return np.clip(np.rint(array), limits.min, limits.max).astype(dtype)
