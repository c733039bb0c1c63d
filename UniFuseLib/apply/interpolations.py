"""Names of interpolations, apart from what computes them: the command line must start quickly."""

from __future__ import annotations

from typing import Literal

Interpolation = Literal["linear", "bspline", "label", "nearest"]
Choice = Literal["auto", "linear", "bspline", "label", "nearest"]
CHOICES: tuple[Choice, ...] = ("auto", "linear", "bspline", "label", "nearest")
LABEL_INTERPOLATIONS = ("label", "nearest")
