"""The result card: one result in words, made from what its fused volume remembers and from nothing
else, so that saving, loading, cancelling and another patient cannot mix it.
"""

from __future__ import annotations

import datetime
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from slicer.i18n import tr as _

from .CardFit import LINES, elided, fitted, takenLines
from .Ownership import DEGRADED_ROLE, REFERENCE_ROLE
from .Results import FUSED_AT_ATTRIBUTE, SECONDS_ATTRIBUTE, isResult, reportOf
from .ToolWords import panelWords
from .View import TrustView, trust, verdict


@dataclass(frozen=True)
class CardView:
    """What the labels show; all empty without a result.

    Attributes:
        header: which volumes, and when; long names without their middle.
        fullHeader: with whole names.
        trust: traffic light with its sentences.
        figures: degradation, similarity, displacement, folds, time.
        warnings: a sentence a line.
        current: the inputs chosen now are those of this result.
    """

    header: str = ""
    fullHeader: str = ""
    trust: TrustView = field(default_factory=TrustView)
    figures: str = ""
    warnings: str = ""
    current: bool = True


def cardOf(
    fused: Any, degraded: Any = None, reference: Any = None, now: datetime.datetime | None = None
) -> CardView:
    """
    Args:
        fused: fused volume of a result; anything else gives an empty card.
        degraded: chosen in the panel; None: not compared.
        reference: chosen in the panel; None: not compared.
        now: to leave the date out today.
    """
    if not isResult(fused):
        return CardView()
    report = reportOf(fused)
    current = _isOf(fused, DEGRADED_ROLE, degraded) and _isOf(fused, REFERENCE_ROLE, reference)
    return CardView(
        header=_header(fused, report, current, now, short=elided),
        fullHeader=_header(fused, report, current, now),
        trust=trust(report),
        figures=verdict(report, _seconds(fused)),
        warnings="\n".join(_warnings(report)),
        current=current,
    )


def titleOf(fused: Any) -> str:
    """Which volumes, and when, with the date: `T2 on T1, 2026-01-31 14:02`.

    Args:
        fused: fused volume of a result.
    """
    return _header(fused, reportOf(fused), True, datetime.datetime.min)


def _warnings(report: Mapping[str, Any]) -> list[str]:
    """Without those that are reasons of the verdict, which stand above."""
    reasons = (report.get("verdict") or {}).get("reasons", [])
    warnings = (warning for warning in report.get("warnings", []) if warning not in reasons)
    return [panelWords(warning) for warning in warnings]


def _header(
    fused: Any,
    report: Mapping[str, Any],
    current: bool,
    now: datetime.datetime | None,
    short: Callable[[str], str] = str,
) -> str:
    inputs = report.get("inputs", {})
    header = _("{degraded} on {reference}").format(
        degraded=short(_name(inputs, "degraded", fused, DEGRADED_ROLE)),
        reference=short(_name(inputs, "reference", fused, REFERENCE_ROLE)),
    )
    when = _time(fused.GetAttribute(FUSED_AT_ATTRIBUTE) or "", now)
    if when:
        header = _("{volumes}, {time}").format(volumes=header, time=when)
    if current:
        return header
    return _("{header} (not the volumes selected above)").format(header=header)


def _name(inputs: Mapping[str, Any], side: str, fused: Any, role: str) -> str:
    """As the volume was called then; a report without names is of the node that is still linked."""
    stored = inputs.get(side, {}).get("name")
    node = fused.GetNodeReference(role)
    return stored or (node.GetName() if node is not None else _("a deleted volume"))


def _time(stored: str, now: datetime.datetime | None) -> str:
    """`14:02`, with the date before today."""
    try:
        then = datetime.datetime.fromisoformat(stored)
    except ValueError:
        return ""
    today = (now or datetime.datetime.now()).date()
    return then.strftime("%H:%M" if then.date() == today else "%Y-%m-%d %H:%M")


def _seconds(fused: Any) -> float | None:
    stored = fused.GetAttribute(SECONDS_ATTRIBUTE)
    return float(stored) if stored else None


def _isOf(fused: Any, role: str, chosen: Any) -> bool:
    return chosen is None or fused.GetNodeReference(role) is chosen


class ResultCard:
    """Writes the card into the labels of the panel: whole where there is room, or where *More* is
    pressed.

    Args:
        ui: widgets by name.
        spareLines: how many more lines of text the window has than a low one.
    """

    def __init__(self, ui: Any, spareLines: Callable[[], int] = int) -> None:
        self._ui = ui
        self._spareLines = spareLines
        self._whole = CardView()
        ui.moreButton.connect("toggled(bool)", lambda _pressed: self.show(self._whole))
        self.show(CardView())

    def clear(self) -> None:
        """A run starts, or the scene is closed."""
        self.show(CardView())

    def show(self, view: CardView) -> None:
        """
        Args:
            view: see `cardOf`.
        """
        self._whole = view
        ui = self._ui
        room = LINES + self._spareLines() - takenLines(ui)
        fits, hidden = fitted(view, room)
        ui.moreButton.setVisible(hidden > 0)
        isWhole = bool(ui.moreButton.checked)
        ui.moreButton.setText(_("Less") if isWhole else _("More ({count})").format(count=hidden))
        self._write(view if isWhole else fits)

    def _write(self, view: CardView) -> None:
        ui = self._ui
        ui.cardHeaderLabel.setText(view.header)
        ui.cardHeaderLabel.setToolTip(view.fullHeader)
        ui.trustStripLabel.setToolTip(view.fullHeader)
        ui.trustLabel.setStyleSheet(view.trust.styleSheet if view.current else "")
        ui.trustLabel.setText(view.trust.text)
        ui.trustStripLabel.setStyleSheet(view.trust.styleSheet if view.current else "")
        ui.trustStripLabel.setText(_strip(view))
        ui.verdictLabel.setText(view.figures)
        ui.warningsLabel.setText(view.warnings)
        labels = (
            ui.cardHeaderLabel,
            ui.trustLabel,
            ui.trustStripLabel,
            ui.verdictLabel,
            ui.warningsLabel,
        )
        for label in labels:
            label.setVisible(bool(label.text))
            label.setEnabled(view.current)


def _strip(view: CardView) -> str:
    """What stands over the choices of *Look*: whose pictures these are, and the traffic light."""
    title = view.trust.text.partition("\n")[0]
    return "\n".join(line for line in (view.header, title) if line)
