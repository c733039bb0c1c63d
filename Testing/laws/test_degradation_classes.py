"""What the modality says about the class."""

from __future__ import annotations

import math

import numpy as np
import pytest

from UniFuseLib.degradation import (
    CLASSES,
    DEGRADATION_OF,
    classify,
    given_modality,
    log_odds,
    low_confidence_warning,
    modality_conflict_warning,
    with_log_odds,
)
from UniFuseLib.severity.noise import ct_traces, metal_of

READ = dict(zip(CLASSES, (0.1, 0.2, 0.3, 0.4), strict=True))


@pytest.mark.parametrize(
    ("modality", "expected"), [("mr", (0.1, 0.2)), ("ct", (0.1, 0.3)), ("pet", (0.1, 0.4))]
)
def test_only_what_the_modality_can_have_remains_in_proportion(
    modality: str, expected: tuple[float, float]
) -> None:
    found = given_modality(READ, modality)
    assert list(found) == list(CLASSES)
    assert sum(found.values()) == pytest.approx(1)
    assert found["clean"] / found[DEGRADATION_OF[modality]] == pytest.approx(
        expected[0] / expected[1]
    )
    others = set(CLASSES) - {"clean", DEGRADATION_OF[modality]}
    assert all(found[name] == 0 for name in others)


def test_classes_of_other_weights_are_left_alone() -> None:
    assert given_modality({"blur": 0.25, "ghosts": 0.75}, "mr") == {"blur": 0.25, "ghosts": 0.75}
    assert given_modality({"ct_metal_noise": 1.0, "mr_motion": 0.0}, "mr") == {
        "ct_metal_noise": 1.0,
        "mr_motion": 0.0,
    }


def test_a_sure_network_that_the_modality_contradicts_is_a_warning() -> None:
    sure = {"clean": 0.02, "mr_motion": 0.03, "ct_metal_noise": 0.95, "pet_low_dose": 0.0}
    sentence = modality_conflict_warning(sure, "mr")
    assert sentence is not None
    assert "CT metal and noise" in sentence
    assert "MR" in sentence
    assert modality_conflict_warning(sure, "ct") is None
    assert modality_conflict_warning(READ, "mr") is None


def test_a_class_below_the_measured_probability_is_a_warning() -> None:
    found = {"clean": 0.7, "mr_motion": 0.3}
    assert low_confidence_warning(found, 0.7) is None
    assert low_confidence_warning(found, 0.0) is None  # not measured
    sentence = low_confidence_warning(found, 0.85)
    assert sentence is not None
    assert "Low confidence: No degradation (70 %)" in sentence
    assert "only at 85 % confidence" in sentence


def test_a_classification_brings_its_warnings() -> None:
    sure = {"clean": 0.02, "mr_motion": 0.03, "ct_metal_noise": 0.95, "pet_low_dose": 0.0}
    found = classify(sure, "mr", 0.85, spacing_mm=1.5, calibrated_at_mm=1.5)
    assert found.label == "mr_motion"
    assert found.probabilities == given_modality(sure, "mr")
    assert [warning.split()[0] for warning in found.warnings] == ["The", "Low"]
    assert classify(sure, "ct", 0.85, spacing_mm=1.5, calibrated_at_mm=1.5).warnings == ()


@pytest.mark.parametrize(("spacing", "calibrated"), [(1.5, True), (1.5004, True), (5.0, False)])
def test_a_class_counts_only_at_the_spacing_of_its_calibration(
    spacing: float, calibrated: bool
) -> None:
    unsure = {"clean": 0.4, "mr_motion": 0.6}
    found = classify(unsure, "mr", 0.85, spacing_mm=spacing, calibrated_at_mm=1.5)
    assert found.calibrated is calibrated
    (sentence,) = found.warnings
    assert sentence.startswith("Low confidence" if calibrated else "The type of degradation is not")
    assert calibrated or "5.00 mm" in sentence
    assert calibrated or "1.50 mm" in sentence


@pytest.mark.parametrize(
    ("modality", "voxel", "calibrated"),
    [
        ("ct", 2.0, True),
        ("ct", 2.5, False),
        ("mr", 1.5, True),
        ("mr", 2.0, False),
        ("pet", 5.3, True),
    ],
)
def test_a_class_counts_only_for_voxels_like_those_of_its_calibration(
    modality: str, voxel: float, calibrated: bool
) -> None:
    sure = {"clean": 0.99, "mr_motion": 0.0, "ct_metal_noise": 0.01, "pet_low_dose": 0.0}
    found = classify(sure, modality, 0.85, spacing_mm=1.5, calibrated_at_mm=1.5, voxel_mm=voxel)
    assert found.calibrated is calibrated
    assert calibrated or f"{voxel:.1f} mm" in found.warnings[0]


@pytest.mark.parametrize(("traces", "stated"), [(1.0, True), (None, False)])
def test_of_coarse_voxels_a_class_is_stated_where_the_traces_decide(
    traces: float | None, stated: bool
) -> None:
    """The network is wrong and sure of them: a scan that the traces say nothing of has no class."""
    of_network = {"clean": 0.99, "mr_motion": 0.0, "ct_metal_noise": 0.01, "pet_low_dose": 0.0}
    at = {"sure_from": 0.6, "spacing_mm": 1.5, "calibrated_at_mm": 1.5, "voxel_mm": 4.7}
    found = classify(of_network, "ct", **at, presence=lambda network: traces)
    assert found.calibrated is stated
    assert found.warnings == () if stated else "4.7 mm" in found.warnings[0]
    assert (found.label == "ct_metal_noise") is stated


def test_log_odds_come_back() -> None:
    of_network = {"clean": 0.9, "mr_motion": 0.1, "ct_metal_noise": 0.0, "pet_low_dose": 0.0}
    odds = log_odds(of_network, "mr_motion")
    assert odds == pytest.approx(-math.log(9), abs=1e-4)
    assert odds is not None
    assert with_log_odds(of_network, "mr_motion", odds) == pytest.approx(of_network, abs=1e-5)
    turned = with_log_odds(of_network, "mr_motion", -odds)
    assert turned["mr_motion"] == pytest.approx(0.9, abs=1e-4)
    assert sum(turned.values()) == pytest.approx(1)
    assert with_log_odds(of_network, "mr_motion", -2000.0)["mr_motion"] == 0
    assert log_odds({"blur": 1.0}, "mr_motion") is None
    assert log_odds({"clean": 1.0, "mr_motion": 0.0}, "mr_motion") == pytest.approx(-13.8, abs=0.1)


def test_what_the_network_says_can_be_reconsidered() -> None:
    unsure = {"clean": 0.6, "mr_motion": 0.4, "ct_metal_noise": 0.0, "pet_low_dose": 0.0}
    at = {"sure_from": 0.85, "spacing_mm": 1.5, "calibrated_at_mm": 1.5}
    assert classify(unsure, "mr", **at).label == "clean"
    assert classify(unsure, "mr", **at, presence=lambda network: None).label == "clean"
    assert classify(unsure, "mr", **at, presence=lambda network: network + 2).label == "mr_motion"
    assert classify(unsure, "mr", **at, presence=lambda network: network - 2).label == "clean"
    others = {"blur": 0.25, "ghosts": 0.75}
    assert classify(others, "mr", **at, presence=lambda network: -9.0).label == "ghosts"


@pytest.mark.parametrize(
    ("label", "metal_ml", "voted", "stated"),
    [
        ("clean", 0.0, None, True),
        ("clean", 0.02, None, True),
        ("clean", 0.5, None, False),
        ("ct_metal_noise", 0.5, None, True),
        ("clean", 0.5, -4.0, True),  # the traces know of the metal
    ],
)
def test_the_network_alone_calls_no_ct_with_metal_clean(
    label: str, metal_ml: float, voted: float | None, stated: bool
) -> None:
    sure = {name: 0.96 if name == label else 0.04 / 3 for name in CLASSES}
    found = classify(
        sure, "ct", 0.85, 1.5, 1.5, lambda network: voted, voxel_mm=0.9, metal_ml=metal_ml
    )
    assert found.calibrated == stated
    assert any("ml of metal" in sentence for sentence in found.warnings) != stated


def test_the_metal_of_a_scan_is_read_from_its_traces() -> None:
    hu = np.full((6, 40, 40), 40.0, np.float32)
    hu[2:4, 10:14, 10:14] = 3000
    traces = ct_traces(hu, (3.0, 1.0, 1.0), np.ones(hu.shape, dtype=bool))
    assert metal_of(traces) == pytest.approx(2 * 4 * 4 * 3 / 1000, rel=1e-6)
    assert metal_of({**traces, "metal": float(np.log(0.01))}) == pytest.approx(0, abs=1e-9)
