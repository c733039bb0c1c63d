"""One HTML file with everything in it: verdict, tables, plots, pictures, conventions, machine."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING, Any

from UniFuseLib.evaluation.bench.figures import cost_against_accuracy, error_boxes
from UniFuseLib.evaluation.bench.run import MODEL
from UniFuseLib.evaluation.tables import FUSION_TITLES, fusion_cells, number, percent

if TYPE_CHECKING:
    from collections.abc import Sequence

Figures = dict[str, Any]
TASK_TITLES = {
    "mr": "MR: T1 reference, T2 or FLAIR with motion",
    "ctmr": "CT/MR: MR reference, CT with metal and noise",
    "petct": "PET/CT: CT reference, low-dose PET",
}
_STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; color: #1e293b; max-width: 1180px; margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.7rem } h2 { margin-top: 2.6rem; border-bottom: 2px solid #e2e8f0 } h3 { margin: 1.6rem 0 .4rem }
.scroll { overflow-x: auto } table { border-collapse: collapse; font-size: 13px; font-variant-numeric: tabular-nums }
th, td { padding: .25rem .6rem; text-align: right; border-bottom: 1px solid #e2e8f0; white-space: nowrap }
th { background: #f1f5f9; white-space: normal; vertical-align: bottom }
td:first-child, th:first-child { text-align: left }
tr.ours { background: #fff7ed; font-weight: 600 } .won { color: #15803d } .lost { color: #b91c1c; font-weight: 600 }
.plots svg { display: block; width: 100%; max-width: 62rem; height: auto; margin: .6rem 0 }
figure { margin: .8rem 0; overflow-x: auto } figcaption, .note { color: #475569; font-size: 13px }
"""


def page(bench: Figures, pictures: dict[str, list[tuple[str, str]]]) -> str:
    """The report.

    Args:
        bench: content of `bench.json`.
        pictures: task → (caption, `<img>`), from `pictures.case_pictures`.
    """
    parts = [
        f"<h1>UniFuse beside staged pipelines</h1><p>{_opening(bench)}</p>",
        "<h2>Verdict</h2>" + _verdict(bench["verdict"]),
    ]
    for task, title in TASK_TITLES.items():
        rows = [r for r in bench["rows"] if task in r["summary"]]
        if rows:
            parts.append(
                f"<h2>{escape(title)}</h2>" + _task(task, rows, bench, pictures.get(task, []))
            )
    parts.append("<h2>Conventions</h2>" + _list(bench["conventions"]))
    parts.append("<h2>Machine and seeds</h2>" + _machine(bench))
    parts.append("<h2>What failed</h2>" + _failures(bench))
    body = "\n".join(parts)
    return (
        '<!DOCTYPE html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" '
        f'content="width=device-width"><title>UniFuse bench</title><style>{_STYLE}</style></head>'
        f"<body>{body}</body></html>\n"
    )


def table(header: Sequence[str], rows: Sequence[Sequence[str]], ours: Sequence[bool]) -> str:
    """An HTML table; the first column is text, rows of our model are marked. Cells are escaped
    here.
    """
    head = "".join(f"<th>{escape(c)}</th>" for c in header)
    lines = [
        f"<tr{' class=ours' if own else ''}>"
        + "".join(f"<td>{escape(c)}</td>" for c in cells)
        + "</tr>"
        for cells, own in zip(rows, ours, strict=True)
    ]
    return f'<div class="scroll"><table><thead><tr>{head}</tr></thead><tbody>{"".join(lines)}</tbody></table></div>'


def registrations(rows: list[Figures]) -> dict[str, Figures]:
    """`restoration+registration` → one of its rows: the fusion does not change the registration."""
    found: dict[str, Figures] = {}
    for r in rows:
        name = MODEL if r["method"] == MODEL else f"{r['restoration']}+{r['registration']}"
        found.setdefault(name, r)
    return found


def _opening(bench: Figures) -> str:
    weights = bench["weights"]
    model = (
        f"weights {escape(weights['name'])} ({escape(weights['sha256'][:12])})"
        if weights
        else "no model of ours"
    )
    chains = sum(r["method"] != MODEL for r in bench["rows"])
    return (
        f"{len(bench['ids'])} simulated cases with known truth, {chains} staged pipelines (restoration + registration "
        f"+ fusion), {model}. Every row was measured in this run, and every row is shown."
    )


def _verdict(verdict: dict[str, list[Figures]]) -> str:
    if not verdict:
        return "<p>Our model was not part of this run.</p>"
    parts = []
    for task, lines in verdict.items():
        rows = "".join(
            f"<tr><td>{escape(v['criterion'])}</td><td>{number(v['ours'], 4)}</td><td>{number(v['rival'], 4)}</td>"
            f"<td>{escape(v['rival_name'])}</td><td class={'won' if v['won'] else 'lost'}>"
            f"{'met' if v['won'] else 'NOT met'}</td></tr>"
            for v in lines
        )
        head = "<tr><th>criterion</th><th>UniFuse</th><th>to beat</th><th>whose</th><th></th></tr>"
        parts.append(
            f"<h3>{escape(TASK_TITLES[task])}</h3><div class=scroll><table>{head}{rows}</table></div>"
        )
    return "".join(parts)


def _task(task: str, rows: list[Figures], bench: Figures, pictures: list[tuple[str, str]]) -> str:
    aligned = registrations(rows)
    parts = [
        "<h3>Registration, and restoration as it comes out of the chain</h3>",
        _registration_table(aligned, task, None),
        '<div class="plots">' + _plots(aligned, task) + "</div>",
        "<h3>By mean displacement</h3>",
        *(_bin(aligned, task, b) for b in rows[0]["bins"]),
        "<h3>Restoration alone, aligned by the true field</h3>",
        _restoration_table(bench["restorations"], task),
        "<h3>Fusion</h3>",
        _fusion_table(rows, task),
    ]
    if pictures:
        parts.append("<h3>Pictures</h3><p class=note>Axial slice through the middle of the body, anterior up, the "
                     "patient's right on the left; normalised intensities from 0 to 1.</p>")  # fmt: skip
        parts += [
            f"<figure>{image}<figcaption>{escape(text)}</figcaption></figure>"
            for text, image in pictures
        ]
    return "\n".join(parts)


def _bin(aligned: dict[str, Figures], task: str, name: str) -> str:
    inside = {m: r for m, r in aligned.items() if task in r["bins"].get(name, {})}
    return f"<h4>{escape(name)} mm</h4>" + _registration_table(inside, task, name) if inside else ""


def _registration_table(aligned: dict[str, Figures], task: str, bin_name: str | None) -> str:
    figures = {
        m: r["summary"][task] if bin_name is None else r["bins"][bin_name][task]
        for m, r in aligned.items()
    }
    ordered = sorted(figures, key=lambda m: figures[m]["tre_mm"]["mean"])
    header = (
        *(
            "method",
            "cases",
            "failed",
            "TRE before, mm",
            "TRE mean, mm",
            "median",
            "p95",
            "worst",
            "made worse",
        ),
        *("folds %", "Dice", "PSNR dB", "gain dB", "class accuracy", "CPU s", "peak MB"),
    )
    cells = [(_title(m), *_registration_cells(figures[m], aligned[m]["missing"])) for m in ordered]
    return table(header, cells, [m == MODEL for m in ordered])


def _registration_cells(f: Figures, missing: int) -> tuple[str, ...]:
    errors = (number(f["tre_mm"][k]) for k in ("mean", "median", "p95", "worst"))
    return (
        str(f["cases"]),
        str(missing),
        number(f["tre_before_mm"]["mean"]),
        *errors,
        str(f["made_worse"]),
        number(f["folds_percent"], 4),
        number(f["dice"], 3),
        number(f["restoration_psnr_db"]),
        number(f["restoration_gain_db"]),
        percent(f["class_accuracy"]),
        number(f["cpu_seconds"], 1),
        number(f["peak_mb"], 0),
    )


def _plots(aligned: dict[str, Figures], task: str) -> str:
    ordered = sorted(aligned, key=lambda m: aligned[m]["summary"][task]["tre_mm"]["mean"])
    boxes = {
        _title(m): [c["tre_mm"] for c in aligned[m]["cases"].values() if c["task"] == task]
        for m in ordered
    }
    points = {}
    for m in ordered:
        f = aligned[m]["summary"][task]
        points[_title(m)] = (f["cpu_seconds"], f["tre_mm"]["mean"])
    ours = _title(MODEL)
    return error_boxes(boxes, ours, "Mean TRE of each case", "TRE, mm") + cost_against_accuracy(
        points, ours, "Cost against accuracy"
    )


def _restoration_table(restorations: Figures, task: str) -> str:
    header = ("restoration", "PSNR dB", "gain dB", "SSIM", "gain SSIM", "CPU s")
    rows = [
        (name, *(number(f[task][k], d) for k, d in (("psnr_db", 2), ("gain_db", 2), ("ssim", 3), ("gain_ssim", 3),
                                                   ("cpu_seconds", 1))))
        for name, f in restorations.items()
        if task in f
    ]  # fmt: skip
    return (
        table(header, rows, [False] * len(rows))
        if rows
        else "<p>No degraded input in this task.</p>"
    )


def _fusion_table(rows: list[Figures], task: str) -> str:
    ordered = sorted(rows, key=lambda r: -r["summary"][task]["fusion"]["ssim"])
    header = ("method (sorted by Q_ssim)", *FUSION_TITLES.values(), "CPU s", "peak MB")
    cells = []
    for r in ordered:
        f = r["summary"][task]
        cost = (number(f["cpu_seconds"], 1), number(f["peak_mb"], 0))
        cells.append((_title(r["method"]), *fusion_cells(f["fusion"]), *cost))
    return table(header, cells, [r["method"] == MODEL for r in ordered])


def _machine(bench: Figures) -> str:
    m = bench["machine"]
    versions = ", ".join(f"{k} {v}" for k, v in {**m["versions"], **bench["packages"]}.items())
    return _list([
        f"{m['processor']}, {m['cores']} cores, {number(m['memory_gb'], 1)} GB, {m['system']}.",
        f"{versions}.",
        "CPU seconds are those of the stage's own work over all its threads, without start-up and files; peak memory "
        "is that of the stage's whole process, libraries included (of a chain: its largest stage).",
        "OMP_WAIT_POLICY=passive, GOMP_SPINCOUNT=0; itk-elastix runs on one thread, the others on all cores.",
        f"Seeds: cases {', '.join(f'{k}: {v}' for k, v in bench['seeds'].items())}; random sampling of the rivals 1.",
    ])  # fmt: skip


def _failures(bench: Figures) -> str:
    lines = [f"{f['case']}, {f['stage']}: {f['reason']}" for f in bench["failures"]]
    lines += [f"{s['id']} was skipped: {s['reason']}" for s in bench["skipped"]]
    return _list(lines) if lines else "<p>Nothing.</p>"


def _list(lines: Sequence[str]) -> str:
    return "<ul>" + "".join(f"<li>{escape(line)}</li>" for line in lines) + "</ul>"


def _title(method: str) -> str:
    return "UniFuse" if method == MODEL else method
