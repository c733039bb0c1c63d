"""A volume → one DICOM series, a file a slice: geometry and values. What is said of patient, study
and series comes from `dicom_derived.py`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from UniFuseLib.errors import OutputError
from UniFuseLib.io.file_header import LPS_TO_RAS

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from pydicom.dataset import FileDataset

    from UniFuseLib.spatial.volume import Grid, Volume

_AIR_HU = -1024.0  # what scanners store as 0
_LEVELS, _SIGNED_LEVELS = 65535, 32767  # of 16 bits


class Coding(NamedTuple):
    """value = slope · stored + intercept.

    Attributes:
        dtype: uint16, or int16 for PET with negative values.
    """

    dtype: np.dtype
    slope: float
    intercept: float

    def stored(self, values: np.ndarray) -> np.ndarray:
        """What is written of them."""
        limits = np.iinfo(self.dtype)
        levels = np.rint((values.astype(np.float64) - self.intercept) / self.slope)
        return levels.clip(limits.min, limits.max).astype(self.dtype)


def coding_of(array: np.ndarray, modality: str) -> Coding:
    """16 bits that hold a volume: whole numbers exactly, others to a 65 535th of their range.

    Args:
        array: `(d, h, w)`, own units.
        modality: `CT`, `MR`, `PT` or `OT`.
    """
    low, high = float(array.min()), float(array.max())
    if modality == "PT":  # its intercept shall be 0 (PS3.3, C.8.9.4)
        return _through_zero(low, high)
    first = min(low, _AIR_HU if modality == "CT" else 0.0)
    if _whole(array) and high - first <= _LEVELS:
        return Coding(np.dtype(np.uint16), 1.0, first)
    slope = _step(high - low, _LEVELS)
    return Coding(np.dtype(np.uint16), slope, float(_text(low)))


def write_series(volume: Volume, tags: Mapping[str, Any], folder: Path) -> int:
    """Write `IM_0001.dcm`, ...; returns their number.

    Args:
        volume: greys `(d, h, w)` on perpendicular axes; a slice is one of its first axis.
        tags: keyword → value, the same in all slices; `Modality` and `SOPClassUID` among them.
        folder: is made.

    Raises:
        OutputError: colours, sheared axes, or a place that cannot be written.
    """
    if volume.array.ndim != 3 or volume.grid.sheared:
        raise OutputError(
            "A DICOM series holds greys on perpendicular axes. Colors and sheared grids can be "
            "written as NIfTI."
        )
    coding = coding_of(volume.array, str(tags["Modality"]))
    whole = _shared(volume.grid, tags, coding)
    try:
        folder.mkdir(parents=True)
        for k, plane in enumerate(volume.array):
            _write_slice(whole, volume.grid, k, coding.stored(plane), folder)
    except OSError as error:
        raise OutputError(f"Cannot write {folder}: {error.strerror or error}.") from error
    return len(volume.array)


def _through_zero(low: float, high: float) -> Coding:
    if low < 0:
        return Coding(np.dtype(np.int16), _step(max(high, -low), _SIGNED_LEVELS), 0.0)
    return Coding(np.dtype(np.uint16), _step(high, _LEVELS), 0.0)


def _whole(array: np.ndarray) -> bool:
    return bool(np.issubdtype(array.dtype, np.integer) or (array == np.rint(array)).all())


def _step(whole: float, levels: int) -> float:
    """The number that the slope is for readers; so much above its value that the largest level fits
    in spite of its 16 characters.
    """
    return float(_text(whole / levels * (1 + 1e-8))) if whole > 0 else 1.0


def _text(value: float) -> str:
    """A decimal string: 16 characters at most (PS3.5, 6.2)."""
    return next(text for digits in range(15, 0, -1) if len(text := f"{value:.{digits}g}") <= 16)


def _shared(grid: Grid, tags: Mapping[str, Any], coding: Coding) -> FileDataset:
    """All that the slices have in common."""
    from pydicom.dataset import FileDataset, FileMetaDataset
    from pydicom.uid import ExplicitVRLittleEndian

    meta = FileMetaDataset()
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    meta.MediaStorageSOPClassUID = tags["SOPClassUID"]
    whole = FileDataset("", {}, file_meta=meta, preamble=b"\0" * 128)
    for keyword, value in tags.items():
        setattr(whole, keyword, value)
    across, down, between = (grid.spacing[axis] for axis in (2, 1, 0))
    whole.PixelSpacing = [_text(down), _text(across)]
    whole.SliceThickness = whole.SpacingBetweenSlices = _text(between)
    directions = LPS_TO_RAS[:3, :3] @ grid.directions
    whole.ImageOrientationPatient = [_text(v) for v in directions[:, [2, 1]].T.ravel()]
    whole.Rows, whole.Columns = grid.shape[1:]
    whole.SamplesPerPixel, whole.PhotometricInterpretation = 1, "MONOCHROME2"
    whole.BitsAllocated = whole.BitsStored = 16
    whole.HighBit = 15
    whole.PixelRepresentation = int(coding.dtype == np.int16)
    whole.RescaleSlope, whole.RescaleIntercept = _text(coding.slope), _text(coding.intercept)
    return whole


def _write_slice(whole: FileDataset, grid: Grid, k: int, stored: np.ndarray, folder: Path) -> None:
    from pydicom.uid import generate_uid

    place = LPS_TO_RAS[:3, :3] @ (grid.origin + grid.linear[:, 0] * k)
    whole.ImagePositionPatient = [_text(v) for v in place]
    whole.InstanceNumber = k + 1
    whole.SOPInstanceUID = whole.file_meta.MediaStorageSOPInstanceUID = generate_uid(None)
    if whole.Modality == "PT":
        whole.ImageIndex = k + 1
    whole.PixelData = stored.astype(stored.dtype.newbyteorder("<")).tobytes()
    whole.save_as(folder / f"IM_{k + 1:04d}.dcm", enforce_file_format=True)
