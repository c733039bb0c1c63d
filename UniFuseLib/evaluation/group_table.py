"""One row per group of cases: what a user of that group meets, its worst case included."""

from __future__ import annotations

from typing import TYPE_CHECKING

from UniFuseLib.evaluation.baselines import REGISTRATIONS
from UniFuseLib.evaluation.markdown import markdown, number
from UniFuseLib.evaluation.verdict_figures import colours_cell
from UniFuseLib.simulation.groups import GROUPS, STRESS

if TYPE_CHECKING:
    from collections.abc import Iterable

    from UniFuseLib.evaluation.summary import Figures


def groups_table(summary: Figures) -> str:
    """Before, UniFuse, every baseline: mean, median and worst over the cases of each group.

    A group of refused cases alone has a row too.
    """
    baselines = dict.fromkeys(name for f in summary["groups"].values() for name in f["baselines"])
    header = (
        "group",
        "cases",
        "before: mean / median / worst",
        "UniFuse",
        "made worse",
        "refused",
        "green / amber / red",
        *(REGISTRATIONS[name] for name in baselines),
    )
    refused = [case.get("group", STRESS) for case in summary["skipped"]]
    rows = [
        (
            GROUPS[name],
            *_group_cells(summary["groups"].get(name), refused.count(name)),
            *_baseline_cells(summary["groups"].get(name, {}), baselines),
        )
        for name in GROUPS
        if name in summary["groups"] or name in refused
    ]
    return markdown(header, rows)


def _group_cells(f: Figures | None, refused: int) -> tuple[str, ...]:
    if f is None:
        return ("0", "–", "–", "–", str(refused), "–")
    before, after = three(f["tre_before_mm"]), three(f["tre_mm"])
    colours = colours_cell(f.get("verdict"))
    return (str(f["cases"]), before, after, str(f["made_worse"]), str(refused), colours)


def _baseline_cells(f: Figures, baselines: Iterable[str]) -> tuple[str, ...]:
    return tuple(_baseline_cell(f.get("baselines", {}).get(name)) for name in baselines)


def _baseline_cell(found: Figures | None) -> str:
    if found is None:
        return "–"
    failed = f" ({found['failed']} failed)" if found["failed"] else ""
    return three(found["tre_mm"]) + failed


def three(spread: Figures) -> str:
    """Mean, median and worst of the cases' mean TRE, mm."""
    figures = (spread["mean"], spread["over_cases"]["median"], spread["worst"])
    return " / ".join(number(value) for value in figures)
