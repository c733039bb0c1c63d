"""How much of a result card fits a low window: whole sentences, the important ones first."""

from __future__ import annotations

import math
import re
from dataclasses import replace
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .Card import CardView

LOW_WINDOW_PX = 768
LINE_PX = 15
CHARACTERS = 58  # of a line of the panel, as narrow as Slicer makes it
HEADER_CHARACTERS = 46  # of the header, which is bold and beside a button
# Lines that inputs and lists leave in a low window.
LINES = 13
NAME_CHARACTERS = 20
MESSAGE_LINES = 3
_BULLET = "•"
_SENTENCE_END = re.compile(r"(?<=[.!?]) (?=[A-ZÄÖÜ])")


def spareLines(windowHeight: float) -> int:
    """How many more lines a window has than a low one.

    Args:
        windowHeight: pixels.
    """
    return max(0, int(windowHeight - LOW_WINDOW_PX) // LINE_PX)


def linesOf(text: str) -> int:
    """How many lines the words take in the panel.

    Args:
        text: a sentence a line; "" takes none.
    """
    return sum(math.ceil(len(line) / CHARACTERS) for line in text.split("\n"))


def elided(name: str, characters: int = NAME_CHARACTERS) -> str:
    """A name without its middle, as Slicer's lists show long ones.

    Args:
        name: any.
        characters: at most.
    """
    if len(name) <= characters:
        return name
    end = (characters - 1) // 2
    return f"{name[: characters - 1 - end]}…{name[-end:]}"


def shortened(text: str, lines: int = MESSAGE_LINES) -> str:
    """The first sentences, as many as fit, and "…" for the rest; at least one.

    Args:
        text: sentences.
        lines: that there are.
    """
    sentences = _SENTENCE_END.split(text)
    shown = sentences[0]
    for count in range(2, len(sentences) + 1):
        longer = " ".join(sentences[:count])
        if linesOf(longer) > lines:
            return f"{shown} …"
        shown = longer
    return text


def takenLines(ui: Any) -> int:
    """What other words take of the tab; a button counts as two lines.

    Args:
        ui: widgets by name.
    """
    labels = (ui.modalityLabel, ui.costLabel, ui.messageLabel)
    return sum(linesOf(label.text) for label in labels) + 2 * bool(ui.retryButton.text)


def fitted(view: CardView, lines: int) -> tuple[CardView, int]:
    """The card with as many sentences as fit. Header and title always stay; then come what was
    found, the expected error, two reasons, a warning, the other reasons and warnings, and all
    figures.

    Args:
        view: whole card.
        lines: that there are.

    Returns:
        What is shown, and how many sentences are left out.
    """
    trust, figures, warnings = (
        text.split("\n") if text else [] for text in (view.trust.text, view.figures, view.warnings)
    )
    reasons = [line for line in trust[1:] if line.startswith(_BULLET)]
    stated = [line for line in trust[1:] if not line.startswith(_BULLET)]
    left = lines - math.ceil(len(view.header) / HEADER_CHARACTERS) - bool(trust)
    first = (figures[:1], stated[:1], reasons[:2], warnings[:1])
    others = (*first, reasons[2:], warnings[1:], figures[1:], stated[1:])
    hidden = []
    for line in (line for part in others for line in part):
        if linesOf(line) > left:
            hidden.append(line)
        else:
            left -= linesOf(line)

    def kept(part: list[str]) -> str:
        return "\n".join(line for line in part if line not in hidden)

    fits = replace(
        view,
        trust=replace(view.trust, text=kept(trust)),
        figures=kept(figures),
        warnings=kept(warnings),
    )
    return fits, len(hidden)
