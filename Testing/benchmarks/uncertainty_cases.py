#!/usr/bin/env python3
"""How far the variations of a registration part, beside its true error, on cases of the evaluation.

    python Testing/benchmarks/uncertainty_cases.py FOLDER FOLDER \\
        --output docs/results/uncertainty-rows.jsonl --seconds 3000

A FOLDER comes from `unifuse simulate`. The rows of the verdict's own cases come from
`verdict_cases.py --places`. A row is written when its case is done, and done cases are not done
again.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch
from uncertainty_places import shown_places

from UniFuseLib.checkpoint import load_model
from UniFuseLib.errors import InputError
from UniFuseLib.evaluation.cases import read_case
from UniFuseLib.evaluation.sampling import covered
from UniFuseLib.preprocessing.prepare import prepare_pair
from UniFuseLib.preprocessing.working_pair import working_pair
from UniFuseLib.registration.bspline_refinement import steps_for
from UniFuseLib.steps import NetworkRun, classify_pair, deform_pair
from UniFuseLib.verdict.affordable import affordable
from UniFuseLib.verdict.evidence import evidence_of
from UniFuseLib.verdict.field import images_of
from UniFuseLib.verdict.parting import parting_of

_POINTS = 3000  # places that are looked at


def row_of(case: Any, network: Any, contract: Any) -> dict[str, Any]:
    """As `predict.fuse` goes it up to the verdict, then the places."""
    modalities = (case.degraded_modality, case.reference_modality)
    pair = prepare_pair(case.degraded, case.reference, modalities, contract, None)
    working = working_pair(pair, "deformable")
    cpu = torch.device("cpu")
    run = NetworkRun(network, pair, working, cpu, "auto")
    steps = steps_for("auto", *modalities)
    flow = deform_pair(pair, working, cpu, run.flow, steps, "deformable", lambda _: None).flow
    classified = classify_pair(run.registered().logits, pair, contract)
    known = affordable(pair.reference.scalar.grid)
    parting = parting_of(pair, working, flow) if known else None
    evidence = evidence_of(pair, working, flow, classified.probabilities, parting)
    points, true = _truth(case)
    images = images_of(points, working.alignment.matrix, flow, working.grid)
    error_mm = np.linalg.norm(images - true, axis=1)
    found = shown_places(parting, evidence, points, error_mm)
    return found or {"refused": "too little overlap, or too large a field of view"}


def _truth(case: Any) -> tuple[np.ndarray, np.ndarray]:
    """Places of the body that the degraded volume shows, and where they lie in it, RAS mm."""
    grid = case.reference.grid
    index = np.argwhere(case.body & covered(case.degraded.grid, case.truth, grid))
    index = index[:: max(1, len(index) // _POINTS)]
    points = index @ grid.linear.T + grid.origin
    return points, points + case.truth[tuple(index.T)].astype(float)


def _about(case: Any) -> dict[str, Any]:
    return {
        "patients": [case.patient.split("_study")[0]],
        "kind": "case",
        "group": case.group,
        "modalities": f"{case.degraded_modality} on {case.reference_modality}",
    }


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folders", type=Path, nargs="+")
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--seconds", type=float, default=3e6, help="no case begins later")
    args = parser.parse_args()
    until = time.time() + args.seconds
    torch.set_num_threads(1)
    network, contract = load_model(None, torch.device("cpu"))
    done = names_of(args.output)
    for folder in args.folders:
        names = json.loads((folder / "cases.json").read_text(encoding="utf-8"))["cases"]
        for name in (name for name in names if name not in done):
            if time.time() > until:
                break
            case = read_case(folder, name)
            try:
                with torch.no_grad():
                    found = row_of(case, network, contract)
            except InputError as error:
                found = {"refused": str(error)}
            write_row(args.output, {"name": name, **_about(case), **found})
    sys.stdout.write(f"{len(names_of(args.output))} rows in {args.output}\n")
    return 0


def names_of(output: Path) -> set[str]:
    """Cases whose rows are written."""
    if not output.exists():
        return set()
    return {json.loads(line)["name"] for line in output.read_text(encoding="utf-8").splitlines()}


def write_row(output: Path, row: dict[str, Any]) -> None:
    """One line more."""
    with output.open("a", encoding="utf-8") as file:
        file.write(json.dumps(row) + "\n")


if __name__ == "__main__":
    raise SystemExit(main())
