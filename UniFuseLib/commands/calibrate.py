"""`unifuse calibrate CASES --output DIR`: fit the classifier of trained weights to whole simulated
scans.
"""

from __future__ import annotations

import shutil
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from UniFuseLib.degradation import SURE
from UniFuseLib.errors import InputError
from UniFuseLib.io.output_folder import is_taken

if TYPE_CHECKING:
    import argparse


def add_parser(subparsers: Any) -> None:
    parser = subparsers.add_parser(
        "calibrate",
        help="fit the degradation classifier to whole scans: the last stage of training",
        description="Training crops show one piece of body, a scan many. Reads every case of CASES as a user's pair, "
        "fits the classifier to what the network remembers of them, and writes new weights; nothing else changes. "
        "Cases must be of patients that were trained on, clean and degraded ones of every modality.",
    )
    parser.add_argument(
        "cases", type=Path, metavar="CASES", help="folder made by 'unifuse simulate'"
    )
    parser.add_argument(
        "--output", "-o", type=Path, required=True, metavar="DIR", help="where the new weights go"
    )
    parser.add_argument("--weights", type=Path, help="safetensors file; default: the shipped model")
    parser.add_argument(
        "--device", default="auto", help="auto, cpu, cuda or cuda:N (default: auto)"
    )
    parser.add_argument("--seed", type=int, default=0, help="of folds and order (default: 0)")
    parser.add_argument(
        "--resume",
        action="store_true",
        help="keep what a stopped run has read with the same weights",
    )
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    from UniFuseLib.checkpoint import load_model, save_model
    from UniFuseLib.device import choose_device
    from UniFuseLib.evaluation.evaluate import named
    from UniFuseLib.experiments.classifier_calibration import dapl_of, fit_classifier, see_cases

    model, contract = load_model(args.weights, choose_device(args.device))
    weights = args.output / f"{contract.name}.safetensors"
    if is_taken(weights):
        raise InputError(
            f"'{weights}' exists. Choose another --output; weights are never overwritten."
        )
    memory = args.output / ".unifuse-states"  # is removed at the end: never a folder of the user
    seen, skipped = see_cases(
        args.cases,
        model,
        contract,
        memory,
        args.resume,
        lambda line: print(line, file=sys.stderr, flush=True),
    )
    classifier = dapl_of(model.cpu()).classifier
    fit = fit_classifier(classifier, seen, args.seed)
    classifier.load_state_dict(fit.classifier.state_dict())
    stage = {"cases": len(seen), "epochs": fit.epochs, "seed": args.seed, "held_out": fit.held_out}
    # what the weights scored before is not what they score now
    training, sure_from = {**contract.training, "classifier": stage}, fit.held_out["sure_from"]
    fitted = replace(contract, training=training, validation={}, sure_from=sure_from)
    save_model(model, fitted, weights)
    shutil.rmtree(memory, ignore_errors=True)
    held_out = fit.held_out
    print(
        f"Patients that the fit had not seen: accuracy {100 * held_out['accuracy']:.1f} %, calibration error "
        f"{held_out['calibration_error']:.3f} ({len(seen)} cases, {fit.epochs} epochs). From a probability of "
        f"{held_out['sure_from']:.2f} on, which {100 * held_out['sure_share']:.0f} % of the cases reach, "
        f"{100 * SURE:.0f} % are right. {weights}"
    )
    if skipped:
        raise InputError(f"{len(skipped)} case(s) could not be read. {named(skipped)}")
    return 0
