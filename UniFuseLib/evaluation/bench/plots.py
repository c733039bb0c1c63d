"""Plots and pictures of the report, each as a self-contained `<img>` or `<svg>`.

matplotlib is imported when something is drawn.
"""

from __future__ import annotations

import base64
import io
from typing import TYPE_CHECKING, Any

import numpy as np

from UniFuseLib.errors import MissingDependencyError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.figure import Figure

OURS, BASELINE, INK = "#c2410c", "#64748b", "#1e293b"


def error_boxes(groups: dict[str, list[float]], ours: str, title: str, unit: str) -> str:
    """One box per method over its cases, the single cases as dots, as `<svg>`.

    Args:
        groups: method → values, in the order of the boxes.
        ours: the method in the other colour.
        title: above the plot.
        unit: label of the axis.
    """
    figure = _figure(max(5.0, 0.65 * len(groups) + 1.5), 3.4)
    axes = figure.subplots()
    boxes = axes.boxplot(
        list(groups.values()),
        patch_artist=True,
        showfliers=False,
        widths=0.55,
        medianprops={"color": INK},
    )
    ticks = range(1, len(groups) + 1)
    for (name, values), box, tick in zip(groups.items(), boxes["boxes"], ticks, strict=True):
        colour = OURS if name == ours else BASELINE
        box.set(facecolor=colour, alpha=0.35, edgecolor=colour)
        # spread by order, not by chance: the picture is the same in every run
        offset = np.linspace(-0.15, 0.15, len(values)) if len(values) > 1 else np.zeros(1)
        axes.scatter(tick + offset, values, s=11, color=colour, zorder=3)
    axes.set_xticks(ticks, list(groups), rotation=35, ha="right")
    axes.set_ylabel(unit)
    axes.set_ylim(bottom=0)
    axes.set_title(title, loc="left", fontsize=10)
    _plain(axes)
    return _svg(figure)


def cost_against_accuracy(points: dict[str, tuple[float, float]], ours: str, title: str) -> str:
    """CPU seconds (log) against mean TRE in mm, one dot per method, as `<svg>`.

    Args:
        points: method → (CPU seconds, mm); down and left is better.
        ours: the method in the other colour.
        title: above the plot.
    """
    figure = _figure(10.0, 4.4)
    axes = figure.subplots()
    for number, (name, (seconds, error)) in enumerate(points.items()):
        place = (max(seconds, 1e-2), error)
        colour = OURS if name == ours else BASELINE
        axes.scatter(*place, s=44, color=colour, zorder=3)
        # neighbours in accuracy would write over each other
        offset = (5, (4, -11, 14, -21)[number % 4])
        axes.annotate(
            name, place, xytext=offset, textcoords="offset points", fontsize=8, color=colour
        )
    axes.set_xscale("log")
    axes.set_ylim(bottom=0)
    axes.margins(x=0.2)
    axes.set_xlabel("CPU seconds per case")
    axes.set_ylabel("TRE, mm")
    axes.set_title(title, loc="left", fontsize=10)
    _plain(axes)
    return _svg(figure)


def slices(panels: Sequence[tuple[str, np.ndarray]], alt: str) -> str:
    """Pictures side by side as one `<img>`.

    Args:
        panels: (title, `(h, w)` on [0, 1]), rows point down, columns right.
        alt: for readers who do not see the picture.
    """
    ratio = [picture.shape[1] / picture.shape[0] for _, picture in panels]
    figure = _figure(sum(ratio) * 2.3 + 0.1, 2.6)
    places = figure.subplots(1, len(panels), width_ratios=ratio, squeeze=False)[0]
    for axes, (title, picture) in zip(places, panels, strict=True):
        axes.imshow(picture, cmap="gray", vmin=0, vmax=1, interpolation="nearest")
        axes.set_title(title, fontsize=8)
        axes.set_axis_off()
    return _png(figure, alt)


def _figure(width: float, height: float) -> Figure:
    try:
        from matplotlib.figure import Figure as Page
    except ImportError as error:
        raise MissingDependencyError(
            "The report needs matplotlib: pip install matplotlib."
        ) from error
    return Page(figsize=(width, height), layout="constrained")


def _plain(axes: Any) -> None:
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(axis="y", color="#e2e8f0")
    axes.set_axisbelow(True)


def _svg(figure: Figure) -> str:
    import matplotlib

    stream = io.StringIO()
    with matplotlib.rc_context({"svg.hashsalt": "unifuse", "svg.fonttype": "none"}):
        figure.savefig(stream, format="svg", metadata={"Date": None})
    text = stream.getvalue()
    return text[text.index("<svg") :]


def _png(figure: Figure, alt: str) -> str:
    stream = io.BytesIO()
    figure.savefig(stream, format="png", dpi=110)
    data = base64.b64encode(stream.getvalue()).decode()
    return f'<img alt="{alt}" src="data:image/png;base64,{data}">'
