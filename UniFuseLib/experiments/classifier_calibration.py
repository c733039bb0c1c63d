"""Last stage of training: DAPL's classifier meets whole scans.

Training crops hold one segment of body, a scan holds many, with edges, beds and regions that crops
seldom show. The network stays as it is; of whole simulated cases, brought to the working grid as at
run time, only the states h1..h3 are kept, and the classifier alone is fitted to them. How long is
decided by patients that the fit has not seen.
"""

from __future__ import annotations

import copy
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
import torch.nn.functional as F
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from UniFuseLib.degradation import CLASSES, DEGRADATION_OF, SURE, given_modality
from UniFuseLib.errors import InputError
from UniFuseLib.evaluation.cases import Case, case_checksum, read_case, read_index
from UniFuseLib.evaluation.metrics.classification import calibration_error
from UniFuseLib.io.output_folder import make_folder
from UniFuseLib.network.dapl import DAPL, StateClassifier
from UniFuseLib.network.layers import pad_to_multiple
from UniFuseLib.preprocessing.prepare import prepare_pair, working_pair

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from UniFuseLib.contract import Contract
    from UniFuseLib.network.unifuse import UniFuse

FOLDS = 5
EPOCHS = 100  # at most; every case once, all in one step
_RATE, _DECAY = 1e-3, 1.0
_LEAST_READ = 1 / 3  # of a scan's segments are seen in one epoch, so that no single one decides
_SMOOTH = 5  # epochs: the held-out curve is averaged over so many before its lowest point is taken


@dataclass(frozen=True)
class SeenCase:
    """What is kept of a case.

    Attributes:
        states: `(k, e, 3s)`, h1..h3 of its k segments of body.
        label: its class. modality: of the degraded scan. patient: cases of one patient stay on one
            side of a fold.
    """

    states: Tensor
    label: str
    modality: str
    patient: str


@dataclass(frozen=True)
class Fit:
    """A fitted classifier.

    Attributes:
        held_out: `cases`, `accuracy`, `calibration_error`, `cross_entropy` of patients that the fit
            had not seen, at `epochs`; `sure_from` and `sure_share`, see `sure_from`.
    """

    classifier: StateClassifier
    epochs: int
    held_out: dict[str, float]


def see_cases(
    folder: Path,
    model: UniFuse,
    contract: Contract,
    memory: Path,
    resume: bool = False,
    report: Callable[[str], None] = lambda _: None,
) -> tuple[list[SeenCase], list[dict[str, str]]]:
    """The states of every case of a folder that `unifuse simulate` made; broken ones are skipped
    and named.

    Args:
        memory: folder that keeps what was seen, one file per case. resume: take from there what
            these weights saw.

    Raises:
        InputError: no cases, weights of other classes than `CLASSES`, or a network without the full
            DAPL.
        OutputError: `memory` cannot be made or written to.
    """
    if contract.classes != CLASSES:
        raise InputError(
            f"Expected weights of the classes {', '.join(CLASSES)}, got {', '.join(contract.classes)}."
        )
    dapl, ids = dapl_of(model), read_index(folder)
    make_folder(memory)
    seen: list[SeenCase] = []
    skipped: list[dict[str, str]] = []
    for number, case_id in enumerate(ids, 1):
        kept, key = (
            memory / f"{case_id}.safetensors",
            f"{contract.sha256} {case_checksum(folder, case_id)}",
        )
        if resume and (earlier := _remembered(kept, key)):
            seen.append(earlier)
            continue
        report(f"[{number}/{len(ids)}] {case_id}")
        try:
            case = read_case(folder, case_id)
            now = SeenCase(
                _states(case, model, dapl, contract),
                case.label,
                case.degraded_modality,
                case.patient,
            )
            _remember(now, kept, key)
            seen.append(now)
        except InputError as error:
            report(f"  skipped: {error}")
            skipped.append({"id": case_id, "reason": str(error)})
    return seen, skipped


def _remember(seen: SeenCase, path: Path, key: str) -> None:
    about = {"key": key, "label": seen.label, "modality": seen.modality, "patient": seen.patient}
    unfinished = path.with_suffix(".part")
    save_file({"states": seen.states.contiguous()}, unfinished, about)
    unfinished.replace(path)


def _remembered(path: Path, key: str) -> SeenCase | None:
    """None unless the file is whole and of this key."""
    try:
        with safe_open(path, "pt") as file:
            about = file.metadata() or {}
            if about.get("key") != key:
                return None
            return SeenCase(
                file.get_tensor("states"), about["label"], about["modality"], about["patient"]
            )
    except (OSError, SafetensorError, KeyError):
        return None


def dapl_of(model: UniFuse) -> DAPL:
    """Raises InputError for a network without the full DAPL (ablations A to C)."""
    if not isinstance(model.dapl, DAPL):
        raise InputError(
            "Expected a network with the full DAPL; the one of these weights has no classifier to fit."
        )
    return model.dapl


@torch.no_grad()
def _states(case: Case, model: UniFuse, dapl: DAPL, contract: Contract) -> Tensor:
    modalities = (case.degraded_modality, case.reference_modality)
    pair = working_pair(prepare_pair(case.degraded, case.reference, modalities, contract))
    device = next(model.parameters()).device
    degraded, reference = (
        model.encoder(pad_to_multiple(volume.to(device), model.multiple))
        for volume in (pair.degraded, pair.reference)
    )
    return torch.cat(dapl.read(degraded, reference)[0], dim=-1).float().cpu()


def fit_classifier(
    classifier: StateClassifier,
    seen: Sequence[SeenCase],
    seed: int = 0,
    folds: int = FOLDS,
    epochs: int = EPOCHS,
) -> Fit:
    """The classifier with the lowest cross-entropy (Eq. 11) on whole scans, among the classes of
    the modality.

    Every (modality, class) weighs the same, however many cases it has.

    Raises:
        InputError: fewer patients than folds, or a modality of which one class is missing.
    """
    _check(seen, folds)
    patients = sorted({case.patient for case in seen})
    shuffled = torch.randperm(len(patients), generator=torch.Generator().manual_seed(seed)).tolist()
    fold_of = {patients[who]: number % folds for number, who in enumerate(shuffled)}
    traces: list[np.ndarray] = []  # of each fold (epochs, cases, 3)
    for fold in range(folds):
        inside, outside = (
            [c for c in seen if (fold_of[c.patient] == fold) is out] for out in (False, True)
        )
        traces.append(
            np.stack([_answers(now, outside) for now in _train(classifier, inside, epochs, seed)])
        )
    every = np.concatenate(traces, axis=1)
    best = _lowest(every[..., 0].mean(axis=1))
    entropy, confidence, right = every[best].T
    held_out = {
        "cases": float(len(seen)),
        "accuracy": float(right.mean()),
        "calibration_error": calibration_error(confidence.tolist(), (right > 0).tolist()),
        "cross_entropy": float(entropy.mean()),
    }
    held_out["sure_from"], held_out["sure_share"] = sure_from(confidence, right)
    *_, fitted = _train(classifier, seen, best + 1, seed)
    return Fit(fitted, best + 1, held_out)


def sure_from(
    confidence: np.ndarray, right: np.ndarray, wanted: float = SURE
) -> tuple[float, float]:
    """The least probability from which on `wanted` of the answers are right, and the share of cases
    that reach it.

    Args:
        confidence: `(cases,)` probability of every answer. right: `(cases,)` 1 where it is right,
            else 0.

    Returns:
        (1, 0) where not even the most probable answers are.
    """
    order = np.argsort(-confidence, kind="stable")
    reached = np.flatnonzero(right[order].cumsum() >= wanted * np.arange(1, len(order) + 1))
    if not len(reached):
        return 1.0, 0.0
    return float(confidence[order[reached[-1]]]), float(reached[-1] + 1) / len(order)


def _check(seen: Sequence[SeenCase], folds: int) -> None:
    patients = {case.patient for case in seen}
    if len(patients) < folds:
        raise InputError(
            f"Expected cases of at least {folds} patients, got {len(patients)}: one part is held out to decide how "
            "long to fit. Simulate cases of more patients."
        )
    for modality in sorted({case.modality for case in seen}):
        missing = {"clean", DEGRADATION_OF[modality]} - {
            case.label for case in seen if case.modality == modality
        }
        if missing:
            raise InputError(
                f"The cases hold {modality.upper()} scans, but none of class {', '.join(sorted(missing))}. "
                "Simulate clean and degraded cases of every modality (column 'class')."
            )


def _train(
    classifier: StateClassifier, seen: Sequence[SeenCase], epochs: int, seed: int
) -> Iterator[StateClassifier]:
    """One copy that is being fitted, as it is after every epoch, which is one step over all
    cases.
    """
    fitted = copy.deepcopy(classifier).cpu().float().eval()
    means = torch.stack([case.states.mean(0) for case in seen])
    fitted.norm.mean.copy_(means.mean(0))
    fitted.norm.variance.copy_(means.var(0))
    labels = torch.tensor([CLASSES.index(case.label) for case in seen])
    excluded = _excluded(seen)
    weight = _weights(seen)
    optimiser = torch.optim.AdamW(fitted.parameters(), lr=_RATE, weight_decay=_DECAY)
    generator = torch.Generator().manual_seed(seed)
    for _ in range(epochs):
        logits = _logits(fitted, torch.stack([_part(case.states, generator) for case in seen]))
        loss = (
            weight
            * F.cross_entropy(logits.masked_fill(excluded, -torch.inf), labels, reduction="none")
        ).sum()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        yield fitted


def _weights(seen: Sequence[SeenCase]) -> Tensor:
    """`(cases,)`, sum 1: every class of every modality weighs the same, however many cases it
    has.
    """
    often = Counter((case.modality, case.label) for case in seen)
    weight = torch.tensor([1.0 / often[case.modality, case.label] for case in seen])
    return weight / weight.sum()


def _part(states: Tensor, generator: torch.Generator) -> Tensor:
    """The mean state of a random part of the segments."""
    count = states.shape[0]
    least = max(1, round(_LEAST_READ * count))
    some = int(torch.randint(least, count + 1, (), generator=generator))
    return states[torch.randperm(count, generator=generator)[:some]].mean(0)


@torch.no_grad()
def _answers(classifier: StateClassifier, seen: Sequence[SeenCase]) -> np.ndarray:
    """`(cases, 3)`: cross-entropy, probability of the answer, whether it is right; all segments
    read.
    """
    logits = _logits(classifier, torch.stack([case.states.mean(0) for case in seen]))
    logs = logits.masked_fill(_excluded(seen), -torch.inf).log_softmax(1)
    labels = torch.tensor([CLASSES.index(case.label) for case in seen])
    confidence, answer = logs.exp().max(1)
    return torch.stack(
        [-logs[torch.arange(len(seen)), labels], confidence, (answer == labels).float()], 1
    ).numpy()


def _logits(classifier: StateClassifier, states: Tensor) -> Tensor:
    return classifier(tuple(states.chunk(3, dim=-1)))


def _excluded(seen: Sequence[SeenCase]) -> Tensor:
    """`(cases, classes)` bool: what the modality cannot have, see `degradation.given_modality`."""
    even: dict[str, float] = dict.fromkeys(CLASSES, 1.0)
    return torch.tensor(
        [[p == 0 for p in given_modality(even, case.modality).values()] for case in seen]
    )


def _lowest(curve: np.ndarray) -> int:
    """Index of the lowest point of the smoothed curve."""
    width = min(_SMOOTH, len(curve))
    smooth = np.convolve(curve, np.ones(width) / width, mode="valid")
    return int(smooth.argmin()) + (width - 1) // 2
