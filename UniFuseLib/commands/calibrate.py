"""`unifuse calibrate CASES --output DIR`: fit the classifier of trained weights to whole scans."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from UniFuseLib.commands.options import add_device, log
from UniFuseLib.degradation import SURE
from UniFuseLib.errors import InputError
from UniFuseLib.io.output_folder import is_taken

if TYPE_CHECKING:
    import argparse

    from UniFuseLib.contract import Contract
    from UniFuseLib.experiments.classifier_calibration import Fit

_DESCRIPTION = (
    "Training crops show one piece of the body, a scan shows many. Passes every case of CASES "
    "through the network like a user's pair, fits the classifier to the network's states, and "
    "writes new weights; nothing else changes. The cases must be of training patients, with clean "
    "and degraded cases of every modality."
)


def add_parser(subparsers: Any) -> None:
    """Register the command; `run` is set as its default."""
    parser = subparsers.add_parser(
        "calibrate",
        help="fit the degradation classifier to whole scans: the last stage of training",
        description=_DESCRIPTION,
    )
    parser.add_argument(
        "cases", type=Path, metavar="CASES", help="folder made by 'unifuse simulate'"
    )
    parser.add_argument(
        "--output",
        "-o",
        type=Path,
        required=True,
        metavar="DIR",
        help="folder for the new weights",
    )
    parser.add_argument(
        "--weights", type=Path, help="safetensors file (default: the shipped weights)"
    )
    add_device(parser)
    parser.add_argument(
        "--seed", type=int, default=0, help="random seed of folds and order (default: 0)"
    )
    parser.add_argument(
        "--resume",
        action="store_true",
        help="continue a stopped run with the same weights",
    )
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Fit, write the weights, print the held-out figures.

    Raises:
        UniFuseError: no cases or weights, too few patients, output not writable, cases skipped (the
            weights are written all the same).
    """
    from UniFuseLib.checkpoint import load_model, save_model
    from UniFuseLib.device import choose_device
    from UniFuseLib.evaluation.evaluate import named
    from UniFuseLib.experiments.case_states import dapl_of, extract_states
    from UniFuseLib.experiments.classifier_calibration import fit_classifier

    model, contract = load_model(args.weights, choose_device(args.device))
    weights = args.output / f"{contract.name}.safetensors"
    if is_taken(weights):
        raise InputError(
            f"'{weights}' exists. Choose another --output; weights are never overwritten."
        )
    cache = args.output / ".unifuse-states"  # is removed at the end: never a folder of the user
    cases, skipped = extract_states(args.cases, model, contract, cache, args.resume, log)
    classifier = dapl_of(model.cpu()).classifier
    fit = fit_classifier(classifier, cases, args.seed)
    classifier.load_state_dict(fit.classifier.state_dict())
    save_model(model, _contract(contract, fit, len(cases), args.seed), weights)
    shutil.rmtree(cache, ignore_errors=True)
    print(f"{_sentence(fit, len(cases))} {weights}")
    if skipped:
        raise InputError(f"{len(skipped)} case(s) could not be read. {named(skipped)}")
    return 0


def _contract(contract: Contract, fit: Fit, cases: int, seed: int) -> Contract:
    stage = {"cases": cases, "epochs": fit.epochs, "seed": seed, "held_out": fit.held_out}
    return replace(
        contract,
        training={**contract.training, "classifier": stage},
        validation={},  # what the weights scored before is not what they score now
        sure_from=fit.held_out["sure_from"],
        presence={},  # was fitted to what the classifier said before
    )


def _sentence(fit: Fit, cases: int) -> str:
    held_out = fit.held_out
    return (
        f"Held-out patients: accuracy {100 * held_out['accuracy']:.1f} %, "
        f"calibration error {held_out['calibration_error']:.3f} "
        f"({cases} cases, {fit.epochs} epochs). "
        f"At a confidence of {held_out['sure_from']:.2f} or more, reached by "
        f"{100 * held_out['sure_share']:.0f} % of the cases, {100 * SURE:.0f} % are correct."
    )
