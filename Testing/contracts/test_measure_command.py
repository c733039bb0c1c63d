"""`unifuse measure`: figures of fields whose figures are known, and bad input in words."""

from __future__ import annotations

import csv
import json
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from UniFuseLib import Volume, cli, read_volume, write_volume
from UniFuseLib.apply.regional import direction_words
from UniFuseLib.io.files import Header
from UniFuseLib.io.image_file import ImageFile, write_like

if TYPE_CHECKING:
    from pathlib import Path

    from UniFuseLib.spatial.volume import Grid

STRETCH = np.array([[1.2, 0.1, 0.0], [0.0, 0.9, 0.05], [0.0, 0.0, 1.1]])


@pytest.fixture
def result(make_result: Any, reference_frame: Grid) -> Path:
    """X ↦ S X + t: det J is that of S everywhere."""
    index = np.moveaxis(np.indices(reference_frame.shape), 0, -1)
    x = index @ reference_frame.linear.T + reference_frame.origin
    centre = x.mean(axis=(0, 1, 2))
    folder: Path = make_result((x - centre) @ (STRETCH - np.eye(3)).T + [-6.0, 0.2, 3.0])
    return folder


def measure(result: Path, *argv: object, code: int = 0) -> None:
    assert cli.main(["measure", str(result), *map(str, argv)]) == code


def test_an_affine_field_has_the_determinant_of_its_matrix(
    result: Path, tmp_path: Path, capsys: Any, reference_frame: Grid
) -> None:
    images: list[object] = ["--displacement-volume", tmp_path / "mm.nii.gz"]
    images += ["--jacobian-volume", tmp_path / "ratio.nrrd"]
    measure(result, "--json", *images)
    (row,) = json.loads(capsys.readouterr().out)["regions"]
    determinant = np.linalg.det(STRETCH)
    assert row["label"] is None
    assert row["volume_change_percent"] == pytest.approx(100 * (determinant - 1), abs=0.01)
    assert row["jacobian_p1"] == pytest.approx(determinant, abs=1e-3)
    assert row["jacobian_p99"] == pytest.approx(determinant, abs=1e-3)
    assert row["folded_percent"] == 0
    mean = [row[key] for key in ("right_mm", "anterior_mm", "superior_mm")]
    np.testing.assert_allclose(mean, [-6.0, 0.2, 3.0], atol=1e-3)
    assert row["direction"] == "left-superior"
    assert row["voxels"] == np.prod(reference_frame.shape)
    ml = row["voxels"] * np.prod(reference_frame.spacing) / 1000
    assert row["volume_ml"] == pytest.approx(ml, abs=1e-3)
    length = read_volume(tmp_path / "mm.nii.gz").array
    assert row["displacement_mean_mm"] == pytest.approx(length.mean(), abs=1e-3)
    assert row["displacement_max_mm"] == pytest.approx(length.max(), abs=1e-3)
    np.testing.assert_allclose(read_volume(tmp_path / "ratio.nrrd").array, determinant, rtol=1e-3)


def test_every_segment_gets_a_row_with_its_name(
    make_result: Any, reference_frame: Grid, tmp_path: Path
) -> None:
    """Below the middle nothing moves, above it all moves by 2 mm; one plane folds."""
    u = np.zeros((*reference_frame.shape, 3))
    u[8:] = 2.0 * reference_frame.directions[:, 1]
    folder = make_result(u)
    labels = np.zeros((2, *reference_frame.shape), np.uint8)
    labels[0, 1:5] = 3
    labels[0, 10:12] = 5
    labels[1, 5:12] = 3
    pairs = {}
    for number, (layer, value, name) in enumerate(
        [(0, 3, "still"), (0, 5, "moved"), (1, 3, "all")]
    ):
        pairs[f"Segment{number}_Layer"] = str(layer)
        pairs[f"Segment{number}_LabelValue"] = str(value)
        pairs[f"Segment{number}_Name"] = name
    seg = ImageFile(labels, reference_frame, Header("made"), frames_first=True, pairs=pairs)
    write_like(seg, labels, reference_frame, tmp_path / "a.seg.nrrd")
    measure(folder, "--labels", tmp_path / "a.seg.nrrd", "-o", tmp_path / "table.csv")
    with (tmp_path / "table.csv").open() as stream:
        rows = list(csv.DictReader(stream))
    assert [(row["label"], row["name"]) for row in rows] == [
        ("3", "still"),
        ("5", "moved"),
        ("3", "all"),
    ]
    assert [float(row["displacement_mean_mm"]) for row in rows] == [
        0,
        2,
        pytest.approx(8 / 7, 0.01),
    ]
    assert rows[0]["direction"] == "none"
    assert rows[1]["direction"] == direction_words(reference_frame.directions[:, 1])


def test_regions_of_the_degraded_scan_are_moved_first(
    make_result: Any, reference_frame: Grid, tmp_path: Path
) -> None:
    """A block at index 4 to 7 of d in the degraded scan lies 3 voxels further back there."""
    u = np.zeros((*reference_frame.shape, 3)) + 3 * reference_frame.linear[:, 0]
    u[:5] *= np.linspace(0.4, 1, 5)[:, None, None, None]
    folder = make_result(u, reference_frame)
    labels = np.zeros(reference_frame.shape, np.uint8)
    labels[8:12, 2:9, 3:9] = 1
    write_volume(Volume(labels, reference_frame.affine), tmp_path / "seg.nii.gz")
    measure(
        folder,
        "--labels",
        tmp_path / "seg.nii.gz",
        "--labels-of",
        "degraded",
        "-o",
        tmp_path / "a.csv",
    )
    measure(folder, "--labels", tmp_path / "seg.nii.gz", "-o", tmp_path / "b.csv")
    moved, still = (next(csv.DictReader((tmp_path / name).open())) for name in ("a.csv", "b.csv"))
    assert moved["voxels"] == still["voxels"] == str(4 * 7 * 6)
    full = 3 * reference_frame.spacing[0]
    assert float(still["displacement_mean_mm"]) == pytest.approx(full, abs=1e-2)
    assert float(moved["displacement_mean_mm"]) == pytest.approx(full, abs=1e-2)
    labels[8:12] = 0
    labels[4:6, 2:9, 3:9] = 1  # its place in the reference: 1 to 3, where u is shorter
    write_volume(Volume(labels, reference_frame.affine), tmp_path / "seg.nii.gz")
    argv = ("--labels", tmp_path / "seg.nii.gz", "--labels-of", "degraded", "--overwrite")
    measure(folder, *argv, "-o", tmp_path / "a.csv")
    moved = next(csv.DictReader((tmp_path / "a.csv").open()))
    assert float(moved["displacement_mean_mm"]) < 0.9 * full


def test_bad_input_is_said_in_words(
    result: Path, reference_frame: Grid, tmp_path: Path, capsys: Any
) -> None:
    noise = np.random.default_rng(0).random(reference_frame.shape).astype(np.float32)
    write_volume(Volume(noise, reference_frame.affine), tmp_path / "seg.nii.gz")
    measure(result, "--labels", tmp_path / "seg.nii.gz", code=3)
    assert "seg.nii.gz: The file holds fractions; labels are whole" in capsys.readouterr().err
    empty = np.zeros(reference_frame.shape, np.uint8)
    write_volume(Volume(empty, reference_frame.affine), tmp_path / "empty.nii.gz")
    measure(result, "--labels", tmp_path / "empty.nii.gz", code=3)
    assert "has no label inside" in capsys.readouterr().err
    (tmp_path / "t.csv").write_text("mine")
    measure(result, "-o", tmp_path / "t.csv", code=4)
    assert "--overwrite" in capsys.readouterr().err
    measure(result, "--jacobian-volume", tmp_path / "j.jpg", code=4)
    assert "expected a name that ends in" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("vector", "words"),
    [
        ((3, 0.1, 0), "right"),
        ((-3, -2.9, 0.2), "left-posterior"),
        ((1, 1, -1), "right-anterior-inferior"),
        ((0.01, 0, 0.02), "none"),
    ],
)
def test_directions_in_words(vector: tuple[float, ...], words: str) -> None:
    assert direction_words(np.array(vector)) == words


def test_no_input_and_no_other_output_is_replaced(
    result: Path, tmp_path: Path, reference_frame: Grid, capsys: Any
) -> None:
    labels, volume = tmp_path / "seg.nii.gz", "--displacement-volume"
    write_volume(Volume(np.ones(reference_frame.shape, np.uint8), reference_frame.affine), labels)
    before = labels.read_bytes()
    measure(result, "--labels", labels, volume, labels, "--overwrite", code=4)
    assert "would be replaced" in capsys.readouterr().err
    assert labels.read_bytes() == before
    measure(result, "-o", result / "report.json", "--overwrite", code=4)
    one = tmp_path / "one.nii.gz"
    measure(result, volume, one, "--jacobian-volume", one, code=4)
    assert "two outputs" in capsys.readouterr().err
    assert not one.exists()


def test_a_scan_in_place_of_labels_is_told(
    result: Path, tmp_path: Path, reference_frame: Grid, capsys: Any
) -> None:
    greys = np.random.default_rng(0).integers(0, 4000, reference_frame.shape).astype(np.int16)
    write_volume(Volume(greys, reference_frame.affine), tmp_path / "t1.nii.gz")
    measure(result, "--labels", tmp_path / "t1.nii.gz")
    assert "looks like a scan" in capsys.readouterr().err
    many = np.zeros(reference_frame.shape, np.int16)
    many[2:9, 2:13] = 40 + np.arange(11)[None, :, None]
    write_volume(Volume(many, reference_frame.affine), tmp_path / "many.nii.gz")
    measure(result, "--labels", tmp_path / "many.nii.gz")
    assert "looks like a scan" not in capsys.readouterr().err
