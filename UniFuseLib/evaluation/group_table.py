"""One row per group of cases: what a user of that group meets, its worst case included."""

from __future__ import annotations

from typing import TYPE_CHECKING

from UniFuseLib.evaluation.baselines import REGISTRATIONS
from UniFuseLib.evaluation.markdown import markdown, number
from UniFuseLib.simulation.groups import GROUPS, STRESS

if TYPE_CHECKING:
    from collections.abc import Iterable

    from UniFuseLib.evaluation.summary import Figures


def groups_table(summary: Figures) -> str:
    """Before, UniFuse, every rival: mean, median and worst over the cases of each group."""
    rivals = dict.fromkeys(name for f in summary["groups"].values() for name in f["rivals"])
    header = (
        "group",
        "cases",
        "before: mean / median / worst",
        "UniFuse",
        "made worse",
        "refused",
        *(REGISTRATIONS[name] for name in rivals),
    )
    refused = [case.get("group", STRESS) for case in summary["skipped"]]
    rows = [
        (GROUPS[name], *_group_cells(f, refused.count(name)), *_rival_cells(f, rivals))
        for name, f in summary["groups"].items()
    ]
    return markdown(header, rows)


def _group_cells(f: Figures, refused: int) -> tuple[str, ...]:
    before, after = three(f["tre_before_mm"]), three(f["tre_mm"])
    return (str(f["cases"]), before, after, str(f["made_worse"]), str(refused))


def _rival_cells(f: Figures, rivals: Iterable[str]) -> tuple[str, ...]:
    return tuple(_rival_cell(f["rivals"].get(name)) for name in rivals)


def _rival_cell(found: Figures | None) -> str:
    if found is None:
        return "–"
    failed = f" ({found['failed']} failed)" if found["failed"] else ""
    return three(found["tre_mm"]) + failed


def three(spread: Figures) -> str:
    """Mean, median and worst of the cases' mean TRE, mm."""
    figures = (spread["mean"], spread["over_cases"]["median"], spread["worst"])
    return " / ".join(number(value) for value in figures)
