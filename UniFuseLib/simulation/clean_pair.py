"""The clean, aligned pair that a case is made from: read and checked as `unifuse fuse` does."""

from __future__ import annotations

from enum import IntEnum
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from UniFuseLib.errors import InputError
from UniFuseLib.io.dicom_identity import compare
from UniFuseLib.io.file_header import ReadOptions
from UniFuseLib.io.volumes import Header, read_volume_with_header
from UniFuseLib.preprocessing.checks import check_volume
from UniFuseLib.preprocessing.modality import ModalityEvidence, guess_modality
from UniFuseLib.simulation.contrast import sample_contrast
from UniFuseLib.simulation.heads import crop_to_head, scan_head
from UniFuseLib.simulation.parameters import local_generator
from UniFuseLib.simulation.tasks import TASKS

if TYPE_CHECKING:
    from pathlib import Path

    import torch

    from UniFuseLib.simulation.case_list import Row
    from UniFuseLib.spatial.volume import Volume

LARGEST_LABEL = 1023


class Stream(IntEnum):
    """Separate random streams: a change in one simulator leaves the others' draws alone."""

    MISALIGNMENT = 0
    DEGRADATION = 1
    DEGRADED_CONTRAST = 2
    REFERENCE_CONTRAST = 3
    FIELD_OF_VIEW = 2**34  # beyond four times the largest seed


class PairReading(NamedTuple):
    """What the user allows where files leave something open."""

    options: ReadOptions = ReadOptions()
    allow_different_patient: bool = False


class CleanPair(NamedTuple):
    """A clean, aligned pair in one patient coordinate system; grids may differ."""

    degraded: Volume  # the scan that will be degraded
    reference: Volume
    labels: Volume | None  # (d, h, w) integers in the same coordinate system
    warnings: tuple[str, ...]


class _Scan(NamedTuple):
    volume: Volume
    header: Header
    labels: Volume | None  # that the scan was made from, if it was
    warnings: tuple[str, ...]


def stream(row: Row, which: Stream) -> torch.Generator:
    """Random numbers of one simulator for one case."""
    return local_generator(row.seed * 4 + which)


def read_pair(row: Row, root: Path, reading: PairReading) -> CleanPair:
    """Both scans of a row, made from label maps where the row gives a contrast.

    Args:
        row: of the case list.
        root: what relative paths start from.
        reading: what the user allows.

    Raises:
        InputError: a file is missing, cannot be read, or is not a usable scan (`check_volume`,
            `guess_modality`), or the scans are of two patients.
    """
    degraded = _scan(row, root, "degraded", reading.options)
    reference = _scan(row, root, "reference", reading.options)
    labels = degraded.labels
    if row.labels:
        labels, _ = _read(root / row.labels, reading.options)
    identities = degraded.header.identity, reference.header.identity
    differences = compare(*identities, reading.allow_different_patient)
    warnings = (*degraded.warnings, *reference.warnings, *differences)
    return CleanPair(degraded.volume, reference.volume, labels, warnings)


def _scan(row: Row, root: Path, side: str, options: ReadOptions) -> _Scan:
    """One side; `side` is `degraded` or `reference`."""
    path = root / (row.degraded if side == "degraded" else row.reference)
    contrast = row.degraded_contrast if side == "degraded" else row.reference_contrast
    volume, header = _read(path, options)
    if not contrast:
        volume, warnings = _checked(row, side, volume, header)
        return _Scan(volume, header, None, (*header.warnings, *warnings))
    _check_labels(path, volume.array)
    labels = crop_to_head(volume)
    which = Stream.DEGRADED_CONTRAST if side == "degraded" else Stream.REFERENCE_CONTRAST
    parameters = sample_contrast(stream(row, which), contrast)
    made = scan_head(labels, parameters, anatomy_seed=row.seed)
    return _Scan(made, header, labels, header.warnings)


def _checked(row: Row, side: str, volume: Volume, header: Header) -> tuple[Volume, tuple[str, ...]]:
    """A scan without broken voxels, whose numbers are those of the task's modality."""
    task = TASKS[row.task]
    evidence = ModalityEvidence(
        task.degraded if side == "degraded" else task.reference,
        header.modality,
        header.stated_by,
        header.name_hint,
        header.says_labels,
    )
    checked = check_volume(volume, side, says_labels=header.says_labels)
    guess = guess_modality(checked.volume, side, evidence)
    option = f"--{side}-modality"  # of `unifuse fuse`; here the task decides
    doubts = [
        w.replace(f"set the {side} modality ({option})", "choose another task")
        for w in guess.warnings
    ]
    doubts = [w.replace(option, f"task {row.task}") for w in doubts]
    return checked.volume, (*checked.warnings, *doubts)


def _check_labels(path: Path, array: np.ndarray) -> None:
    whole = np.issubdtype(array.dtype, np.integer)
    if not whole or array.min() < 0 or array.max() > LARGEST_LABEL:
        raise InputError(
            f"'{path}' is not a label map: expected whole numbers from 0 to {LARGEST_LABEL}, "
            "since a contrast is given"
        )


def _read(path: Path, options: ReadOptions) -> tuple[Volume, Header]:
    if not path.exists():
        raise InputError(f"'{path}' does not exist. Check the path and --data")
    volume, header = read_volume_with_header(path, options=options)
    if volume.array.ndim != 3:
        raise InputError(f"'{path}' has shape {volume.array.shape}; expected one grey volume")
    if header.shear_mm:
        raise InputError(
            f"The axes of {header.source} are not perpendicular ({header.shear_mm:.1f} mm at the "
            "corners), and image files cannot store a case on such a grid. Resample it first: "
            f"unifuse resample {header.source} RESAMPLED.nii.gz"
        )
    return volume, header
