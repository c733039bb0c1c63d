"""`unifuse bench`: stages, resuming, failures, the verdict, and one self-contained page."""

from __future__ import annotations

import json
import re
import shutil
import sys
from dataclasses import replace
from html.parser import HTMLParser
from typing import TYPE_CHECKING

import numpy as np
import pytest

from Testing.contracts.evaluate_standins import Result, reported
from UniFuseLib import predict
from UniFuseLib.errors import InputError, MissingDependencyError
from UniFuseLib.evaluation.baselines import choose
from UniFuseLib.evaluation.baselines.dependency import require
from UniFuseLib.evaluation.bench.bench import run_bench
from UniFuseLib.evaluation.bench.clock import measured, resident_peak_mb
from UniFuseLib.evaluation.bench.html import page
from UniFuseLib.evaluation.bench.job import Job, read_job, write_job
from UniFuseLib.evaluation.bench.method import MODEL, OURS, Method, method_of
from UniFuseLib.evaluation.bench.pictures import chosen
from UniFuseLib.evaluation.bench.plots import error_boxes
from UniFuseLib.evaluation.bench.run import BenchPlan, start_process
from UniFuseLib.evaluation.bench.stage import run_job
from UniFuseLib.evaluation.bench.tables import bench_table
from UniFuseLib.evaluation.bench.verdict import best_pipeline, verdicts
from UniFuseLib.evaluation.sampling import pull
from UniFuseLib.spatial.volume import Volume

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

PLAN = BenchPlan(
    ["none"], ["identity", "rigid"], ["average", "maximum"], weights=None, checksum="w"
)


class Stages:
    """Runs jobs in this process and counts them; `broken` names a stage that crashes."""

    def __init__(self, broken: str = "") -> None:
        self.done: list[str] = []
        self.broken = broken

    def __call__(self, path: Path) -> tuple[int, str]:
        job = read_job(path)
        self.done.append(f"{job.case_id}/{job.kind}/{job.name}")
        run_job(job)
        return (-11, "Segmentation fault") if job.name == self.broken else (0, "")


@pytest.fixture(scope="module")
def model(shifts) -> Iterator[None]:
    """A stand-in for our model that knows the answer to the first case."""

    class Contract:
        sha256 = "w"

    def fuse(degraded: Volume, reference: Volume, **_: object) -> Result:
        field = np.zeros((*reference.array.shape, 3), np.float32) + shifts["a"].astype(np.float32)
        restored = Volume(pull(degraded, field, reference.grid), reference.affine)
        probabilities = {"clean": 0.1, "mr_motion": 0.7, "ct_metal_noise": 0.1, "pet_low_dose": 0.1}
        fused = Volume(np.full(reference.array.shape, 0.5, np.float32), reference.affine)
        return Result(fused, restored, field, probabilities, "mr_motion")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("UniFuseLib.checkpoint.load_model", lambda path, device: (None, Contract()))
        patch.setattr("UniFuseLib.predict.fuse", fuse)
        yield


@pytest.fixture(scope="module")
def bench(case_folder, tmp_path_factory, model) -> tuple[dict, Path]:
    output = tmp_path_factory.mktemp("bench")
    weights = {"name": "test", "sha256": "w"}
    result = run_bench(case_folder, output, PLAN, weights=weights, limit=2, start=Stages())
    return result, output


def test_every_pipeline_and_the_model_have_a_row_with_known_figures(bench, shifts):
    result, output = bench
    methods = [r["method"] for r in result["rows"]]
    assert methods[0] == MODEL
    assert sorted(methods[1:]) == sorted(
        f"none+{r}+{f}" for r in PLAN.registrations for f in PLAN.fusions
    )
    by_method = {r["method"]: r for r in result["rows"]}
    still = by_method["none+identity+average"]["summary"]["mr"]
    assert still["tre_mm"]["mean"] == pytest.approx(np.linalg.norm(shifts["a"]), abs=1e-5)
    assert by_method[MODEL]["summary"]["mr"]["tre_mm"]["mean"] == pytest.approx(0.0, abs=1e-5)
    assert by_method[MODEL]["overall"]["class_accuracy"] == 0.5
    assert result == json.loads((output / "bench.json").read_text(encoding="utf-8"))
    assert result["seeds"] == {"a": 0, "b": 1}
    assert result["restorations"]["none"]["mr"]["gain_db"] == pytest.approx(0.0, abs=1e-9)


def test_a_class_that_is_not_stated_is_no_figure(case_folder, tmp_path, monkeypatch, model):
    fuse = predict.fuse
    monkeypatch.setattr(
        "UniFuseLib.predict.fuse",
        lambda *pair, **options: replace(
            fuse(*pair, **options), report=reported(class_calibrated=False)
        ),
    )
    plan = BenchPlan(["none"], ["identity"], ["average"], weights=None, checksum="w")
    result = run_bench(case_folder, tmp_path, plan, limit=1, start=Stages())
    own = next(row for row in result["rows"] if row["method"] == MODEL)
    assert own["overall"]["class_accuracy"] is None
    assert not judged(result["rows"])["classification ≥ 98 %"]


def test_every_registration_is_shown_by_group(case_folder, shifts, tmp_path):
    folder = tmp_path / "cases"
    shutil.copytree(case_folder, folder)
    description = folder / "a" / "case.json"
    text = {**json.loads(description.read_text(encoding="utf-8")), "group": "slab"}
    description.write_text(json.dumps(text), encoding="utf-8")
    plan = BenchPlan(["none"], ["identity", "rigid"], ["average"], weights=None, checksum=None)
    result = run_bench(folder, tmp_path / "out", plan, limit=2, start=Stages())
    rows = {row["registration"]: row for row in result["rows"]}
    assert set(rows["rigid"]["groups"]) == {"slab", "stress"}
    assert set(rows["rigid"]["summary"]) == {"ctmr"}
    still = rows["identity"]["groups"]["slab"]["tre_mm"]
    assert still["worst"] == pytest.approx(np.linalg.norm(shifts["a"]), abs=1e-5)
    shown = bench_table(result)
    assert "### Slab of 8 slices on whole head" in shown
    assert "| MI rigid | 1 | 7.00 / 7.00 / 7.00 |" in shown
    report = (tmp_path / "out" / "report.html").read_text(encoding="utf-8")
    assert "<h3>slab of 8 slices on whole head</h3>" in report


def test_registration_is_shared_between_fusions(bench):
    rows = {r["method"]: r for r in bench[0]["rows"]}
    first, second = rows["none+rigid+average"]["overall"], rows["none+rigid+maximum"]["overall"]
    assert first["tre_mm"] == second["tre_mm"]
    assert first["fusion"] != second["fusion"]


@pytest.mark.slow
def test_resume_keeps_finished_stages_and_repeats_what_changed(case_folder, tmp_path, model):
    first, second, third = Stages(), Stages(), Stages()
    run_bench(case_folder, tmp_path, PLAN, limit=1, start=first)
    assert first.done == [
        *(
            "a/restore/none",
            "a/register/identity",
            "a/register/rigid",
            "a/fuse/average",
            "a/fuse/maximum",
        ),
        "a/model/model",
    ]
    (tmp_path / "stages/a/register/none+rigid/stage.json").write_text("{ cut off")
    run_bench(case_folder, tmp_path, PLAN, limit=1, start=second, resume=True)
    assert second.done == ["a/register/rigid"]
    other = BenchPlan(
        ["none"],
        ["identity", "rigid"],
        ["average", "maximum"],
        weights=None,
        checksum="other weights",
    )
    run_bench(case_folder, tmp_path, other, limit=1, start=third, resume=True)
    assert third.done == ["a/model/model"]
    run_bench(case_folder, tmp_path, other, limit=1, start=(again := Stages()))
    assert again.done == first.done


@pytest.mark.slow
def test_a_baseline_that_crashes_is_named_and_the_others_go_on(case_folder, tmp_path, model):
    result = run_bench(case_folder, tmp_path, PLAN, limit=2, start=Stages(broken="rigid"))
    assert {(f["case"], f["stage"]) for f in result["failures"]} == {
        ("a", "register/none+rigid"),
        ("b", "register/none+rigid"),
    }
    assert "Segmentation fault" in result["failures"][0]["reason"]
    assert "none+identity+average" in {r["method"] for r in result["rows"]}
    assert "Segmentation fault" in (tmp_path / "report.html").read_text(encoding="utf-8")


def test_a_pipeline_is_not_drawn_where_it_failed(make_case, shifts, tmp_path, model, monkeypatch):
    """The volumes that an earlier run left there are not its answer."""
    for seed, name in enumerate("xy"):
        make_case(tmp_path / "cases", name, "mr", shifts["a"], seed=seed)
    (tmp_path / "cases" / "cases.json").write_text(json.dumps({"version": 1, "cases": ["x", "y"]}))
    stages, drawn = Stages(), {}

    def start(path: Path) -> tuple[int, str]:
        stages(path)
        return (1, "out of memory") if "y/register" in path.as_posix() else (0, "")

    def remember(panels, alt: str) -> str:
        drawn[alt[0]] = [title for title, _ in panels]
        return ""

    monkeypatch.setattr("UniFuseLib.evaluation.bench.pictures.slices", remember)
    plan = BenchPlan(["none"], ["identity"], ["average"], weights=None, checksum="w")
    run_bench(tmp_path / "cases", tmp_path / "out", plan, start=start)
    assert drawn["x"][-1] == "fused: no registration + average"
    assert drawn["y"][-1] == "fused: UniFuse"


def test_a_broken_case_is_skipped_and_named(case_folder, tmp_path, model):
    folder = tmp_path / "cases"
    shutil.copytree(case_folder, folder)
    (folder / "a" / "field.nii.gz").unlink()
    result = run_bench(folder, tmp_path / "out", PLAN, limit=2, start=Stages())
    assert [s["id"] for s in result["skipped"]] == ["a"]
    assert result["ids"] == ["b"]


class Tags(HTMLParser):
    """Collects tags and what they point at."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.outside: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in ("table", "div", "svg", "figure", "h2"):
            self.open.append(tag)
        for name, value in attrs:
            if (
                name in ("src", "href", "xlink:href")
                and value
                and not value.startswith(("data:", "#"))
            ):
                self.outside.append(value)

    def handle_endtag(self, tag: str) -> None:
        if tag in ("table", "div", "svg", "figure", "h2"):
            assert self.open.pop() == tag


def test_report_is_one_page_that_needs_nothing_else(bench):
    result, output = bench
    text = (output / "report.html").read_text(encoding="utf-8")
    tags = Tags()
    tags.feed(text)
    assert tags.open == []
    assert tags.outside == []
    assert text.count("<svg") == 4  # two plots per task
    assert (
        text.count("data:image/png") == 2
    )  # one case per task: best, median and worst are the same
    for row in result["rows"]:
        assert method_of(row).title in text
    assert "NOT met" in text
    for words in ("Conventions", "cores", "Seeds", "By mean displacement"):
        assert words in text


def test_names_cannot_break_the_page(bench):
    result = json.loads(json.dumps(bench[0]))
    result["failures"] = [{"case": "<script>", "stage": "x", "reason": "a < b & c"}]
    text = page(result, {})
    assert "<script>" not in text
    assert "a &lt; b &amp; c" in text


def test_a_failing_picture_costs_no_report(case_folder, tmp_path, model, monkeypatch):
    def failing(*args: object) -> None:
        raise ValueError("no mathematics")

    monkeypatch.setattr("UniFuseLib.evaluation.bench.bench.case_pictures", failing)
    lines: list[str] = []
    run_bench(case_folder, tmp_path, PLAN, limit=1, start=Stages(), log=lines.append)
    assert "<h3>Fusion</h3>" in (tmp_path / "report.html").read_text(encoding="utf-8")
    assert any("were not drawn: no mathematics" in line for line in lines)


def test_table_for_the_documentation(bench):
    table = bench_table(bench[0])
    assert "**UniFuse**" in table
    assert "| MI rigid |" in table
    assert "stress test" not in table  # one group alone says nothing more than the tasks do
    assert "MR on MR" in table
    assert re.search(r"\d+ of \d+ criteria met", table)


def figures(tre: float, cpu: float, quality: float, psnr: float = 20.0) -> dict:
    fusion = {k: quality for k in ("cc", "psnr", "scd", "vif", "ssim")} | {"mse": 1 - quality}
    return {
        "tre_mm": {"mean": tre}, "cpu_seconds": cpu, "fusion": fusion, "restoration_psnr_db": psnr,
        "class_accuracy": None,
    }  # fmt: skip


def row(method: Method, **tasks: dict) -> dict:
    return {**method._asdict(), "summary": tasks}


def rows(ours: dict, baselines: dict[Method, dict]) -> list[dict]:
    own = row(OURS, mr=ours | {"class_accuracy": 1.0})
    return [own, *(row(method, mr=found) for method, found in baselines.items())]


def judged(found: list[dict]) -> dict[str, bool]:
    return {line["criterion"]: line["met"] for line in verdicts(found)["mr"]}


ACCURATE = Method("none", "elastix", "average")
CHEAP = Method("nlm", "identity", "maximum")


def test_verdict_compares_with_the_best_of_every_kind():
    good, accurate = figures(1.0, 5.0, 0.9, 30), figures(2.0, 60.0, 0.5)
    cheap = figures(9.0, 0.1, 0.8, 25)
    baselines = {ACCURATE: accurate, CHEAP: cheap}
    assert all(judged(rows(good, baselines)).values())
    assert best_pipeline(baselines) == CHEAP
    slow = judged(rows(figures(1.0, 6.1, 0.9, 30), baselines))
    assert [c for c, met in slow.items() if not met] == ["CPU s, a tenth of the most accurate"]


def test_verdict_shows_what_is_missed():
    baseline = {Method("nlm", "elastix", "average"): figures(2.0, 60.0, 0.5, 20)}
    found = judged(rows(figures(3.0, 100.0, 0.4, 10), baseline))
    assert [c for c, met in found.items() if met] == ["classification ≥ 98 %"]
    assert verdicts([row(Method("none", "rigid", "average"))]) == {}


def test_a_method_is_called_by_what_it_does():
    assert Method("none", "elastix", "wavelet").title == "elastix + wavelets"
    assert Method("nlm", "syn", "average").alignment.title == "non-local means + ANTs SyN"
    assert OURS.title == OURS.alignment.title == "UniFuse"
    assert Method("nlm", "syn", "average").label == "nlm+syn+average"


def test_best_median_and_worst_are_different_cases():
    assert chosen({"x": 3.0, "y": 1.0, "z": 2.0}) == {"Best": "y", "Median": "z", "Worst": "x"}
    assert chosen({"x": 3.0}) == {"Best": "x"}


def test_cost_counts_cpu_seconds_and_memory_of_this_process():
    with measured() as cost:
        block = np.ones((300, 1000, 100))
        block.sum()
    assert cost.cpu_seconds > 0
    assert cost.peak_mb is None or cost.peak_mb > block.nbytes / 2**20
    peak_mb = resident_peak_mb()
    assert peak_mb is None or peak_mb > 20


@pytest.mark.slow
def test_a_stage_runs_in_a_fresh_process(case_folder, tmp_path):
    job = Job("restore", "none", str(case_folder), "a", str(tmp_path), "key")
    write_job(job, tmp_path / "job.json")
    assert start_process(tmp_path / "job.json") == (0, "")
    answer = json.loads((tmp_path / "stage.json").read_text(encoding="utf-8"))
    assert answer["key"] == "key"
    assert answer["cost"]["peak_mb"] is None or answer["cost"]["peak_mb"] > 50
    code, reason = start_process(tmp_path / "no_such_job.json")
    assert code != 0
    assert "no_such_job" in reason


def test_plots_say_what_they_need_when_matplotlib_is_absent(monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    with pytest.raises(MissingDependencyError, match="pip install matplotlib"):
        error_boxes({"a": [1.0]}, "a", "title", "mm")


def test_missing_baselines_are_named_with_their_remedy(monkeypatch):
    monkeypatch.setattr("UniFuseLib.evaluation.baselines.find_spec", lambda module: None)
    with pytest.raises(MissingDependencyError, match=r"antspyx.*pip install '\.\[bench\]'"):
        choose(["syn", "average"])
    with pytest.raises(MissingDependencyError, match=r"antspyx.*pip install '\.\[bench\]'"):
        require("no_such_module", "antspyx")


def test_unknown_baselines_are_refused():
    with pytest.raises(InputError, match="elastiks"):
        choose(["elastiks"])
