"""Where a DICOM series lies: right in every direction, straightened where needed, else refused."""

from __future__ import annotations

import shutil
import subprocess
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import nibabel as nib
import numpy as np
import pytest
import SimpleITK as sitk

from Testing.robustness.dicom_writer import (
    LAYOUT,
    Layout,
    SeriesSpec,
    noise,
    rewrite,
    turned,
    write_series,
)
from UniFuseLib.errors import InputError
from UniFuseLib.io.dicom_series import read_dicom

if TYPE_CHECKING:
    from pathlib import Path

    from UniFuseLib.spatial.volume import Volume

RAS = np.array([-1.0, -1.0, 1.0])
INDICES = [(0, 0, 0), (5, 0, 0), (0, 8, 0), (0, 0, 10), (2, 3, 4), (5, 8, 10)]


def assert_placed(volume: Volume, layout: Layout, atol: float = 1e-4) -> None:
    for k, j, i in INDICES:
        there = (volume.affine @ [k, j, i, 1])[:3]
        np.testing.assert_allclose(there, layout.place(k, j, i) * RAS, atol=atol)


def linear(points: np.ndarray) -> np.ndarray:
    """An intensity that linear interpolation reproduces exactly; `points` `(..., 3)` LPS mm."""
    return points @ np.array([3.0, -2.0, 5.0]) + 900


def points_of(layout: Layout, offsets: np.ndarray, shape: tuple[int, int, int]) -> np.ndarray:
    """`(k, j, i, 3)` LPS mm when slice k starts at offsets[k]."""
    row, column = layout.axes.T[:2]
    j, i = np.meshgrid(np.arange(shape[1]), np.arange(shape[2]), indexing="ij")
    plane = i[..., None] * row * layout.spacing[2] + j[..., None] * column * layout.spacing[1]
    return offsets[:, None, None] + plane


def write_linear(folder: Path, offsets: np.ndarray, shape: tuple[int, int, int]) -> None:
    """Slices whose first pixels lie at `offsets` `(n, 3)` LPS mm."""
    values = np.round(linear(points_of(LAYOUT, offsets, shape)) * 8).astype(np.uint16)
    spec = SeriesSpec(
        edit=lambda k, d: setattr(d, "ImagePositionPatient", list(np.round(offsets[k], 6)))
    ).with_tags(RescaleSlope=0.125, RescaleIntercept=0)
    write_series(folder, values, spec)


def assert_linear_inside(volume: Volume, margin: float, least: float) -> None:
    """Right values at right places wherever an image is, which is at least a share of the grid."""
    index = np.stack(np.meshgrid(*map(np.arange, volume.array.shape), indexing="ij"), axis=-1)
    lps = (index @ volume.affine[:3, :3].T + volume.affine[:3, 3]) * RAS
    error = np.abs(volume.array - linear(lps))
    inside = error < margin
    assert inside.mean() > least
    assert (volume.array[~inside] == volume.array.min()).all()


def test_an_oblique_series_lies_where_its_header_says(tmp_path: Path) -> None:
    stored = noise()
    write_series(tmp_path, stored)
    found = read_dicom(tmp_path)
    np.testing.assert_array_equal(found.volume.array, stored)
    assert_placed(found.volume, LAYOUT)
    assert found.modality == "MR"
    assert found.warnings == ()


@pytest.mark.parametrize("degrees", [(0, 0, 0), (90, 0, 0), (0, 90, 0), (180, 0, 30), (0, 0, 90)])
def test_any_orientation(tmp_path: Path, degrees: tuple[float, float, float]) -> None:
    layout = Layout(turned(degrees))
    stored = noise()
    write_series(tmp_path, stored, SeriesSpec(layout))
    volume = read_dicom(tmp_path).volume
    np.testing.assert_array_equal(volume.array, stored)
    assert_placed(volume, layout)


def test_slices_are_ordered_by_place_not_by_number(tmp_path: Path) -> None:
    stored = noise()
    spec = SeriesSpec(edit=lambda k, d: setattr(d, "InstanceNumber", 20 - k))
    write_series(tmp_path, stored, spec)
    volume = read_dicom(tmp_path).volume
    np.testing.assert_array_equal(volume.array, stored)
    assert_placed(volume, LAYOUT)


def test_agrees_with_itk_where_itk_is_right(tmp_path: Path) -> None:
    write_series(tmp_path, noise())
    names = sitk.ImageSeriesReader.GetGDCMSeriesFileNames(str(tmp_path))
    image = sitk.ReadImage(names)
    volume = read_dicom(tmp_path).volume
    np.testing.assert_array_equal(volume.array, sitk.GetArrayFromImage(image))
    lps = image.TransformContinuousIndexToPhysicalPoint((4.0, 3.0, 2.0))
    np.testing.assert_allclose((volume.affine @ [2, 3, 4, 1])[:3], lps * RAS, atol=1e-4)


def test_agrees_with_dcm2niix(tmp_path: Path) -> None:
    program = pytest.importorskip("dcm2niix").bin
    write_series(tmp_path / "in", noise())
    (tmp_path / "out").mkdir()
    command = [program, "-o", str(tmp_path / "out"), "-f", "v", str(tmp_path / "in")]
    subprocess.run(command, check=True, capture_output=True)
    image: Any = nib.load(tmp_path / "out" / "v.nii")
    volume = read_dicom(tmp_path / "in").volume
    ours = np.linalg.inv(volume.affine)
    for index in INDICES:
        k, j, i = np.round((ours @ image.affine @ [*index[::-1], 1])[:3]).astype(int)
        assert image.dataobj[index[::-1]] == volume.array[k, j, i]
        there = (volume.affine @ [k, j, i, 1])[:3]
        np.testing.assert_allclose(there, (image.affine @ [*index[::-1], 1])[:3], atol=2e-3)


def starts(drift_mm: np.ndarray, heights_mm: np.ndarray) -> np.ndarray:
    """`(n, 3)` LPS mm of first pixels; drift `(n, 2)` along row and column direction."""
    row, column, normal = LAYOUT.axes.T
    shift = drift_mm[:, :1] * row + drift_mm[:, 1:] * column
    return np.array(LAYOUT.origin) + shift + heights_mm[:, None] * normal


def test_a_tilted_gantry_is_straightened_and_said(tmp_path: Path) -> None:
    heights = 2.5 * np.arange(8)
    drift = np.stack([0 * heights, np.tan(np.deg2rad(20)) * heights], axis=1)
    write_linear(tmp_path, starts(drift, heights), (8, 15, 11))
    found = read_dicom(tmp_path)
    assert "tilted by 20.0°" in found.warnings[0]
    assert "6.4 mm" in found.warnings[0]
    assert not found.volume.grid.sheared
    np.testing.assert_allclose(found.volume.grid.spacing, [2.5, 1.3, 0.8], atol=1e-5)
    assert_linear_inside(found.volume, 0.5, 0.6)


def test_a_drift_is_straightened_and_said(tmp_path: Path) -> None:
    heights = 2.5 * np.arange(6)
    drift = np.array([[0, 0], [0.9, 0.1], [-0.8, 1.1], [0, 2.0], [1.4, 0.3], [0.2, 0.1]])
    write_linear(tmp_path, starts(drift, heights), (6, 15, 11))
    found = read_dicom(tmp_path)
    assert "shifted against each other (up to 2.0 mm)" in found.warnings[0]
    assert_linear_inside(found.volume, 0.5, 0.5)


def test_a_small_tilt_over_many_slices_is_measured_in_mm(tmp_path: Path) -> None:
    """0.02 mm a slice is nothing for two slices, and 1.2 mm for sixty."""
    heights = 0.5 * np.arange(61)
    drift = np.stack([0.02 * np.arange(61), np.zeros(61)], axis=1)
    write_linear(tmp_path, starts(drift, heights), (61, 9, 11))
    assert "(up to 1.2 mm)" in read_dicom(tmp_path).warnings[0]


def test_a_tilt_below_a_third_of_a_millimetre_is_left(tmp_path: Path) -> None:
    heights = 2.5 * np.arange(6)
    drift = np.stack([0.05 * np.arange(6), np.zeros(6)], axis=1)
    write_linear(tmp_path, starts(drift, heights), (6, 9, 11))
    found = read_dicom(tmp_path)
    assert found.warnings == ()
    assert_placed(found.volume, LAYOUT, atol=0.26)


def test_uneven_slices_are_resampled_and_said(tmp_path: Path) -> None:
    heights = np.array([0, 2.5, 5.0, 8.5, 12.0, 15.5])
    write_linear(tmp_path, starts(np.zeros((6, 2)), heights), (6, 9, 11))
    found = read_dicom(tmp_path)
    assert "2.50 to 3.50 mm: the series was resampled to 2.58 mm" in found.warnings[0]
    assert_linear_inside(found.volume, 0.5, 0.999)
    corners = found.volume.grid.corners() * RAS @ LAYOUT.axes[:, 2]
    np.testing.assert_allclose(np.ptp(corners), 15.5, atol=1e-4)


def test_missing_slices_are_refused_with_their_neighbours(tmp_path: Path) -> None:
    paths = write_series(tmp_path, noise())
    paths[3].unlink()
    with pytest.raises(InputError, match=f"missing between {paths[2].name} and {paths[4].name}"):
        read_dicom(tmp_path)


def test_thick_slices_further_apart_are_no_gap(tmp_path: Path) -> None:
    """Head CT: fine slices at the base of the skull, thick ones above."""
    heights = np.array([0, 2.0, 4.0, 6.0, 8.0, 12.0, 16.0])
    offsets = starts(np.zeros((7, 2)), heights)
    write_linear(tmp_path, offsets, (7, 9, 11))
    with pytest.raises(InputError, match="slices are missing"):
        read_dicom(tmp_path)
    for path in tmp_path.iterdir():
        rewrite(path, SliceThickness=4)
    found = read_dicom(tmp_path)
    assert found.volume.array.shape[0] == 9
    assert_linear_inside(found.volume, 0.5, 0.999)


def test_two_images_at_one_place_are_refused(tmp_path: Path) -> None:
    paths = write_series(tmp_path, noise())
    shutil.copy(paths[2], tmp_path / "copy.dcm")
    with pytest.raises(InputError, match=r"2 images at one slice position.*copy\.dcm"):
        read_dicom(tmp_path)


@pytest.mark.parametrize("tag", ["ImagePositionPatient", "ImageOrientationPatient", "PixelSpacing"])
def test_a_slice_without_place_is_refused_by_name(tmp_path: Path, tag: str) -> None:
    paths = write_series(tmp_path, noise())
    rewrite(paths[3], **{tag: None})
    with pytest.raises(InputError, match=f"{paths[3].name} has no usable {tag}"):
        read_dicom(tmp_path)


@pytest.mark.parametrize(
    "tags",
    [
        {"PixelSpacing": [1.4, 0.8]},
        {"PixelSpacing": [0, 0.8]},
        {"ImageOrientationPatient": [1, 0, 0, 1, 0, 0]},
        {"ImagePositionPatient": ["1", "2", "1e400"]},
    ],
)
def test_a_deviating_slice_is_refused_by_name(tmp_path: Path, tags: dict[str, Any]) -> None:
    paths = write_series(tmp_path, noise())
    rewrite(paths[3], **tags)
    with pytest.raises(InputError, match=paths[3].name):
        read_dicom(tmp_path)


def test_a_slice_turned_by_half_a_degree_is_refused_in_mm(tmp_path: Path) -> None:
    stored = noise((6, 60, 70))
    paths = write_series(tmp_path, stored)
    other = LAYOUT.axes @ turned((0, 0, 0.5))
    rewrite(paths[4], ImageOrientationPatient=list(np.round(other.T[:2].ravel(), 6)))
    with pytest.raises(InputError, match=rf"{paths[4].name} .*0\.\d\d mm elsewhere"):
        read_dicom(tmp_path)


def test_one_slice_is_no_volume(tmp_path: Path) -> None:
    path = write_series(tmp_path, noise((1, 9, 11)))[0]
    for given in (tmp_path, path):
        with pytest.raises(InputError, match=r"2-D image .*whole series"):
            read_dicom(given)


def test_slices_from_the_feet_up_or_down_are_one_volume(tmp_path: Path) -> None:
    stored = noise()
    flipped = replace(LAYOUT, origin=tuple(LAYOUT.place(5, 0, 0)), spacing=(-2.5, 1.3, 0.8))
    write_series(tmp_path, stored[::-1], SeriesSpec(flipped))
    volume = read_dicom(tmp_path).volume
    np.testing.assert_array_equal(volume.array, stored)
    assert_placed(volume, LAYOUT)
