"""Multi-frame objects by the same rule as classic slices: place, slope and group of every frame."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pydicom
import pytest
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence
from pydicom.uid import UID

from Testing.robustness.dicom_writer import (
    LAYOUT,
    SeriesSpec,
    image_dataset,
    noise,
    write_series,
)
from UniFuseLib.errors import InputError
from UniFuseLib.io.dicom_options import DicomOptions
from UniFuseLib.io.dicom_series import read_dicom
from UniFuseLib.io.volumes import read_volume_with_header

if TYPE_CHECKING:
    from pathlib import Path

STORED = noise()
RAS = np.array([-1.0, -1.0, 1.0])


def item(**values: Any) -> Sequence:
    dataset = Dataset()
    for keyword, value in values.items():
        setattr(dataset, keyword, value)
    return Sequence([dataset])


def frame_groups(k: int, slope: float, **echo: float) -> Dataset:
    groups = Dataset()
    place = [round(v, 6) for v in LAYOUT.place(k, 0, 0)]
    groups.PlanePositionSequence = item(ImagePositionPatient=place)
    groups.PixelValueTransformationSequence = item(RescaleSlope=slope, RescaleIntercept=k)
    groups.FrameContentSequence = item(StackID="1", InStackPositionNumber=k + 1)
    if echo:
        groups.MREchoSequence = item(**echo)
    return groups


def write_enhanced(
    path: Path, frames: list[tuple[int, np.ndarray, dict[str, float]]], slope: float = 0.5
) -> Dataset:
    """One object; each frame is (place k, stored values, echo)."""
    pixels = np.stack([values for _, values, _ in frames])
    dataset = image_dataset(pixels, SeriesSpec(modality="ENHANCED MR"))
    dataset.SOPInstanceUID = UID("1.2.3.4")
    dataset.file_meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
    dataset.NumberOfFrames = len(frames)
    shared = Dataset()
    axes = [round(v, 6) for v in LAYOUT.axes.T[:2].ravel()]
    shared.PlaneOrientationSequence = item(ImageOrientationPatient=axes)
    shared.PixelMeasuresSequence = item(PixelSpacing=list(LAYOUT.spacing[1:]), SliceThickness=2)
    dataset.SharedFunctionalGroupsSequence = Sequence([shared])
    dataset.PerFrameFunctionalGroupsSequence = Sequence(
        [frame_groups(k, slope + k, **echo) for k, _, echo in frames]
    )
    dataset.save_as(path, enforce_file_format=True)
    return dataset


def expected(stored: np.ndarray, slope: float = 0.5) -> np.ndarray:
    k = np.arange(len(stored))[:, None, None]
    return stored * (slope + k) + k


@pytest.mark.parametrize("order", [(0, 1, 2, 3, 4, 5), (5, 4, 3, 2, 1, 0), (3, 0, 5, 1, 4, 2)])
def test_frames_in_any_order_are_placed_and_scaled(tmp_path: Path, order: tuple[int, ...]) -> None:
    path = tmp_path / "enhanced"
    write_enhanced(path, [(k, STORED[k], {}) for k in order])
    for given in (path, tmp_path):
        volume = read_dicom(given).volume
        np.testing.assert_allclose(volume.array, expected(STORED), rtol=1e-6)
        for k, j, i in [(0, 0, 0), (5, 8, 10), (2, 3, 4)]:
            there = (volume.affine @ [k, j, i, 1])[:3]
            np.testing.assert_allclose(there, LAYOUT.place(k, j, i) * RAS, atol=1e-4)


def test_echoes_of_one_object_are_groups(tmp_path: Path) -> None:
    frames = [
        (k, STORED[k] + n, {"EffectiveEchoTime": echo})
        for k in range(6)
        for n, echo in enumerate((4.6, 80.0))
    ]
    write_enhanced(tmp_path / "e.dcm", frames)
    with pytest.raises(InputError, match=r"2 groups of frames.*2: echo time \(ms\) 80\.0"):
        read_dicom(tmp_path)
    found = read_dicom(tmp_path, DicomOptions(frame_group=2)).volume
    np.testing.assert_allclose(found.array, expected(STORED + 1), rtol=1e-6)


def test_frames_of_several_objects_are_one_volume(tmp_path: Path) -> None:
    write_enhanced(tmp_path / "a.dcm", [(k, STORED[k], {}) for k in (0, 2, 4)])
    write_enhanced(tmp_path / "b.dcm", [(k, STORED[k], {}) for k in (1, 3, 5)])
    np.testing.assert_allclose(read_dicom(tmp_path).volume.array, expected(STORED), rtol=1e-6)


def test_classic_and_enhanced_objects_of_one_series_are_two_groups(tmp_path: Path) -> None:
    write_enhanced(tmp_path / "a.dcm", [(k, STORED[k], {}) for k in range(6)])
    write_series(tmp_path, STORED + 9, SeriesSpec(tags={"StackID": "1", "RescaleSlope": 1}))
    with pytest.raises(InputError, match="2 groups of frames"):
        read_dicom(tmp_path)
    arrays = [read_dicom(tmp_path, DicomOptions(frame_group=n)).volume.array for n in (1, 2)]
    assert any((a == STORED + 9).all() for a in arrays)
    assert any(np.allclose(a, expected(STORED)) for a in arrays)


def test_a_frame_without_position_is_named(tmp_path: Path) -> None:
    dataset = write_enhanced(tmp_path / "a.dcm", [(k, STORED[k], {}) for k in range(6)])
    del dataset.PerFrameFunctionalGroupsSequence[3].PlanePositionSequence
    dataset.save_as(tmp_path / "a.dcm")
    with pytest.raises(InputError, match=r"a\.dcm has no usable ImagePositionPatient"):
        read_dicom(tmp_path)


def test_more_frames_announced_than_described_is_refused(tmp_path: Path) -> None:
    dataset = write_enhanced(tmp_path / "a.dcm", [(k, STORED[k], {}) for k in range(6)])
    dataset.NumberOfFrames = 2_000_000_000
    dataset.save_as(tmp_path / "a.dcm")
    with pytest.raises(InputError, match="announces 2000000000 frames and describes 6"):
        read_dicom(tmp_path)


def test_highdicom_agrees_on_a_converted_series(tmp_path: Path) -> None:
    highdicom = pytest.importorskip("highdicom")
    from highdicom.legacy import LegacyConvertedEnhancedMRImage

    tags: dict[str, Any] = {
        "PatientID": "1",
        "PatientName": "A",
        "PatientBirthDate": "",
        "PatientSex": "",
        "StudyDate": "20200101",
        "StudyTime": "101010",
        "StudyID": "1",
        "AccessionNumber": "",
        "ReferringPhysicianName": "",
        "Manufacturer": "M",
        "FrameOfReferenceUID": "1.2.3",
        "PositionReferenceIndicator": "",
        "SliceThickness": 2.5,
        "ImageType": ["ORIGINAL", "PRIMARY", "M"],
        "RescaleSlope": 3,
        "RescaleIntercept": -5,
        "AcquisitionDate": "20200101",
        "AcquisitionTime": "101010",
        "ScanningSequence": "SE",
        "SequenceVariant": "NONE",
        "BurnedInAnnotation": "NO",
    }
    paths = write_series(tmp_path / "classic", STORED, SeriesSpec(tags=tags))
    converted = LegacyConvertedEnhancedMRImage(
        [pydicom.dcmread(path) for path in paths], "1.2.9", 5, "1.2.9.1", 1
    )
    converted.save_as(tmp_path / "enhanced.dcm")
    found, header = read_volume_with_header(tmp_path / "enhanced.dcm")
    theirs = highdicom.imread(tmp_path / "enhanced.dcm").get_volume()
    np.testing.assert_allclose(found.array, STORED * 3.0 - 5)
    np.testing.assert_allclose(
        theirs.array, found.array[::-1] if flipped(theirs, found.affine) else found.array
    )
    assert header.modality == "MR"


def flipped(theirs: Any, affine: np.ndarray) -> bool:
    """highdicom counts slices against row × column."""
    ours = affine[:3, 0] * RAS
    return bool(theirs.affine[:3, 0] @ ours < 0)


def test_nm_frames_follow_from_one_position_and_a_distance(tmp_path: Path) -> None:
    dataset = image_dataset(STORED, SeriesSpec(modality="NM"))
    dataset.SOPInstanceUID = UID("1.2.3.4")
    dataset.file_meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
    dataset.NumberOfFrames, dataset.SpacingBetweenSlices = 6, 2.5
    dataset.PixelSpacing = list(LAYOUT.spacing[1:])
    dataset.DetectorInformationSequence = item(
        ImagePositionPatient=[round(v, 6) for v in LAYOUT.place(0, 0, 0)],
        ImageOrientationPatient=[round(v, 6) for v in LAYOUT.axes.T[:2].ravel()],
    )
    dataset.save_as(tmp_path / "nm.dcm", enforce_file_format=True)
    volume = read_dicom(tmp_path).volume
    np.testing.assert_array_equal(volume.array, STORED)
    there = (volume.affine @ [5, 8, 10, 1])[:3]
    np.testing.assert_allclose(there, LAYOUT.place(5, 8, 10) * RAS, atol=1e-4)
