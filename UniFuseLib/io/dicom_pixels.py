"""Stored pixels of DICOM frames → values in the object's units.

Native pixels are read by pydicom. Compressed ones are decoded by GDCM, which comes with SimpleITK
and knows JPEG (baseline, extended, lossless), JPEG-LS, JPEG 2000 and RLE; what it does not know
(HTJ2K), pydicom decodes where one of its plugins is installed.
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import SimpleITK as sitk

from UniFuseLib.errors import InputError
from UniFuseLib.io.dicom_files import damage_named, damaged, quiet_pydicom

if TYPE_CHECKING:
    from pydicom.dataset import Dataset, FileDataset
    from pydicom.uid import UID

    from UniFuseLib.io.dicom_frames import Frame

_SECONDARY_CAPTURE = "1.2.840.10008.5.1.4.1.1.7"
_MULTIFRAME_CAPTURE = "1.2.840.10008.5.1.4.1.1.7.3"
_DESCRIPTION = (
    "Rows", "Columns", "SamplesPerPixel", "PhotometricInterpretation", "PlanarConfiguration",
    "BitsAllocated", "BitsStored", "HighBit", "PixelRepresentation", "NumberOfFrames", "PixelData",
)  # fmt: skip
_PIXELS = ("PixelData", "FloatPixelData", "DoubleFloatPixelData")
_DENSEST = 2000  # pixels a compressed byte can stand for; RLE and JPEG of an empty image: < 1500


class Rescale(NamedTuple):
    """value = slope · stored + intercept; `stated` by the header, or else 1 and 0."""

    slope: float
    intercept: float
    stated: bool


def rescale_of(frame: Frame) -> Rescale:
    """Modality rescale of this very frame, else its real-world value mapping (PS3.3, C.7.6.16).

    Raises:
        InputError: a slope of zero, a lookup table, or no number; the file is named.
    """
    if frame.attributes.get("ModalityLUTSequence"):
        raise InputError(
            f"{frame.path} gives its values by a lookup table (ModalityLUTSequence), which is not "
            "supported. Export the series with RescaleSlope and RescaleIntercept."
        )
    for slope_word, intercept_word in (
        ("RescaleSlope", "RescaleIntercept"),
        ("RealWorldValueSlope", "RealWorldValueIntercept"),
    ):
        slope = frame.attributes.number(slope_word)
        intercept = frame.attributes.number(intercept_word)
        if slope == 0:
            raise InputError(
                f"{frame.path} gives a {slope_word} of 0, which turns every voxel into one value. "
                "Export the series again."
            )
        if slope is not None or intercept is not None:
            return Rescale(1.0 if slope is None else slope, intercept or 0.0, stated=True)
    return Rescale(1.0, 0.0, stated=False)


def read_values(frames: list[Frame], as_float: bool) -> np.ndarray:
    """Values of all frames, each with its own slope and intercept.

    Args:
        frames: of one size, in the order wanted.
        as_float: float32 even where slope 1 and whole intercepts would keep integers.

    Returns:
        `(n, rows, columns)`, or `(n, rows, columns, 3)` for RGB; float32, or the smallest of int16
        and int32 that holds every value.

    Raises:
        InputError: pixels that are missing, cut off, or in no known compression.
    """
    rescales = [rescale_of(frame) for frame in frames]
    _check_all_stated(frames, rescales)
    whole = all(r.slope == 1 and r.intercept == round(r.intercept) for r in rescales)
    kind = _type(frames, rescales) if whole and not as_float else np.float32
    out: np.ndarray | None = None
    path, images = None, np.empty(0)
    with quiet_pydicom():
        for n, (frame, rescale) in enumerate(zip(frames, rescales, strict=True)):
            if frame.path != path:
                path, images = frame.path, _stored(frame.path)
            image = images[frame.number]
            if out is None:
                out = np.empty((len(frames), *image.shape), dtype=_kind_for(image, kind))
            if image.shape != out.shape[1:]:
                raise damaged(frame.path, f"{image.shape} pixels where {out.shape[1:]} were due")
            out[n] = _rescaled(image, rescale, out.dtype)
    if out is None:
        raise ValueError("Expected at least one frame.")
    return out


def _check_all_stated(frames: list[Frame], rescales: list[Rescale]) -> None:
    silent = [f for f, rescale in zip(frames, rescales, strict=True) if not rescale.stated]
    if silent and len(silent) < len(frames):
        raise InputError(
            f"{silent[0].path} has no RescaleSlope, but others of its series have: its values "
            "cannot be compared with theirs. Export the series again."
        )


def _type(frames: list[Frame], rescales: list[Rescale]) -> type[np.generic]:
    """Of the values, from the bits that are used and the offsets that are added."""
    limits = [_limits(frame) for frame in frames]
    lowest = min(low + r.intercept for (low, _), r in zip(limits, rescales, strict=True))
    highest = max(high + r.intercept for (_, high), r in zip(limits, rescales, strict=True))
    for kind in (np.int16, np.int32):
        room = np.iinfo(kind)
        if room.min <= lowest and highest <= room.max:
            return kind
    return np.float32


def _limits(frame: Frame) -> tuple[int, int]:
    """Of the stored values."""
    allocated = frame.attributes.whole("BitsAllocated", 32)
    bits = frame.attributes.whole("BitsStored", allocated)
    if frame.attributes.get("PixelRepresentation"):
        return -(1 << (bits - 1)), (1 << (bits - 1)) - 1
    return 0, (1 << bits) - 1


def _kind_for(image: np.ndarray, kind: type[np.generic]) -> np.dtype | type[np.generic]:
    """Colours stay as stored; pixels stored as floating point become float32."""
    if image.ndim == 3:
        return image.dtype
    return kind if np.issubdtype(image.dtype, np.integer) else np.float32


def _rescaled(image: np.ndarray, rescale: Rescale, kind: np.dtype) -> np.ndarray:
    if image.ndim == 3:
        return image
    if np.issubdtype(kind, np.integer):
        return image.astype(kind) + kind.type(rescale.intercept)
    values = image.astype(np.float32)
    values *= np.float32(rescale.slope)
    values += np.float32(rescale.intercept)
    return values


def _stored(path: Path) -> np.ndarray:
    """`(frames, rows, columns)` or `(frames, rows, columns, 3)` as stored."""
    with damage_named(path):
        dataset = _with_pixels(path)
        compressed = dataset.file_meta.TransferSyntaxUID.is_encapsulated
        image = _decompressed(dataset, path) if compressed else dataset.pixel_array
        colours = int(dataset.get("SamplesPerPixel") or 1) > 1
        due = int(dataset.get("NumberOfFrames") or 1), int(dataset.Rows), int(dataset.Columns)
        image = image.reshape(*due, *image.shape[-1:] * colours)
        return image if colours or compressed else _used_bits(image, dataset)


def _with_pixels(path: Path) -> FileDataset:
    from pydicom import dcmread

    dataset = dcmread(path, force=True)
    if not any(word in dataset for word in _PIXELS):
        raise damaged(path, "its pixels are missing")
    if "TransferSyntaxUID" not in dataset.file_meta:  # a file without preamble says none
        dataset.file_meta.TransferSyntaxUID = _assumed_syntax(dataset)
    return dataset


def _assumed_syntax(dataset: FileDataset) -> UID:
    from pydicom import uid

    implicit, little = dataset.original_encoding
    if implicit:
        return uid.ImplicitVRLittleEndian
    return uid.ExplicitVRLittleEndian if little else uid.ExplicitVRBigEndian


def _used_bits(image: np.ndarray, dataset: FileDataset) -> np.ndarray:
    """Without overlays in unused bits, and with the sign of the highest used one (PS3.5, 8.1.1)."""
    if not np.issubdtype(image.dtype, np.integer):
        return image
    allocated, stored = int(dataset.BitsAllocated), int(dataset.BitsStored)
    high = int(dataset.get("HighBit", stored - 1))
    if not 0 < stored < allocated or not stored - 1 <= high < allocated:
        return image
    return (image << (allocated - 1 - high)) >> (allocated - stored)


def _decompressed(dataset: FileDataset, path: Path) -> np.ndarray:
    pixels = int(dataset.get("NumberOfFrames") or 1) * int(dataset.Rows) * int(dataset.Columns)
    if pixels > _DENSEST * len(dataset.PixelData):
        raise damaged(path, f"{len(dataset.PixelData)} bytes cannot hold {pixels} pixels")
    try:
        with tempfile.TemporaryDirectory() as folder:
            bare = Path(folder) / "pixels.dcm"
            _bare(dataset).save_as(bare, enforce_file_format=True)
            return sitk.GetArrayFromImage(sitk.ReadImage(str(bare)))
    except RuntimeError:
        return _by_plugin(dataset, path)


def _by_plugin(dataset: FileDataset, path: Path) -> np.ndarray:
    try:
        return dataset.pixel_array
    except Exception as error:
        syntax = dataset.file_meta.TransferSyntaxUID.name
        raise InputError(
            f"{path} is compressed ({syntax}) and cannot be decompressed: it is damaged, or of a "
            "kind that no installed decoder knows. Export the series uncompressed."
        ) from error


def _bare(dataset: FileDataset) -> Dataset:
    """The pixels and their description alone: no rescale, so that values come as stored."""
    from pydicom.dataset import Dataset, FileMetaDataset
    from pydicom.uid import UID

    bare = Dataset()
    for word in _DESCRIPTION:
        if word in dataset:
            bare[word] = dataset[word]
    several = int(dataset.get("NumberOfFrames") or 1) > 1
    bare.SOPClassUID = UID(_MULTIFRAME_CAPTURE if several else _SECONDARY_CAPTURE)
    bare.SOPInstanceUID = UID("1.2.3")
    bare.file_meta = FileMetaDataset()
    bare.file_meta.TransferSyntaxUID = dataset.file_meta.TransferSyntaxUID
    bare.file_meta.MediaStorageSOPClassUID = bare.SOPClassUID
    bare.file_meta.MediaStorageSOPInstanceUID = bare.SOPInstanceUID
    return bare
