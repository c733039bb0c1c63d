"""Figures → markdown tables that a person reads."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from UniFuseLib.degradation import title
from UniFuseLib.evaluation.fusion_table import methods_table
from UniFuseLib.evaluation.group_table import groups_table
from UniFuseLib.evaluation.markdown import markdown, number, percent
from UniFuseLib.evaluation.severity_figures import severity_lines
from UniFuseLib.evaluation.verdict_figures import verdict_table
from UniFuseLib.io.table_text import markdown_cell
from UniFuseLib.simulation.groups import GROUPS, STRESS
from UniFuseLib.simulation.tasks import TASKS

if TYPE_CHECKING:
    from UniFuseLib.evaluation.summary import Figures

ALL_TASKS, ALL_BINS = "all tasks", "all"
FUSION_TITLES = {
    "mse": "Q_mse ↓",
    "cc": "Q_cc ↑",
    "psnr": "Q_psnr ↑",
    "scd": "Q_scd ↑",
    "vif": "Q_vif ↑",
    "ssim": "Q_ssim ↑",
    "vif_unit": "Q_vif on [0, 1]",
}


class Row(NamedTuple):
    """What the figures of one line are of."""

    task: str  # title
    bin: str
    figures: Figures


def evaluation_tables(summary: Figures) -> str:
    """The content of `summary.md`: the groups, then every table per task, bin and group."""
    rows = _rows(summary)
    weights = summary.get("weights") or {}
    checksum = str(weights.get("sha256", "unknown"))[:12]
    parts = [
        f"# Evaluation of {markdown_cell(str(weights.get('name', 'the model')))}",
        f"{len(summary['ids'])} cases; weights {checksum}.",
        "## TRE by group (mm)",
        groups_table(summary),
        "## Registration (mm)",
        _registration(rows),
        "## Restoration, classification, cost",
        _restoration(rows),
        "## Fusion",
        _fusion(rows),
        *_methods(rows),
        "## Classification of all cases",
        _classification(summary["classification"]),
        "## Verdict against the error",
        verdict_table(summary.get("verdict")),
        "## Conventions",
        "\n".join(f"- {line}" for line in summary["conventions"]) + "\n",
    ]
    if summary["skipped"]:
        lines = [f"- {case['id']}: {markdown_cell(case['reason'])}" for case in summary["skipped"]]
        parts += ["## Skipped cases", "\n".join(lines) + "\n"]
    return "\n\n".join(parts)


def _rows(summary: Figures) -> list[Row]:
    """Every task of the stress test over all bins, then by bin; all its tasks; other groups."""
    rows = []
    for task, figures in summary["summary"].items():
        name = TASKS[task].title
        rows.append(Row(name, ALL_BINS, figures))
        for bin_name, by_task in summary["bins"].items():
            if task in by_task:
                rows.append(Row(name, bin_name, by_task[task]))
    if summary["overall"]["cases"]:
        rows.append(Row(ALL_TASKS, ALL_BINS, summary["overall"]))
    others = {name: f for name, f in summary["groups"].items() if name != STRESS}
    return rows + [Row(GROUPS[name], ALL_BINS, figures) for name, figures in others.items()]


def _registration(rows: list[Row]) -> str:
    header = (
        "task",
        "bin mm",
        "cases",
        "before: mean",
        "mean",
        "median",
        "p95",
        "worst",
        "worst case",
        "made worse",
        "folds %",
        "Dice before",
        "Dice",
    )
    return markdown(header, [(row.task, row.bin, *_registration_cells(row)) for row in rows])


def _registration_cells(row: Row) -> tuple[str, ...]:
    f = row.figures
    return (
        str(f["cases"]),
        number(f["tre_before_mm"]["mean"]),
        *(number(f["tre_mm"][key]) for key in ("mean", "median", "p95", "worst")),
        f["worst_case"],
        str(f["made_worse"]),
        number(f["folds_percent"], 4),
        number(f["dice_before"], 3),
        number(f["dice"], 3),
    )


def _restoration(rows: list[Row]) -> str:
    header = (
        "task",
        "bin mm",
        "PSNR dB",
        "gain dB",
        "SSIM",
        "gain SSIM",
        "clean inputs: PSNR dB",
        "gain dB",
        "own frame: gain dB",
        "clean PSNR dB",
        "class accuracy",
        "calibration error",
        "CPU s",
    )
    return markdown(header, [(row.task, row.bin, *_restoration_cells(row)) for row in rows])


def _restoration_cells(row: Row) -> tuple[str, ...]:
    f = row.figures
    return (
        number(f["restoration_psnr_db"]),
        number(f["restoration_gain_db"]),
        number(f["restoration_ssim"], 3),
        number(f["restoration_gain_ssim"], 3),
        number(f["clean_psnr_db"]),
        number(f["clean_gain_db"]),
        number(f["own_frame_gain_db"]),
        number(f["own_frame_clean_psnr_db"]),
        percent(f["class_accuracy"]),
        number(f["calibration_error"], 3),
        number(f["cpu_seconds"], 1),
    )


def _fusion(rows: list[Row]) -> str:
    header = ("task", "bin mm", *FUSION_TITLES.values(), "retention", "soft-tissue contrast")
    return markdown(header, [(row.task, row.bin, *_fusion_cells(row)) for row in rows])


def _methods(rows: list[Row]) -> list[str]:
    """Other fusion methods, by task over all bins and by group; nothing where none was asked."""
    table = methods_table((row.task, row.figures) for row in rows if row.bin == ALL_BINS)
    return ["## Fusion methods on the same aligned volumes", table] if table else []


def _fusion_cells(row: Row) -> tuple[str, ...]:
    f = row.figures
    kept = (number(f[key]) for key in ("retention", "soft_tissue_contrast"))
    return (*fusion_cells(f["fusion"]), *kept)


def fusion_cells(figures: Figures) -> list[str]:
    """The fusion figures in the order of `FUSION_TITLES`."""
    return [number(figures[key], 4 if key == "mse" else 3) for key in FUSION_TITLES]


def _classification(classification: Figures) -> str:
    if not classification["cases"]:
        return "No case was classified.\n"
    return confusion_table(classification) + (
        f"\nAccuracy {percent(classification['accuracy'])}, expected calibration error "
        f"{number(classification['calibration_error'], 3)} over {classification['cases']} cases.\n"
        + severity_lines(classification.get("severity"))
    )


def confusion_table(classification: Figures) -> str:
    """Rows: the true class; columns: the predicted one."""
    titles = [title(name) for name in classification["classes"]]
    rows = [
        (name, *map(str, counts), percent(accuracy))
        for name, counts, accuracy in zip(
            titles,
            classification["confusion"],
            classification["accuracy_per_class"].values(),
            strict=True,
        )
    ]
    return markdown(("truth ↓ prediction →", *titles, "accuracy"), rows)


def results_table(summary: Figures) -> str:
    """One short row per task, for `docs/results/README.md`."""
    header = (
        "task",
        "cases",
        "TRE before → after, mm (p95)",
        "worst mm",
        "folds %",
        "PSNR dB (gain)",
        "class accuracy",
        *list(FUSION_TITLES.values())[:6],
        "CPU s",
    )
    rows = {TASKS[task].title: figures for task, figures in summary["summary"].items()}
    if summary["overall"]["cases"]:
        rows[ALL_TASKS] = summary["overall"]
    return markdown(header, [(name, *_results_cells(f)) for name, f in rows.items()])


def _results_cells(f: Figures) -> tuple[str, ...]:
    before, after = f["tre_before_mm"], f["tre_mm"]
    psnr, gain = number(f["restoration_psnr_db"]), number(f["restoration_gain_db"])
    return (
        str(f["cases"]),
        f"{before['mean']:.2f} → {after['mean']:.2f} ({after['p95']:.2f})",
        number(after["worst"]),
        number(f["folds_percent"], 4),
        f"{psnr} ({gain})",
        percent(f["class_accuracy"]),
        *fusion_cells(f["fusion"])[:6],
        number(f["cpu_seconds"], 1),
    )
