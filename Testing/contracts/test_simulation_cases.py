"""What `unifuse simulate` promises: the folder that evaluation reads, true fields, and sentences
for bad rows.
"""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import SimpleITK as sitk

from Testing.contracts.case_tables import ANATOMY, HEAD, table
from UniFuseLib.cli import main
from UniFuseLib.errors import InputError
from UniFuseLib.evaluation.cases import read_case
from UniFuseLib.io.volumes import write_volume
from UniFuseLib.simulation.case_folder import read_index
from UniFuseLib.simulation.heads import crop_to_head, rescan
from UniFuseLib.simulation.tasks import BINS
from UniFuseLib.spatial.volume import Grid, Volume


def oblique(shape: tuple[int, int, int], spacing: tuple[float, float, float], angle: float) -> Grid:
    """d near S, h near P, w near L, turned; centred 30 mm from the origin."""
    c, s = np.cos(np.deg2rad(angle)), np.sin(np.deg2rad(angle))
    turn = np.array([[1, 0, 0], [0, c, -s], [0, s, c]]) @ np.array(
        [[c, 0, s], [0, 1, 0], [-s, 0, c]]
    )
    affine = np.eye(4)
    affine[:3, :3] = turn @ np.array([[0, 0, -1.0], [0, -1.0, 0], [1.0, 0, 0]]) * spacing
    affine[:3, 3] = np.array([10.0, -20.0, 30.0]) - affine[:3, :3] @ (np.array(shape) - 1) / 2
    return Grid(shape, affine)


def scan(grid: Grid, inside: float, structure: float, outside: float) -> Volume:
    """An ellipsoid body with structure, given in RAS so that every grid shows the same patient."""
    index = np.moveaxis(np.indices(grid.shape, dtype=float), 0, -1)
    world = index @ grid.affine[:3, :3].T + grid.affine[:3, 3] - [10.0, -20.0, 30.0]
    body = ((world / [42, 38, 48]) ** 2).sum(-1) < 1
    waves = (
        np.sin(world[..., 0] / 7) + np.cos(world[..., 1] / 6 + 1) + np.sin(world[..., 2] / 9 + 2)
    )
    bone = np.exp(-(((world[..., :2] - [8, -6]) / 7) ** 2).sum(-1))
    return Volume(
        np.where(body, inside + structure * (waves + 4 * bone), outside).astype(np.int16),
        grid.affine,
    )


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder with one patient on three grids and a small label map of a head."""
    root = tmp_path_factory.mktemp("data")
    write_volume(scan(oblique((27, 40, 44), (4.0, 2.5, 2.4), 8.0), 300, 60, 0), root / "t1.nii.gz")
    write_volume(
        scan(oblique((35, 34, 38), (3.0, 3.0, 2.8), -11.0), 250, 50, 0), root / "t2.nii.gz"
    )
    write_volume(
        scan(oblique((31, 48, 50), (3.3, 2.2, 2.2), 5.0), 40, 90, -1000), root / "ct.nii.gz"
    )
    pet = scan(oblique((30, 26, 28), (3.6, 4.2, 4.2), 0.0), 20, 6, 0)
    write_volume(Volume((pet.array / 10).astype(np.float32), pet.affine), root / "pet.nii.gz")
    grid = oblique((50, 52, 48), (2.4, 2.4, 2.4), 0.0)
    body = scan(grid, 1000, 60, 0).array
    labels = np.select([body == 0, body < 960, body < 1010, body < 1090], [0, 511, 507, 3], 2)
    write_volume(Volume(labels.astype(np.uint16), grid.affine), root / "labels.nii.gz")
    return root


def test_the_stress_test_is_what_it_was_before_there_were_groups(data: Path, cases: Path) -> None:
    """Draws and voxels of a case as the first version of the simulator made them."""
    text = json.loads((cases / "motion" / "case.json").read_text(encoding="utf-8"))
    assert not {"group", "misalignment_kind", "acquisition"} & set(text)
    drawn = text["misalignment"]
    expected = {
        "rotation_deg": [-0.7834256047, 0.0972148093, -0.4579414954],
        "translation_mm": [3.0408517631, -3.9011775192, -0.3137251709],
        "log_scale": [-0.0080013028, 0.0155882933, -0.0054876376],
        "elastic_mm": 3.7767312666,
        "control_mm": 50.7609069347,
    }
    for name, value in expected.items():
        assert drawn[name] == pytest.approx(value, rel=1e-6), name
    assert drawn["seed"] == 1604479071
    assert text["mean_displacement_mm"] == pytest.approx(5.7394, abs=1e-3)
    sums = {"clean_misaligned": 3329981, "degraded": 3670425, "body": 13348}
    for name, total in sums.items():
        image = sitk.ReadImage(str(cases / "motion" / f"{name}.nii.gz"))
        assert int(sitk.GetArrayFromImage(image).sum()) == pytest.approx(total, rel=1e-4), name


@pytest.fixture(scope="module")
def grouped(data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Cases of four groups, made by the command."""
    output = tmp_path_factory.mktemp("grouped") / "cases"
    rows = [
        "slab,t2.nii.gz,t1.nii.gz,mr,21,3-8,clean,,,,slab,head,slab",
        "apart,pet.nii.gz,t1.nii.gz,petmr,22,>15,,,,,apart,apart,",
        "thick,t1.nii.gz,ct.nii.gz,mrct,23,8-15,,,,,thick,body,thick",
        "bare,labels.nii.gz,labels.nii.gz,mr,24,3-8,clean,t2,t1,,stripped,head,stripped",
    ]
    listed = table(output.parent / "cases.csv", *rows, head=HEAD + ANATOMY)
    assert main(["simulate", str(listed), "--data", str(data), "--output", str(output)]) == 0
    return output


def test_cases_of_every_group_are_read_and_believed(grouped: Path) -> None:
    found = {name: read_case(grouped, name) for name in read_index(grouped)}
    assert [case.group for case in found.values()] == ["slab", "apart", "thick", "stripped"]
    assert (found["apart"].degraded_modality, found["apart"].reference_modality) == ("pet", "mr")
    assert (found["thick"].degraded_modality, found["thick"].reference_modality) == ("mr", "ct")
    for case in found.values():
        low, high = BINS[case.bin]
        assert low <= np.linalg.norm(case.truth[case.body], axis=1).mean() < high
    assert 8 in found["slab"].degraded.array.shape
    assert max(found["thick"].degraded.grid.spacing) == pytest.approx(6.0, abs=0.5)
    bare = found["bare"]
    assert bare.labels_degraded is not None
    assert bare.labels_reference is not None
    assert not bare.degraded.array[bare.labels_degraded.array >= 500].any()
    assert bare.reference.array[bare.labels_reference.array >= 500].any()


@pytest.fixture(scope="module")
def cases(data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four cases made by the command, one per task and a clean one."""
    output = tmp_path_factory.mktemp("made") / "cases"
    rows = [
        "motion,t2.nii.gz,t1.nii.gz,mr,1,3-8,,",
        "metal,ct.nii.gz,t1.nii.gz,ctmr,2,8-15,,labels.nii.gz",
        "dose,pet.nii.gz,ct.nii.gz,petct,3,0-3,,",
        "still,ct.nii.gz,t1.nii.gz,ctmr,4,3-8,clean,",
    ]
    listed = table(output.parent / "cases.csv", *rows, head=HEAD + ",class,labels")
    assert main(["simulate", str(listed), "--data", str(data), "--output", str(output)]) == 0
    return output


def test_evaluation_reads_and_believes_every_case(cases: Path) -> None:
    """`read_case` checks geometry, length and direction of the field against the clean scans."""
    assert read_index(cases) == ["motion", "metal", "dose", "still"]
    for name in read_index(cases):
        case = read_case(cases, name)
        low, high = BINS[case.bin]
        assert low <= np.linalg.norm(case.truth[case.body], axis=1).mean() < high
        assert case.reference.grid.shape != case.degraded.grid.shape


def test_case_says_what_it_is(cases: Path) -> None:
    text = json.loads((cases / "metal" / "case.json").read_text(encoding="utf-8"))
    assert (text["task"], text["class"], text["seed"], text["bin"]) == (
        "ctmr",
        "ct_metal_noise",
        2,
        "8-15",
    )
    assert (text["degraded_modality"], text["reference_modality"]) == ("ct", "mr")
    assert text["degradation"]["class"] == "ct_metal_noise"
    assert text["degradation"]["implants"]
    assert text["sources"]["degraded"] == "ct.nii.gz"
    assert str(cases.parent) not in json.dumps(text)


def test_itk_brings_the_clean_scan_back(cases: Path) -> None:
    """The written field in SimpleITK's own hands."""
    for name in ("motion", "metal", "dose"):
        here = cases / name
        field = sitk.ReadImage(str(here / "field.nii.gz"), sitk.sitkVectorFloat64)
        moved = sitk.Cast(sitk.ReadImage(str(here / "clean_misaligned.nii.gz")), sitk.sitkFloat64)
        target = sitk.ReadImage(str(here / "reference.nii.gz"))
        pulled = sitk.Resample(
            moved, target, sitk.DisplacementFieldTransform(field), sitk.sitkLinear, 0.0
        )
        body = sitk.GetArrayFromImage(sitk.ReadImage(str(here / "body.nii.gz"))) > 0
        expected = sitk.GetArrayFromImage(sitk.ReadImage(str(here / "clean_aligned.nii.gz")))[body]
        plain = sitk.GetArrayFromImage(
            sitk.Resample(moved, target, sitk.Transform(), sitk.sitkLinear, 0.0)
        )[body]
        agreement = np.corrcoef(sitk.GetArrayFromImage(pulled)[body], expected)[0, 1]
        assert agreement > 0.93
        assert agreement > np.corrcoef(plain, expected)[0, 1]


def test_labels_travel_with_the_scan(cases: Path) -> None:
    case = read_case(cases, "metal")
    assert case.labels_degraded is not None
    assert case.labels_degraded.grid.same_as(case.degraded.grid, 1e-2)
    assert set(np.unique(case.labels_degraded.array)) <= {0, 2, 3, 507, 511}


def test_clean_case_is_clean_and_degraded_ones_are_not(cases: Path) -> None:
    for name in read_index(cases):
        case = read_case(cases, name)
        same = np.array_equal(case.degraded.array, case.clean_misaligned.array)
        assert same == (name == "still")
        assert case.degraded.array.dtype == case.clean_misaligned.array.dtype


def test_same_table_same_bytes(cases: Path, data: Path, tmp_path: Path) -> None:
    listed = table(tmp_path / "cases.csv", "motion,t2.nii.gz,t1.nii.gz,mr,1,3-8")
    assert (
        main(["simulate", str(listed), "--data", str(data), "--output", str(tmp_path / "again")])
        == 0
    )
    for name in ("degraded", "clean_misaligned", "field"):
        first, second = (
            sitk.ReadImage(str(d / "motion" / f"{name}.nii.gz"))
            for d in (cases, tmp_path / "again")
        )
        assert np.array_equal(sitk.GetArrayFromImage(first), sitk.GetArrayFromImage(second))


def test_head_from_a_label_map(data: Path, tmp_path: Path) -> None:
    listed = table(
        tmp_path / "cases.csv",
        "head,labels.nii.gz,labels.nii.gz,ctmr,9,3-8,ct,t1",
        head=HEAD + ",degraded_contrast,reference_contrast",
    )
    assert (
        main(["simulate", str(listed), "--data", str(data), "--output", str(tmp_path / "out")]) == 0
    )
    case = read_case(tmp_path / "out", "head")
    assert case.degraded.array.min() < -900
    assert case.reference.array.min() >= 0
    assert case.labels_reference is not None


def test_bad_rows_are_named_and_the_others_made(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    listed = table(
        tmp_path / "cases.csv",
        "good,pet.nii.gz,ct.nii.gz,petct,3,0-3",
        "lost,nowhere.nii.gz,ct.nii.gz,petct,3,0-3",
        "far,pet.nii.gz,ct.nii.gz,petct,3,15-30",
        "good,pet.nii.gz,ct.nii.gz,petct,4,0-3",
        "../up,pet.nii.gz,ct.nii.gz,petct,4,0-3",
        "when,pet.nii.gz,ct.nii.gz,petct,soon,0-3",
        "what,pet.nii.gz,ct.nii.gz,us,3,0-3",
    )
    code = main(["simulate", str(listed), "--data", str(data), "--output", str(tmp_path / "out")])
    told = capsys.readouterr().err
    assert code == InputError.exit_code
    assert read_index(tmp_path / "out") == ["good"]
    assert not (tmp_path / "out" / "lost").exists()
    for part in (
        "nowhere.nii.gz",
        "'15-30'",
        "used before",
        "'../up'",
        "'soon'",
        "'us'",
        "1 case(s) made",
    ):
        assert part in told


def test_an_index_that_cannot_be_written_is_told(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    write = Path.write_text

    def refuse(self: Path, *args: Any, **options: Any) -> int:
        if "cases." in self.name:
            raise PermissionError(13, "Permission denied")
        return write(self, *args, **options)

    monkeypatch.setattr(
        Path, "write_text", refuse
    )  # root may write anywhere, so the refusal is played
    listed = tmp_path / "table.csv"
    listed.write_bytes(f"{HEAD}\ngood,pet.nii.gz,ct.nii.gz,petct,3,0-3\n".encode())
    assert (
        main(["simulate", str(listed), "--data", str(data), "--output", str(tmp_path / "out")]) == 3
    )
    assert "good: Cannot write" in capsys.readouterr().err


def test_cases_are_not_replaced_by_accident(cases: Path, data: Path, tmp_path: Path) -> None:
    listed = table(tmp_path / "cases.csv", "motion,t2.nii.gz,t1.nii.gz,mr,77,0-3")
    before = (cases / "motion" / "case.json").read_bytes()
    arguments = ["simulate", str(listed), "--data", str(data), "--output", str(cases)]
    assert main(arguments) != 0
    assert (cases / "motion" / "case.json").read_bytes() == before


@pytest.mark.slow
def test_demo_makes_one_case_per_task(tmp_path: Path) -> None:
    assert main(["simulate", "--demo", "--output", str(tmp_path / "demo")]) == 0
    assert [read_case(tmp_path / "demo", name).task for name in read_index(tmp_path / "demo")] == [
        "mr",
        "ctmr",
        "petct",
    ]


def test_cropping_and_rescanning_leave_every_point_in_its_place() -> None:
    """A linear ramp in world coordinates stays that ramp on the new grid."""
    grid = oblique((30, 33, 36), (1.0, 1.0, 1.0), 10.0)
    index = np.moveaxis(np.indices(grid.shape, dtype=float), 0, -1)
    world = index @ grid.affine[:3, :3].T + grid.affine[:3, 3]
    ramp = (100 + 2 * world[..., 0] - world[..., 1] + 3 * world[..., 2]).astype(np.float32)
    coarse = rescan(Volume(ramp, grid.affine), "t2")
    assert coarse.grid.shape == (10, 33, 36)
    assert coarse.grid.spacing[0] == pytest.approx(3.0)
    index = np.moveaxis(np.indices(coarse.grid.shape, dtype=float), 0, -1)
    there = index @ coarse.affine[:3, :3].T + coarse.affine[:3, 3]
    expected = 100 + 2 * there[..., 0] - there[..., 1] + 3 * there[..., 2]
    np.testing.assert_allclose(coarse.array[2:-2], expected[2:-2], atol=0.05)
    marked = np.zeros(grid.shape, np.uint16)
    marked[15, 20, 17] = 3
    cropped = crop_to_head(Volume(marked, grid.affine))
    place = cropped.affine @ [*np.argwhere(cropped.array == 3)[0], 1]
    np.testing.assert_allclose(place, grid.affine @ [15, 20, 17, 1])
