"""How well the severity of a degradation was found, and the classes where it can be seen."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from UniFuseLib.evaluation.markdown import number, percent

if TYPE_CHECKING:
    from collections.abc import Sequence

Figures = dict[str, Any]
#: severity from which on a degradation can be seen: below, calling it clean is no error
VISIBLE_FROM = 0.15
_LEAST_CASES = 3  # a correlation of fewer says nothing


def severity_figures(cases: Sequence[Figures]) -> Figures:
    """Spearman's rank correlation of the severity found and the true one, per class and over all,
    and with the error of the scan in its own frame; and the accuracy of the classes over clean
    cases and those of `VISIBLE_FROM` and more.

    Correlations are None for fewer than three cases, and where all found or all true ones agree.

    Args:
        cases: classified ones. Truths that were written before severities were kept count neither
            way.
    """
    found = [case for case in cases if None not in _both(case)]
    labels = sorted({case["class"] for case in found})
    visible = [case for case in cases if is_visible(case)]
    right = sum(case["class_found"] == case["class"] for case in visible)
    return {
        "cases": len(found),
        "rank_correlation": rank_correlation([_both(case) for case in found]),
        "rank_correlation_per_class": {
            label: rank_correlation([_both(case) for case in found if case["class"] == label])
            for label in labels
        },
        "rank_correlation_with_error_per_class": {
            label: rank_correlation(
                [
                    _error_and_found(case)
                    for case in found
                    if case["class"] == label and case.get("own_frame")
                ]
            )
            for label in labels
        },
        "visible_from": VISIBLE_FROM,
        "visible_cases": len(visible),
        "visible_accuracy": right / len(visible) if visible else None,
    }


def is_visible(case: Figures) -> bool:
    """Clean, or degraded by `VISIBLE_FROM` and more."""
    if case["class"] == "clean":
        return True
    severity = case.get("severity_true")
    return severity is not None and severity >= VISIBLE_FROM


def rank_correlation(pairs: Sequence[tuple[float, float]]) -> float | None:
    """Spearman's ρ of (true, found) pairs."""
    from scipy.stats import spearmanr

    first, second = ([pair[k] for pair in pairs] for k in (0, 1))
    if len(pairs) < _LEAST_CASES or len(set(first)) < 2 or len(set(second)) < 2:
        return None
    value = float(spearmanr(first, second).statistic)
    return value if math.isfinite(value) else None


def severity_lines(figures: Figures | None) -> str:
    """One sentence each about severities and visible cases; nothing of a summary without them."""
    if figures is None:
        return ""
    classes = ", ".join(
        f"{label} {number(value)}" for label, value in figures["rank_correlation_per_class"].items()
    )
    return (
        f"\nSeverity: rank correlation {number(figures['rank_correlation'])} over "
        f"{figures['cases']} cases{f' ({classes})' if classes else ''}.\n"
        f"\nAccuracy over clean cases and severity {VISIBLE_FROM:g} and more: "
        f"{percent(figures['visible_accuracy'])} of {figures['visible_cases']} cases.\n"
    )


def _both(case: Figures) -> Any:
    """(true, found)."""
    return case.get("severity_true"), case.get("severity")


def _error_and_found(case: Figures) -> Any:
    """(-PSNR in dB of the degraded scan in its own frame, severity found)."""
    return -case["own_frame"]["degraded_psnr_db"], case["severity"]
