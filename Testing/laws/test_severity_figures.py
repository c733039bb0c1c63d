"""What an evaluation says of severities."""

from __future__ import annotations

from typing import Any

import pytest

from UniFuseLib.evaluation.severity_figures import (
    rank_correlation,
    severity_figures,
    severity_lines,
)


def case(label: str, called: str, true: float | None, found: float | None) -> dict[str, Any]:
    return {"class": label, "class_found": called, "severity_true": true, "severity": found}


CASES = [
    case("clean", "clean", None, None),
    case("clean", "mr_motion", None, 0.3),
    case("mr_motion", "clean", 0.1, None),
    case("mr_motion", "mr_motion", 0.2, 0.5),
    case("mr_motion", "mr_motion", 0.5, 0.4),
    case("mr_motion", "mr_motion", 0.9, 0.8),
    case("pet_low_dose", "clean", 0.6, None),
    case("pet_low_dose", "pet_low_dose", 0.7, 0.9),
]


def test_rank_correlation_is_of_the_order_alone() -> None:
    assert rank_correlation([(0.1, 0.0), (0.2, 0.01), (0.9, 1.0)]) == pytest.approx(1)
    assert rank_correlation([(0.1, 3.0), (0.2, 2.0), (0.9, 1.0)]) == pytest.approx(-1)
    assert rank_correlation([(0.1, 0.5), (0.2, 0.4), (0.9, 0.6)]) == pytest.approx(0.5)


def test_no_correlation_of_too_little() -> None:
    assert rank_correlation([(0.1, 0.5), (0.2, 0.4)]) is None
    assert rank_correlation([(0.1, 0.5), (0.2, 0.5), (0.3, 0.5)]) is None


def test_severities_count_where_both_are_known() -> None:
    found = severity_figures(CASES)
    assert found["cases"] == 4
    assert found["rank_correlation_per_class"] == {
        "mr_motion": pytest.approx(0.5),
        "pet_low_dose": None,
    }
    assert found["rank_correlation"] == pytest.approx(0.6)


def test_severities_are_also_compared_with_the_error_of_the_scan() -> None:
    cases = [
        {**case("mr_motion", "mr_motion", true, found), "own_frame": {"degraded_psnr_db": psnr}}
        for true, found, psnr in ((0.2, 0.5, 20.0), (0.5, 0.4, 24.0), (0.9, 0.8, 17.0))
    ]
    cases.append({**case("mr_motion", "mr_motion", 0.1, 0.9), "own_frame": None})
    found = severity_figures(cases)["rank_correlation_with_error_per_class"]
    assert found == {"mr_motion": pytest.approx(1.0)}


def test_light_degradations_do_not_count_as_errors() -> None:
    found = severity_figures(CASES)
    assert found["visible_cases"] == 7
    assert found["visible_accuracy"] == pytest.approx(5 / 7)
    assert "71.4 % of 7 cases" in severity_lines(found)
    assert severity_lines(None) == ""


def test_figures_from_before_severities_were_kept() -> None:
    old = [{"class": "mr_motion", "class_found": "mr_motion"}]
    found = severity_figures(old)
    assert (found["cases"], found["rank_correlation"], found["visible_accuracy"]) == (0, None, None)
