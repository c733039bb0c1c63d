"""DICOM files → stored pixels, decompressed where needed.

Native pixels are read by pydicom. Compressed ones are decoded by GDCM, which comes with SimpleITK
and knows JPEG (baseline, extended, lossless), JPEG-LS, JPEG 2000 and RLE; what it does not know
(HTJ2K), pydicom decodes where one of its plugins is installed.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import SimpleITK as sitk

from UniFuseLib.errors import InputError
from UniFuseLib.io.dicom_codestream import claimed_size
from UniFuseLib.io.dicom_files import damage_named, damaged
from UniFuseLib.io.paths import temporary_folder

if TYPE_CHECKING:
    from pydicom.dataset import Dataset, FileDataset
    from pydicom.uid import UID

_SECONDARY_CAPTURE = "1.2.840.10008.5.1.4.1.1.7"
_MULTIFRAME_CAPTURE = "1.2.840.10008.5.1.4.1.1.7.3"
_DESCRIPTION = (
    "Rows", "Columns", "SamplesPerPixel", "PhotometricInterpretation", "PlanarConfiguration",
    "BitsAllocated", "BitsStored", "HighBit", "PixelRepresentation", "NumberOfFrames", "PixelData",
)  # fmt: skip
_PIXELS = ("PixelData", "FloatPixelData", "DoubleFloatPixelData")
_UNKNOWN_TO_GDCM = {f"1.2.840.10008.1.2.4.20{n}" for n in (1, 2, 3)}  # HTJ2K
_DENSEST = 2000  # pixels a compressed byte can stand for; RLE and JPEG of an empty image: < 1500


def stored_pixels(path: Path) -> np.ndarray:
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
    _check_claims(dataset, path)
    try:
        with temporary_folder() as folder:
            bare = Path(folder) / "pixels.dcm"
            _bare(dataset).save_as(bare, enforce_file_format=True)
            return sitk.GetArrayFromImage(sitk.ReadImage(str(bare)))
    except RuntimeError as error:
        if dataset.file_meta.TransferSyntaxUID in _UNKNOWN_TO_GDCM:
            return _by_plugin(dataset, path)
        raise _undecodable(dataset, path) from error


def _check_claims(dataset: FileDataset, path: Path) -> None:
    """Header and code stream agree on the size, and the bytes can hold it."""
    from pydicom.encaps import generate_frames

    rows, columns = int(dataset.Rows), int(dataset.Columns)
    count = int(dataset.get("NumberOfFrames") or 1)
    if count * rows * columns > _DENSEST * len(dataset.PixelData):
        raise damaged(path, f"its bytes cannot hold {count} × {rows} × {columns} pixels")
    for frame in generate_frames(dataset.PixelData, number_of_frames=count):
        claimed = claimed_size(frame)
        if claimed not in (None, (rows, columns)):
            raise damaged(path, f"{rows} × {columns} pixels in the header, {claimed} in the frame")


def _by_plugin(dataset: FileDataset, path: Path) -> np.ndarray:
    try:
        return dataset.pixel_array
    except Exception as error:  # of many types, by plugin
        raise _undecodable(dataset, path) from error


def _undecodable(dataset: FileDataset, path: Path) -> InputError:
    syntax = dataset.file_meta.TransferSyntaxUID.name
    return InputError(
        f"{path} is compressed ({syntax}) and cannot be decompressed: it is damaged, or of a kind "
        "that no installed decoder knows. Export the series uncompressed."
    )


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
