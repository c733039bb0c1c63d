"""Markdown tables and the figures in their cells."""

from __future__ import annotations

from typing import TYPE_CHECKING

from UniFuseLib.io.table_text import markdown_cell

if TYPE_CHECKING:
    from collections.abc import Sequence


def markdown(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A markdown table; the first column is text, the others are figures."""
    rule = ["---"] + ["---:"] * (len(header) - 1)
    lines = (header, rule, *([markdown_cell(cell) for cell in row] for row in rows))
    return "\n".join("| " + " | ".join(cells) + " |" for cells in lines) + "\n"


def number(value: float | None, digits: int = 2) -> str:
    """`value` with fixed digits; a dash where there is no figure."""
    return "–" if value is None else f"{value:.{digits}f}"


def percent(value: float | None, digits: int = 1) -> str:
    """A fraction as percent; a dash where there is no figure."""
    return "–" if value is None else f"{100 * value:.{digits}f} %"
