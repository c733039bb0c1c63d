"""`bench.json` → the short markdown of `docs/results/README.md`."""

from __future__ import annotations

from typing import Any

from UniFuseLib.evaluation.bench.html import TASK_TITLES, registrations
from UniFuseLib.evaluation.bench.run import MODEL
from UniFuseLib.evaluation.bench.verdict import best_chain
from UniFuseLib.evaluation.tables import FUSION_TITLES, fusion_cells, markdown, number

Figures = dict[str, Any]


def bench_table(bench: Figures) -> str:
    """Per task: all registrations, and our fusion beside the best staged chain's; then the
    verdict.
    """
    weights = bench["weights"]
    parts = [
        f"{len(bench['ids'])} cases; weights {weights['name'] if weights else 'none'}; {_machine(bench)}."
    ]
    for task, title in TASK_TITLES.items():
        rows = [r for r in bench["rows"] if task in r["summary"]]
        if rows:
            parts += [f"### {title}", _registrations(rows, task), _fusions(rows, task)]
            parts += [_verdict(bench["verdict"][task])] if task in bench["verdict"] else []
    return "\n\n".join(part.rstrip("\n") for part in parts) + "\n"


def _machine(bench: Figures) -> str:
    m = bench["machine"]
    return f"{m['processor']}, {m['cores']} cores"


def _registrations(rows: list[Figures], task: str) -> str:
    aligned = registrations(rows)
    ordered = sorted(aligned, key=lambda m: aligned[m]["summary"][task]["tre_mm"]["mean"])
    header = (
        "method",
        "TRE before → after mm",
        "p95",
        "worst",
        "folds %",
        "PSNR dB (gain)",
        "CPU s",
        "peak MB",
    )
    return markdown(header, [(_title(m), *_cells(aligned[m]["summary"][task])) for m in ordered])


def _cells(f: Figures) -> tuple[str, ...]:
    return (
        f"{number(f['tre_before_mm']['mean'])} → {number(f['tre_mm']['mean'])}",
        number(f["tre_mm"]["p95"]),
        number(f["tre_mm"]["worst"]),
        number(f["folds_percent"], 4),
        f"{number(f['restoration_psnr_db'])} ({number(f['restoration_gain_db'])})",
        number(f["cpu_seconds"], 1),
        number(f["peak_mb"], 0),
    )


def _fusions(rows: list[Figures], task: str) -> str:
    by_method = {r["method"]: r["summary"][task] for r in rows}
    rivals = {m: f for m, f in by_method.items() if m != MODEL}
    shown = [m for m in (MODEL, best_chain(rivals) if rivals else "") if m in by_method]
    titles = tuple(FUSION_TITLES.values())[:6]
    return markdown(
        ("fusion", *titles), [(_title(m), *fusion_cells(by_method[m]["fusion"])[:6]) for m in shown]
    )


def _verdict(lines: list[Figures]) -> str:
    lost = [line for line in lines if not line["won"]]
    if not lost:
        return f"All {len(lines)} criteria met."
    listed = "; ".join(
        f"{v['criterion']} ({number(v['ours'], 3)} against {number(v['rival'], 3)})" for v in lost
    )
    return f"{len(lines) - len(lost)} of {len(lines)} criteria met. Not met: {listed}."


def _title(method: str) -> str:
    return "**UniFuse**" if method == MODEL else method
