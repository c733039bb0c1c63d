"""The order of the stages: what is computed once is shared, what is finished is kept, what fails is
named.
"""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from UniFuseLib.evaluation.bench.stage import Job, Kind, write_job
from UniFuseLib.io.json_files import read_json
from UniFuseLib.simulation.case_folder import case_checksum

VERSION = 1
MODEL = "model"
Report = Callable[[str], None]
Start = Callable[[Path], tuple[int, str]]


@dataclass(frozen=True)
class Plan:
    """Which rivals run, on which weights.

    Attributes:
        restorations, registrations, fusions: names from `baselines`.
        refine: of our model, as in `predict.fuse`.
        weights: safetensors file, None for the shipped one; `checksum` is its SHA-256, None leaves
            our model out.
    """

    restorations: list[str]
    registrations: list[str]
    fusions: list[str]
    weights: Path | None
    checksum: str | None
    device: str = "cpu"
    refine: str = "auto"


@dataclass(frozen=True)
class Bench:
    """Runs all stages of one case after the other and remembers what failed.

    Attributes:
        cases, output: folders. resume: keep finished stages.
        start: runs a job file in a process of its own, returns (exit code, last lines of its
            errors).
        failures: filled while running, one `{"case", "stage", "reason"}` each.
    """

    cases: Path
    output: Path
    plan: Plan
    resume: bool
    report: Report
    start: Start
    failures: list[dict[str, str]]

    def case(self, case_id: str) -> dict[str, Any]:
        """All stages of one case: stage label → its answer; a failed stage is missing, and so is
        what follows it.
        """
        plan, answers = self.plan, {}
        restored: dict[str, Path] = {}
        registered: dict[str, Path] = {}
        for restoration in plan.restorations:
            label = f"restore/{restoration}"
            if answer := self._stage(case_id, "restore", restoration, label, {}, {}):
                answers[label], restored[restoration] = answer, self._folder(case_id, label)
        for restoration, folder in restored.items():
            for registration in plan.registrations:
                label = f"register/{restoration}+{registration}"
                inputs = {"restoration": str(folder)}
                if answer := self._stage(case_id, "register", registration, label, inputs, {}):
                    answers[label] = answer
                    registered[f"{restoration}+{registration}"] = self._folder(case_id, label)
        pairs, sources = _text(registered), _text(restored)
        for fusion in plan.fusions if pairs else []:
            label = f"fuse/{fusion}"
            if answer := self._stage(case_id, "fuse", fusion, label, pairs, sources):
                answers[label] = answer
        if plan.checksum is not None and (
            answer := self._stage(case_id, "model", MODEL, MODEL, {}, {})
        ):
            answers[MODEL] = answer
        return answers

    def _stage(
        self,
        case_id: str,
        kind: Kind,
        name: str,
        label: str,
        inputs: dict[str, str],
        restored: dict[str, str],
    ) -> dict[str, Any] | None:
        """The stage's answer, from an earlier run or a new process; None when it failed."""
        folder = self._folder(case_id, label)
        key = self._key(case_id, kind, name, inputs)
        earlier = read_json(folder / "stage.json")
        if self.resume and isinstance(earlier, dict) and earlier.get("key") == key:
            return earlier
        plan = self.plan
        (folder / "stage.json").unlink(missing_ok=True)
        write_job(
            Job(
                kind,
                name,
                str(self.cases),
                case_id,
                str(folder),
                key,
                inputs,
                restored,
                weights=str(plan.weights) if plan.weights else None,
                device=plan.device,
                refine=plan.refine,
            ),
            folder / "job.json",
        )
        code, errors = self.start(folder / "job.json")
        answer = read_json(folder / "stage.json")
        if code != 0 or not isinstance(answer, dict):
            reason = errors or f"ended with exit code {code}"
            self.failures.append({"case": case_id, "stage": label, "reason": reason})
            self.report(f"  {label}: FAILED, {reason}")
            return None
        self.report(f"  {label}: {_cost(answer)}")
        return answer

    def _folder(self, case_id: str, label: str) -> Path:
        return self.output / "stages" / case_id / label

    def _key(self, case_id: str, kind: str, name: str, inputs: dict[str, str]) -> str:
        """Changes with the case, the stage, what it builds on, and, for our model, weights and
        refinement.
        """
        weights = f"{self.plan.checksum}+refine={self.plan.refine}" if kind == "model" else ""
        labels = sorted(Path(path).name for path in inputs.values())
        text = f"{VERSION}|{case_checksum(self.cases, case_id)}|{kind}|{name}|{labels}|{weights}|{self.plan.device}"
        return hashlib.sha256(text.encode()).hexdigest()


def start_process(job: Path) -> tuple[int, str]:
    """Run a stage in a fresh interpreter: (exit code, the last line it said)."""
    environment = {**os.environ, "OMP_WAIT_POLICY": "passive", "GOMP_SPINCOUNT": "0"}
    command = [sys.executable, "-m", "UniFuseLib.evaluation.bench.stage", str(job)]
    finished = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    lines = [line for line in finished.stderr.strip().splitlines() if line.strip()]
    return finished.returncode, lines[-1].strip()[-400:] if lines else ""


def _text(folders: dict[str, Path]) -> dict[str, str]:
    return {label: str(folder) for label, folder in folders.items()}


def _cost(answer: dict[str, Any]) -> str:
    if "chains" in answer:
        seconds = sum(chain["cost"]["cpu_seconds"] for chain in answer["chains"].values())
        return f"{len(answer['chains'])} chains, {seconds:.1f} CPU s"
    text = f"{answer['cost']['cpu_seconds']:.1f} CPU s, {answer['cost']['peak_mb'] or 0:.0f} MB"
    if "registration" in answer:
        mean = answer["registration"]["tre_mm"]["mean"]
        text += f", TRE {answer['before']['tre_mm']['mean']:.2f} → {mean:.2f} mm"
    return text
