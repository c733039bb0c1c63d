"""`unifuse apply` as a user runs it: kinds of files, both directions, and bad input in words."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import SimpleITK as sitk
from scipy.ndimage import gaussian_filter

from UniFuseLib import Volume, cli, read_result, read_volume, write_volume
from UniFuseLib.io.files import Header
from UniFuseLib.io.geometry_file import read_geometry
from UniFuseLib.io.image_file import ImageFile, read_image, write_like
from UniFuseLib.spatial.volume import Grid

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def smooth(reference_frame: Grid) -> np.ndarray:
    noise = np.random.default_rng(1).normal(size=(*reference_frame.shape, 3))
    field = gaussian_filter(noise, (3, 3, 3, 0))
    return 2.5 * field / np.abs(field).max() + np.array([1.0, -2.0, 0.5])


@pytest.fixture
def scan_grid(reference_frame: Grid) -> Grid:
    """Of the degraded scan: other voxels about the same place."""
    affine = reference_frame.affine.copy()
    affine[:3, :3] = affine[:3, [1, 0, 2]] * [0.9, 0.7, 1.2]
    affine[:3, 3] += reference_frame.linear @ [1.0, 1.0, 0.0]
    return Grid((16, 17, 15), affine)


@pytest.fixture
def result(make_result: Any, smooth: np.ndarray, scan_grid: Grid) -> Path:
    folder: Path = make_result(smooth, scan_grid)
    return folder


def texture(grid: Grid, seed: int = 3) -> np.ndarray:
    return gaussian_filter(np.random.default_rng(seed).normal(size=grid.shape), 1.5)


def labels_on(grid: Grid) -> np.ndarray:
    values = texture(grid)
    return np.digitize(values, np.quantile(values, [0.5, 0.8])).astype(np.uint8) * 7


def apply(result: Path, *argv: object, code: int = 0) -> None:
    assert cli.main(["apply", str(result), *map(str, argv)]) == code


def test_a_scan_comes_onto_the_reference_as_simpleitk_brings_it(
    result: Path, scan_grid: Grid, reference_frame: Grid, tmp_path: Path, capsys: Any
) -> None:
    values = (500 + 2000 * texture(scan_grid)).clip(0).astype(np.int16)
    write_volume(Volume(values, scan_grid.affine), tmp_path / "t2.nii.gz")
    apply(result, tmp_path / "t2.nii.gz", "-o", tmp_path / "out")
    moved = read_volume(tmp_path / "out" / "t2.nii.gz")
    assert moved.grid.same_as(reference_frame)
    assert moved.array.dtype == np.int16
    field = sitk.ReadImage(str(result / "deformation.nii.gz"), sitk.sitkVectorFloat64)
    grid = sitk.VectorIndexSelectionCast(field, 0)
    image = sitk.ReadImage(str(tmp_path / "t2.nii.gz"), sitk.sitkFloat64)
    transform = sitk.DisplacementFieldTransform(field)
    expected = sitk.GetArrayFromImage(sitk.Resample(image, grid, transform, sitk.sitkLinear, 0.0))
    assert np.abs(moved.array - expected).max() <= 0.51  # rounded
    assert "degraded → reference" in capsys.readouterr().err


def test_ct_is_filled_with_air_and_labels_keep_their_values(
    make_result: Any, smooth: np.ndarray, scan_grid: Grid, tmp_path: Path
) -> None:
    folder = make_result(smooth + 12.0, scan_grid, degraded_modality="ct")
    values = np.full(scan_grid.shape, 40.0, np.float32) + 300 * texture(scan_grid)
    values[:2] = -1024
    write_volume(Volume(values.astype(np.float32), scan_grid.affine), tmp_path / "scan.nii.gz")
    write_volume(Volume(labels_on(scan_grid), scan_grid.affine), tmp_path / "organs_seg.nrrd")
    files = tmp_path / "scan.nii.gz", tmp_path / "organs_seg.nrrd"
    apply(folder, *files, "-o", tmp_path / "out")
    moved = read_volume(tmp_path / "out" / "scan.nii.gz").array
    assert (moved == -1024).mean() > 0.05
    labels = read_volume(tmp_path / "out" / "organs_seg.nrrd").array
    assert labels.dtype == np.uint8
    assert set(np.unique(labels)) == {0, 7, 14}


def test_there_and_back_again(
    result: Path, scan_grid: Grid, reference_frame: Grid, tmp_path: Path, capsys: Any
) -> None:
    """A smooth volume of the reference, to the degraded grid and back, and points likewise."""
    smooth_volume = np.linspace(100, 900, reference_frame.shape[2], dtype=np.float32)
    values = np.broadcast_to(smooth_volume, reference_frame.shape)
    write_volume(Volume(np.array(values), reference_frame.affine), tmp_path / "t1.nii.gz")
    apply(result, tmp_path / "t1.nii.gz", "-o", tmp_path / "there", "--to", "degraded", "--json")
    printed = capsys.readouterr()
    content = json.loads(printed.out)
    assert content["round_trip"]["mean_mm"] < 0.2
    assert "reference → degraded" in printed.err
    there = read_volume(tmp_path / "there" / "t1.nii.gz")
    assert there.grid.same_as(scan_grid)
    apply(result, tmp_path / "there" / "t1.nii.gz", "-o", tmp_path / "back")
    back = read_volume(tmp_path / "back" / "t1.nii.gz").array
    seen = back > 100
    seen[:, :, :3] = seen[:, :, -3:] = False
    assert seen.mean() > 0.15
    core = np.abs(back - values)[seen]
    assert np.median(core) < 5


def test_a_series_and_a_segmentation_keep_their_form(
    result: Path, scan_grid: Grid, tmp_path: Path
) -> None:
    frames = np.abs([texture(scan_grid, s) for s in range(3)]).astype(np.float32)
    series = ImageFile(frames, scan_grid, Header("made"), frame_step=2.5)
    write_like(series, frames, scan_grid, tmp_path / "bold.nii.gz")
    layers = np.stack([labels_on(scan_grid), (texture(scan_grid, 9) > 0).astype(np.uint8)])
    pairs = {
        "Segment0_ID": "a",
        "Segment0_LabelValue": "14",
        "Segment0_Layer": "0",
        "Segment0_Extent": "0 99 0 99 0 99",
        "Segment0_Name": "Liver, left",
        "Segmentation_ReferenceImageExtentOffset": "4 5 6",
        "Segmentation_ConversionParameters": "Reference image geometry|1;0|text&Smoothing|0.5|x",
    }
    seg = ImageFile(layers, scan_grid, Header("made"), frames_first=True, pairs=pairs)
    write_like(seg, layers, scan_grid, tmp_path / "a.seg.nrrd")
    apply(result, tmp_path / "bold.nii.gz", tmp_path / "a.seg.nrrd", "-o", tmp_path / "out")

    image = sitk.ReadImage(str(tmp_path / "out" / "bold.nii.gz"))
    assert image.GetSize()[3] == 3
    assert image.GetSpacing()[3] == pytest.approx(2.5)
    one = Volume(frames[1], scan_grid.affine)
    expected = read_result(result).apply(one).array
    np.testing.assert_allclose(sitk.GetArrayFromImage(image)[1], expected, atol=1e-5)

    moved = read_image(tmp_path / "out" / "a.seg.nrrd")
    assert moved.frames.shape[0] == 2
    assert set(np.unique(moved.frames[0])) == {0, 7, 14}
    assert moved.pairs["Segment0_Name"] == "Liver, left"
    k, j, i = np.nonzero(moved.frames[0] == 14)
    extent = [v for axis in (i, j, k) for v in (axis.min(), axis.max())]
    assert moved.pairs["Segment0_Extent"] == " ".join(map(str, extent))
    assert moved.pairs["Segmentation_ReferenceImageExtentOffset"] == "0 0 0"
    assert moved.pairs["Segmentation_ConversionParameters"] == "Smoothing|0.5|x"
    assert sitk.ReadImage(str(tmp_path / "out" / "a.seg.nrrd")).GetNumberOfComponentsPerPixel() == 2


def test_points_in_a_table_move_with_the_field(
    result: Path, reference_frame: Grid, tmp_path: Path
) -> None:
    """At a voxel of the reference: LPS in, X + u(X) out, and back; other columns stay."""
    transform = read_result(result).transform
    voxel = (5, 7, 9)
    x = reference_frame.linear @ voxel + reference_frame.origin
    y = x + transform.displacement[voxel]
    (tmp_path / "p.csv").write_text(f"name,X,y,z\nfirst,{-x[0]},{-x[1]},{x[2]}\n")
    apply(result, tmp_path / "p.csv", "-o", tmp_path / "out", "--to", "degraded")
    header, line = (tmp_path / "out" / "p.csv").read_text().splitlines()
    assert header == "name,X,y,z"
    name, *values = line.split(",")
    assert name == "first"
    np.testing.assert_allclose(np.array(values, float) * [-1, -1, 1], y, atol=2e-4)
    apply(result, tmp_path / "out" / "p.csv", "-o", tmp_path / "back")
    back = read_geometry(tmp_path / "back" / "p.csv").points[0]
    np.testing.assert_allclose(back, x, atol=2e-3)
    (tmp_path / "ras.csv").write_text(f"x;y;z\n{x[0]};{x[1]};{x[2]}\n")
    space = ("--points-space", "RAS", "--to", "degraded", "-o", tmp_path / "ras")
    apply(result, tmp_path / "ras.csv", *space)
    np.testing.assert_allclose(
        read_geometry(tmp_path / "ras" / "ras.csv", "RAS").points[0], y, atol=2e-4
    )


def refused(capsys: Any, sentence: str) -> None:
    import re

    said = capsys.readouterr().err
    assert re.search(sentence, said), said


def test_bad_input_is_named_and_nothing_is_written(
    result: Path, make_result: Any, smooth: np.ndarray, scan_grid: Grid, tmp_path: Path, capsys: Any
) -> None:
    out = tmp_path / "out"
    good = tmp_path / "good.nii.gz"
    write_volume(Volume(texture(scan_grid).astype(np.float32), scan_grid.affine), good)
    fractions = tmp_path / "tumour_seg.nii.gz"
    write_volume(Volume(texture(scan_grid).astype(np.float32), scan_grid.affine), fractions)
    apply(result, good, fractions, "-o", out, code=3)
    refused(capsys, r"tumour_seg.nii.gz: .*holds fractions\. Choose --interpolation linear")
    assert not out.exists()
    apply(result, fractions, "-o", out, "--interpolation", "nearest", code=3)
    refused(capsys, "labels are whole numbers")
    far = scan_grid.affine.copy()
    far[:3, 3] += 400
    write_volume(Volume(texture(scan_grid).astype(np.float32), far), tmp_path / "far.nii.gz")
    apply(result, tmp_path / "far.nii.gz", "-o", out, code=3)
    refused(capsys, r"far.nii.gz: .*wholly outside")
    (tmp_path / "p.csv").write_text("a,b,c\n1,2,3\n")
    apply(result, tmp_path / "p.csv", "-o", out, code=3)
    refused(capsys, "names the columns x, y and z, found a, b, c")
    apply(result, "-o", out, code=3)
    refused(capsys, "name at least one FILE")
    apply(tmp_path, good, "-o", out, code=3)
    refused(capsys, "is not a result of unifuse fuse")
    apply(result, good, result / "good.nii.gz", "-o", out, code=3)
    refused(capsys, "would be written as good.nii.gz")
    apply(result, good, tmp_path / "GOOD.nii.gz", "-o", out, code=3)  # one name on some disks
    refused(capsys, "would be written as good.nii.gz")
    assert not out.exists()


@pytest.mark.parametrize("side", ["reference", "degraded"])
def test_a_scan_that_is_in_place_already_is_told(
    result: Path, reference_frame: Grid, tmp_path: Path, capsys: Any, side: str
) -> None:
    scan = tmp_path / "scan.nii.gz"
    write_volume(Volume(texture(reference_frame).astype(np.float32), reference_frame.affine), scan)
    report = json.loads((result / "report.json").read_text(encoding="utf-8"))
    report["inputs"][side]["path"] = str(scan)
    (result / "report.json").write_text(json.dumps(report), encoding="utf-8")
    other = "degraded" if side == "reference" else "reference"
    apply(result, scan, "--to", side, "-o", tmp_path / "a")
    assert f"It is the {side} volume of this result" in capsys.readouterr().err
    apply(result, scan, "--to", other, "-o", tmp_path / "b")
    assert "volume of this result" not in capsys.readouterr().err


def test_nothing_is_replaced_without_being_asked(
    result: Path, scan_grid: Grid, tmp_path: Path, capsys: Any
) -> None:
    good = tmp_path / "good.nii.gz"
    write_volume(Volume(texture(scan_grid).astype(np.float32), scan_grid.affine), good)
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "good.nii.gz").write_text("mine")
    apply(result, good, "-o", tmp_path / "out", code=4)
    refused(capsys, "--overwrite")
    apply(result, good, "-o", tmp_path, "--overwrite", code=4)
    refused(capsys, "The input .* would be replaced")
    apply(result, good, "-o", tmp_path / "out", "--overwrite", "--quiet")
    assert capsys.readouterr() == ("", "")
    assert read_volume(tmp_path / "out" / "good.nii.gz").array.std() > 0


def test_points_where_the_field_folds_or_ends(
    make_result: Any, reference_frame: Grid, scan_grid: Grid, tmp_path: Path, capsys: Any
) -> None:
    u = np.zeros((*reference_frame.shape, 3))
    profile = np.zeros(reference_frame.shape[0])
    profile[6:9] = -1.8 * np.arange(3)
    profile[9:] = -3.6
    u += profile[:, None, None, None] * reference_frame.linear[:, 0]
    folder = make_result(u, scan_grid)

    def lps(index: tuple[float, float, float]) -> str:
        x = reference_frame.linear @ index + reference_frame.origin
        return f"{-x[0]},{-x[1]},{x[2]}"

    (tmp_path / "p.csv").write_text(f"x,y,z\n{lps((2, 7, 7))}\n{lps((5.2, 7, 7))}\n")
    apply(folder, tmp_path / "p.csv", "-o", tmp_path / "out", code=3)
    refused(capsys, r"p.csv: The deformation folds at line 3: it has no single place")
    assert not (tmp_path / "out").exists()
    (tmp_path / "p.csv").write_text(f"x,y,z\n{lps((2, 7, 7))}\n{lps((-9, 7, 7))}\n")
    apply(folder, tmp_path / "p.csv", "-o", tmp_path / "out")
    refused(capsys, "warning: p.csv: 1 of 2 points lie outside the field of view")


def test_another_grid_and_the_inverse_on_request(
    result: Path, scan_grid: Grid, reference_frame: Grid, tmp_path: Path
) -> None:
    good = tmp_path / "good.nii.gz"
    write_volume(Volume(texture(scan_grid).astype(np.float32), scan_grid.affine), good)
    fine = reference_frame.affine.copy()
    fine[:3, :3] /= 2
    shape = (25, 29, 33)
    write_volume(Volume(np.zeros(shape, np.uint8), fine), tmp_path / "fine.nii.gz")
    grid = ("--grid", tmp_path / "fine.nii.gz", "--write-inverse")
    apply(result, good, "-o", tmp_path / "out", *grid)
    moved = read_volume(tmp_path / "out" / "good.nii.gz")
    assert moved.grid.same_as(Grid(shape, fine))
    apply(result, good, "-o", tmp_path / "plain")
    plain = read_volume(tmp_path / "plain" / "good.nii.gz")
    np.testing.assert_allclose(moved.array[::2, ::2, ::2], plain.array, atol=1e-4)
    inverse = sitk.ReadImage(str(tmp_path / "out" / "inverse_deformation.nii.gz"))
    assert inverse.GetSize() == scan_grid.shape[::-1]


@pytest.mark.slicer
def test_slicer_reads_the_moved_segmentation(result: Path, scan_grid: Grid, tmp_path: Path) -> None:
    slicer = pytest.importorskip("slicer", reason="needs the slicer-core wheel")
    pairs: dict[str, str] = {}
    for number, (value, name) in enumerate([(7, "liver"), (14, "spleen")]):
        about = {"ID": f"S_{number}", "Name": name, "Layer": "0", "LabelValue": str(value)}
        about |= {"Color": "1 0 0", "Extent": "0 1 0 1 0 1"}
        pairs |= {f"Segment{number}_{key}": text for key, text in about.items()}
    pairs["Segmentation_ContainedRepresentationNames"] = "Binary labelmap|"
    labels = labels_on(scan_grid)[None]
    image = ImageFile(labels, scan_grid, Header("made"), pairs=pairs)
    write_like(image, labels, scan_grid, tmp_path / "a.seg.nrrd")
    apply(result, tmp_path / "a.seg.nrrd", "-o", tmp_path / "out")
    scene = slicer.vtkMRMLScene()
    storage = scene.AddNode(slicer.vtkMRMLSegmentationStorageNode())
    storage.SetFileName(str(tmp_path / "out" / "a.seg.nrrd"))
    node = scene.AddNode(slicer.vtkMRMLSegmentationNode())
    assert storage.ReadData(node) == 1
    segments = node.GetSegmentation()
    names = [segments.GetNthSegment(i).GetName() for i in range(segments.GetNumberOfSegments())]
    assert names == ["liver", "spleen"]
