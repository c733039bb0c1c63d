"""Accuracy, confusion and calibration in closed form."""

from __future__ import annotations

import numpy as np
import pytest

from UniFuseLib.degradation import CLASSES
from UniFuseLib.evaluation.metrics.classification import (
    calibration_error,
    class_accuracy,
    confusion_matrix,
)


def test_confusion_has_the_truth_in_rows():
    matrix = confusion_matrix(
        ["clean", "clean", "mr_motion"], ["clean", "mr_motion", "mr_motion"], CLASSES
    )
    expected = np.zeros((4, 4), int)
    expected[0, 0] = expected[0, 1] = expected[1, 1] = 1
    np.testing.assert_array_equal(matrix, expected)
    overall, per_class = class_accuracy(matrix)
    assert overall == pytest.approx(2 / 3)
    assert per_class == [0.5, 1.0, None, None]


def test_unknown_classes_are_refused():
    with pytest.raises(ValueError, match="blurry"):
        confusion_matrix(["clean"], ["blurry"], CLASSES)


def test_calibration_error_closed_forms():
    assert calibration_error([1.0, 1.0], [True, True]) == 0.0
    assert calibration_error([1.0, 1.0], [False, False]) == 1.0
    # one bin: confidence 0.75, accuracy 0.5
    assert calibration_error([0.75] * 4, [True, False, True, False]) == pytest.approx(0.25)
    # two bins, weights 3/4 and 1/4
    found = calibration_error([0.85, 0.85, 0.85, 0.35], [True, True, True, True])
    assert found == pytest.approx(0.75 * 0.15 + 0.25 * 0.65)
    # an edge belongs to the bin below it: 0.5 and 0.55 are two bins (one bin would give |0.5 -
    # 0.525|)
    assert calibration_error([0.5, 0.55], [True, False]) == pytest.approx(0.5 * 0.5 + 0.5 * 0.55)


def test_calibration_error_agrees_with_torchmetrics():
    torch = pytest.importorskip("torch")
    classification = pytest.importorskip("torchmetrics.functional.classification")
    rng = np.random.default_rng(0)
    probabilities = rng.dirichlet(np.ones(4), 200)
    truth = rng.integers(0, 4, 200)
    theirs = classification.multiclass_calibration_error(
        torch.from_numpy(probabilities),
        torch.from_numpy(truth),
        num_classes=4,
        n_bins=10,
        norm="l1",
    )
    found = calibration_error(probabilities.max(1), probabilities.argmax(1) == truth)
    assert found == pytest.approx(float(theirs), abs=1e-6)
