"""The overview in words and figures: class, displacement, folds, similarity, footer."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from UniFuseLib.degradation import severity_parts
from UniFuseLib.degradation import title as title_of
from UniFuseLib.overview.panels import AMBER, CYAN, MAGNITUDE_COLOURS
from UniFuseLib.overview.planes import body_points
from UniFuseLib.overview.sheet import LEFT, MUTED, RIGHT, WIDTH, Sheet
from UniFuseLib.version import NOTICE, __version__

if TYPE_CHECKING:
    from collections.abc import Callable

    from UniFuseLib.fusion_result import FusionResult

UNSURE_BELOW = 0.6  # a caution is written below it, where the weights have no `sure_from`
COVERED_ABOVE = 97.0  # % of the body in the degraded field of view; a caution below
_BAR = "#2a313c"
_ROUND_MM = (0.4, 1, 2, 3, 4, 6, 8, 10, 12, 16, 20, 24, 32, 40, 60, 80)


def draw_header(sheet: Sheet, result: FusionResult, top: float) -> None:
    """The class with its probabilities, and the figures of the alignment; from `top` pixels."""
    probability = result.probabilities[result.label]
    modality, reference_modality = modalities(result)
    predicted = f"{title_of(result.label)} {100 * probability:.0f} %"
    if not result.report.class_calibrated:
        predicted = "Degradation type not stated"
    sheet.text(LEFT, top + 42, predicted, 25, weight="bold")
    pair = f"Degraded {modality.upper()}  →  reference {reference_modality.upper()}"
    sheet.text(LEFT, top + 86, "     ".join([pair, *_strength(result)]), 12.5, MUTED)
    sheet.text(LEFT, top + 116, "   ".join(_cautions(result)), 10.5, AMBER)
    _class_bars(sheet, result, 700, top + 26)  # the line on the left may be long
    for number, (title, value, note) in enumerate(_facts(result)):
        x = 1220 + 315 * number
        sheet.text(x, top + 28, title, 10.5, MUTED)
        sheet.text(x, top + 58, value, 17)
        sheet.text(x, top + 89, note, 10.5, MUTED)


def _strength(result: FusionResult) -> list[str]:
    """How strong the degradation is; nothing where that is not known."""
    parts = severity_parts(result.report.severity_words, result.report.dose_fraction)
    return [", ".join(parts).capitalize()] if parts else []


def _cautions(result: FusionResult) -> list[str]:
    """What a reader must know before believing the picture."""
    covered = result.report.coverage_percent
    warnings = len(result.report.warnings)
    cautions = []
    sure_from = result.report.sure_from or UNSURE_BELOW
    if not result.report.class_calibrated:
        cautions.append("The degradation type was not calibrated for this spacing.")
    elif result.probabilities[result.label] < sure_from:
        cautions.append(f"Low confidence in the degradation type (below {100 * sure_from:.0f} %).")
    if covered < COVERED_ABOVE:
        cautions.append(f"The degraded volume covers only {covered:.0f} % of the body.")
    if warnings:
        cautions.append(f"{warnings} warning{'s' if warnings > 1 else ''}, see report.json.")
    return cautions


def _class_bars(sheet: Sheet, result: FusionResult, x: float, y: float) -> None:
    """One bar per class, 0 to 100 %, the chosen one in amber."""
    for number, (name, value) in enumerate(result.probabilities.items()):
        row, share = y + 24 * number + 1, float(value)
        colour = AMBER if name == result.label else CYAN
        sheet.text(x + 150, row, title_of(name), 10.5, ha="right")
        sheet.box(x + 160, row - 6, 250, 12, _BAR)
        sheet.box(x + 160, row - 6, 250 * share, 12, colour)
        sheet.text(x + 420, row, f"{100 * share:.1f} %", 10.5)


def _facts(result: FusionResult) -> list[tuple[str, str, str]]:
    """(title, value, note) of what the header states in figures."""
    moved = result.report.displacement_mm
    similarity = result.report.similarity
    return [
        (
            "Displacement in the body",
            f"mean {moved.mean:.1f} mm",
            f"95 % below {moved.p95:.1f}, maximum {moved.max:.1f} mm",
        ),
        (
            "Folding",
            f"{result.report.folds_percent:.2f} %",
            "of the body, where no inverse exists",
        ),
        (
            "Similarity to the reference",
            f"{similarity.before:.3f} → {similarity.after:.3f}",
            "before → after; rises for wrong pairs as well",
        ),
    ]


def draw_legend(sheet: Sheet, end_mm: float, top: float, height: float) -> None:
    """The colour scale of the displacement map, in mm."""
    left, upper, length = WIDTH - RIGHT + 14, top + 16, height - 32
    ramp = np.linspace(1, 0, round(length))[:, None].repeat(16, axis=1)
    sheet.panel(left, upper, length / len(ramp)).image(ramp, cmap=MAGNITUDE_COLOURS)
    for part in (0, 0.25, 0.5, 0.75, 1):
        label = f"{part * end_mm:.3g}" if part < 1 else f"≥ {end_mm:.3g}"
        sheet.text(left + 20, upper + (1 - part) * length, label, 9.5)
    sheet.text(left, top + 2, "mm", 10)


def draw_footer(sheet: Sheet, result: FusionResult) -> None:
    """What the picture may be used for, how to read it, and what made it."""
    y = sheet.height - 22
    sheet.text(LEFT, y, NOTICE, 10.5, AMBER)
    convention = (
        "The patient's left is on the right of the picture; sagittal views are seen from the "
        "patient's left. Slate: no data."
    )
    sheet.text(WIDTH / 2, y, convention, 9.5, MUTED, ha="center")
    made_by = f"UniFuse {__version__} · {result.report.weights.name}"
    sheet.text(WIDTH - RIGHT, y, made_by, 9.5, MUTED, ha="right")


def modalities(result: FusionResult) -> tuple[str, str]:
    """(of the degraded volume, of the reference)."""
    return result.report.degraded_modality, result.report.reference_modality


def displacement_mm(result: FusionResult) -> Callable[[np.ndarray], np.ndarray]:
    """Voxels `(n, 3)` → ‖u‖ `(n,)` mm."""
    return lambda index: np.linalg.norm(result.field[tuple(index.T)], axis=-1)


def highest_mm(result: FusionResult) -> float:
    """A round upper end for the colour scale: 99 % of the body lies below."""
    index, _ = body_points(result.body, result.field.grid)
    highest = float(np.percentile(displacement_mm(result)(index), 99))
    return next((float(end) for end in _ROUND_MM if end >= highest), highest)
