"""The verdict: colours follow the thresholds, reasons are sentences, the file is readable."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pytest

from UniFuseLib.report.parts import UncertaintyReport, VerdictReport
from UniFuseLib.resources import models_folder
from UniFuseLib.verdict.curves import AdditiveModel, Curve
from UniFuseLib.verdict.judge import Band, Judge, shipped_judge
from UniFuseLib.verdict.judged import FITTED, one_sided, unfitted
from UniFuseLib.verdict.reasons import explained, reasons_of
from UniFuseLib.verdict.uncertainty import shipped_calibration
from UniFuseLib.verdict.words import trust_lines

ROWS = Path(__file__).resolve().parents[2] / "docs" / "results" / "trust-rows.jsonl"
MIRROR = Curve("mirror_ratio", (0.8, 1.2), (0.0, 8.0), missing=1.0, usual=0.5)
COVERED = Curve("covered", (0.2, 0.6), (4.0, 0.0), missing=0.0, usual=0.0)
ODDS = AdditiveModel(-4.0, (MIRROR, COVERED))
LOG_ERROR = AdditiveModel(0.0, (Curve("covered", (0.2, 0.6), (2.0, 0.0), 0.0, 0.0),))
BANDS = (Band(0.0, 0.5, 2.0), Band(1e9, 0.2, 5.0))
JUDGE = Judge(ODDS, (1.0, 0.0), LOG_ERROR, BANDS, {"mirror_ratio": 2.0}, {}, -2.0, 1.0)


def test_a_curve_is_linear_between_its_knots_and_constant_beyond() -> None:
    values = [MIRROR.at({"mirror_ratio": v}) for v in (0.1, 0.8, 0.9, 1.2, 9.0)]
    np.testing.assert_allclose(values, [0, 0, 2, 8, 8])
    assert MIRROR.at({}) == MIRROR.at({"mirror_ratio": math.nan}) == 1


def test_a_model_is_the_same_after_a_file() -> None:
    again = AdditiveModel.from_json(json.loads(json.dumps(ODDS.to_json())))
    assert again == ODDS
    assert again({"mirror_ratio": 1.0, "covered": 0.4}) == pytest.approx(-4 + 4 + 2)


@pytest.mark.parametrize(
    ("mirror", "trust", "interval"),
    [(0.8, "green", (0.5, 2.0)), (0.95, "amber", (0.5, 2.0)), (1.1, "red", (0.2, 5.0))],
)
def test_colours_follow_the_log_odds(
    mirror: float, trust: str, interval: tuple[float, float]
) -> None:
    verdict = JUDGE({"mirror_ratio": mirror, "covered": 0.9})
    assert (verdict.trust, verdict.interval_mm) == (trust, interval)
    odds = ODDS({"mirror_ratio": mirror, "covered": 0.9})
    expected = 1 / (1 + math.exp(-odds))
    assert verdict.probability_off_by_3_mm == pytest.approx(expected, abs=1e-3)
    assert bool(verdict.reasons) == (trust != "green")


def test_the_heaviest_doubt_comes_first_and_small_ones_stay_unsaid() -> None:
    mirrored = reasons_of(ODDS, {"mirror_ratio": 1.2, "covered": 0.5})
    assert mirrored[0].startswith("Left and right may be swapped")
    assert mirrored[1] == "Only 50 % of the reference's body is covered."
    (covered,) = reasons_of(ODDS, {"mirror_ratio": 0.8, "covered": 0.3})
    assert covered.startswith("Only 30 %")


def test_nothing_is_green_where_left_and_right_cannot_be_told_whatever_else_fits() -> None:
    strict = JUDGE._replace(never_green_above={"mirror_ratio": 0.81})
    verdict = strict({"mirror_ratio": 0.82, "covered": 0.9})
    assert verdict.trust == "amber"
    assert verdict.reasons[0].startswith("Left and right can hardly be told apart")
    assert strict({"covered": 0.9}).trust == "amber"


def test_nothing_is_green_whose_own_figures_say_that_it_is_off() -> None:
    fitting = {"mirror_ratio": 0.8, "covered": 0.9}
    likely_off = JUDGE._replace(calibration=(1.0, 4.1))
    assert likely_off(fitting).probability_off_by_3_mm > 0.5
    far_off = JUDGE._replace(log_error=AdditiveModel(math.log(3.1), ()))
    assert [judge(fitting).trust for judge in (JUDGE, likely_off, far_off)] == [
        "green",
        "amber",
        "amber",
    ]


def test_a_mirror_image_that_fits_better_is_red_whatever_else_fits() -> None:
    strict = JUDGE._replace(red_above={"mirror_ratio": 1.05}, red_from=99.0)
    assert strict({"mirror_ratio": 1.1, "covered": 0.9}).trust == "red"
    assert strict({"mirror_ratio": 1.0, "covered": 0.9}).trust == "amber"


def test_only_pairs_of_modalities_that_were_fitted_can_be_green() -> None:
    """CT on CT of a chest fits well and may be bent by breathing."""
    rows = ROWS.read_text(encoding="utf-8").splitlines()
    judged = [row for row in map(json.loads, rows) if row["error_mm"] is not None]
    right = {row["modalities"] for row in judged if row["kind"] != "modality"}
    assert {f"{degraded} on {reference}" for degraded, reference in FITTED} == right
    assert unfitted("ct", "mr") == ()
    (sentence,) = unfitted("ct", "ct")
    assert "CT on CT" in sentence


@pytest.mark.parametrize(
    ("mirror", "far", "apart_mm", "modalities", "doubted"),
    [
        (0.5, 0.6, 1.0, ("mr", "mr"), True),
        (0.5, 0.6, math.nan, ("mr", "mr"), True),
        (0.5, 0.5, 1.0, ("mr", "mr"), False),
        (0.5, 0.6, 0.6, ("mr", "mr"), False),
        (0.85, 0.6, 1.0, ("mr", "mr"), False),
        (0.5, 0.9, 1.0, ("ct", "mr"), False),
    ],
)
def test_regions_count_where_the_mirror_image_says_nothing(
    mirror: float, far: float, apart_mm: float, modalities: tuple[str, str], doubted: bool
) -> None:
    evidence = {"mirror_ratio": mirror, "far_share": far, "variations_mm": apart_mm}
    found = one_sided(evidence, modalities)
    assert bool(found) == doubted
    assert all("two patients" in sentence for sentence in found)


def test_what_speaks_against_a_modality_is_the_first_reason_and_never_green() -> None:
    green = JUDGE({"mirror_ratio": 0.8, "covered": 0.9})
    assert green.doubted(()) is green
    doubted = green.doubted(("It is CT.",))
    assert (doubted.trust, doubted.reasons) == ("amber", ("It is CT.",))
    red = JUDGE._replace(red_above={"mirror_ratio": 0.7})({"mirror_ratio": 0.8, "covered": 0.9})
    assert red.doubted(("It is CT.",)).trust == "red"
    many = red.doubted(("One.", "Two.", "Three.", "Four."))
    assert many.reasons == ("One.", "Two.", "Three.")


def test_an_amber_result_without_one_heavy_finding_says_so() -> None:
    judge = JUDGE._replace(amber_from=-9.0)
    (reason,) = judge({"mirror_ratio": 0.82, "covered": 0.9}).reasons
    assert "No single finding" in reason


def test_what_was_not_measured_is_null() -> None:
    assert JUDGE({"mirror_ratio": math.nan}).evidence == {"mirror_ratio": None}


def test_the_shipped_file_is_monotone_ordered_and_explained() -> None:
    judge = shipped_judge()
    assert judge.amber_from < judge.red_from
    assert judge.bands[-1].log_odds_to > 1e6
    assert all(band.low < 1 < band.high for band in judge.bands)
    for curve in (*judge.odds.curves, *judge.log_error.curves):
        assert list(curve.knots) == sorted(set(curve.knots)), curve.name
        steps = np.diff(curve.values)
        assert (steps >= 0).all() or (steps <= 0).all(), curve.name
    assert {curve.name for curve in judge.odds.curves} <= explained()


def test_the_shipped_file_is_of_the_cases_that_are_shown() -> None:
    results = Path(__file__).resolve().parents[2] / "docs" / "results"
    rows = (results / "trust-rows.jsonl").read_text(encoding="utf-8").splitlines()
    shown = json.loads((results / "trust.json").read_text(encoding="utf-8"))
    shipped = json.loads((models_folder() / "verdict.json").read_text(encoding="utf-8"))
    assert shipped["fitted_to"]["cases"] == shown["cases"] == len(rows)
    assert shown["never_green_but_green"] == 0


def test_the_shipped_map_grows_with_what_speaks_against_the_result() -> None:
    calibration = shipped_calibration()
    assert min(calibration.expected, calibration.level, calibration.shape) > 0
    shipped = json.loads((models_folder() / "uncertainty.json").read_text(encoding="utf-8"))
    results = Path(__file__).resolve().parents[2] / "docs" / "results"
    shown = json.loads((results / "uncertainty.json").read_text(encoding="utf-8"))
    assert shipped["fitted_to"]["cases"] == shown["cases"]
    assert shipped["quantile"] == shown["quantile"]


def test_the_uncertainty_is_the_second_line() -> None:
    mapped = VerdictReport(
        "green", 0.1, 1.0, (0.5, 2.0), uncertainty_mm=UncertaintyReport(1.2, 2.3)
    )
    _, second = trust_lines(mapped)
    assert "1.2 mm on average, 2.3 mm or less in 95 %" in second


def test_lines_begin_with_the_colour_and_end_with_the_reasons() -> None:
    red = VerdictReport("red", 0.97, 8.0, (2.0, 30.0), ("One.", "Two."))
    lines = trust_lines(red)
    assert lines[0].startswith("Red: do not use this result; more than 3 mm off")
    assert "97 %" in lines[0]
    assert lines[1:] == ["One.", "Two."]
    assert trust_lines(VerdictReport()) == []
