"""A reference that looks degraded is said; a clean one, and a patient's metal, are not."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from UniFuseLib.degradation import CLASSES, DEGRADATION_OF, Classification
from UniFuseLib.degraded_reference import LEAST, reference_doubts
from UniFuseLib.network.build import build, preset
from UniFuseLib.severity.noise import metal_of, without_metal

CLEAN = Classification("clean", dict.fromkeys(CLASSES, 0.0) | {"clean": 1.0}, ())


def degraded(modality: str, probability: float) -> Classification:
    label = DEGRADATION_OF[modality]
    both = {"clean": 1 - probability, label: probability}
    found = "clean" if probability < 0.5 else label
    return Classification(found, dict.fromkeys(CLASSES, 0.0) | both, ())


@pytest.mark.parametrize("modality", ["mr", "ct", "pet"])
def test_beside_a_clean_volume_the_two_may_be_exchanged(modality: str) -> None:
    (sentence,) = reference_doubts(degraded(modality, 0.99), modality, CLEAN)
    assert "99 %" in sentence
    assert "were the two exchanged?" in sentence


def test_beside_a_degraded_volume_another_reference_is_asked_for() -> None:
    for other in (degraded("ct", 0.9), CLEAN._replace(calibrated=False)):
        (sentence,) = reference_doubts(degraded("mr", 0.97), "mr", other)
        assert "exchanged" not in sentence
        assert "choose another reference" in sentence


@pytest.mark.parametrize("modality", ["mr", "ct", "pet"])
def test_a_reference_that_is_hardly_degraded_is_not_mentioned(modality: str) -> None:
    below = degraded(modality, LEAST[modality] - 0.01)
    assert reference_doubts(below, modality, CLEAN) == ()
    assert reference_doubts(CLEAN, modality, below) == ()


def test_nothing_is_said_where_no_class_can_be_stated() -> None:
    assert reference_doubts(None, "mr", CLEAN) == ()
    uncalibrated = degraded("mr", 1.0)._replace(calibrated=False)
    assert reference_doubts(uncalibrated, "mr", CLEAN) == ()


def test_a_scan_without_its_metal_keeps_its_noise() -> None:
    traces = {"metal": float(np.log(8.0)), "rows": 2.5}
    assert metal_of(without_metal(traces)) == pytest.approx(0)
    assert without_metal(traces)["rows"] == 2.5
    assert without_metal({"uptake": 1.0}) == {"uptake": 1.0}


def test_the_class_alone_is_that_of_the_registration() -> None:
    torch.manual_seed(0)
    network = build(preset("small")).eval()
    degraded_volume, reference = torch.rand(2, 1, 1, 40, 48, 32)
    with torch.no_grad():
        alone = network.classify(degraded_volume, reference)
        whole = network.register(degraded_volume, reference).logits
    torch.testing.assert_close(alone, whole)
