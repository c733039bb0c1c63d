"""Means over cases, where some lack a figure."""

from __future__ import annotations

from statistics import fmean
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence


def mean_of(cases: Sequence[dict[str, Any]], *path: str) -> float | None:
    """Mean of case[path[0]][path[1]]... over the cases that have the figure, if any has."""
    values: list[Any] = list(cases)
    for key in path:
        values = [None if value is None else value[key] for value in values]
    present = [float(value) for value in values if value is not None]
    return fmean(present) if present else None
