"""`bench.json` → the short markdown of `docs/results/README.md`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from UniFuseLib.evaluation.bench.content import (
    TASK_DESCRIPTIONS,
    Table,
    by_alignment,
    group_tables,
    machine_line,
    rows_of,
    short_registration_table,
)
from UniFuseLib.evaluation.bench.method import OURS, Method
from UniFuseLib.evaluation.bench.verdict import METRICS, best_pipeline
from UniFuseLib.evaluation.markdown import markdown, number
from UniFuseLib.evaluation.tables import FUSION_TITLES, fusion_cells

if TYPE_CHECKING:
    from UniFuseLib.evaluation.summary import Figures


def bench_table(bench: Figures) -> str:
    """Per task: all registrations, the fusion of ours and of the best pipeline, the verdict.

    Then the registrations of every group.
    """
    weights = bench["weights"]["name"] if bench["weights"] else "none"
    parts = [f"{len(bench['ids'])} cases; weights {weights}; {machine_line(bench)}."]
    for task, description in TASK_DESCRIPTIONS.items():
        rows = rows_of(bench, task)
        if not rows:
            continue
        registration = short_registration_table(by_alignment(rows, task), task)
        parts += [f"### {description}", _markdown(registration), _markdown(_fusions(rows, task))]
        if task in bench["verdict"]:
            parts.append(_verdict(bench["verdict"][task]))
    for title, table in group_tables(bench).items():
        parts += [f"### {title[0].upper()}{title[1:]}", _markdown(table)]
    return "\n\n".join(part.rstrip("\n") for part in parts) + "\n"


def _markdown(table: Table) -> str:
    """The model's row is bold."""
    rows = [
        (f"**{name}**" if ours else name, *cells)
        for (name, *cells), ours in zip(table.rows, table.ours, strict=True)
    ]
    return markdown(table.header, rows)


def _fusions(rows: dict[Method, Figures], task: str) -> Table:
    figures = {method: row["summary"][task] for method, row in rows.items()}
    baselines = {method: f for method, f in figures.items() if not method.ours}
    shown = [method for method in figures if method.ours]
    if baselines:
        shown.append(best_pipeline(baselines))
    count = len(METRICS)
    header = ("fusion", *tuple(FUSION_TITLES.values())[:count])
    cells = [(m.title, *fusion_cells(figures[m]["fusion"])[:count]) for m in shown]
    return Table(header, cells, [method == OURS for method in shown])


def _verdict(lines: list[Figures]) -> str:
    missed = [line for line in lines if not line["met"]]
    if not missed:
        return f"All {len(lines)} criteria met."
    listed = "; ".join(
        f"{line['criterion']} ({number(line['ours'], 3)}; target {number(line['target'], 3)})"
        for line in missed
    )
    return f"{len(lines) - len(missed)} of {len(lines)} criteria met. Not met: {listed}."
