"""What one panel of the overview shows.

Each function returns a painter: (panel, plane) → a drawn picture.

Pictures are sampled in RAS mm through the volume's own affine (`planes.py`), so nothing here knows
a voxel order.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy import ndimage

from UniFuseLib.overview.planes import Picture, Plane, body_values

if TYPE_CHECKING:
    from UniFuseLib.overview.sheet import Panel
    from UniFuseLib.spatial.volume import Volume

Paint = Callable[["Panel", Plane], None]
Edges = np.ndarray | None

OUTSIDE = "#20262f"  # no data here: neither air nor background
AMBER, DARK_AMBER, CYAN = "#ffb000", "#c04a00", "#5ad1ff"
MAGNITUDE_COLOURS = "viridis"
UPTAKE_COLOURS = "inferno"
_SOFT_TISSUE_HU = (-160.0, 240.0)
_EDGE_SCALE_MM = 1.6


@dataclass(frozen=True)
class Window:
    """Intensities shown as the two ends of a colour map."""

    low: float
    high: float
    colours: str = "gray"

    def share(self, picture: np.ndarray) -> np.ndarray:
        """0 at the low end, 1 at the high end, clipped."""
        return np.clip((picture - self.low) / (self.high - self.low), 0, 1)


def window_of(values: np.ndarray, modality: str) -> Window:
    """The usual window of a modality.

    CT: soft tissue, L 40 W 400 HU. MR: 0 to P98 of the body (fat may saturate). PET: 0 to P99.8,
    inverted grey.

    Args:
        values: some of the body.
        modality: `ct`, `mr` or `pet`.
    """
    if modality == "ct":
        return Window(*_SOFT_TISSUE_HU)
    values = values[np.isfinite(values)]
    percent = 99.8 if modality == "pet" else 98
    high = float(np.percentile(values, percent)) if values.size else 1.0
    low = min(0.0, float(np.percentile(values, 0.5))) if values.size else 0.0
    return Window(low, max(high, low + 1e-6), "gray_r" if modality == "pet" else "gray")


def caption(modality: str, window: Window) -> str:
    """What a reader needs to judge the greys: `CT, W 400 L 40 HU`, `PET, 0 to 9.8`, `MR`."""
    if modality == "ct":
        return f"CT, W {window.high - window.low:.0f} L {(window.high + window.low) / 2:.0f} HU"
    return f"PET, {window.low:.2g} to {window.high:.3g}" if modality == "pet" else "MR"


def full_window(volume: Volume, body: np.ndarray) -> Window:
    """P0.5 to P99.5 over body and surroundings, for a volume without physical unit (`fused`)."""
    near = body_values(volume, body)
    finite = near[np.isfinite(near)]
    low = float(np.nanmin(volume.array))
    high = float(np.percentile(finite, 99.5)) if finite.size else 1.0
    return Window(low, max(high, low + 1e-6))


def intensities(shown: Picture, window: Window) -> Paint:
    """Grey (or the window's colours) between the window's ends; RGB volumes keep their colours.

    Args:
        shown: a volume.
        window: of its values.
    """

    def paint(panel: Panel, plane: Plane) -> None:
        picture = shown(plane)
        if picture.ndim == 3:
            panel.image(_rgb(picture, window))
        else:
            panel.image(picture, cmap=window.colours, vmin=window.low, vmax=window.high)

    return paint


def with_edges(picture: Paint, window_below: Window, edges: Callable[[Plane], Edges]) -> Paint:
    """The edges of the reference as thin lines over another picture.

    Where they leave its own edges, it is misaligned.

    Args:
        picture: below.
        window_below: of that picture.
        edges: `edge_function` of the reference.
    """
    colour = DARK_AMBER if window_below.colours.endswith("_r") else AMBER

    def paint(panel: Panel, plane: Plane) -> None:
        picture(panel, plane)
        found = edges(plane)
        if found is not None:
            panel.contour(found, levels=[0.0], colors=colour, linewidths=0.7, alpha=0.9)

    return paint


def warped_grid(
    reference: Picture, window: Window, field: Picture, body: Picture, step_mm: float
) -> Paint:
    """Lines (X + u(X)) · e = k · step.

    A straight grid drawn on the degraded volume, as it lands on the reference.
    """
    background = intensities(reference, _dimmed(window))

    def paint(panel: Panel, plane: Plane) -> None:
        background(panel, plane)
        arrival = plane.points + field(plane)
        arrival[~near_body(body(plane), plane.pixel_mm)] = np.nan
        for direction in (plane.right, plane.down):
            coordinate = arrival @ direction
            if np.isfinite(coordinate).sum() < 4:
                continue
            low, high = np.nanmin(coordinate), np.nanmax(coordinate)
            levels = np.arange(np.ceil(low / step_mm), high / step_mm) * step_mm
            if len(levels):
                panel.contour(coordinate, levels, colors=CYAN, linewidths=0.8, linestyles="solid")

    return paint


def displacement_map(
    reference: Picture, window: Window, field: Picture, body: Picture, highest_mm: float
) -> Paint:
    """‖u(X)‖ in mm as colours inside the body, over the reference."""
    background = intensities(reference, _dimmed(window))

    def paint(panel: Panel, plane: Plane) -> None:
        background(panel, plane)
        length = np.linalg.norm(field(plane), axis=-1)
        length[~body(plane)] = np.nan
        panel.image(length, cmap=MAGNITUDE_COLOURS, vmin=0.0, vmax=highest_mm, alpha=0.8)

    return paint


def uptake_over(
    reference: Picture, window: Window, uptake: Picture, uptake_window: Window
) -> Paint:
    """Uptake in hot colours over the grey reference, more transparent where there is little.

    Args:
        reference: under it.
        window: of the reference.
        uptake: PET.
        uptake_window: of the PET.
    """
    background = intensities(reference, window)

    def paint(panel: Panel, plane: Plane) -> None:
        background(panel, plane)
        picture = np.nan_to_num(uptake(plane))
        picture = picture if picture.ndim == 2 else picture.mean(axis=-1)
        share = uptake_window.share(picture)
        alpha = np.clip(2.5 * share, 0, 0.85)
        panel.image(share, cmap=UPTAKE_COLOURS, vmin=0, vmax=1, alpha=alpha)

    return paint


def edge_function(picture: np.ndarray, window: Window, pixel_mm: float) -> Edges:
    """∇²G∗I where |∇G∗I| is large, NaN elsewhere: its zero level is the picture's edges.

    Marr and Hildreth 1980, doi 10.1098/rspb.1980.0020.

    Args:
        picture: `(rows, columns)`, NaN outside the field of view.
        window: what lies outside of it cannot be seen and makes no edge.
        pixel_mm: side of a pixel.

    Returns:
        `(rows, columns)`, or None where there is no edge to draw.
    """
    known = np.isfinite(picture)
    share = window.share(np.where(known, picture, window.low))
    sigma = _EDGE_SCALE_MM / pixel_mm
    steepness = ndimage.gaussian_gradient_magnitude(share, sigma) * sigma
    strong = (steepness > 0.09) & ndimage.binary_erosion(known, iterations=max(1, int(2 * sigma)))
    if not strong.any():
        return None
    edges = ndimage.gaussian_laplace(share, sigma)
    edges[~ndimage.binary_dilation(strong)] = np.nan
    return edges


def near_body(inside: np.ndarray, pixel_mm: float, margin_mm: float = 3.0) -> np.ndarray:
    """`(rows, columns)` True inside the body and within `margin_mm` around it."""
    return ndimage.binary_dilation(inside, iterations=max(1, round(margin_mm / pixel_mm)))


def grid_step(extent_mm: float) -> float:
    """A round distance (mm) that puts 12 to 25 lines across `extent_mm`."""
    return next((step for step in (2.0, 5.0, 10.0, 20.0, 50.0) if extent_mm / step <= 25), 100.0)


def _rgb(picture: np.ndarray, window: Window) -> np.ndarray:
    scaled = window.share(picture)
    alpha = np.isfinite(picture).all(axis=-1, keepdims=True).astype(np.float32)
    return np.concatenate([np.nan_to_num(scaled), alpha], axis=-1)


def _dimmed(window: Window) -> Window:
    """The same window with its white end pushed away: a background for coloured lines."""
    if window.colours.endswith("_r"):
        return Window(window.low, window.high * 2.0, "gray")
    return Window(window.low, window.low + 1.7 * (window.high - window.low), window.colours)


def letter_style(**more: Any) -> dict[str, Any]:
    """Text that stays readable on black, grey and white ground."""
    from matplotlib import patheffects

    outline = [patheffects.withStroke(linewidth=2.0, foreground="black")]
    return {"colour": "#f2f4f7", "size": 9.5, "path_effects": outline, "zorder": 20, **more}
