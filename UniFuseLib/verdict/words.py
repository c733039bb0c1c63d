"""The verdict in a few lines, the same on the page and in the console."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from UniFuseLib.report.report import VerdictReport

TITLES = {
    "green": "Green: no finding against the alignment",
    "amber": "Amber: check the alignment before using it",
    "red": "Red: do not use this result",
}


def trust_title(verdict: VerdictReport) -> str:
    """One line; empty where nothing was judged."""
    return TITLES.get(verdict.trust or "", "")


def trust_figures(verdict: VerdictReport) -> str:
    """Probability and expected error; empty where nothing was judged."""
    if verdict.probability_off_by_3_mm is None or verdict.interval_mm is None:
        return ""
    low, high = verdict.interval_mm
    return (
        f"more than 3 mm off with a probability of {100 * verdict.probability_off_by_3_mm:.0f} %; "
        f"expected error {verdict.expected_error_mm:.1f} mm ({low:.1f} to {high:.1f}) if both show "
        "the same part of one patient"
    )


def uncertainty_line(verdict: VerdictReport) -> str:
    """Mean and 95th percentile of the map; empty where none was made."""
    mapped = verdict.uncertainty_mm
    if mapped.mean is None:
        return ""
    return (
        f"Uncertainty: {mapped.mean:.1f} mm on average, {mapped.p95:.1f} mm or less in 95 % of the "
        "body; 68 % of places lie no farther off than that."
    )


def trust_lines(verdict: VerdictReport) -> list[str]:
    """Title with the figures, the uncertainty, the reasons; nothing where nothing was judged."""
    if verdict.trust is None:
        return []
    first = f"{trust_title(verdict)}; {trust_figures(verdict)}."
    mapped = uncertainty_line(verdict)
    return [first, *([mapped] if mapped else []), *verdict.reasons]
