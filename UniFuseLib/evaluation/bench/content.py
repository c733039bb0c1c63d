"""What the report shows, as text: shared by the HTML page and the table for the documentation."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from UniFuseLib.evaluation.bench.method import OURS, Alignment, Method, method_of
from UniFuseLib.evaluation.group_table import three
from UniFuseLib.evaluation.markdown import number, percent
from UniFuseLib.evaluation.tables import FUSION_TITLES, fusion_cells
from UniFuseLib.simulation.groups import GROUPS, STRESS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from UniFuseLib.evaluation.summary import Figures

#: task → what the cases of the shipped lists hold
TASK_DESCRIPTIONS = {
    "mr": "MR on MR: T2 or FLAIR with motion on T1",
    "ctmr": "CT on MR: CT with metal and noise on MR",
    "petct": "PET on CT: low-dose PET on CT",
    "mrct": "MR on CT: MR with motion on CT",
    "petmr": "PET on MR: low-dose PET on MR",
}


class Table(NamedTuple):
    """The first column is text, the others are figures."""

    header: Sequence[str]
    rows: Sequence[Sequence[str]]
    ours: Sequence[bool] = ()  # per row; empty: none


def rows_of(bench: Figures, task: str) -> dict[Method, Figures]:
    """Method → its row, for the methods that ran on this task."""
    return {method_of(row): row for row in bench["rows"] if task in row["summary"]}


def by_alignment(rows: dict[Method, Figures], task: str) -> dict[Alignment, Figures]:
    """One row per alignment, the smallest error first: fusion does not change registration."""
    found: dict[Alignment, Figures] = {}
    for method, row in rows.items():
        found.setdefault(method.alignment, row)
    return dict(sorted(found.items(), key=lambda item: item[1]["summary"][task]["tre_mm"]["mean"]))


def registration_table(aligned: dict[Alignment, Figures], task: str, bin_name: str = "") -> Table:
    """Registration, and restoration as it comes out of the pipeline.

    Args:
        aligned: from `by_alignment`.
        task: key of `TASKS`.
        bin_name: only the cases of this bin; all when empty.
    """
    header = (
        "method",
        "cases",
        "failed",
        "TRE before, mm",
        "TRE mean, mm",
        "median",
        "p95",
        "worst",
        "made worse",
        "folds %",
        "Dice",
        "PSNR dB",
        "gain dB",
        "class accuracy",
        "CPU s",
        "peak MB",
    )
    figures = {
        alignment: row["bins"][bin_name][task] if bin_name else row["summary"][task]
        for alignment, row in aligned.items()
    }
    ordered = sorted(figures, key=lambda alignment: figures[alignment]["tre_mm"]["mean"])
    cells = [(a.title, *_registration_cells(figures[a], aligned[a]["missing"])) for a in ordered]
    return Table(header, cells, [a == OURS.alignment for a in ordered])


def _registration_cells(f: Figures, missing: int) -> tuple[str, ...]:
    return (
        str(f["cases"]),
        str(missing),
        number(f["tre_before_mm"]["mean"]),
        *(number(f["tre_mm"][key]) for key in ("mean", "median", "p95", "worst")),
        str(f["made_worse"]),
        number(f["folds_percent"], 4),
        number(f["dice"], 3),
        number(f["restoration_psnr_db"]),
        number(f["restoration_gain_db"]),
        percent(f["class_accuracy"]),
        number(f["cpu_seconds"], 1),
        number(f["peak_mb"], 0),
    )


def short_registration_table(aligned: dict[Alignment, Figures], task: str) -> Table:
    """The columns that fit on a page of the documentation."""
    header = (
        "method",
        "TRE before → after, mm",
        "p95",
        "worst",
        "folds %",
        "PSNR dB (gain)",
        "CPU s",
        "peak MB",
    )
    cells = [(a.title, *_short_cells(row["summary"][task])) for a, row in aligned.items()]
    return Table(header, cells, [a == OURS.alignment for a in aligned])


def _short_cells(f: Figures) -> tuple[str, ...]:
    psnr, gain = number(f["restoration_psnr_db"]), number(f["restoration_gain_db"])
    return (
        f"{number(f['tre_before_mm']['mean'])} → {number(f['tre_mm']['mean'])}",
        number(f["tre_mm"]["p95"]),
        number(f["tre_mm"]["worst"]),
        number(f["folds_percent"], 4),
        f"{psnr} ({gain})",
        number(f["cpu_seconds"], 1),
        number(f["peak_mb"], 0),
    )


def fusion_table(rows: dict[Method, Figures], task: str) -> Table:
    """Every method, sorted by Q_ssim."""
    figures = {method: row["summary"][task] for method, row in rows.items()}
    ordered = sorted(figures, key=lambda method: -figures[method]["fusion"]["ssim"])
    cells = []
    for method in ordered:
        f = figures[method]
        cost = (number(f["cpu_seconds"], 1), number(f["peak_mb"], 0))
        cells.append((method.title, *fusion_cells(f["fusion"]), *cost))
    header = ("method (sorted by Q_ssim)", *FUSION_TITLES.values(), "CPU s", "peak MB")
    return Table(header, cells, [method == OURS for method in ordered])


def group_tables(bench: Figures) -> dict[str, Table]:
    """Title of every group → its registrations, the smallest mean error first.

    Nothing where all cases are of the stress test, which has tables by task.
    """
    names = {name for row in bench["rows"] for name in row.get("groups", {})}
    if names <= {STRESS}:
        return {}
    return {GROUPS[name]: _group_table(bench, name) for name in GROUPS if name in names}


def _group_table(bench: Figures, group: str) -> Table:
    """Mean, median and worst of the cases' mean TRE, before and after."""
    figures: dict[Alignment, Figures] = {}
    for row in bench["rows"]:
        if group in row.get("groups", {}):
            figures.setdefault(method_of(row).alignment, row["groups"][group])
    ordered = sorted(figures, key=lambda alignment: figures[alignment]["tre_mm"]["mean"])
    header = ("method", "cases", "before: mean / median / worst", "after", "made worse", "CPU s")
    cells = [(a.title, *_group_cells(figures[a])) for a in ordered]
    return Table(header, cells, [a == OURS.alignment for a in ordered])


def _group_cells(f: Figures) -> tuple[str, ...]:
    return (
        str(f["cases"]),
        three(f["tre_before_mm"]),
        three(f["tre_mm"]),
        str(f["made_worse"]),
        number(f["cpu_seconds"], 1),
    )


def machine_line(bench: Figures) -> str:
    """Processor and cores."""
    return f"{bench['machine']['processor']}, {bench['machine']['cores']} cores"
