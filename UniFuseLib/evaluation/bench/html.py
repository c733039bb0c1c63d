"""One HTML file with everything in it: verdict, tables, plots, pictures, conventions, machine."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

from UniFuseLib.evaluation.baselines import RESTORATIONS
from UniFuseLib.evaluation.bench.content import (
    TASK_DESCRIPTIONS,
    Table,
    by_alignment,
    fusion_table,
    group_tables,
    machine_line,
    registration_table,
    rows_of,
)
from UniFuseLib.evaluation.bench.method import OURS, Alignment, method_of
from UniFuseLib.evaluation.bench.plots import cost_against_accuracy, error_boxes
from UniFuseLib.evaluation.markdown import number
from UniFuseLib.evaluation.summary import group_of
from UniFuseLib.simulation.groups import STRESS
from UniFuseLib.simulation.tasks import BINS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from UniFuseLib.evaluation.summary import Figures

Pictures = dict[str, list[tuple[str, str]]]  # task → (caption, `<img>`)
_STYLE = """
body {
  font: 15px/1.5 system-ui, sans-serif; color: #1e293b;
  max-width: 1180px; margin: 2rem auto; padding: 0 1rem;
}
h1 { font-size: 1.7rem }
h2 { margin-top: 2.6rem; border-bottom: 2px solid #e2e8f0 }
h3 { margin: 1.6rem 0 .4rem }
.scroll { overflow-x: auto }
table { border-collapse: collapse; font-size: 13px; font-variant-numeric: tabular-nums }
th, td {
  padding: .25rem .6rem; text-align: right; border-bottom: 1px solid #e2e8f0; white-space: nowrap;
}
th { background: #f1f5f9; white-space: normal; vertical-align: bottom }
td:first-child, th:first-child { text-align: left }
tr.ours { background: #fff7ed; font-weight: 600 }
.met { color: #15803d }
.missed { color: #b91c1c; font-weight: 600 }
.plots svg { display: block; width: 100%; max-width: 62rem; height: auto; margin: .6rem 0 }
figure { margin: .8rem 0; overflow-x: auto }
figcaption, .note { color: #475569; font-size: 13px }
"""


def page(bench: Figures, pictures: Pictures) -> str:
    """The report.

    Args:
        bench: content of `bench.json`.
        pictures: from `pictures.case_pictures`.
    """
    parts = [
        "<h1>UniFuse compared with staged pipelines</h1>",
        f"<p>{escape(_opening(bench))}</p>",
        *_groups(bench),
        "<h2>Targets and results</h2>",
        _verdict(bench["verdict"]),
    ]
    for task, description in TASK_DESCRIPTIONS.items():
        if rows_of(bench, task):
            parts.append(f"<h2>{escape(description)}</h2>")
            parts += _task(task, bench, pictures.get(task, []))
    parts += ["<h2>Conventions</h2>", _list(bench["conventions"])]
    parts += ["<h2>Machine and seeds</h2>", _list(_machine(bench))]
    parts += ["<h2>Failures</h2>", _failures(bench)]
    return _document("\n".join(parts))


def _document(body: str) -> str:
    return (
        '<!DOCTYPE html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width">'
        f"<title>UniFuse bench</title><style>{_STYLE}</style></head>"
        f"<body>{body}</body></html>\n"
    )


def table(content: Table) -> str:
    """An HTML table; rows of the model are marked. Cells are escaped here."""
    head = "".join(f"<th>{escape(cell)}</th>" for cell in content.header)
    ours = content.ours or [False] * len(content.rows)
    lines = [_row(cells, own) for cells, own in zip(content.rows, ours, strict=True)]
    return (
        f'<div class="scroll"><table><thead><tr>{head}</tr></thead>'
        f"<tbody>{''.join(lines)}</tbody></table></div>"
    )


def _row(cells: Sequence[str], own: bool) -> str:
    inner = "".join(f"<td>{escape(cell)}</td>" for cell in cells)
    return f"<tr class=ours>{inner}</tr>" if own else f"<tr>{inner}</tr>"


def _opening(bench: Figures) -> str:
    weights = bench["weights"]
    model = "UniFuse not included"
    if weights:
        model = f"weights {weights['name']} ({weights['sha256'][:12]})"
    pipelines = sum(not method_of(row).ours for row in bench["rows"])
    return (
        f"{len(bench['ids'])} simulated cases with known truth, {pipelines} staged pipelines "
        f"(restoration + registration + fusion), {model}. "
        "All rows were measured in this run, and all are shown."
    )


def _groups(bench: Figures) -> list[str]:
    tables = group_tables(bench)
    parts = [f"<h3>{escape(title)}</h3>{table(content)}" for title, content in tables.items()]
    return ["<h2>TRE by group of cases</h2>", *parts] if parts else []


def _verdict(verdict: dict[str, list[Figures]]) -> str:
    if not verdict:
        return "<p>UniFuse was not part of this run.</p>"
    parts = []
    head = "<tr><th>criterion</th><th>UniFuse</th><th>target</th><th>set by</th><th></th></tr>"
    for task, lines in verdict.items():
        rows = "".join(map(_criterion, lines))
        parts.append(f"<h3>{escape(TASK_DESCRIPTIONS[task])}</h3>")
        parts.append(f"<div class=scroll><table>{head}{rows}</table></div>")
    return "".join(parts)


def _criterion(line: Figures) -> str:
    result = "<td class=met>met</td>" if line["met"] else "<td class=missed>NOT met</td>"
    return (
        f"<tr><td>{escape(line['criterion'])}</td>"
        f"<td>{number(line['ours'], 4)}</td><td>{number(line['target'], 4)}</td>"
        f"<td>{escape(line['target_of'])}</td>{result}</tr>"
    )


def _task(task: str, bench: Figures, pictures: list[tuple[str, str]]) -> list[str]:
    rows = rows_of(bench, task)
    aligned = by_alignment(rows, task)
    parts = [
        "<h3>Registration, and restoration after it</h3>",
        table(registration_table(aligned, task)),
        f'<div class="plots">{_plots(aligned, task)}</div>',
        "<h3>By mean displacement</h3>",
        *(_bin(aligned, task, name) for name in BINS),
        "<h3>Restoration alone, aligned by the true field</h3>",
        _restorations(bench["restorations"], task),
        "<h3>Fusion</h3>",
        table(fusion_table(rows, task)),
    ]
    if pictures:
        parts += [
            "<h3>Pictures</h3><p class=note>Axial slice through the middle of the body, anterior "
            "up, the patient's right on the left; normalised intensities from 0 to 1.</p>",
            *(_picture(caption, image) for caption, image in pictures),
        ]
    return parts


def _picture(caption: str, image: str) -> str:
    return f"<figure>{image}<figcaption>{escape(caption)}</figcaption></figure>"


def _bin(aligned: dict[Alignment, Figures], task: str, name: str) -> str:
    inside = {a: row for a, row in aligned.items() if task in row["bins"].get(name, {})}
    if not inside:
        return ""
    return f"<h4>{escape(name)} mm</h4>" + table(registration_table(inside, task, name))


def _plots(aligned: dict[Alignment, Figures], task: str) -> str:
    boxes, points = {}, {}
    for alignment, row in aligned.items():
        shown = [case for case in row["cases"].values() if group_of(case) == STRESS]
        cases = [case for case in shown if case["task"] == task]
        summary = row["summary"][task]
        boxes[alignment.title] = [case["tre_mm"] for case in cases]
        points[alignment.title] = (summary["cpu_seconds"], summary["tre_mm"]["mean"])
    ours = OURS.title
    errors = error_boxes(boxes, ours, "Mean TRE of each case", "TRE, mm")
    return errors + cost_against_accuracy(points, ours, "Cost against accuracy")


def _restorations(restorations: Figures, task: str) -> str:
    digits = {"psnr_db": 2, "gain_db": 2, "ssim": 3, "gain_ssim": 3, "cpu_seconds": 1}
    rows = [
        (RESTORATIONS[name], *(number(tasks[task][key], n) for key, n in digits.items()))
        for name, tasks in restorations.items()
        if task in tasks
    ]
    if not rows:
        return "<p>No degraded input in this task.</p>"
    return table(Table(("restoration", "PSNR dB", "gain dB", "SSIM", "gain SSIM", "CPU s"), rows))


def _machine(bench: Figures) -> list[str]:
    found = bench["machine"]
    versions = {**found["versions"], **bench["packages"]}
    seeds = ", ".join(f"{case}: {seed}" for case, seed in bench["seeds"].items())
    return [
        f"{machine_line(bench)}, {number(found['memory_gb'], 1)} GB, {found['system']}.",
        ", ".join(f"{name} {version}" for name, version in versions.items()) + ".",
        "CPU seconds are those of the stage's own work over all its threads, without start-up and "
        "files; peak memory is that of the stage's whole process, libraries included (of a "
        "pipeline: its largest stage).",
        "OMP_WAIT_POLICY=passive, GOMP_SPINCOUNT=0; itk-elastix runs on one thread, the others on "
        "all cores.",
        f"Seeds: cases {seeds}; random sampling of the baselines 1.",
    ]


def _failures(bench: Figures) -> str:
    lines = [f"{f['case']}, {f['stage']}: {f['reason']}" for f in bench["failures"]]
    lines += [f"{s['id']} was skipped: {s['reason']}" for s in bench["skipped"]]
    return _list(lines) if lines else "<p>None.</p>"


def _list(lines: Sequence[str]) -> str:
    return "<ul>" + "".join(f"<li>{escape(line)}</li>" for line in lines) + "</ul>"
