"""Which images of a folder are one volume: series, stacks, echoes, times; the rest is named."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from Testing.robustness.dicom_writer import (
    LAYOUT,
    Layout,
    SeriesSpec,
    noise,
    slice_dataset,
    turned,
    write_series,
)
from UniFuseLib.errors import InputError
from UniFuseLib.io.dicom_options import DicomOptions
from UniFuseLib.io.dicom_series import read_dicom

if TYPE_CHECKING:
    from pathlib import Path

    from pydicom.dataset import Dataset

STORED = noise()


def write_groups(folder: Path, tags: list[dict[str, Any]]) -> list[np.ndarray]:
    """One series, the same places once for each of `tags`; returns the stored values of each."""
    groups = [STORED + 100 * n for n in range(len(tags))]
    for n, values in enumerate(tags):
        spec = SeriesSpec(first=100 * n + 1, tags=values)
        write_series(folder, groups[n], spec)
    return groups


@pytest.mark.parametrize(
    ("tags", "words"),
    [
        ([{"EchoTime": 4.6}, {"EchoTime": 80}], "1: echo time (ms) 4.6 (6 slices); 2: echo time"),
        ([{"TemporalPositionIdentifier": n} for n in (1, 2, 3)], "3: time point 3 (6 slices)"),
        ([{"DiffusionBValue": b} for b in (0, 1000)], "2: b-value (s/mm²) 1000.0"),
        (
            [{"ImageType": ["ORIGINAL", "PRIMARY", t]} for t in "MP"],
            "image type ORIGINAL PRIMARY P",
        ),
        ([{"AcquisitionNumber": 1}, {"AcquisitionNumber": 2}], "acquisition 2"),
        ([{"AcquisitionTime": "101500"}, {"AcquisitionTime": "101733"}], "time 101733"),
        ([{"ConvolutionKernel": "B30f"}, {"ConvolutionKernel": "B70f"}], "kernel B70f"),
        ([{"TriggerTime": 0}, {"TriggerTime": 35.5}], "trigger time (ms) 35.5"),
    ],
)
def test_groups_are_listed_and_can_be_picked(
    tmp_path: Path, tags: list[dict[str, Any]], words: str
) -> None:
    groups = write_groups(tmp_path, tags)
    with pytest.raises(InputError, match="--frame-group N") as refusal:
        read_dicom(tmp_path)
    assert words in str(refusal.value)
    for n, values in enumerate(groups, 1):
        found = read_dicom(tmp_path, DicomOptions(frame_group=n))
        np.testing.assert_array_equal(found.volume.array, values)
        assert f"Frame group {n} was read" in found.warnings[0]
    with pytest.raises(InputError, match="none has the number 9"):
        read_dicom(tmp_path, DicomOptions(frame_group=9))


def test_two_dimensions_are_crossed(tmp_path: Path) -> None:
    tags = [{"EchoTime": t, "TemporalPositionIdentifier": n} for n in (1, 2) for t in (5, 80)]
    groups = write_groups(tmp_path, tags)
    found = read_dicom(tmp_path, DicomOptions(frame_group=4))
    np.testing.assert_array_equal(found.volume.array, groups[3])
    assert "echo time (ms) 80.0, time point 2" in found.warnings[0]


@pytest.mark.parametrize("keyword", ["AcquisitionTime", "TriggerTime", "EchoTime"])
def test_a_value_of_each_slice_of_its_own_splits_nothing(tmp_path: Path, keyword: str) -> None:
    spec = SeriesSpec(edit=lambda k, d: setattr(d, keyword, str(101500 + k)))
    write_series(tmp_path, STORED, spec)
    np.testing.assert_array_equal(read_dicom(tmp_path).volume.array, STORED)


def test_a_group_with_a_missing_slice_is_still_a_group(tmp_path: Path) -> None:
    write_series(tmp_path, STORED, SeriesSpec(tags={"EchoTime": 5}))
    paths = write_series(tmp_path, STORED, SeriesSpec(first=101, tags={"EchoTime": 80}))
    paths[2].unlink()
    assert read_dicom(tmp_path, DicomOptions(frame_group=1)).volume.array.shape[0] == 6
    with pytest.raises(InputError, match="slices are missing"):
        read_dicom(tmp_path, DicomOptions(frame_group=2))


def test_two_stacks_are_two_groups(tmp_path: Path) -> None:
    write_series(tmp_path, STORED, SeriesSpec(tags={"StackID": "1"}))
    above = replace(LAYOUT, origin=tuple(LAYOUT.place(9, 0, 0)))
    write_series(tmp_path, STORED + 7, SeriesSpec(above, first=101, tags={"StackID": "2"}))
    with pytest.raises(InputError, match=r"1: stack 1, axial \(6 slices\); 2: stack 2, axial"):
        read_dicom(tmp_path)
    found = read_dicom(tmp_path, DicomOptions(frame_group=2)).volume
    np.testing.assert_array_equal(found.array, STORED + 7)
    np.testing.assert_allclose(found.affine[:3, 3], above.place(0, 0, 0) * [-1, -1, 1], atol=1e-4)


def localiser(folder: Path, uid: str = "7", **tags: Any) -> None:
    other = Layout(LAYOUT.axes @ turned((90, 0, 0)), origin=(0.0, 0.0, 0.0))
    write_series(folder, noise((1, 9, 11)), SeriesSpec(other, uid=uid, first=900, tags=tags))


@pytest.mark.parametrize("tags", [{}, {"ImageType": ["ORIGINAL", "PRIMARY", "LOCALIZER"]}])
def test_a_localiser_of_the_series_is_left_out_and_said(
    tmp_path: Path, tags: dict[str, Any]
) -> None:
    write_series(tmp_path, STORED)
    localiser(tmp_path, **tags)
    found = read_dicom(tmp_path)
    np.testing.assert_array_equal(found.volume.array, STORED)
    assert "1 image of the series (localiser" in found.warnings[0]


def test_series_that_are_no_volumes_are_left_out_and_said(tmp_path: Path) -> None:
    write_series(tmp_path, STORED)
    localiser(tmp_path, uid="8")
    report = slice_dataset(STORED[0], 0, SeriesSpec(modality="SR", uid="9"))
    for keyword in ("Rows", "Columns", "PixelData"):
        delattr(report, keyword)
    report.save_as(tmp_path / "report.dcm", enforce_file_format=True)
    found = read_dicom(tmp_path)
    np.testing.assert_array_equal(found.volume.array, STORED)
    assert "MR series 8 (1 file)" in found.warnings[0]
    assert "SR series 9 (1 file)" in found.warnings[0]


def test_several_series_are_listed_and_can_be_picked(tmp_path: Path) -> None:
    write_series(tmp_path, STORED, SeriesSpec(uid="71", tags={"SeriesNumber": 4}))
    write_series(tmp_path, STORED[:4], SeriesSpec(uid="72", modality="CT"))
    with pytest.raises(InputError, match="--series UID") as refusal:
        read_dicom(tmp_path)
    assert "series 4, MR, 'series 71', 6 slices, UID" in str(refusal.value)
    assert "series 3, CT, 'series 72', 4 slices, UID" in str(refusal.value)
    for name in ("4", "1.2.826.0.1.3680043.8.498.71"):
        found = read_dicom(tmp_path, DicomOptions(series=name))
        np.testing.assert_array_equal(found.volume.array, STORED)
    with pytest.raises(InputError, match="holds no series 5, but: series 4"):
        read_dicom(tmp_path, DicomOptions(series="5"))


def test_an_optional_choice_that_is_not_here_is_passed_over(tmp_path: Path) -> None:
    write_series(tmp_path, STORED)
    options = DicomOptions(series="5", frame_group=2, optional=True)
    np.testing.assert_array_equal(read_dicom(tmp_path, options).volume.array, STORED)


def test_three_planes_are_three_groups_with_their_names(tmp_path: Path) -> None:
    for n, degrees in enumerate([(0, 0, 0), (90, 0, 0), (0, 90, 0)]):
        layout = Layout(turned(degrees), origin=(0.0, 0.0, 0.0))
        write_series(tmp_path, STORED, SeriesSpec(layout, first=100 * n + 1))
    with pytest.raises(InputError, match=r"stack 1, axial .*stack 2, coronal .*stack 3, sagittal"):
        read_dicom(tmp_path)


def test_tiled_slices_are_refused(tmp_path: Path) -> None:
    tags = {"ImageType": ["ORIGINAL", "PRIMARY", "M", "MOSAIC"]}
    write_series(tmp_path, STORED, SeriesSpec(tags=tags))
    with pytest.raises(InputError, match="Siemens mosaics.*dcm2niix"):
        read_dicom(tmp_path)


def test_two_patients_under_one_series_are_refused(tmp_path: Path) -> None:
    spec = SeriesSpec(edit=lambda k, d: setattr(d, "PatientID", f"SECRET{k // 4}"))
    write_series(tmp_path, STORED, spec)
    with pytest.raises(InputError, match="different PatientID") as refusal:
        read_dicom(tmp_path)
    assert "SECRET" not in str(refusal.value)


@pytest.mark.parametrize("modality", ["SEG", "RTDOSE"])
def test_what_is_no_scan_is_refused(tmp_path: Path, modality: str) -> None:
    write_series(tmp_path, STORED, SeriesSpec(tags={"Modality": modality}))
    with pytest.raises(InputError, match=f"{modality}.*no scan"):
        read_dicom(tmp_path)


def test_groups_do_not_depend_on_instance_numbers(tmp_path: Path) -> None:
    """Echoes that are numbered in any order, across each other."""
    numbers = np.random.default_rng(1).permutation(12)
    for n, echo in enumerate((5, 80)):

        def edit(k: int, dataset: Dataset, n: int = n) -> None:
            dataset.InstanceNumber = int(numbers[k + 6 * n])

        write_series(
            tmp_path, STORED + n, SeriesSpec(first=100 * n, tags={"EchoTime": echo}, edit=edit)
        )
    found = [read_dicom(tmp_path, DicomOptions(frame_group=n)).volume.array for n in (1, 2)]
    found.sort(key=np.sum)
    np.testing.assert_array_equal(found[0], STORED)
    np.testing.assert_array_equal(found[1], STORED + 1)
