"""Fusion methods on the same aligned and restored volumes: means, and a table of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from UniFuseLib.evaluation.markdown import markdown, number
from UniFuseLib.evaluation.means import mean_of
from UniFuseLib.evaluation.metrics import FusionFigures, RetentionFigures

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    Figures = dict[str, Any]

_KEYS = ("mse", "cc", "psnr", "scd", "vif", "ssim")
_LOWEST = "mse"  # the one that is better where it is lower
_NEITHER = ("retention", "soft_tissue_contrast")


def fusion_means(cases: Sequence[Figures]) -> dict[str, Figures]:
    """Method → means over the cases that it was measured on; UniFuse's own is not among them."""
    names = dict.fromkeys(name for case in cases for name in case.get("fusions") or {})
    return {
        name: _means([c["fusions"][name] for c in cases if name in (c.get("fusions") or {})])
        for name in names
    }


def _means(figures: Sequence[Figures]) -> Figures:
    return {
        "cases": len(figures),
        "fusion": {key: mean_of(figures, "fusion", key) for key in FusionFigures._fields},
        **{key: mean_of(figures, "retention", key) for key in RetentionFigures._fields},
        "cpu_seconds": mean_of(figures, "cpu_seconds"),
    }


def methods_table(rows: Iterable[tuple[str, Figures]]) -> str:
    """Title and figures of some cases → a line a method, the best of each figure in bold.

    Rows without other methods are left out; the whole table where all are.
    """
    header = ("cases", "method", *(f"Q_{key} {_arrow(key)}" for key in _KEYS), *_KEPT, "CPU s")
    lines = [
        line for title, figures in rows if figures.get("fusions") for line in _lines(title, figures)
    ]
    return markdown(header, lines) if lines else ""


_KEPT = ("retention", "soft-tissue contrast")


def _arrow(key: str) -> str:
    return "↓" if key == _LOWEST else "↑"


def _lines(title: str, figures: Figures) -> list[tuple[str, ...]]:
    """UniFuse's own fused volume first."""
    methods = {"unifuse": {**figures, "cpu_seconds": None}, **figures["fusions"]}
    best = {
        key: (min if key == _LOWEST else max)(f["fusion"][key] for f in methods.values())
        for key in _KEYS
    }
    return [
        (
            f"{title} ({figures['cases']})",
            name,
            *(_cell(f["fusion"][key], best[key], 4 if key == _LOWEST else 3) for key in _KEYS),
            *(number(f[key]) for key in _NEITHER),
            number(f["cpu_seconds"], 1),
        )
        for name, f in methods.items()
    ]


def _cell(value: float, best: float, digits: int) -> str:
    text = number(value, digits)
    return f"**{text}**" if value == best else text
