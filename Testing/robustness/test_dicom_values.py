"""What the voxels of a DICOM series mean: slope and intercept of every slice, bits, compression."""

from __future__ import annotations

import locale
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pydicom
import pytest
import SimpleITK as sitk
from pydicom.encaps import generate_frames
from pydicom.uid import (
    ExplicitVRBigEndian,
    ImplicitVRLittleEndian,
    JPEGLSLossless,
    RLELossless,
)

from Testing.robustness.dicom_writer import (
    LAYOUT,
    SeriesSpec,
    noise,
    rewrite,
    write_series,
)
from UniFuseLib.errors import InputError
from UniFuseLib.io.dicom_codestream import claimed_size
from UniFuseLib.io.dicom_options import DicomOptions
from UniFuseLib.io.dicom_series import read_dicom

if TYPE_CHECKING:
    from pathlib import Path

    from pydicom.dataset import Dataset

PET = SeriesSpec(modality="PT").with_tags(Units="GML")
CT = SeriesSpec(modality="CT")


def test_every_slice_has_its_own_slope(tmp_path: Path) -> None:
    stored = noise()
    slopes, intercepts = 0.5 + np.arange(6), 3.0 * np.arange(6)

    def edit(k: int, dataset: Dataset) -> None:
        dataset.RescaleSlope, dataset.RescaleIntercept = slopes[k], intercepts[k]

    write_series(tmp_path, stored, SeriesSpec(edit=edit))
    array = read_dicom(tmp_path).volume.array
    expected = stored * slopes[:, None, None] + intercepts[:, None, None]
    np.testing.assert_allclose(array, expected, rtol=1e-6)
    assert array.dtype == np.float32


def test_pet_whose_first_slice_is_empty_keeps_its_decimals(tmp_path: Path) -> None:
    """A scanner gives an empty slice the slope 1: SUV 11.81 must not become 11."""
    stored = noise()
    stored[0] = 0
    stored[2, 3, 4] = 11810

    def edit(k: int, dataset: Dataset) -> None:
        dataset.RescaleSlope, dataset.RescaleIntercept = (1 if k == 0 else 0.001), 0

    write_series(tmp_path, stored, replace(PET, edit=edit))
    found = read_dicom(tmp_path)
    assert found.units == "SUV"
    assert found.volume.array[2, 3, 4] == pytest.approx(11.81, rel=1e-6)
    assert found.volume.array.dtype == np.float32


def test_pet_of_slope_one_is_float(tmp_path: Path) -> None:
    write_series(tmp_path, noise(), PET.with_tags(RescaleSlope=1, RescaleIntercept=0))
    assert read_dicom(tmp_path).volume.array.dtype == np.float32


def test_ct_is_in_hounsfield_units_and_whole(tmp_path: Path) -> None:
    stored = noise(top=4096)
    tags: dict[str, Any] = {"RescaleSlope": 1, "RescaleIntercept": -1024, "BitsStored": 12}
    write_series(tmp_path, stored, CT.with_tags(**tags, HighBit=11))
    found = read_dicom(tmp_path)
    np.testing.assert_array_equal(found.volume.array, stored.astype(int) - 1024)
    assert found.volume.array.dtype == np.int16
    assert (found.units, found.warnings) == ("HU", ())


def test_large_stored_values_do_not_wrap_around(tmp_path: Path) -> None:
    stored = noise(top=65536)
    write_series(tmp_path, stored, CT.with_tags(RescaleSlope=1, RescaleIntercept=-1024))
    np.testing.assert_array_equal(read_dicom(tmp_path).volume.array, stored.astype(int) - 1024)


def test_signed_12_bits_with_an_overlay_above_them(tmp_path: Path) -> None:
    values = noise().astype(np.int16) - 1000
    stored = (values & 0x0FFF).astype(np.uint16) | np.uint16(0x4000)
    tags = {"BitsStored": 12, "HighBit": 11, "PixelRepresentation": 1}
    write_series(tmp_path, stored, SeriesSpec().with_tags(**tags))
    np.testing.assert_array_equal(read_dicom(tmp_path).volume.array, values)


@pytest.mark.parametrize(
    ("tags", "match"),
    [
        ({"RescaleSlope": 0, "RescaleIntercept": 0}, "RescaleSlope of 0"),
        ({"RescaleSlope": "1e999", "RescaleIntercept": 0}, "RescaleSlope as"),
        ({"ModalityLUTSequence": [pydicom.Dataset()]}, "ModalityLUTSequence"),
        ({"RescaleSlope": None, "RescaleIntercept": None}, "has no RescaleSlope"),
    ],
)
def test_a_useless_slope_is_refused_by_name(
    tmp_path: Path, tags: dict[str, Any], match: str
) -> None:
    spec = SeriesSpec().with_tags(RescaleSlope=2, RescaleIntercept=1)
    paths = write_series(tmp_path, noise(), spec)
    rewrite(paths[3], **tags)
    with pytest.raises(InputError, match=match) as refusal:
        read_dicom(tmp_path)
    assert paths[3].name in str(refusal.value)


@pytest.mark.parametrize("syntax", [JPEGLSLossless, RLELossless])
def test_lossless_compression_keeps_every_value(tmp_path: Path, syntax: pydicom.uid.UID) -> None:
    stored = noise((4, 20, 24))
    spec = CT.with_tags(RescaleSlope=2, RescaleIntercept=-1000)
    for path in write_series(tmp_path, stored, spec):
        dataset = pydicom.dcmread(path)
        dataset.compress(syntax)
        dataset.save_as(path)
    expected = 2.0 * stored - 1000
    np.testing.assert_array_equal(read_dicom(tmp_path).volume.array, expected)


def write_with_itk(folder: Path, values: np.ndarray, compressor: str) -> None:
    """A compressed series; ITK's writer leaves the process in the locale C, which is undone."""
    before = locale.setlocale(locale.LC_ALL)
    writer = sitk.ImageFileWriter()
    writer.KeepOriginalImageUIDOn()
    writer.SetUseCompression(True)
    writer.SetCompressor(compressor)
    for k, plane in enumerate(values):
        image = sitk.GetImageFromArray(plane)
        for key, value in {
            "0008|0060": "MR",
            "0020|000e": "1.2.826.0.1.3680043.2.1125.9",
            "0020|0037": "1\\0\\0\\0\\1\\0",
            "0020|0032": f"-4\\-5\\{2 * k}",
        }.items():
            image.SetMetaData(key, value)
        writer.SetFileName(str(folder / f"{k}.dcm"))
        writer.Execute(image)
    locale.setlocale(locale.LC_ALL, before)


@pytest.mark.parametrize(
    ("compressor", "name"), [("JPEG", "JPEG Lossless"), ("JPEG2000", "JPEG 2000")]
)
def test_lossless_jpeg_of_itk_keeps_every_value(tmp_path: Path, compressor: str, name: str) -> None:
    values = noise((4, 20, 24)).astype(np.int16) - 1000
    write_with_itk(tmp_path, values, compressor)
    assert name in pydicom.dcmread(tmp_path / "0.dcm").file_meta.TransferSyntaxUID.name
    np.testing.assert_array_equal(read_dicom(tmp_path).volume.array, values)
    stream = next(
        generate_frames(pydicom.dcmread(tmp_path / "0.dcm").PixelData, number_of_frames=1)
    )
    assert claimed_size(stream) == (20, 24)


@pytest.mark.parametrize("syntax", [ImplicitVRLittleEndian, ExplicitVRBigEndian])
def test_other_byte_orders(tmp_path: Path, syntax: pydicom.uid.UID) -> None:
    stored = noise()
    for path in write_series(tmp_path, stored):
        dataset = pydicom.dcmread(path)
        dataset.file_meta.TransferSyntaxUID = syntax
        if syntax == ExplicitVRBigEndian:
            pixels = np.frombuffer(dataset.PixelData, np.uint16)
            dataset["PixelData"].VR = "OW"
            dataset.PixelData = pixels.astype(">u2").tobytes()
        little, implicit = syntax.is_little_endian, syntax.is_implicit_VR
        fresh = pydicom.Dataset(dataset)
        fresh.file_meta = dataset.file_meta
        pydicom.dcmwrite(path, fresh, implicit_vr=implicit, little_endian=little)
    np.testing.assert_array_equal(read_dicom(tmp_path).volume.array, stored)


def test_colours_keep_their_channels(tmp_path: Path) -> None:
    colours = np.random.default_rng(5).integers(0, 255, (4, 9, 11, 3)).astype(np.uint8)
    tags: dict[str, Any] = {
        "SamplesPerPixel": 3,
        "PhotometricInterpretation": "RGB",
        "PlanarConfiguration": 0,
        "Rows": 9,
        "Columns": 11,
    }
    write_series(tmp_path, colours, SeriesSpec().with_tags(**tags))
    found = read_dicom(tmp_path)
    np.testing.assert_array_equal(found.volume.array, colours)
    there = (found.volume.affine @ [2, 3, 4, 1])[:3]
    np.testing.assert_allclose(there, LAYOUT.place(2, 3, 4) * [-1, -1, 1], atol=1e-4)


def test_inverted_display_is_said(tmp_path: Path) -> None:
    stored = noise()
    tags = {"PhotometricInterpretation": "MONOCHROME1"}
    write_series(tmp_path, stored, SeriesSpec().with_tags(**tags))
    found = read_dicom(tmp_path)
    np.testing.assert_array_equal(found.volume.array, stored)
    assert "MONOCHROME1" in found.warnings[0]


@pytest.mark.parametrize("tags", [{}, {"RescaleSlope": 1, "RescaleIntercept": 0}])
def test_stored_ct_values_are_recognised_and_the_offset_asked_for(
    tmp_path: Path, tags: dict[str, Any]
) -> None:
    stored = noise(top=4096)
    write_series(tmp_path, stored, CT.with_tags(**tags))
    with pytest.raises(InputError, match=r"not in Hounsfield units.*12 bits.*--ct-offset"):
        read_dicom(tmp_path)
    found = read_dicom(tmp_path, DicomOptions(ct_offset=-1024))
    np.testing.assert_array_equal(found.volume.array, stored.astype(int) - 1024)
    assert "-1024 was added" in found.warnings[0]


def test_stored_ct_values_with_padding_are_recognised_too(tmp_path: Path) -> None:
    stored = noise(top=4096).astype(np.int16)
    stored[:, :2] = -2000
    write_series(tmp_path, stored, CT)
    with pytest.raises(InputError, match="not in Hounsfield units"):
        read_dicom(tmp_path)


def test_ct_with_air_and_without_rescale_is_taken_as_hu_and_said(tmp_path: Path) -> None:
    values = noise().astype(np.int16) - 1000
    write_series(tmp_path, values, CT)
    found = read_dicom(tmp_path)
    np.testing.assert_array_equal(found.volume.array, values)
    assert "RescaleIntercept is missing" in found.warnings[0]
