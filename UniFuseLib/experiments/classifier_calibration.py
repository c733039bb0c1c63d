"""Last stage of training: DAPL's classifier is fitted to whole scans.

Training crops hold one segment of body, a scan holds many, with edges, beds and regions that crops
seldom show. The network stays as it is; the classifier alone is fitted to the states of whole
simulated cases (`case_states`). Patients that the fit has not seen decide how long it lasts.
"""

from __future__ import annotations

import copy
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from UniFuseLib.degradation import CLASSES, DEGRADATION_OF, SURE, given_modality
from UniFuseLib.errors import InputError
from UniFuseLib.evaluation.metrics.classification import calibration_error

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from UniFuseLib.experiments.case_states import CaseStates
    from UniFuseLib.network.state_classifier import StateClassifier

FOLDS = 5
EPOCHS = 100  # at most; every case once, all in one step
_RATE, _DECAY = 1e-3, 1.0
_LEAST_SHARE = 1 / 3  # of a scan's segments in one epoch, so that no single one decides
_SMOOTHING = 5  # epochs: the held-out curve is averaged over so many before its lowest point


@dataclass(frozen=True)
class Fit:
    """A fitted classifier.

    Attributes:
        classifier: on the CPU.
        epochs: that it was fitted for.
        held_out: `cases`, `accuracy`, `calibration_error`, `cross_entropy` of patients that the fit
            had not seen, at `epochs`; `sure_from` and `sure_share`, see `sure_from`.
    """

    classifier: StateClassifier
    epochs: int
    held_out: dict[str, float]


class Predictions(NamedTuple):
    """Of a classifier on cases, among the classes of their modality."""

    cross_entropy: np.ndarray  # (cases,) nats, of the true class
    confidence: np.ndarray  # (cases,) probability of the predicted class
    correct: np.ndarray  # (cases,) 1 where the predicted class is the true one, else 0


def fit_classifier(
    classifier: StateClassifier,
    cases: Sequence[CaseStates],
    seed: int = 0,
    folds: int = FOLDS,
    epochs: int = EPOCHS,
) -> Fit:
    """The classifier with the lowest cross-entropy (Eq. 11) on whole scans.

    Only the classes of a scan's modality count. Every (modality, class) weighs the same, however
    many cases it has.

    Args:
        classifier: where the fit starts; stays as it is.
        cases: of at least `folds` patients.
        seed: of folds and segments.
        folds: groups of patients, each held out once.
        epochs: at most.

    Raises:
        InputError: fewer patients than folds, or a modality of which one class is missing.
    """
    _check(cases, folds)
    curves = _held_out_curves(classifier, cases, seed, folds, epochs)
    best = lowest_epoch(curves[..., 0].mean(axis=1))
    held_out = _held_out(Predictions(*curves[best].T))
    *_, fitted = fitted_epochs(classifier, cases, best + 1, seed)
    return Fit(fitted, best + 1, held_out)


def _held_out_curves(
    classifier: StateClassifier, cases: Sequence[CaseStates], seed: int, folds: int, epochs: int
) -> np.ndarray:
    """`(epochs, cases, 3)`: predictions on every case while its patient is held out."""
    fold_of = _folds(cases, seed, folds)
    curves: list[np.ndarray] = []
    for fold in range(folds):
        inside = [case for case in cases if fold_of[case.patient] != fold]
        outside = [case for case in cases if fold_of[case.patient] == fold]
        fits = fitted_epochs(classifier, inside, epochs, seed)
        curves.append(np.stack([np.stack(predictions(now, outside), axis=1) for now in fits]))
    return np.concatenate(curves, axis=1)


def _folds(cases: Sequence[CaseStates], seed: int, folds: int) -> dict[str, int]:
    """Patient → fold."""
    patients = sorted({case.patient for case in cases})
    shuffled = torch.randperm(len(patients), generator=torch.Generator().manual_seed(seed))
    return {patients[who]: place % folds for place, who in enumerate(shuffled.tolist())}


def _held_out(found: Predictions) -> dict[str, float]:
    least, share = sure_from(found.confidence, found.correct)
    correct = (found.correct > 0).tolist()
    return {
        "cases": float(len(found.correct)),
        "accuracy": float(found.correct.mean()),
        "calibration_error": calibration_error(found.confidence.tolist(), correct),
        "cross_entropy": float(found.cross_entropy.mean()),
        "sure_from": least,
        "sure_share": share,
    }


def sure_from(
    confidence: np.ndarray, correct: np.ndarray, wanted: float = SURE
) -> tuple[float, float]:
    """The least confidence from which on a share `wanted` of the predictions is correct.

    Args:
        confidence: `(cases,)` probability of every predicted class.
        correct: `(cases,)` 1 where it is the true one, else 0.
        wanted: share, (0, 1].

    Returns:
        That confidence, and the share of cases that reach it; (1, 0) where not even the most
        confident predictions are correct often enough.
    """
    order = np.argsort(-confidence, kind="stable")
    reached = np.flatnonzero(correct[order].cumsum() >= wanted * np.arange(1, len(order) + 1))
    if not len(reached):
        return 1.0, 0.0
    last = reached[-1]
    return float(confidence[order[last]]), float(last + 1) / len(order)


def _check(cases: Sequence[CaseStates], folds: int) -> None:
    patients = {case.patient for case in cases}
    if len(patients) < folds:
        raise InputError(
            f"Expected cases of at least {folds} patients, got {len(patients)}: one part is held "
            "out to decide how long to fit. Simulate cases of more patients."
        )
    for modality in sorted({case.modality for case in cases}):
        present = {case.label for case in cases if case.modality == modality}
        missing = [name for name in ("clean", DEGRADATION_OF[modality]) if name not in present]
        if missing:
            raise InputError(
                f"The cases hold {modality.upper()} scans, but none of class {', '.join(missing)}. "
                "Simulate clean and degraded cases of every modality (column 'class')."
            )


def fitted_epochs(
    classifier: StateClassifier, cases: Sequence[CaseStates], epochs: int, seed: int
) -> Iterator[StateClassifier]:
    """One copy that is being fitted, as it is after every epoch.

    An epoch is one step over all cases.
    """
    fitted = copy.deepcopy(classifier).cpu().float().eval()
    means = torch.stack([case.states.mean(0) for case in cases])
    fitted.norm.mean.copy_(means.mean(0))
    fitted.norm.variance.copy_(means.var(0))
    labels, excluded, weight = _labels(cases), _excluded(cases), case_weights(cases)
    optimiser = torch.optim.AdamW(fitted.parameters(), lr=_RATE, weight_decay=_DECAY)
    generator = torch.Generator().manual_seed(seed)
    for _ in range(epochs):
        states = torch.stack([_random_part(case.states, generator) for case in cases])
        logits = _logits(fitted, states).masked_fill(excluded, -torch.inf)
        loss = (weight * F.cross_entropy(logits, labels, reduction="none")).sum()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        yield fitted


def case_weights(cases: Sequence[CaseStates]) -> Tensor:
    """`(cases,)`, sum 1: every class of every modality weighs the same in all."""
    often = Counter((case.modality, case.label) for case in cases)
    weight = torch.tensor([1.0 / often[case.modality, case.label] for case in cases])
    return weight / weight.sum()


def _random_part(states: Tensor, generator: torch.Generator) -> Tensor:
    """The mean state of some of the segments."""
    count = states.shape[0]
    least = max(1, round(_LEAST_SHARE * count))
    some = int(torch.randint(least, count + 1, (), generator=generator))
    return states[torch.randperm(count, generator=generator)[:some]].mean(0)


@torch.no_grad()
def predictions(classifier: StateClassifier, cases: Sequence[CaseStates]) -> Predictions:
    """From all segments of every case."""
    logits = _logits(classifier, torch.stack([case.states.mean(0) for case in cases]))
    logs = logits.masked_fill(_excluded(cases), -torch.inf).log_softmax(1)
    labels = _labels(cases)
    confidence, predicted = logs.exp().max(1)
    cross_entropy = -logs[torch.arange(len(cases)), labels]
    correct = (predicted == labels).float()
    return Predictions(cross_entropy.numpy(), confidence.numpy(), correct.numpy())


def _labels(cases: Sequence[CaseStates]) -> Tensor:
    return torch.tensor([CLASSES.index(case.label) for case in cases])


def _logits(classifier: StateClassifier, states: Tensor) -> Tensor:
    return classifier(tuple(states.chunk(3, dim=-1)))


def _excluded(cases: Sequence[CaseStates]) -> Tensor:
    """`(cases, classes)` bool: classes that the modality cannot have."""
    even: dict[str, float] = dict.fromkeys(CLASSES, 1.0)
    possible = [given_modality(even, case.modality).values() for case in cases]
    return torch.tensor([[p == 0 for p in probabilities] for probabilities in possible])


def lowest_epoch(curve: np.ndarray) -> int:
    """Index of the lowest point of the smoothed curve."""
    width = min(_SMOOTHING, len(curve))
    smooth = np.convolve(curve, np.ones(width) / width, mode="valid")
    return int(smooth.argmin()) + (width - 1) // 2
