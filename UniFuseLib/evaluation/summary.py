"""Case figures → figures per group, and of the stress test per task, per bin and over all.

Within a case a figure is taken over the voxels of the body. Over cases: `mean`, `median` and `p95`
of an error are the averages of the cases' own means, medians and 95th percentiles (every case
counts the same), `worst` is the largest case mean, and `over_cases` gives the median and 95th
percentile of the case means.
"""

from __future__ import annotations

from statistics import fmean
from typing import TYPE_CHECKING, Any

import numpy as np

from UniFuseLib.degradation import CLASSES
from UniFuseLib.evaluation.fusion_table import fusion_means
from UniFuseLib.evaluation.means import mean_of
from UniFuseLib.evaluation.metrics import (
    ECE_BINS,
    AlignmentFigures,
    FusionFigures,
    calibration_error,
    class_accuracy,
    confusion_matrix,
)
from UniFuseLib.evaluation.severity_figures import severity_figures
from UniFuseLib.evaluation.verdict_figures import verdict_figures
from UniFuseLib.simulation.groups import GROUPS, STRESS
from UniFuseLib.simulation.tasks import BINS, TASKS

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

Figures = dict[str, Any]  # names → numbers, lists or further figures, as they stand in JSON
FUSION_KEYS = FusionFigures._fields
ALIGNMENT_KEYS = AlignmentFigures._fields
VERSION = 1
CONVENTIONS = (
    "Truth: simulated cases; displacements in RAS mm on the reference grid, pull convention.",
    "Intensities: the default rules of UniFuseLib.preprocessing.intensity, fitted on the clean "
    "volumes I_D and I_R inside the body, clipped to [0, 1]; fusion metrics count the body, "
    "restoration and alignment the body as far as the degraded scan covers it.",
    "Groups: the figures by task and by bin are of the stress test (12-parameter misalignment) "
    "alone; every other group has a row of its own. The truth of real heads and limbs between CT "
    "and MR is itself good to 1 to 3 mm.",
    "TRE: distance to the true field; .mean/.median/.p95 average the cases' own mean, median and "
    "95th percentile over body voxels, .worst is the largest case mean.",
    "Q_mse and Q_cc: mean over both sources; Q_psnr = 10 log10(1 / Q_mse); Q_scd, Q_vif, Q_ssim: "
    "sums over both. VIF: pixel domain, 3-D, four scales, intensities on 0..255, noise variance 2 "
    "(vif_unit: the same on [0, 1]). SSIM: 3-D Gaussian window of sigma 1.5 voxels (11 taps), data "
    "range 1; windows count by their centre, the border mirrors.",
    "Restoration: PSNR of the restored, aligned output against I_D; the gain is over the degraded "
    "scan aligned by the TRUE field; both over degraded inputs, clean inputs are listed apart. "
    "100 dB stands for equal.",
    "Own frame: the network alone on the degraded scan's grid, the reference brought there by the "
    "truth, no motion; PSNR against the scan before it was degraded.",
    "Retention: sum of fused - U over sum of O - U where O is 0.6 or more and 0.25 above U; "
    "soft-tissue contrast: slope of fused over U where O is below 0.6 and U 0.15 to 0.75. U is "
    "the source whose soft tissue is shown (MR beside CT, either beside PET, else the reference), "
    "O the other one. 1 keeps everything, averaging gives 0.5.",
    "Calibration: expected calibration error with 10 bins of equal width; with few cases it is "
    "biased upwards.",
    "Severity: 0 to 1 as the simulators draw it; Spearman's rank correlation of the found and the "
    "true one over degraded cases that were called degraded.",
    "Folds: percent of body voxels where the determinant of I + du/dX is not positive.",
    "Our conventions cannot be compared with printed tables of the paper; compare methods within "
    "one run only.",
)


def summarise(
    cases: Sequence[Figures], skipped: Sequence[Figures] = (), weights: Figures | None = None
) -> Figures:
    """The content of `summary.json`.

    Figures of every group are in `groups.<group>`, those of the stress test by task in
    `summary.<task>` and `bins.<bin>.<task>`, over its tasks in `overall`; those of all cases in
    `classification` and `verdict`.

    Args:
        cases: figures of every case, see `case_evaluator.measure`.
        skipped: `id` and `reason` of every case that could not be evaluated.
        weights: name, preset and checksum.
    """
    stress = in_group(cases, STRESS)
    by_bin = {name: [case for case in stress if case["bin"] == name] for name in BINS}
    return {
        "version": VERSION,
        "weights": weights or {},
        "conventions": list(CONVENTIONS),
        "groups": by_group(cases),
        "summary": by_task(stress),
        "bins": {name: by_task(inside) for name, inside in by_bin.items() if inside},
        "overall": aggregate(stress) if stress else {"cases": 0},
        "classification": classification(cases),
        "verdict": verdict_figures(cases),
        "skipped": list(skipped),
        "ids": [case["id"] for case in cases],
    }


def group_of(case: Figures) -> str:
    """The case's group; figures from before there were groups are of the stress test."""
    return str(case.get("group", STRESS))


def in_group(cases: Sequence[Figures], group: str) -> list[Figures]:
    """The cases of one group."""
    return [case for case in cases if group_of(case) == group]


def by_group(cases: Sequence[Figures]) -> dict[str, Figures]:
    """One row of figures for every group that occurs."""
    groups = {name: in_group(cases, name) for name in GROUPS}
    return {name: aggregate(inside) for name, inside in groups.items() if inside}


def by_task(cases: Sequence[Figures]) -> dict[str, Figures]:
    """One row of figures for every task that occurs."""
    groups = {task: [case for case in cases if case["task"] == task] for task in TASKS}
    return {task: aggregate(group) for task, group in groups.items() if group}


def aggregate(cases: Sequence[Figures]) -> Figures:
    """One row of figures over at least one case."""
    worst = max(cases, key=lambda case: case["tre_mm"]["mean"])
    degraded = [case for case in cases if case["class"] != "clean"]
    clean = [case for case in cases if case["class"] == "clean"]
    return {
        "cases": len(cases),
        "tre_before_mm": _spread(case["tre_before_mm"] for case in cases),
        "tre_mm": _spread(case["tre_mm"] for case in cases),
        "worst_case": worst["id"],
        "made_worse": sum(map(_is_worse, cases)),
        "verdict": verdict_figures(cases),
        "baselines": _baselines(cases),
        "folds_percent": mean_of(cases, "folds_percent"),
        "dice_before": mean_of(cases, "dice_before"),
        "dice": mean_of(cases, "dice"),
        "alignment": {key: mean_of(cases, "alignment", key) for key in ALIGNMENT_KEYS},
        "restoration_psnr_db": mean_of(degraded, "restoration", "psnr_db"),
        "restoration_gain_db": mean_of(degraded, "restoration", "gain_db"),
        "restoration_ssim": mean_of(degraded, "restoration", "ssim"),
        "restoration_gain_ssim": mean_of(degraded, "restoration", "gain_ssim"),
        "clean_psnr_db": mean_of(clean, "restoration", "psnr_db"),
        "clean_gain_db": mean_of(clean, "restoration", "gain_db"),
        "own_frame_gain_db": mean_of(degraded, "own_frame", "gain_db"),
        "own_frame_clean_psnr_db": mean_of(clean, "own_frame", "psnr_db"),
        "fusion": {key: mean_of(cases, "fusion", key) for key in FUSION_KEYS},
        "retention": mean_of(cases, "retention", "retention"),
        "soft_tissue_contrast": mean_of(cases, "retention", "soft_tissue_contrast"),
        "fusions": fusion_means(cases),
        "cpu_seconds": mean_of(cases, "cpu_seconds"),
        "wall_seconds": mean_of(cases, "wall_seconds"),
        **_class_figures(cases),
    }


def _baselines(cases: Sequence[Figures]) -> dict[str, Figures]:
    """Registration → its errors, over the cases that it ran on."""
    names = dict.fromkeys(name for case in cases for name in case.get("baselines") or {})
    return {
        name: _baseline(name, [c for c in cases if name in c.get("baselines", {})])
        for name in names
    }


def _baseline(name: str, cases: Sequence[Figures]) -> Figures:
    figures = [case["baselines"][name] for case in cases]
    return {
        "cases": len(cases),
        "failed": sum(found["failed"] is not None for found in figures),
        "tre_mm": _spread(found["tre_mm"] for found in figures),
        "made_worse": sum(
            found["tre_mm"]["mean"] > case["tre_before_mm"]["mean"]
            for found, case in zip(figures, cases, strict=True)
        ),
        "cpu_seconds": fmean(found["cpu_seconds"] for found in figures),
    }


def _is_worse(case: Figures) -> bool:
    return bool(case["tre_mm"]["mean"] > case["tre_before_mm"]["mean"])


def classification(cases: Sequence[Figures]) -> Figures:
    """Accuracy overall and per class, confusion matrix (rows: truth), calibration error."""
    classified = _classified(cases)
    if not classified:
        return {"classes": list(CLASSES), "cases": 0}
    truth = [case["class"] for case in classified]
    found = [case["class_found"] for case in classified]
    matrix = confusion_matrix(truth, found, CLASSES)
    overall, per_class = class_accuracy(matrix)
    return {
        "classes": list(CLASSES),
        "cases": len(classified),
        "accuracy": overall,
        "accuracy_per_class": dict(zip(CLASSES, per_class, strict=True)),
        "confusion": matrix,
        "calibration_error": _calibration(classified),
        "calibration_bins": ECE_BINS,
        "severity": severity_figures(classified),
    }


def _class_figures(cases: Sequence[Figures]) -> Figures:
    classified = _classified(cases)
    if not classified:
        return {"class_accuracy": None, "calibration_error": None}
    return {
        "class_accuracy": fmean(map(_is_right, classified)),
        "calibration_error": _calibration(classified),
    }


def _classified(cases: Sequence[Figures]) -> list[Figures]:
    """Staged pipelines name no class, and of some scans UniFuse states none."""
    return [case for case in cases if case.get("class_found") is not None]


def _is_right(case: Figures) -> bool:
    return bool(case["class_found"] == case["class"])


def _calibration(classified: Sequence[Figures]) -> float:
    confidence = [case["confidence"] for case in classified]
    return calibration_error(confidence, [_is_right(case) for case in classified])


def _spread(errors: Iterable[Figures]) -> Figures:
    rows = list(errors)
    means = [row["mean"] for row in rows]
    average = {key: fmean(row[key] for row in rows) for key in ("mean", "median", "p95")}
    return {
        **average,
        "worst": max(means),
        "over_cases": {"median": float(np.median(means)), "p95": float(np.percentile(means, 95))},
    }
