"""Figures → markdown tables that a person reads."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

Figures = dict[str, Any]
Rows = list[tuple[str, str, Figures]]  # task, bin, figures
FUSION_TITLES = {
    "mse": "Q_mse ↓",
    "cc": "Q_cc ↑",
    "psnr": "Q_psnr ↑",
    "scd": "Q_scd ↑",
    "vif": "Q_vif ↑",
    "ssim": "Q_ssim ↑",
    "vif_unit": "Q_vif on [0, 1]",
}


def markdown(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A markdown table; the first column is text, the others are figures."""
    rule = ["---"] + ["---:"] * (len(header) - 1)
    return "\n".join("| " + " | ".join(cells) + " |" for cells in (header, rule, *rows)) + "\n"


def number(value: float | None, digits: int = 2) -> str:
    """`value` with fixed digits; a dash where there is no figure."""
    return "–" if value is None else f"{value:.{digits}f}"


def percent(value: float | None, digits: int = 1) -> str:
    """A fraction as percent; a dash where there is no figure."""
    return "–" if value is None else f"{100 * value:.{digits}f} %"


def evaluation_tables(summary: Figures) -> str:
    """The content of `summary.md`: registration, restoration, classification, fusion and cost per
    task and bin.
    """
    rows = _rows(summary)
    weights = summary.get("weights") or {}
    parts = [
        f"# Evaluation of {weights.get('name', 'the model')}",
        f"{summary['overall']['cases']} cases; weights {str(weights.get('sha256', 'unknown'))[:12]}.",
        "## Registration (mm)",
        _registration(rows),
        "## Restoration, classification, cost",
        _restoration(rows),
        "## Fusion",
        _fusion(rows),
        "## Classification of all cases",
        _confusion(summary["classification"]),
        "## Conventions",
        "\n".join(f"- {line}" for line in summary["conventions"]) + "\n",
    ]
    if summary["skipped"]:
        parts += [
            "## Skipped cases",
            "\n".join(f"- {s['id']}: {s['reason']}" for s in summary["skipped"]) + "\n",
        ]
    return "\n\n".join(parts)


def _rows(summary: Figures) -> Rows:
    """Every task over all bins, then by bin, then everything."""
    rows = []
    for task, figures in summary["summary"].items():
        rows.append((task, "all", figures))
        rows += [
            (task, b, by_task[task]) for b, by_task in summary["bins"].items() if task in by_task
        ]
    if summary["overall"]["cases"]:
        rows.append(("all", "all", summary["overall"]))
    return rows


def _registration(rows: Rows) -> str:
    header = (
        *(
            "task",
            "bin mm",
            "cases",
            "before: mean",
            "mean",
            "median",
            "p95",
            "worst",
            "worst case",
        ),
        *("made worse", "folds %", "Dice before", "Dice"),
    )
    return markdown(header, [(task, b, *_registration_row(f)) for task, b, f in rows])


def _registration_row(f: Figures) -> tuple[str, ...]:
    after = (number(f["tre_mm"][k]) for k in ("mean", "median", "p95", "worst"))
    quality = (number(f["folds_percent"], 4), number(f["dice_before"], 3), number(f["dice"], 3))
    return (
        str(f["cases"]),
        number(f["tre_before_mm"]["mean"]),
        *after,
        f["worst_case"],
        str(f["made_worse"]),
        *quality,
    )


def _restoration(rows: Rows) -> str:
    header = (
        *(
            "task",
            "bin mm",
            "PSNR dB",
            "gain dB",
            "SSIM",
            "gain SSIM",
            "clean inputs: PSNR dB",
            "gain dB",
        ),
        *("class accuracy", "calibration error", "CPU s"),
    )
    return markdown(header, [(task, b, *_restoration_row(f)) for task, b, f in rows])


def _restoration_row(f: Figures) -> tuple[str, ...]:
    return (
        number(f["restoration_psnr_db"]),
        number(f["restoration_gain_db"]),
        number(f["restoration_ssim"], 3),
        number(f["restoration_gain_ssim"], 3),
        number(f["clean_psnr_db"]),
        number(f["clean_gain_db"]),
        percent(f["class_accuracy"]),
        number(f["calibration_error"], 3),
        number(f["cpu_seconds"], 1),
    )


def _fusion(rows: Rows) -> str:
    header = ("task", "bin mm", *FUSION_TITLES.values())
    return markdown(header, [(task, b, *fusion_cells(f["fusion"])) for task, b, f in rows])


def fusion_cells(figures: Figures) -> list[str]:
    """The fusion figures in the order of `FUSION_TITLES`."""
    return [number(figures[key], 4 if key == "mse" else 3) for key in FUSION_TITLES]


def _confusion(answers: Figures) -> str:
    if not answers["cases"]:
        return "No case was classified.\n"
    rows = [
        (truth, *(str(n) for n in counts), percent(answers["accuracy_per_class"][truth]))
        for truth, counts in zip(answers["classes"], answers["confusion"], strict=True)
    ]
    table = markdown(("truth ↓ answer →", *answers["classes"], "accuracy"), rows)
    return table + (
        f"\nAccuracy {percent(answers['accuracy'])}, expected calibration error "
        f"{number(answers['calibration_error'], 3)} over {answers['cases']} cases.\n"
    )


def results_table(summary: Figures) -> str:
    """One short row per task, for `docs/results/README.md`."""
    header = (
        *(
            "task",
            "cases",
            "TRE before → after mm (p95)",
            "worst mm",
            "folds %",
            "PSNR dB (gain)",
            "class accuracy",
        ),
        *("Q_mse ↓", "Q_cc ↑", "Q_psnr ↑", "Q_scd ↑", "Q_vif ↑", "Q_ssim ↑", "CPU s"),
    )
    rows = {**summary["summary"], "all": summary["overall"]}
    return markdown(header, [(task, *_results_row(f)) for task, f in rows.items() if f["cases"]])


def _results_row(f: Figures) -> tuple[str, ...]:
    before, after = f["tre_before_mm"], f["tre_mm"]
    return (
        str(f["cases"]),
        f"{before['mean']:.2f} → {after['mean']:.2f} ({after['p95']:.2f})",
        number(after["worst"]),
        number(f["folds_percent"], 4),
        f"{number(f['restoration_psnr_db'])} ({number(f['restoration_gain_db'])})",
        percent(f["class_accuracy"]),
        *fusion_cells(f["fusion"])[:6],
        number(f["cpu_seconds"], 1),
    )
