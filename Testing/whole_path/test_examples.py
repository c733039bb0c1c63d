"""The scripts of `examples/` run as a reader would run them, on the sample pair.

The first in a process of its own, the others as the main program of this one: a process more costs
as much as what most of them do.
"""

from __future__ import annotations

import csv
import io
import json
import os
import re
import runpy
import subprocess
import sys
from contextlib import redirect_stdout
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk

from UniFuseLib import Volume, load_model, read_displacement, read_volume, write_volume
from UniFuseLib.cli import main
from UniFuseLib.device import choose_device

ROOT = Path(__file__).resolve().parents[2]
EXAMPLES = ROOT / "examples"
SAMPLE = ROOT / "Resources" / "SampleData"
DEGRADED, REFERENCE = SAMPLE / "degraded.nii.gz", SAMPLE / "reference.nii.gz"
COARSE = ("--working-spacing", "6")  # mm: a fusion in about five CPU seconds


def run(script: str, *arguments: object, code: int = 0) -> str:
    """What the script prints; it must end with `code`."""
    printed = io.StringIO()
    argv = [str(EXAMPLES / script), *map(str, arguments)]
    with pytest.MonkeyPatch.context() as patch, redirect_stdout(printed):
        patch.setattr(sys, "argv", argv)
        try:
            runpy.run_path(argv[0], run_name="__main__")
            ended: object = 0
        except SystemExit as end:
            ended = end.code or 0
    assert ended == code
    return printed.getvalue()


def run_alone(script: str, *arguments: object) -> str:
    """What the script prints in a process of its own."""
    done = subprocess.run(
        [sys.executable, str(EXAMPLES / script), *map(str, arguments)],
        capture_output=True,
        text=True,
        encoding="utf-8",
        check=False,
        env={**os.environ, "PYTHONPATH": str(ROOT), "PYTHONUTF8": "1"},
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A pair of the sample's file names, of its middle third: for what needs no whole head."""
    folder = tmp_path_factory.mktemp("small")
    for path in (DEGRADED, REFERENCE):
        volume = read_volume(path)
        middle = tuple(slice(n // 3, 2 * n // 3) for n in volume.array.shape)
        affine = volume.affine.copy()
        affine[:3, 3] += volume.grid.linear @ [part.start for part in middle]
        write_volume(Volume(volume.array[middle], affine), folder / path.name)
    return folder


@pytest.fixture(scope="module")
def fused(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder that `fuse_two_files.py` has filled."""
    folder = tmp_path_factory.mktemp("fused")
    printed = run_alone("fuse_two_files.py", DEGRADED, REFERENCE, folder / "out", *COARSE)
    assert re.fullmatch(r"(clean|mr_motion): \d+%", printed.strip())
    return folder / "out"


@pytest.mark.slow
def test_two_files_become_volumes_on_the_grid_of_the_reference(fused: Path) -> None:
    reference = read_volume(REFERENCE)
    for name in ("fused", "restored"):
        assert read_volume(fused / f"{name}.nii.gz").grid.same_as(reference.grid)
    displacement, grid = read_displacement(fused / "deformation.nii.gz")
    assert grid.same_as(reference.grid)
    assert 3 < np.linalg.norm(displacement, axis=-1).mean() < 15  # truth in the body: 6.0 mm


@pytest.mark.slow
def test_the_table_of_pairs_is_one_for_the_batch(small: Path, tmp_path: Path) -> None:
    """On a small pair, where the table says that the sample pair lies."""
    with (EXAMPLES / "pairs.csv").open(encoding="utf-8", newline="") as file:
        pairs = {row[side] for row in csv.DictReader(file) for side in ("degraded", "reference")}
    assert {(EXAMPLES / name).resolve() for name in pairs} == {DEGRADED, REFERENCE}
    table = tmp_path / "examples" / "pairs.csv"
    table.parent.mkdir()
    table.write_bytes((EXAMPLES / "pairs.csv").read_bytes())
    (tmp_path / "Resources" / "SampleData").mkdir(parents=True)
    for path in small.iterdir():
        (tmp_path / "Resources" / "SampleData" / path.name).write_bytes(path.read_bytes())
    output = tmp_path / "out"
    assert main(["batch", str(table), "-o", str(output), "--jobs", "1", "--quiet"]) == 0
    with (output / "summary.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["name"] for row in rows] == ["sample", "sample_rigid"]
    assert {row["state"] for row in rows} == {"done"}


def test_the_field_moves_labels_and_points_onto_the_reference(fused: Path, tmp_path: Path) -> None:
    """Labels by nearest neighbour at X + u(X), computed here with numpy alone; points likewise."""
    degraded, reference = read_volume(DEGRADED), read_volume(REFERENCE)
    displacement, _ = read_displacement(fused / "deformation.nii.gz")
    slabs = np.indices(degraded.array.shape)
    labels = (1 + slabs[0] // 11 + 4 * (slabs[1] // 50) + 16 * (slabs[2] // 44)).astype(np.uint8)
    write_volume(Volume(labels, degraded.affine), tmp_path / "labels.nii.gz")
    chosen = [(24, 100, 90), (30, 60, 70), (12, 130, 110)]  # voxels inside the head
    places = [reference.affine[:3, :3] @ voxel + reference.affine[:3, 3] for voxel in chosen]
    with (tmp_path / "points.csv").open("w", newline="", encoding="utf-8") as stream:
        csv.writer(stream).writerows([("r", "a", "s"), *(place.tolist() for place in places)])

    arguments = (
        fused / "deformation.nii.gz",
        tmp_path / "labels.nii.gz",
        tmp_path / "moved.nii.gz",
    )
    printed = run("use_the_field.py", *arguments, "--points", tmp_path / "points.csv")

    points = np.array([line.split() for line in printed.splitlines()], dtype=float)
    expected = [place + displacement[voxel] for place, voxel in zip(places, chosen, strict=True)]
    np.testing.assert_allclose(points, expected, atol=0.02)
    index = np.linalg.solve(
        degraded.affine[:3, :3], (np.array(expected) - degraded.affine[:3, 3]).T
    )
    moved = read_volume(tmp_path / "moved.nii.gz")
    assert moved.grid.same_as(reference.grid)
    for voxel, place in zip(chosen, np.rint(index.T).astype(int), strict=True):
        assert moved.array[voxel] == labels[tuple(place)]


@pytest.mark.slow
def test_what_is_known_before_guides_the_alignment(tmp_path: Path) -> None:
    """A transform that is right stays; landmarks on it end where they belong."""
    reference = read_volume(REFERENCE)
    start = np.eye(4)
    start[:3, :3] = [[0.998, 0.044, 0.034], [-0.046, 0.998, 0.053], [-0.032, -0.054, 0.998]]
    start[:3, 3] = [-3.1, -3.9, 2.6]  # what the alignment finds on this pair
    flip = np.diag([-1.0, -1, 1, 1])
    lps = flip @ start @ flip
    transform = sitk.AffineTransform(lps[:3, :3].ravel(), lps[:3, 3])
    sitk.WriteTransform(transform, str(tmp_path / "start.tfm"))
    body = (reference.array > np.percentile(reference.array, 60)).astype(np.uint8)
    write_volume(Volume(body, reference.affine), tmp_path / "mask.nii.gz")
    voxels = np.array([(24, 100, 90), (30, 60, 70), (12, 130, 110), (20, 90, 50)])
    marks = voxels @ reference.grid.linear.T + reference.grid.origin
    for name, points in (("r", marks), ("d", marks @ start[:3, :3].T + start[:3, 3])):
        lines = ["x,y,z", *(f"{-x},{-y},{z}" for x, y, z in points.tolist())]
        (tmp_path / f"{name}.csv").write_text("\n".join(lines), encoding="utf-8")
    options = ["--initial-transform", tmp_path / "start.tfm"]
    options += ["--reference-mask", tmp_path / "mask.nii.gz"]
    options += ["--reference-landmarks", tmp_path / "r.csv"]
    options += ["--degraded-landmarks", tmp_path / "d.csv"]
    printed = run(
        "guide_the_alignment.py", DEGRADED, REFERENCE, tmp_path / "out", *options, *COARSE
    )
    before, after = (
        float(v) for v in re.findall(r"Landmarks: ([\d.]+) mm before, ([\d.]+)", printed)[0]
    )
    assert after < 2 < 4 < before


@pytest.fixture(scope="module")
def result(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder that `unifuse fuse` has filled."""
    folder = tmp_path_factory.mktemp("result") / "out"
    command = ["fuse", str(DEGRADED), str(REFERENCE), "--output", str(folder)]
    assert main([*command, "--no-overview", "--quiet", *COARSE]) == 0
    return folder


def label_map(path: Path, folder: Path) -> Path:
    """Eight blocks on the grid of a volume."""
    volume = read_volume(path)
    d, h, w = np.indices(volume.array.shape)
    middle = np.array(volume.array.shape) // 2
    labels = 1 + (d > middle[0]) + 2 * (h > middle[1]) + 4 * (w > middle[2])
    write_volume(Volume(labels.astype(np.uint8), volume.affine), folder / "labels.nii.gz")
    return folder / "labels.nii.gz"


@pytest.mark.slow
def test_labels_and_points_of_a_study_follow(result: Path, tmp_path: Path) -> None:
    labels = label_map(DEGRADED, tmp_path)
    point = ("--point", 5, -12, 20)
    printed = run("apply_to_a_study.py", result, labels, tmp_path / "moved.nii.gz", *point)
    moved = read_volume(tmp_path / "moved.nii.gz")
    assert moved.grid.same_as(read_volume(REFERENCE).grid)
    assert set(np.unique(moved.array)) <= set(range(9))
    there, back = (np.array(line.split()[1:], float) for line in printed.splitlines())
    assert 0.5 < np.linalg.norm(there - point[1:]) < 20
    np.testing.assert_allclose(back, point[1:], atol=0.02)


def test_regions_are_measured(result: Path, tmp_path: Path) -> None:
    printed = run("measure_regions.py", result, label_map(REFERENCE, tmp_path))
    lines = printed.splitlines()
    changes = [abs(float(re.findall(r"([-+][\d.]+) %", line)[0])) for line in lines]
    assert len(lines) == 8
    assert changes == sorted(changes, reverse=True)
    assert re.search(r" mm (left|right|anterior|posterior|superior|inferior)", printed)


def test_the_deformation_is_written_for_other_programs(result: Path, tmp_path: Path) -> None:
    pytest.importorskip("nitransforms")
    printed = run("export_the_transform.py", result, tmp_path / "files")
    for name in ("ants.nii.gz", "itk.h5", "fsl.nii.gz", "y_spm.nii", "mrtrix.nii.gz"):
        assert (tmp_path / "files" / name).is_file()
    for word in ("antsApplyTransforms", "applywarp --rel", "mri_warp_convert", "transformix"):
        assert word in printed
    assert re.search(r"mean error 0\.\d+ mm", printed)


def test_a_broken_pair_does_not_stop_the_others(small: Path, tmp_path: Path) -> None:
    for name in ("patient_1", "patient_2"):
        (tmp_path / "cases" / name).mkdir(parents=True)
    (tmp_path / "cases" / "patient_1" / "degraded.nii.gz").write_bytes(b"not an image")
    for path in small.iterdir():
        target = tmp_path / "cases" / "patient_2" / path.name
        target.write_bytes(path.read_bytes())

    run("fuse_a_folder.py", tmp_path / "cases", tmp_path / "out", *COARSE)

    with (tmp_path / "out" / "cases.csv").open(newline="", encoding="utf-8") as stream:
        broken, whole = csv.DictReader(stream)
    assert "degraded.nii.gz" in broken["error"]
    assert not broken["degradation"]
    assert (whole["case"], whole["error"]) == ("patient_2", "")
    assert 0.5 < float(whole["probability"]) <= 1
    assert (tmp_path / "out" / "patient_2_fused.nii.gz").is_file()
    assert not (tmp_path / "out" / "patient_1_fused.nii.gz").exists()


def test_training_on_own_data_leaves_weights_that_load(tmp_path: Path) -> None:
    run("train_on_own_data.py", tmp_path / "toy", "--steps", "2")
    log = (tmp_path / "toy" / "run" / "log.jsonl").read_text(encoding="utf-8").splitlines()
    assert len([line for line in log if "loss" in json.loads(line)]) >= 2
    weights = tmp_path / "toy" / "run" / "toy.safetensors"
    _, contract = load_model(weights, choose_device("cpu"))
    assert contract.name == "toy"
    assert contract.preset == "small"


def report(**changes: object) -> dict[str, object]:
    return {
        "class": "mr_motion",
        "probabilities": {"clean": 0.1, "mr_motion": 0.9},
        "class_calibrated": True,
        "displacement_mm": {"mean": 5.9, "median": 5.8, "p95": 9.0, "max": 11.0},
        "folds_percent": 0.0,
        "verdict": {"trust": "green", "reasons": []},
        "warnings": [],
        **changes,
    }


@pytest.mark.parametrize(
    ("changes", "remark"),
    [
        ({}, None),
        ({"warnings": ["Low confidence."]}, "Low confidence."),
        ({"verdict": {"trust": "red", "reasons": ["Left and right."]}}, "Left and right."),
        ({"folds_percent": 0.2}, "folds in 0.20 % of the body"),
    ],
)
def test_the_report_is_read(tmp_path: Path, changes: dict[str, object], remark: str | None) -> None:
    path = tmp_path / "report.json"
    path.write_text(json.dumps(report(**changes)), encoding="utf-8")
    printed = run("read_the_report.py", path, code=0 if remark is None else 1)
    assert printed.startswith("mr_motion: 90%\nDisplacement in the body: mean 5.9 mm")
    assert remark is None or remark in printed


def test_a_class_that_is_not_stated_is_not_printed(tmp_path: Path) -> None:
    path = tmp_path / "report.json"
    path.write_text(json.dumps(report(class_calibrated=False)), encoding="utf-8")
    assert run("read_the_report.py", path, code=0).startswith("Degradation not stated\n")


def test_the_report_of_the_command_is_read(result: Path) -> None:
    """The keys that the example reads are those that `unifuse fuse` writes."""
    content = json.loads((result / "report.json").read_text(encoding="utf-8"))
    warned = bool(content["warnings"]) or content["verdict"]["trust"] != "green"
    printed = run("read_the_report.py", result, code=int(warned))
    assert "Displacement in the body" in printed


def test_every_script_is_described_and_tested() -> None:
    scripts = {path.name for path in EXAMPLES.glob("*.py")}
    described = (EXAMPLES / "README.md").read_text(encoding="utf-8")
    tested = Path(__file__).read_text(encoding="utf-8")
    assert len(scripts) == 9
    for name in scripts:
        assert f"[{name}]({name})" in described
        assert re.search(rf'run(_alone)?\(\s*"{name}"', tested)
