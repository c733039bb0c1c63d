#!/usr/bin/env python3
"""Pairs that fit and pairs that cannot: what the evidence of the verdict looks like on each.

    python Testing/benchmarks/verdict_cases.py PACK --output rows.jsonl --workers 16 --seconds 300

PACK comes from `verdict_pack.py`. A case is drawn from its number alone; a row is written when its
case is done, and cases whose rows are there already are not done again. With `--places FILE` the
places that `uncertainty_fit.py` is fitted to are written as well, for poses that were not displaced
on purpose: the variations undo that by construction. The truth of a pair that
fits is a rigid motion in the header of the degraded volume and, in a third of them, a smooth
deformation of its voxels.
"""

from __future__ import annotations

import argparse
import json
import math
import multiprocessing
import os
import sys
import time
import traceback
from pathlib import Path
from typing import Any

import numpy as np
import torch
from uncertainty_places import shown_places
from verdict_changes import rigid
from verdict_kinds import make
from verdict_pairs import Case, Draw, Pack

from UniFuseLib.checkpoint import load_model
from UniFuseLib.errors import InputError
from UniFuseLib.preprocessing.prepare import prepare_pair
from UniFuseLib.preprocessing.working_pair import place, working_pair
from UniFuseLib.registration.affine import AffineResult
from UniFuseLib.registration.affine_parameters import distance_mm
from UniFuseLib.registration.bspline_refinement import steps_for
from UniFuseLib.steps import NetworkRun, classify_pair, deform_pair
from UniFuseLib.verdict.affordable import affordable
from UniFuseLib.verdict.evidence import evidence_of
from UniFuseLib.verdict.field import images_of
from UniFuseLib.verdict.parting import parting_of

_WORKING_MM = 2.0
_VOXELS = 1.5e6  # of a working grid; shoulders are looked at more coarsely
_POINTS = 3000


def run(case: Case, network: Any, contract: Any, draw: Draw) -> dict[str, Any]:
    """As `predict.fuse` does it up to the field, then the evidence."""
    grid = case.reference.grid
    extent_mm = np.array(grid.shape) * grid.spacing
    spacing = max(_WORKING_MM, float((extent_mm.prod() / _VOXELS) ** (1 / 3)))
    pair = prepare_pair(case.degraded, case.reference, case.modalities, contract, spacing)
    if case.align == "displaced":
        working = _displaced(pair, case, draw)
    else:
        working = working_pair(pair, case.align)
    cpu = torch.device("cpu")
    run = NetworkRun(network, pair, working, cpu, "auto")
    steps = steps_for("auto", *pair.modalities)
    deformed = deform_pair(pair, working, cpu, run.flow, steps, "deformable", lambda _: None)
    classified = classify_pair(run.registered().logits, pair, contract)
    began = time.process_time()
    parting = (
        parting_of(pair, working, deformed.flow) if affordable(pair.reference.scalar.grid) else None
    )
    evidence = evidence_of(pair, working, deformed.flow, classified.probabilities, parting)
    spent = time.process_time() - began
    error = _Error(case, pair, working, deformed.flow)
    places = None
    if case.align != "displaced":
        places = shown_places(parting, evidence, error.points[error.held], error.seen_mm)
    return {
        "evidence": evidence,
        "verdict_cpu_s": spent,
        "places": places,
        **error.summary(working.alignment),
    }


def _displaced(pair: Any, case: Case, draw: Draw) -> Any:
    """A search that ended beside the truth: its evidence, another pose."""
    found = working_pair(pair, "rigid").alignment
    points = pair.reference.side.points(_POINTS)
    centre = points.mean(axis=0)
    length = float(np.exp(draw.rng.uniform(np.log(1.5), np.log(25))))
    beside = rigid(draw, centre, 0.3 * length * draw.rng.random(), length * draw.rng.random())
    matrix = found.matrix @ beside
    return place(pair, AffineResult(matrix, "rigid", found.evidence, ()))


class _Error:
    """Distances to the truth inside the body, and which places the degraded volume shows."""

    def __init__(self, case: Case, pair: Any, working: Any, flow: torch.Tensor) -> None:
        self.points = pair.reference.side.points(_POINTS)  # (n, 3) RAS mm
        self.all_mm: np.ndarray | None = None  # (n,)
        self.held: np.ndarray = np.ones(len(self.points), dtype=bool)  # (n,)
        self.before_mm = 0.0
        if case.truth is None:
            return
        true = case.truth(self.points)
        found = images_of(self.points, working.alignment.matrix, flow, working.grid)
        self.all_mm = np.linalg.norm(found - true, axis=1)
        self.before_mm = float(np.linalg.norm(true - self.points, axis=1).mean())
        index = np.linalg.solve(case.degraded.affine, np.c_[true, np.ones(len(true))].T)[:3].T
        size = np.array(case.degraded.array.shape)
        self.held = np.asarray(((index > -0.5) & (index < size - 0.5)).all(axis=1))

    @property
    def seen_mm(self) -> np.ndarray | None:
        """Of the places that the degraded volume shows."""
        return None if self.all_mm is None else self.all_mm[self.held]

    def summary(self, alignment: AffineResult) -> dict[str, Any]:
        """What a row keeps."""
        common = {
            "followed": alignment.followed,
            "pose_mm": distance_mm(alignment.matrix, np.eye(4), self.points),
        }
        if self.all_mm is None:
            return {"error_mm": None, "error_seen_mm": None, **common}
        return {
            "error_mm": float(self.all_mm.mean()),
            "error_seen_mm": float(self.all_mm[self.held].mean()) if self.held.any() else None,
            "seen_true": float(self.held.mean()),
            "before_mm": self.before_mm,
            **common,
        }


def row(pack: Pack, network: Any, contract: Any, number: int) -> dict[str, Any]:
    """Everything about one case."""
    began = time.process_time()
    case, about = make(pack, number)
    out: dict[str, Any] = {"number": number, "note": case.note, "align": case.align, **about}
    try:
        with torch.no_grad():
            out |= run(case, network, contract, Draw(1_000_000 + number))
    except InputError as error:
        out["refused"] = str(error)
    out["cpu_s"] = time.process_time() - began
    return out


def work(
    pack_folder: Path, numbers: list[int], output: Path, until: float, places: Path | None
) -> None:
    """One process: its numbers, until the time is over."""
    torch.set_num_threads(1)
    pack = Pack(pack_folder)
    network, contract = load_model(None, torch.device("cpu"))
    for number in numbers:
        if time.time() > until:
            return
        try:
            found = _rounded(row(pack, network, contract, number))
        except Exception:  # a case that fails is a row as well; the others go on
            found = {"number": number, "failed": traceback.format_exc()[-1500:]}
        shown = found.pop("places", None)
        if places and shown:
            _append(places, _about(found) | shown)
        _append(output, found)


def _about(found: dict[str, Any]) -> dict[str, Any]:
    """Of a case, under the names of `uncertainty_cases.py`."""
    patients = sorted({found["patient"], found["patient_degraded"]})
    same = {key: found[key] for key in ("kind", "group", "modalities")}
    return {"name": f"pack {found['number']}", "patients": patients, **same}


def _append(output: Path, found: dict[str, Any]) -> None:
    with output.open("a", encoding="utf-8") as file:  # one write: whole lines among processes
        file.write(json.dumps(found) + "\n")


def _rounded(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _rounded(v) for key, v in value.items()}
    if isinstance(value, float):
        return round(value, 5) if math.isfinite(value) else None
    return value


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("pack", type=Path)
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--places", type=Path, help="JSON lines for uncertainty_fit.py")
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--seconds", type=float, default=3e6, help="no case begins later")
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--cases", type=int, default=1200)
    args = parser.parse_args()
    until = time.time() + args.seconds
    done = set()
    if args.output.exists():
        lines = args.output.read_text(encoding="utf-8").splitlines()
        done = {json.loads(line)["number"] for line in lines if line.endswith("}")}
    numbers = [n for n in range(args.first, args.first + args.cases) if n not in done]
    context = multiprocessing.get_context("spawn")
    processes = [
        context.Process(
            target=work,
            args=(args.pack, numbers[k :: args.workers], args.output, until, args.places),
        )
        for k in range(args.workers)
    ]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    sys.stdout.write(f"{len(args.output.read_text().splitlines())} rows in {args.output}\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
