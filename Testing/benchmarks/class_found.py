#!/usr/bin/env python3
"""The class that is stated of every case, without fusing it.

    python Testing/benchmarks/class_found.py CASES --output OUT

CASES is a folder that `unifuse simulate` made. Goes the road of `predict.fuse` as far as the class,
in a third of its time; keeps of every case what `class_figures.py` reads. Cases that OUT holds
already are not done again. One thread.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import torch

from UniFuseLib.checkpoint import load_model
from UniFuseLib.errors import InputError
from UniFuseLib.evaluation.cases import read_case
from UniFuseLib.io.json_files import plain, write_json
from UniFuseLib.preprocessing.prepare import prepare_pair
from UniFuseLib.preprocessing.working_pair import working_pair
from UniFuseLib.steps import classify_pair

if TYPE_CHECKING:
    from typing import Any

    from UniFuseLib.contract import Contract
    from UniFuseLib.simulation.case_folder import Case
    from UniFuseLib.steps import Network


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("cases", type=Path)
    parser.add_argument("--output", type=Path, required=True)
    args = parser.parse_args()
    torch.set_num_threads(1)
    network, contract = load_model(None, torch.device("cpu"))
    kept = args.output / "cases"
    kept.mkdir(parents=True, exist_ok=True)
    for folder in sorted(path.parent for path in args.cases.glob("*/case.json")):
        path = kept / f"{folder.name}.json"
        if path.exists():
            continue
        case = read_case(args.cases, folder.name)
        try:
            found = class_of(case, network, contract)
        except InputError as error:
            sys.stdout.write(f"{folder.name}: refused: {error}\n")
            continue
        write_json(plain(found), path)
        sys.stdout.write(f"{folder.name}: {found['class_found']} {found['confidence']}\n")
        sys.stdout.flush()
    return 0


def class_of(case: Case, network: Network, contract: Contract) -> dict[str, Any]:
    """One case."""
    modalities = (case.degraded_modality, case.reference_modality)
    pair = prepare_pair(case.degraded, case.reference, modalities, contract)
    with torch.no_grad():
        working = working_pair(pair, "deformable")
        logits = network.classify(working.degraded, working.reference)
    classified = classify_pair(logits, pair, contract)
    stated = classified.calibrated
    return {
        "id": case.id,
        "degraded_modality": case.degraded_modality,
        "reference_modality": case.reference_modality,
        "class": case.label,
        "severity_true": case.severity,
        "class_found": classified.label if stated else None,
        "confidence": classified.probabilities[classified.label] if stated else None,
        "probabilities": classified.probabilities,
    }


if __name__ == "__main__":
    raise SystemExit(main())
