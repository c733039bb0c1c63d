"""What the panel says at any moment, as a pure function of what is known: no widgets, no scene."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from slicer.i18n import tr as _


@dataclass(frozen=True)
class PanelState:
    """Everything the button and the progress bar depend on.

    Attributes:
        problem: why the inputs cannot be fused, "" when they can.
        running, cancelling: a run goes on; it was asked to stop.
        fraction, stage: of the run.
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
    """The reason why the button is disabled stands on the button; while running it cancels."""
    if state.running:
        return _running(state)
    reason = _missing(state)
    if reason:
        return PanelView(reason, False, state.problem or reason, True)
    return PanelView(
        _("Fuse"),
        True,
        _("Restore, align and fuse the two volumes. Your volumes stay as they are."),
        True,
    )


def _missing(state: PanelState) -> str:
    if not state.degraded:
        return _("Select the degraded volume to fuse")
    if not state.reference:
        return _("Select the reference volume to fuse")
    if state.same:
        return _("Degraded and reference are the same volume: select two")
    if state.problem:
        return _("These volumes cannot be fused (see below)")
    return ""


def _running(state: PanelState) -> PanelView:
    percent = round(100 * state.fraction)
    text = _("{stage} · {percent} % · {seconds} s").format(
        stage=state.stage, percent=percent, seconds=round(state.seconds)
    )
    if state.cancelling:
        return PanelView(
            _("Cancelling…"), False, _("The run is being stopped"), False, True, percent, text
        )
    return PanelView(
        _("Cancel"), True, _("Stop the run; nothing is changed"), False, True, percent, text
    )


CLASS_TITLES = {
    "clean": "No degradation",
    "mr_motion": "MR motion",
    "ct_metal_noise": "CT metal and noise",
    "pet_low_dose": "Low-dose PET",
}


def verdict(report: Mapping[str, Any], seconds: float | None = None) -> str:
    """Two lines for the reader: class with its probability, modalities; alignment, displacement,
    folds and time.
    """
    parts = []
    label = report.get("class")
    title = ""
    if label:
        title = f"{CLASS_TITLES.get(label, label)} {100 * report.get('probabilities', {}).get(label, 0.0):.0f} %"
    degraded, reference = (
        report.get(f"{role}_modality", "").upper() for role in ("degraded", "reference")
    )
    if title and degraded and reference:
        title = _("{title} · {degraded} on {reference}").format(
            title=title, degraded=degraded, reference=reference
        )
    similarity = report.get("similarity", {})
    if "before" in similarity and "after" in similarity:
        parts.append(
            _("alignment {before:.2f} → {after:.2f}").format(
                before=similarity["before"], after=similarity["after"]
            )
        )
    displacement = report.get("displacement_mm", {})
    if "mean" in displacement:
        parts.append(
            _("moved {mean:.1f} mm on average, {maximum:.1f} mm at most").format(
                mean=displacement["mean"], maximum=displacement.get("max", displacement["mean"])
            )
        )
    if "folds_percent" in report:
        parts.append(_("folds {folds:.2f} %").format(folds=report["folds_percent"]))
    if seconds is not None:
        parts.append(_("{seconds:.0f} s").format(seconds=seconds))
    return "\n".join(line for line in (title, " · ".join(parts)) if line)
