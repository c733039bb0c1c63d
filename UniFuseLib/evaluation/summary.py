"""Case figures → figures per task, per bin, and over everything.

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
from UniFuseLib.evaluation.metrics import calibration_error, class_accuracy, confusion_matrix
from UniFuseLib.simulation.case_folder import BINS, TASKS

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

Figures = dict[str, Any]
FUSION_KEYS = ("mse", "cc", "psnr", "scd", "vif", "ssim", "vif_unit")
VERSION = 1
CONVENTIONS = (
    "Truth: simulated cases; displacements in RAS mm on the reference grid, pull convention.",
    "Intensities: the default rules of UniFuseLib.preprocessing.checks, fitted on the clean volumes I_D and I_R inside the "
    "body, clipped to [0, 1]; fusion metrics count the body, restoration and alignment the body as far as the "
    "degraded scan covers it.",
    "TRE: distance to the true field; .mean/.median/.p95 average the cases' own mean, median and 95th percentile "
    "over body voxels, .worst is the largest case mean.",
    "Q_mse and Q_cc: mean over both sources; Q_psnr = 10 log10(1 / Q_mse); Q_scd, Q_vif, Q_ssim: sums over both. "
    "VIF: pixel domain, 3-D, four scales, intensities on 0..255, noise variance 2 (vif_unit: the same on [0, 1]). "
    "SSIM: 3-D Gaussian window of sigma 1.5 voxels (11 taps), data range 1; windows count by their centre, the "
    "border mirrors.",
    "Restoration: PSNR of the restored, aligned output against I_D; the gain is over the degraded scan aligned by "
    "the TRUE field; both over degraded inputs, clean inputs are listed apart. 100 dB stands for equal.",
    "Calibration: expected calibration error with 10 bins of equal width; with few cases it is biased upwards.",
    "Folds: percent of body voxels where the determinant of I + du/dX is not positive.",
    "Our conventions cannot be compared with printed tables of the paper; compare methods within one run only.",
)


def summarise(
    cases: Sequence[Figures], skipped: Sequence[Figures] = (), weights: Figures | None = None
) -> Figures:
    """The content of `summary.json`: `summary.<task>`, `bins.<bin>.<task>`, `overall`,
    `classification`.
    """
    return {
        "version": VERSION,
        "weights": weights or {},
        "conventions": list(CONVENTIONS),
        "summary": _by_task(cases),
        "bins": {
            b: _by_task([c for c in cases if c["bin"] == b])
            for b in BINS
            if any(c["bin"] == b for c in cases)
        },
        "overall": aggregate(cases) if cases else {"cases": 0},
        "classification": classification(cases),
        "skipped": list(skipped),
        "ids": [c["id"] for c in cases],
    }


def aggregate(cases: Sequence[Figures]) -> Figures:
    """One row of figures over at least one case."""
    worst = max(cases, key=lambda c: c["tre_mm"]["mean"])
    degraded = [c for c in cases if c["class"] != "clean"]
    clean = [c for c in cases if c["class"] == "clean"]
    return {
        "cases": len(cases),
        "tre_before_mm": _spread(c["tre_before_mm"] for c in cases),
        "tre_mm": _spread(c["tre_mm"] for c in cases),
        "worst_case": worst["id"],
        "made_worse": sum(c["tre_mm"]["mean"] > c["tre_before_mm"]["mean"] for c in cases),
        "folds_percent": _mean(cases, "folds_percent"),
        "dice_before": _mean(cases, "dice_before"),
        "dice": _mean(cases, "dice"),
        "alignment": {k: _mean(cases, "alignment", k) for k in ("mse", "cc", "ssim")},
        "restoration_psnr_db": _mean(degraded, "restoration", "psnr_db"),
        "restoration_gain_db": _mean(degraded, "restoration", "gain_db"),
        "restoration_ssim": _mean(degraded, "restoration", "ssim"),
        "restoration_gain_ssim": _mean(degraded, "restoration", "gain_ssim"),
        "clean_psnr_db": _mean(clean, "restoration", "psnr_db"),
        "clean_gain_db": _mean(clean, "restoration", "gain_db"),
        "fusion": {k: _mean(cases, "fusion", k) for k in FUSION_KEYS},
        "cpu_seconds": _mean(cases, "cpu_seconds"),
        "wall_seconds": _mean(cases, "wall_seconds"),
    } | _answers(cases)


def classification(cases: Sequence[Figures]) -> Figures:
    """Accuracy overall and per class, confusion matrix (rows: truth) and calibration error of all
    answers.
    """
    answered = [c for c in cases if c.get("class_found") is not None]
    if not answered:
        return {"classes": list(CLASSES), "cases": 0}
    matrix = confusion_matrix(
        [c["class"] for c in answered], [c["class_found"] for c in answered], CLASSES
    )
    overall, per_class = class_accuracy(matrix)
    return {
        "classes": list(CLASSES),
        "cases": len(answered),
        "accuracy": overall,
        "accuracy_per_class": dict(zip(CLASSES, per_class, strict=True)),
        "confusion": matrix,
        "calibration_error": _calibration(answered),
        "calibration_bins": 10,
    }


def _answers(cases: Sequence[Figures]) -> Figures:
    answered = [c for c in cases if c.get("class_found") is not None]
    if not answered:
        return {"class_accuracy": None, "calibration_error": None}
    right = fmean(c["class_found"] == c["class"] for c in answered)
    return {"class_accuracy": right, "calibration_error": _calibration(answered)}


def _calibration(answered: Sequence[Figures]) -> float:
    return calibration_error(
        [c["confidence"] for c in answered], [c["class_found"] == c["class"] for c in answered]
    )


def _by_task(cases: Sequence[Figures]) -> Figures:
    return {
        t: aggregate([c for c in cases if c["task"] == t])
        for t in TASKS
        if any(c["task"] == t for c in cases)
    }


def _spread(errors: Iterable[Figures]) -> Figures:
    rows = list(errors)
    means = [row["mean"] for row in rows]
    return {key: fmean(row[key] for row in rows) for key in ("mean", "median", "p95")} | {
        "worst": max(means),
        "over_cases": {"median": float(np.median(means)), "p95": float(np.percentile(means, 95))},
    }


def _mean(cases: Sequence[Figures], *path: str) -> float | None:
    """Mean of case[path[0]][path[1]]... over the cases that have the figure; None when no case
    has.
    """
    values: list[Any] = list(cases)
    for key in path:
        values = [v[key] for v in values]
    present = [float(v) for v in values if v is not None]
    return fmean(present) if present else None
