"""The classifier's last stage: what it may learn from, and that held-out patients judge it."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from UniFuseLib.degradation import CLASSES, DEGRADATION_OF
from UniFuseLib.errors import InputError
from UniFuseLib.experiments.case_states import CaseStates
from UniFuseLib.experiments.classifier_calibration import (
    case_weights,
    fit_classifier,
    fitted_epochs,
    lowest_epoch,
    predictions,
    sure_from,
)
from UniFuseLib.network.state_classifier import StateClassifier

INNER, STATES = 6, 4


@pytest.fixture
def classifier() -> StateClassifier:
    torch.manual_seed(0)
    return StateClassifier(INNER, STATES, len(CLASSES)).eval()


def cases(
    patients: int, told: bool = True, seed: int = 0, modality: str = "pet"
) -> list[CaseStates]:
    """Clean and degraded scans of each patient; `told`: one of twelve states tells the class."""
    generator = torch.Generator().manual_seed(seed)
    found = []
    for patient in range(patients):
        for label in ("clean", DEGRADATION_OF[modality]):
            states = 3.0 + 0.1 * torch.randn(5, INNER, 3 * STATES, generator=generator)
            if told and label != "clean":
                states[:, :, 7] += 0.3
            found.append(CaseStates(states, label, modality, f"patient{patient}"))
    return found


def test_what_the_states_tell_is_learned_and_holds_for_new_patients(
    classifier: StateClassifier,
) -> None:
    fit = fit_classifier(classifier, cases(20))
    assert fit.held_out["accuracy"] >= 0.9
    assert fit.held_out["cases"] == 40
    new = predictions(fit.classifier, cases(10, seed=9))
    assert new.correct.mean() >= 0.9
    assert fit.held_out["cross_entropy"] < 0.4 < np.log(2)


def test_noise_is_not_taken_for_knowledge(classifier: StateClassifier) -> None:
    """Few patients and hundreds of numbers each: the fit could learn them by heart, the held-out
    patients tell.
    """
    fit = fit_classifier(classifier, cases(8, told=False))
    assert fit.held_out["accuracy"] < 0.8
    assert fit.held_out["cross_entropy"] > 0.6
    *_, by_heart = fitted_epochs(classifier, cases(8, told=False), 100, 0)
    assert predictions(by_heart, cases(8, told=False)).correct.mean() > 0.9


def test_a_class_that_the_modality_cannot_have_gets_nothing(classifier: StateClassifier) -> None:
    with torch.no_grad():
        classifier.linear.bias[CLASSES.index("mr_motion")] = 50.0
    found = predictions(classifier, cases(3, modality="ct"))
    assert np.isfinite(found).all()
    assert (found.confidence >= 0.5).all()  # of two classes that are left


def test_every_class_of_every_modality_weighs_the_same() -> None:
    few = [c for c in cases(9) if c.label == "clean" or c.patient == "patient0"] + cases(
        2, modality="mr"
    )
    weights = case_weights(few)
    assert float(weights.sum()) == pytest.approx(1.0)
    for modality in ("pet", "mr"):
        for label in ("clean", DEGRADATION_OF[modality]):
            mine = [
                w
                for w, c in zip(weights.tolist(), few, strict=True)
                if (c.modality, c.label) == (modality, label)
            ]
            assert sum(mine) == pytest.approx(0.25)


def test_the_given_classifier_stays_and_the_same_seed_fits_the_same(
    classifier: StateClassifier,
) -> None:
    before = {name: value.clone() for name, value in classifier.state_dict().items()}
    one, again = (fit_classifier(classifier, cases(6), seed=3, epochs=12) for _ in range(2))
    for name, value in classifier.state_dict().items():
        assert torch.equal(value, before[name]), name
    for name, value in one.classifier.state_dict().items():
        assert torch.equal(value, again.classifier.state_dict()[name]), name
    assert not torch.equal(one.classifier.linear.weight, classifier.linear.weight)


def test_too_few_patients_and_missing_classes_are_told(classifier: StateClassifier) -> None:
    with pytest.raises(InputError, match="at least 5 patients, got 3"):
        fit_classifier(classifier, cases(3))
    with pytest.raises(InputError, match="PET scans, but none of class clean"):
        fit_classifier(classifier, [c for c in cases(8) if c.label != "clean"])


def test_the_lowest_point_of_a_curve_is_that_of_its_mean_over_five() -> None:
    curve = np.array(
        [9.0, 8, 7, 6, 5, 4, 3.0, 3.2, 3.4, 5, 6, 7, 0.5, 8, 9]
    )  # one lucky epoch at 12
    assert lowest_epoch(curve) == 7
    assert lowest_epoch(np.array([2.0, 1.0])) in (0, 1)


def test_answers_are_sure_from_where_enough_of_them_are_right() -> None:
    confidence = np.array([0.6, 0.99, 0.7, 0.9, 0.8])
    right = np.array([0.0, 1.0, 0.0, 1.0, 1.0])
    assert sure_from(confidence, right, 0.98) == (0.8, 3 / 5)
    assert sure_from(confidence, right, 0.75) == (0.7, 4 / 5)  # three of the four
    assert sure_from(confidence, right, 0.5) == (0.6, 1.0)
    assert sure_from(confidence, 1 - right, 0.98) == (1.0, 0.0)
