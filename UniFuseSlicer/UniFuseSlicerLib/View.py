"""The text and state of the panel, as a pure function of what is known: no widgets, no scene."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from slicer.i18n import tr as _

from .ToolWords import panelWords
from .Words import foundTitle, fusionTitle, trustTitle

_SHOWN_MM = 0.05  # less is shown as 0.0


@dataclass(frozen=True)
class PanelState:
    """Everything the button and the progress bar depend on.

    Attributes:
        degraded: a degraded volume is chosen.
        reference: a reference volume is chosen.
        same: both are one volume.
        problem: why the inputs cannot be fused, "" when they can.
        running: there is a run.
        cancelling: the run was asked to stop.
        fraction: 0..1 of the run.
        stage: what the run is doing.
        seconds: since the run began.
    """

    degraded: bool = False
    reference: bool = False
    same: bool = False
    problem: str = ""
    running: bool = False
    cancelling: bool = False
    fraction: float = 0.0
    stage: str = ""
    seconds: float = 0.0


@dataclass(frozen=True)
class PanelView:
    """What the widgets show."""

    buttonText: str
    buttonEnabled: bool
    buttonToolTip: str
    inputsEnabled: bool
    progressVisible: bool = False
    progressPercent: int = 0
    progressText: str = ""


def resolve(state: PanelState) -> PanelView:
    """The button itself gives the reason why it is disabled; while running it cancels."""
    if state.running:
        return _running(state)
    reason = _missing(state)
    if reason:
        return PanelView(reason, False, state.problem or reason, True)
    return PanelView(
        _("Fuse"),
        True,
        _("Restore, align and fuse the two volumes. Your volumes are not modified."),
        True,
    )


def _missing(state: PanelState) -> str:
    if not state.degraded:
        return _("Select the degraded volume")
    if not state.reference:
        return _("Select the reference volume")
    if state.same:
        return _("Select two different volumes")
    if state.problem:
        return _("Cannot be fused (see below)")
    return ""


def _running(state: PanelState) -> PanelView:
    percent = round(100 * state.fraction)
    text = _("{stage} · {percent} % · {seconds} s").format(
        stage=panelWords(state.stage), percent=percent, seconds=round(state.seconds)
    )
    if state.cancelling:
        return PanelView(
            _("Cancelling…"), False, _("The run is being cancelled"), False, True, percent, text
        )
    return PanelView(
        _("Cancel"), True, _("Stop the run; no node is changed"), False, True, percent, text
    )


@dataclass(frozen=True)
class TrustView:
    """How far the alignment can be trusted.

    Attributes:
        text: title, figures, and a line for every reason; "" where nothing was judged.
        styleSheet: colours of the label.
    """

    text: str = ""
    styleSheet: str = ""


# dark text on a bright ground is readable in Slicer's light and dark styles
TEXT_ON_COLOUR = "#101418"
_TRUST_STYLE = (
    "background-color: {ground}; color: "
    + TEXT_ON_COLOUR
    + "; padding: 3px 6px; border-radius: 4px;"
)
_TRUST_GROUNDS = {"green": "#7bd8a6", "amber": "#ffc94d", "red": "#ff7b7b"}


def trustGround(word: str) -> str:
    """Colour of a verdict, `#rrggbb`; "" for a word that is none."""
    return _TRUST_GROUNDS.get(word, "")


def trustStyle(word: str) -> str:
    """Style sheet of a label in the colour of a verdict."""
    return _TRUST_STYLE.format(ground=trustGround(word))


def trust(report: Mapping[str, Any]) -> TrustView:
    """What the panel says before it shows anything; empty for a report without a verdict.

    Args:
        report: content of report.json.
    """
    found = report.get("verdict") or {}
    word = found.get("trust") or ""
    if not trustGround(word):
        return TrustView()
    title = trustTitle(found["trust"])
    reasons = [f"• {panelWords(reason)}" for reason in found.get("reasons", [])]
    lines = [title, *reasons, _trustFigures(found), *_uncertainty(found)]
    return TrustView("\n".join(lines), trustStyle(word))


def _trustFigures(found: Mapping[str, Any]) -> str:
    low, high = found["interval_mm"]
    return _(
        "More than 3 mm off: {probability:.0f} % likely. Expected error {expected:.1f} mm "
        "({low:.1f} to {high:.1f}) if both volumes show the same part of one patient."
    ).format(
        probability=100 * found["probability_off_by_3_mm"],
        expected=found["expected_error_mm"],
        low=low,
        high=high,
    )


def _uncertainty(found: Mapping[str, Any]) -> list[str]:
    """One line where its map was made."""
    mapped = found.get("uncertainty_mm") or {}
    if mapped.get("mean") is None:
        return []
    line = _("Uncertainty: {mean:.1f} mm on average, {p95:.1f} mm or less in 95 % of the body.")
    return [line.format(mean=mapped["mean"], p95=mapped["p95"])]


def verdict(report: Mapping[str, Any], seconds: float | None = None) -> str:
    """Two lines for the reader.

    Args:
        report: content of report.json; what it does not hold is left out.
        seconds: of the run that has just ended.

    Returns:
        Class with its probability and the modalities; similarity to the reference, placement and
        deformation, folds and time.
    """
    moved = _placed(report) or _displacement(report)
    parts = [_similarity(report), moved, _folds(report), _method(report)]
    if seconds is not None:
        parts.append(_("{seconds:.0f} s").format(seconds=seconds))
    lines = (degradation(report), " · ".join(part for part in parts if part))
    return "\n".join(line for line in lines if line)


def degradation(report: Mapping[str, Any]) -> str:
    """What was found, and the modalities; no class where it was not calibrated.

    Args:
        report: content of report.json.
    """
    label = report.get("class")
    if not label or not report.get("class_calibrated", True):
        return _modalities(report)
    percent = 100 * report.get("probabilities", {}).get(label, 0.0)
    text = foundTitle(
        label,
        percent,
        100 * report.get("sure_from", 0.0),
        report.get("severity_words") or "",
        report.get("dose_fraction") or 0.0,
    )
    modalities = _modalities(report)
    return f"{text} · {modalities}" if modalities else text


def _modalities(report: Mapping[str, Any]) -> str:
    degraded = report.get("degraded_modality", "").upper()
    reference = report.get("reference_modality", "").upper()
    if not degraded or not reference:
        return ""
    return _("{degraded} on {reference}").format(degraded=degraded, reference=reference)


def _method(report: Mapping[str, Any]) -> str:
    """Only where it is not the usual one."""
    method = report.get("fusion_method", "unifuse")
    return "" if method == "unifuse" else _("fused by: {method}").format(method=fusionTitle(method))


def _similarity(report: Mapping[str, Any]) -> str:
    similarity = report.get("similarity", {})
    if "before" not in similarity or "after" not in similarity:
        return ""
    return _("match with the reference {before:.2f} → {after:.2f} (1 = identical)").format(
        **similarity
    )


def _displacement(report: Mapping[str, Any]) -> str:
    displacement = report.get("displacement_mm", {})
    if "mean" not in displacement:
        return ""
    mean = displacement["mean"]
    return _("displacement {mean:.1f} mm on average, {maximum:.1f} mm at most").format(
        mean=mean, maximum=displacement.get("max", mean)
    )


def _placed(report: Mapping[str, Any]) -> str:
    """How far off the patient as a whole lay, and the deformation apart from it; earlier reports
    do not part the two.
    """
    part = report.get("rigid_part")
    if not part:
        return ""
    placed = _("placed {moved:.1f} mm, {rotation:.1f}°").format(
        moved=part["moved_mm"], rotation=part["rotation_deg"]
    )
    deformed = part["deformed_mm"]
    if deformed["max"] < _SHOWN_MM:
        return _("{placed}; not deformed").format(placed=placed)
    return _("{placed}; deformed {mean:.1f} mm on average, {maximum:.1f} mm at most").format(
        placed=placed, mean=deformed["mean"], maximum=deformed["max"]
    )


def _folds(report: Mapping[str, Any]) -> str:
    if "folds_percent" not in report:
        return ""
    return _("folds in {folds:.2f} % of the body").format(folds=report["folds_percent"])
