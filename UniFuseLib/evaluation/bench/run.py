"""The stages of one case in their order.

What is computed once is shared, what is finished is kept, what fails is named.
"""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from UniFuseLib.evaluation.bench.job import Job, Kind, StageInput, write_job
from UniFuseLib.evaluation.bench.method import MODEL, Alignment, Method
from UniFuseLib.io.json_files import read_json
from UniFuseLib.process import CALM_THREADS
from UniFuseLib.simulation.case_folder import case_checksum

if TYPE_CHECKING:
    from UniFuseLib.evaluation.summary import Figures
    from UniFuseLib.progress import Log

VERSION = 2
Start = Callable[[Path], tuple[int, str]]


@dataclass(frozen=True)
class BenchPlan:
    """Which baselines run, on which weights.

    Attributes:
        restorations: names from `baselines.RESTORATIONS`.
        registrations: names from `baselines.REGISTRATIONS`.
        fusions: names from `baselines.FUSIONS`.
        weights: safetensors file, None for the shipped one.
        checksum: SHA-256 of the weights; None leaves the model out.
        device: of the model.
        refine: of the model, as in `predict.fuse`.
        model_fusions: other fusion methods on what the model aligned and restored.
    """

    restorations: list[str]
    registrations: list[str]
    fusions: list[str]
    weights: Path | None
    checksum: str | None
    device: str = "cpu"
    refine: str = "auto"
    model_fusions: tuple[str, ...] = ()


@dataclass
class CaseAnswers:
    """What the stages of one case answered.

    A failed stage is missing, and so is what follows it.

    Attributes:
        restored: by restoration.
        registered: by restoration and registration.
        fused: by method; resources and fusion figures of the last stage alone.
        ours: of the model, None without it.
    """

    restored: dict[str, Figures] = field(default_factory=dict)
    registered: dict[Alignment, Figures] = field(default_factory=dict)
    fused: dict[Method, Figures] = field(default_factory=dict)
    ours: Figures | None = None


@dataclass(frozen=True)
class Bench:
    """Runs all stages of one case after the other and collects what failed.

    Attributes:
        cases: folder that `unifuse simulate` made.
        output: folder of everything that is written.
        plan: which methods run.
        resume: keep finished stages.
        log: a line per stage.
        start: runs a job file in a process of its own, returns (exit code, last lines of its
            errors).
        failures: filled while running, one `{"case", "stage", "reason"}` each.
    """

    cases: Path
    output: Path
    plan: BenchPlan
    resume: bool
    log: Log
    start: Start
    failures: list[dict[str, str]]

    def case(self, case_id: str) -> CaseAnswers:
        """All stages of one case."""
        answers = CaseAnswers()
        self._restore(case_id, answers)
        self._register(case_id, answers)
        if answers.registered:
            self._fuse(case_id, answers)
        if self.plan.checksum is not None:
            answers.ours = self._stage(case_id, "model", MODEL, MODEL)
        return answers

    def _restore(self, case_id: str, answers: CaseAnswers) -> None:
        for name in self.plan.restorations:
            answer = self._stage(case_id, "restore", name, _restored(name))
            if answer is not None:
                answers.restored[name] = answer

    def _register(self, case_id: str, answers: CaseAnswers) -> None:
        for restoration in answers.restored:
            restored = str(self._folder(case_id, _restored(restoration)))
            for name in self.plan.registrations:
                alignment = Alignment(restoration, name)
                inputs = (StageInput(restoration, restored),)
                answer = self._stage(case_id, "register", name, _registered(alignment), inputs)
                if answer is not None:
                    answers.registered[alignment] = answer

    def _fuse(self, case_id: str, answers: CaseAnswers) -> None:
        """One process a fusion rule, for all alignments."""
        inputs = tuple(pipeline_input(self.output, case_id, a) for a in answers.registered)
        for name in self.plan.fusions:
            answer = self._stage(case_id, "fuse", name, f"fuse/{name}", inputs)
            for found in answer["pipelines"] if answer is not None else []:
                method = Method(found["restoration"], found["registration"], name)
                answers.fused[method] = found

    def _stage(
        self,
        case_id: str,
        kind: Kind,
        name: str,
        label: str,
        inputs: tuple[StageInput, ...] = (),
    ) -> Figures | None:
        """The stage's answer, from an earlier run or a new process; None when it failed."""
        path = self._folder(case_id, label) / "stage.json"
        key = self._key(case_id, kind, name, inputs)
        earlier = read_json(path)
        if self.resume and isinstance(earlier, dict) and earlier.get("key") == key:
            return earlier
        path.unlink(missing_ok=True)
        job = path.with_name("job.json")
        write_job(self._job(case_id, kind, name, label, key, inputs), job)
        code, errors = self.start(job)
        answer = read_json(path)
        if code != 0 or not isinstance(answer, dict):
            reason = errors or f"ended with exit code {code}"
            self.failures.append({"case": case_id, "stage": label, "reason": reason})
            self.log(f"  {label}: FAILED, {reason}")
            return None
        self.log(f"  {label}: {_summary(answer)}")
        return answer

    def _job(
        self,
        case_id: str,
        kind: Kind,
        name: str,
        label: str,
        key: str,
        inputs: tuple[StageInput, ...],
    ) -> Job:
        plan = self.plan
        return Job(
            kind,
            name,
            cases=str(self.cases),
            case_id=case_id,
            output=str(self._folder(case_id, label)),
            key=key,
            inputs=inputs,
            weights=str(plan.weights) if plan.weights else None,
            device=plan.device,
            refine=plan.refine,
            fusions=plan.model_fusions if kind == "model" else (),
        )

    def _folder(self, case_id: str, label: str) -> Path:
        return stage_folder(self.output, case_id, label)

    def _key(self, case_id: str, kind: str, name: str, inputs: tuple[StageInput, ...]) -> str:
        """Changes with the case, the stage, its inputs and, for the model, its weights."""
        weights = self._model_key() if kind == "model" else ""
        checksum = case_checksum(self.cases, case_id)
        sources = sorted((source.restoration, source.registration) for source in inputs)
        parts = (VERSION, checksum, kind, name, sources, weights, self.plan.device)
        return hashlib.sha256("|".join(map(str, parts)).encode()).hexdigest()

    def _model_key(self) -> str:
        """Weights, refinement and further fusions of the model."""
        fusions = "".join(f"+{name}" for name in self.plan.model_fusions)
        return f"{self.plan.checksum}+refine={self.plan.refine}{fusions}"


def stage_folder(output: Path, case_id: str, label: str) -> Path:
    """Where a stage leaves its answer and its volumes."""
    return output / "stages" / case_id / label


def pipeline_input(output: Path, case_id: str, alignment: Alignment) -> StageInput:
    """What restoration and registration left for a fusion."""
    restored = stage_folder(output, case_id, _restored(alignment.restoration))
    registered = stage_folder(output, case_id, _registered(alignment))
    return StageInput(alignment.restoration, str(restored), alignment.registration, str(registered))


def start_process(job: Path) -> tuple[int, str]:
    """Run a stage in a fresh interpreter: (exit code, the last line of its errors)."""
    environment = {**os.environ, **CALM_THREADS}
    command = [sys.executable, "-m", "UniFuseLib.evaluation.bench.stage", str(job)]
    finished = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    lines = [line for line in finished.stderr.strip().splitlines() if line.strip()]
    return finished.returncode, lines[-1].strip()[-400:] if lines else ""


def _restored(restoration: str) -> str:
    return f"restore/{restoration}"


def _registered(alignment: Alignment) -> str:
    return f"register/{alignment.label}"


def _summary(answer: Figures) -> str:
    if "pipelines" in answer:
        found = answer["pipelines"]
        seconds = sum(pipeline["cost"]["cpu_seconds"] for pipeline in found)
        return f"{len(found)} pipelines, {seconds:.1f} CPU s"
    cost = answer["cost"]
    text = f"{cost['cpu_seconds']:.1f} CPU s, {cost['peak_mb'] or 0:.0f} MB"
    if "registration" in answer:
        before, after = (answer[key]["tre_mm"]["mean"] for key in ("before", "registration"))
        text += f", TRE {before:.2f} → {after:.2f} mm"
    return text
