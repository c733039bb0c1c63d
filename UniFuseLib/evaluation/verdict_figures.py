"""What the verdict said of each case against how far off it was."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from UniFuseLib.evaluation.markdown import markdown, percent

if TYPE_CHECKING:
    from collections.abc import Sequence

    from UniFuseLib.evaluation.fuse_call import Judged

Figures = dict[str, Any]
COLOURS = ("green", "amber", "red")
# mean error inside the body, mm: good, hard to tell, wrong, must never be green (decision 0047)
_ERRORS = {"2 mm and less": 2.0, "2 to 3 mm": 3.0, "3 to 8 mm": 8.0, "over 8 mm": float("inf")}


def said_of(judged: Judged) -> Figures | None:
    """What is kept of a case's verdict; None where it was not judged."""
    if judged.trust is None:
        return None
    return {
        "trust": judged.trust,
        "probability_off_by_3_mm": judged.probability_off_by_3_mm,
        "expected_error_mm": judged.expected_error_mm,
        "interval_mm": judged.interval_mm,
    }


def verdict_figures(cases: Sequence[Figures]) -> Figures | None:
    """Cases by error and colour, and how often the interval holds the error; None without verdicts.

    Args:
        cases: figures of every case, those without a verdict included.
    """
    judged = [case for case in cases if case.get("verdict")]
    if not judged:
        return None
    counts = {name: dict.fromkeys(COLOURS, 0) for name in _ERRORS}
    for case in judged:
        counts[_error_class(case)][case["verdict"]["trust"]] += 1
    held = sum(map(_holds, judged))
    return {"cases": len(judged), "by_error": counts, "interval_holds": held / len(judged)}


def _error_class(case: Figures) -> str:
    error = case["tre_mm"]["mean"]
    return next(name for name, most in _ERRORS.items() if error <= most)


def _holds(case: Figures) -> bool:
    low, high = case["verdict"]["interval_mm"]
    return bool(low <= case["tre_mm"]["mean"] <= high)


def verdict_table(figures: Figures | None) -> str:
    """Rows: the error that was made; columns: the colours.

    Args:
        figures: of `verdict_figures`.
    """
    if figures is None:
        return "No case was judged.\n"
    rows = [(name, *map(str, counts.values())) for name, counts in figures["by_error"].items()]
    held = percent(figures["interval_holds"], 0)
    return markdown(("error after alignment", *COLOURS), rows) + (
        f"\nThe interval of the expected error holds it in {held} of {figures['cases']} cases.\n"
    )


def colours_cell(figures: Figures | None) -> str:
    """Green / amber / red of one group."""
    if figures is None:
        return "–"
    return " / ".join(str(sum(c[k] for c in figures["by_error"].values())) for k in COLOURS)
