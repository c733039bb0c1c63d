"""`unifuse evaluate` on case folders: figures of known answers, broken cases, resuming, determinism."""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from UniFuseLib.errors import InputError
from UniFuseLib.evaluation.cases import read_case, read_index
from UniFuseLib.evaluation.evaluate import evaluate, named
from UniFuseLib.evaluation.sampling import pull
from UniFuseLib.evaluation.tables import results_table
from UniFuseLib.io import write_displacement, write_volume
from UniFuseLib.volume import Grid, Volume

TASKS = {
    "mr": ("mr", "mr", "mr_motion"),
    "ctmr": ("ct", "mr", "ct_metal_noise"),
    "petct": ("pet", "ct", "pet_low_dose"),
}
SCALE = {"mr": (0.0, 900.0), "ct": (-900.0, 1900.0), "pet": (0.1, 8.0)}


def frame(shape: tuple[int, int, int], spacing: tuple[float, float, float], turn: float) -> Grid:
    c, s = np.cos(turn), np.sin(turn)
    affine = np.eye(4)
    affine[:3, :3] = np.array([[c, -s, 0], [s, c, 0], [0, 0, 1]])[:, [2, 1, 0]] @ np.diag(spacing)
    affine[:3, 3] = np.array([4.0, -9.0, 2.0]) - affine[:3, :3] @ (np.array(shape) - 1) / 2
    return Grid(shape, affine)


def places(grid: Grid) -> np.ndarray:
    index = np.stack(np.meshgrid(*map(np.arange, grid.shape), indexing="ij"), axis=-1)
    return index @ grid.affine[:3, :3].T + grid.affine[:3, 3]


def make_case(folder: Path, name: str, task: str, shift: np.ndarray, label: str | None = None, seed: int = 0) -> None:
    """A clean source on a finer grid, moved by a constant `shift` (RAS mm): the truth is exact."""
    here = folder / name
    here.mkdir(parents=True)
    degraded_modality, reference_modality, degradation = TASKS[task]
    reference_grid, degraded_grid = (
        frame((13, 15, 17), (2.5, 1.5, 1.2), 0.4),
        frame((22, 26, 20), (1.6, 1.3, 1.7), -0.3),
    )
    rng = np.random.default_rng(seed)

    def picture(modality: str) -> Volume:
        big = frame((40, 40, 40), (2.0, 2.0, 2.0), 0.1)
        values = gaussian_filter(rng.random(big.shape), 1.5)
        low, span = SCALE[modality]
        values = low + span * (values - values.min()) / np.ptp(values)
        return Volume(values.astype(np.float32), big.affine)

    source, other = picture(degraded_modality), picture(reference_modality)
    aligned = Volume(pull(source, None, reference_grid), reference_grid.affine)
    moved = Volume(pull(source, np.zeros((*degraded_grid.shape, 3)) - shift, degraded_grid), degraded_grid.affine)
    noisy = Volume(moved.array + 0.04 * SCALE[degraded_modality][1] * rng.standard_normal(moved.array.shape).astype(
        np.float32), moved.affine)  # fmt: skip
    body = np.zeros(reference_grid.shape, np.uint8)
    body[3:-3, 3:-3, 4:-4] = 1
    write_volume(noisy, here / "degraded.nii.gz")
    write_volume(Volume(pull(other, None, reference_grid), reference_grid.affine), here / "reference.nii.gz")
    write_volume(aligned, here / "clean_aligned.nii.gz")
    write_volume(moved, here / "clean_misaligned.nii.gz")
    write_volume(Volume(body, reference_grid.affine), here / "body.nii.gz")
    field = np.zeros((*reference_grid.shape, 3)) + shift
    write_displacement(field, reference_grid, here / "field.nii.gz")
    names = ("degraded", "reference", "field", "clean_aligned", "clean_misaligned", "body")
    length = float(np.linalg.norm(shift))
    text = {
        "version": 1, "id": name, "task": task, "bin": "0-3" if length < 3 else "3-8", "seed": seed,
        "class": label or degradation, "degraded_modality": degraded_modality,
        "reference_modality": reference_modality, "degradation": {}, "misalignment": {},
        "mean_displacement_mm": length, "files": {n: f"{n}.nii.gz" for n in names}, "sources": {},
    }  # fmt: skip
    (here / "case.json").write_text(json.dumps(text))


def make_index(folder: Path, names: list[str]) -> None:
    (folder / "cases.json").write_text(json.dumps({"version": 1, "cases": names}))


SHIFTS = {"a": np.array([2.0, -3.0, 6.0]), "b": np.array([1.0, 2.0, -1.5]), "c": np.array([-4.0, 2.0, 4.0])}


@pytest.fixture(scope="module")
def cases(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("cases")
    for seed, (name, task) in enumerate(zip("abc", TASKS, strict=True)):
        make_case(folder, name, task, SHIFTS[name], seed=seed)
    make_index(folder, ["a", "b", "c"])
    return folder


@dataclass(frozen=True)
class Result:
    fused: Volume
    restored: Volume
    displacement: np.ndarray
    probabilities: dict[str, float]
    label: str


def identity(degraded: Volume, reference: Volume, *, degraded_modality: str, reference_modality: str) -> Result:
    """Does nothing: shows the degraded volume where its header says it lies."""
    here = pull(degraded, None, reference.grid)
    field = np.zeros((*reference.array.shape, 3), np.float32)
    fused = Volume(np.full(reference.array.shape, 0.5, np.float32), reference.affine)
    answer = {"mr": "mr_motion", "ct": "ct_metal_noise", "pet": "clean"}[degraded_modality]
    others = {n: 0.1 for n in ("clean", "mr_motion", "ct_metal_noise", "pet_low_dose") if n != answer}
    return Result(fused, Volume(here, reference.affine), field, {answer: 0.7, **others}, answer)


def shifted(shift: np.ndarray):
    def fuse(degraded: Volume, reference: Volume, **modalities: str) -> Result:
        field = np.zeros((*reference.array.shape, 3)) + shift
        restored = Volume(pull(degraded, field, reference.grid), reference.affine)
        result = identity(degraded, reference, **modalities)
        return Result(result.fused, restored, field, result.probabilities, result.label)

    return fuse


def without_seconds(content):
    if isinstance(content, dict):
        return {k: without_seconds(v) for k, v in content.items() if "seconds" not in k}
    return [without_seconds(v) for v in content] if isinstance(content, list) else content


def test_identity_scores_exactly_the_simulated_displacement(cases, tmp_path):
    found = evaluate(cases, tmp_path, identity, checksum="w").summary
    for name, task in zip("abc", TASKS, strict=True):
        length = np.linalg.norm(SHIFTS[name])
        row = found["summary"][task]
        for key in ("mean", "median", "p95", "worst"):
            assert row["tre_mm"][key] == pytest.approx(length, abs=1e-5)
            assert row["tre_mm"][key] == row["tre_before_mm"][key]
        assert row["folds_percent"] == 0.0
    assert found["summary"]["mr"]["class_accuracy"] == 1.0
    assert found["summary"]["petct"]["class_accuracy"] == 0.0
    assert found["classification"]["accuracy"] == pytest.approx(2 / 3)


def test_the_true_field_scores_zero_and_the_flipped_one_twice_the_shift(cases, tmp_path):
    only = tmp_path / "cases"
    shutil.copytree(cases / "a", only / "a")
    make_index(only, ["a"])
    right = evaluate(only, tmp_path / "r", shifted(SHIFTS["a"]), checksum="w").summary["summary"]["mr"]
    assert right["tre_mm"]["worst"] == pytest.approx(0.0, abs=1e-5)
    assert right["alignment"]["cc"] > 0.9
    assert right["restoration_gain_db"] == pytest.approx(0.0, abs=1e-3)  # the untreated scan, aligned by the truth
    flipped = evaluate(only, tmp_path / "f", shifted(-SHIFTS["a"]), checksum="w").summary["summary"]["mr"]
    assert flipped["tre_mm"]["mean"] == pytest.approx(14.0, abs=1e-4)
    assert flipped["alignment"]["cc"] < right["alignment"]["cc"] - 0.2
    swapped = evaluate(only, tmp_path / "s", shifted(SHIFTS["a"][::-1]), checksum="w").summary["summary"]["mr"]
    assert swapped["tre_mm"]["mean"] == pytest.approx(np.linalg.norm(SHIFTS["a"] - SHIFTS["a"][::-1]), abs=1e-4)


def test_json_has_the_promised_keys(cases, tmp_path):
    found = evaluate(cases, tmp_path, identity, checksum="w").summary
    on_disk = json.loads((tmp_path / "summary.json").read_text())
    assert on_disk == found
    assert set(found["summary"]) == set(TASKS)
    assert found["bins"]["3-8"].keys() == {"mr", "petct"}
    for row in (found["summary"]["ctmr"], found["bins"]["0-3"]["ctmr"]):
        assert row["cases"] == 1
        assert {"mean", "median", "p95"} <= row["tre_before_mm"].keys() & row["tre_mm"].keys()
        assert {"mse", "cc", "psnr", "scd", "vif", "ssim"} <= row["fusion"].keys()
        for key in ("folds_percent", "class_accuracy", "calibration_error", "restoration_psnr_db",
                    "restoration_gain_db", "cpu_seconds"):  # fmt: skip
            assert isinstance(row[key], float), key


def test_two_runs_give_identical_figures(cases, tmp_path):
    first = evaluate(cases, tmp_path / "1", identity, checksum="w").summary
    second = evaluate(cases, tmp_path / "2", identity, checksum="w").summary
    assert without_seconds(first) == without_seconds(second)


def test_resume_runs_only_what_is_missing_or_of_other_weights(cases, tmp_path):
    calls: list[str] = []

    def counting(degraded, reference, **modalities):
        calls.append(modalities["degraded_modality"])
        return identity(degraded, reference, **modalities)

    first = evaluate(cases, tmp_path, counting, checksum="w").summary
    (tmp_path / "cases" / "b.json").write_text("{ cut off")
    again = evaluate(cases, tmp_path, counting, checksum="w", resume=True).summary
    assert calls == ["mr", "ct", "pet", "ct"]
    assert without_seconds(again) == without_seconds(first)
    evaluate(cases, tmp_path, counting, checksum="other", resume=True)
    assert len(calls) == 7


def rewrite(path: Path, **changes: object) -> None:
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))


def remove_field(case: Path) -> None:
    (case / "field.nii.gz").unlink()


def crop_body(case: Path) -> None:
    grid = frame((13, 15, 16), (2.5, 1.5, 1.2), 0.4)
    write_volume(Volume(np.ones(grid.shape, np.uint8), grid.affine), case / "body.nii.gz")


def move_clean(case: Path) -> None:
    from UniFuseLib.io import read_volume

    clean = read_volume(case / "clean_aligned.nii.gz")
    affine = clean.affine.copy()
    affine[0, 3] += 1.0
    write_volume(Volume(clean.array, affine), case / "clean_aligned.nii.gz")


def flip_truth(case: Path) -> None:
    from UniFuseLib.io import read_displacement

    field, grid = read_displacement(case / "field.nii.gz")
    write_displacement(-field, grid, case / "field.nii.gz")


def lengthen(case: Path) -> None:
    rewrite(case / "case.json", mean_displacement_mm=9.0)


def rename_class(case: Path) -> None:
    rewrite(case / "case.json", **{"class": "blurry"})


def empty_body(case: Path) -> None:
    from UniFuseLib.io import read_volume

    body = read_volume(case / "body.nii.gz")
    write_volume(Volume(np.zeros_like(body.array), body.affine), case / "body.nii.gz")


def truncate(case: Path) -> None:
    path = case / "degraded.nii.gz"
    path.write_bytes(path.read_bytes()[:400])


BROKEN = [
    (remove_field, "missing field.nii.gz"),
    (crop_body, "body contradicts the geometry"),
    (move_clean, "clean_aligned contradicts the geometry"),
    (flip_truth, "wrong sign"),
    (lengthen, "case.json says 9.00"),
    (rename_class, "expected class"),
    (empty_body, "body mask is empty"),
    (truncate, "degraded.nii.gz"),
    (lambda case: (case / "case.json").write_text("no json"), "case.json"),
    (lambda case: (case / "case.json").unlink(), "case.json"),
]


@pytest.mark.parametrize(("spoil", "message"), BROKEN, ids=[m for _, m in BROKEN])
def test_broken_cases_are_named_skipped_and_the_run_goes_on(cases, tmp_path, spoil, message):
    folder = tmp_path / "cases"
    shutil.copytree(cases, folder)
    spoil(folder / "a")
    found = evaluate(folder, tmp_path / "out", identity, checksum="w")
    assert [s["id"] for s in found.skipped] == ["a"]
    assert message in found.skipped[0]["reason"]
    assert found.summary["ids"] == ["b", "c"]
    assert "a (" in named(found.skipped)
    assert "Skipped cases" in found.tables


def test_a_method_that_fails_on_one_case_does_not_end_the_run(cases, tmp_path):
    def fragile(degraded, reference, **modalities):
        if modalities["degraded_modality"] == "ct":
            raise InputError("The degraded volume is constant.")
        return identity(degraded, reference, **modalities)

    found = evaluate(cases, tmp_path, fragile, checksum="w")
    assert [s["id"] for s in found.skipped] == ["b"]


def test_output_that_is_not_finite_is_a_failure_not_a_score(cases, tmp_path):
    def broken(degraded, reference, **modalities):
        result = identity(degraded, reference, **modalities)
        return Result(
            result.fused,
            result.restored,
            np.full_like(result.displacement, np.nan),
            result.probabilities,
            result.label,
        )

    assert len(evaluate(cases, tmp_path, broken, checksum="w").skipped) == 3


def test_index_must_be_there_and_of_this_version(tmp_path):
    with pytest.raises(InputError, match=r"cases\.json"):
        read_index(tmp_path)
    (tmp_path / "cases.json").write_text('{"version": 9, "cases": ["a"]}')
    with pytest.raises(InputError, match="version 1"):
        read_index(tmp_path)


def test_case_reads_the_truth_as_ras(cases):
    case = read_case(cases, "a")
    np.testing.assert_allclose(case.truth, np.zeros_like(case.truth) + SHIFTS["a"], atol=1e-5)
    assert case.body.dtype == bool


def test_results_table_has_a_row_per_task_and_one_for_all(cases, tmp_path):
    table = results_table(evaluate(cases, tmp_path, identity, checksum="w").summary)
    assert [line.split("|")[1].strip() for line in table.splitlines()[2:]] == ["mr", "ctmr", "petct", "all"]
    assert "7.00 → 7.00" in table
