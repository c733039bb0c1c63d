"""The verdict on the page: a coloured band above everything, and a mark across a red one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from UniFuseLib.overview.panels import AMBER
from UniFuseLib.overview.sheet import LEFT, PAGE, RIGHT, TEXT, WIDTH, Sheet
from UniFuseLib.verdict.words import trust_figures, trust_title

if TYPE_CHECKING:
    from UniFuseLib.report.parts import VerdictReport

COLOURS = {"green": "#4cc38a", "amber": AMBER, "red": "#ff4d4d"}
_TITLE_BAND, _LINE = 44, 22  # pixels: the coloured band, one line of reasons
_MARK = "DO NOT USE"


def trust_height(verdict: VerdictReport) -> float:
    """Pixels that `draw_trust` needs; 0 where nothing was judged."""
    if verdict.trust is None:
        return 0.0
    lines = len(verdict.reasons)
    return _TITLE_BAND + (_LINE * lines + 12 if lines else 0)


def draw_trust(sheet: Sheet, verdict: VerdictReport) -> None:
    """The band at the top with its reasons below; across the page where it is red."""
    if verdict.trust is None:
        return
    colour = COLOURS[verdict.trust]
    sheet.box(0, 0, WIDTH, _TITLE_BAND, colour)
    sheet.text(LEFT, _TITLE_BAND / 2, trust_title(verdict), 16, PAGE, weight="bold")
    figures = trust_figures(verdict)
    sheet.text(WIDTH - RIGHT, _TITLE_BAND / 2, figures, 11.5, PAGE, ha="right")
    for number, reason in enumerate(verdict.reasons):
        y = _TITLE_BAND + 18 + _LINE * number
        sheet.text(LEFT, y, f"•  {reason}", 12, TEXT)
    if verdict.trust == "red":
        _mark(sheet, colour)


def _mark(sheet: Sheet, colour: str) -> None:
    """Twice, so that no crop of the page is without it."""
    for part in (0.36, 0.74):
        sheet.text(
            WIDTH / 2,
            sheet.height * part,
            _MARK,
            110,
            colour,
            ha="center",
            rotation=14,
            weight="bold",
            alpha=0.45,
        )
