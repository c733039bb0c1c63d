"""The clean, aligned pair of one row: read from files, or made from the label map of a head."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import TYPE_CHECKING

import numpy as np

from UniFuseLib.errors import InputError
from UniFuseLib.io.volumes import read_volume
from UniFuseLib.simulation.contrast import sample_contrast
from UniFuseLib.simulation.heads import crop_to_head, scan_head
from UniFuseLib.simulation.parameters import local_generator

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


@dataclass(frozen=True)
class CleanPair:
    """A clean, aligned pair in one patient coordinate system; grids may differ.

    Attributes:
        degraded: the scan that will be degraded.
        reference: its reference.
        labels: `(d, h, w)` integers in the same coordinate system, or None.
    """

    degraded: Volume
    reference: Volume
    labels: Volume | None


def stream(row: Row, number: Stream) -> torch.Generator:
    """The generator of one of a row's streams."""
    return local_generator(row.seed * 4 + number)


def read_pair(row: Row, root: Path) -> CleanPair:
    """Both scans of a row, made from label maps where the row gives a contrast.

    Args:
        row: of the case list.
        root: what relative paths start from.

    Raises:
        InputError: a file is missing or cannot be read.
    """
    degraded, labels = _scan(
        row, root / row.degraded, row.degraded_contrast, Stream.DEGRADED_CONTRAST
    )
    reference, _ = _scan(
        row, root / row.reference, row.reference_contrast, Stream.REFERENCE_CONTRAST
    )
    if row.labels:
        labels = _read(root / row.labels)
    return CleanPair(degraded, reference, labels)


def _scan(row: Row, path: Path, contrast: str, number: Stream) -> tuple[Volume, Volume | None]:
    """The scan, and the label map that it was made from if it was."""
    volume = _read(path)
    if not contrast:
        return volume, None
    _check_labels(path, volume.array)
    labels = crop_to_head(volume)
    parameters = sample_contrast(stream(row, number), contrast)
    return scan_head(labels, parameters, anatomy_seed=row.seed), labels


def _check_labels(path: Path, array: np.ndarray) -> None:
    whole = np.issubdtype(array.dtype, np.integer)
    if not whole or array.min() < 0 or array.max() > LARGEST_LABEL:
        raise InputError(
            f"'{path}' is not a label map: expected whole numbers from 0 to {LARGEST_LABEL}, "
            "since a contrast is given"
        )


def _read(path: Path) -> Volume:
    if not path.exists():
        raise InputError(f"'{path}' does not exist. Check the path and --data")
    volume = read_volume(path)
    if volume.array.ndim != 3:
        raise InputError(f"'{path}' has shape {volume.array.shape}; expected one grey volume")
    return volume
