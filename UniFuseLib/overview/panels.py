"""What one panel of the overview shows.

Each function returns a painter: what is shown of a plane → a picture, `(rows, columns, 3)`, 0..1.

Pictures are sampled in RAS mm through the volume's own affine (`planes.py`), so nothing here knows
a voxel order.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from scipy import ndimage

from UniFuseLib.overview.colours import (
    GREY,
    GREY_REVERSED,
    INFERNO,
    VIRIDIS,
    coloured,
    over,
    rgb,
)
from UniFuseLib.overview.planes import Plane, body_values, sample_field, sample_plane

if TYPE_CHECKING:
    from UniFuseLib.spatial.composed import ComposedField
    from UniFuseLib.spatial.volume import Volume

OUTSIDE = "#20262f"  # no data here: neither air nor background
AMBER, DARK_AMBER, CYAN = "#ffb000", "#c04a00", "#5ad1ff"
_SOFT_TISSUE_HU = (-160.0, 240.0)
_EDGE_SCALE_MM = 1.6
_EDGE_WIDTH, _GRID_WIDTH = 1.0, 1.1  # pixels


@dataclass(frozen=True)
class Window:
    """Intensities shown as the two ends of a colour map."""

    low: float
    high: float
    colours: str = GREY

    def share(self, picture: np.ndarray) -> np.ndarray:
        """0 at the low end, 1 at the high end, clipped."""
        return np.clip((picture - self.low) / (self.high - self.low), 0, 1)

    def coloured(self, picture: np.ndarray) -> np.ndarray:
        """`(rows, columns, 3)`, 0..1: greys or colours; `OUTSIDE` where there is no data.

        Args:
            picture: `(rows, columns)`, or `(rows, columns, 3)` RGB, which keeps its colours.
        """
        channels = picture if picture.ndim == 3 else picture[..., None]
        known = np.isfinite(channels).all(axis=-1)
        share = np.nan_to_num(self.share(picture))
        shown = share if picture.ndim == 3 else coloured(share, self.colours)
        return np.where(known[..., None], shown, rgb(OUTSIDE)).astype(np.float32)


@dataclass(frozen=True)
class Shown:
    """One plane through what several panels show; each is sampled once.

    Attributes:
        plane: where the pixels lie.
        volume: the reference.
        window: of the reference.
        field: u.
        body: on the reference grid.
    """

    plane: Plane
    volume: Volume
    window: Window
    field: ComposedField
    body: Volume

    @cached_property
    def reference(self) -> np.ndarray:
        """`(rows, columns)` or `(rows, columns, 3)`, NaN outside the field of view."""
        return sample_plane(self.volume, self.plane)

    @cached_property
    def edges(self) -> np.ndarray | None:
        """`edge_function` of the reference."""
        return edge_function(self.reference, self.window, self.plane.pixel_mm)

    @cached_property
    def displacement(self) -> np.ndarray:
        """`(rows, columns, 3)` RAS mm."""
        return sample_field(self.field, self.plane)

    @cached_property
    def inside(self) -> np.ndarray:
        """`(rows, columns)` bool: the body."""
        return sample_plane(self.body, self.plane, order=0) > 0.5


Paint = Callable[[Shown], np.ndarray]


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
    return Window(low, max(high, low + 1e-6), GREY_REVERSED if modality == "pet" else GREY)


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


def reference_alone(shown: Shown) -> np.ndarray:
    """The reference in its window."""
    return shown.window.coloured(shown.reference)


def intensities(volume: Volume, window: Window, known: np.ndarray | None = None) -> Paint:
    """Grey (or the window's colours) between the window's ends; RGB volumes keep their colours.

    Args:
        volume: what is shown.
        window: of its values.
        known: `(d, h, w)` bool, where it has data; None: everywhere.
    """
    return lambda shown: window.coloured(sample_plane(volume, shown.plane, known=known))


def with_edges(picture: Paint, window_below: Window) -> Paint:
    """The edges of the reference as thin lines over another picture.

    Where they leave its own edges, it is misaligned.
    """
    colour = rgb(DARK_AMBER if window_below.colours == GREY_REVERSED else AMBER)

    def paint(shown: Shown) -> np.ndarray:
        below = picture(shown)
        if shown.edges is None:
            return below
        return over(below, colour, 0.9 * lines_at(shown.edges, _EDGE_WIDTH))

    return paint


def warped_grid(step_mm: float) -> Paint:
    """Lines (X + u(X)) · e = k · step.

    A straight grid drawn on the degraded volume, as it lands on the reference.
    """

    def paint(shown: Shown) -> np.ndarray:
        share = grid_lines(shown.plane, shown.displacement, shown.inside, step_mm)
        return over(_dimmed(shown), rgb(CYAN), share)

    return paint


def grid_lines(
    plane: Plane, displacement: np.ndarray, inside: np.ndarray, step_mm: float
) -> np.ndarray:
    """How much of every pixel the lines of `warped_grid` cover, 0..1, `(rows, columns)`.

    Args:
        plane: where the pixels lie.
        displacement: u `(rows, columns, 3)` RAS mm.
        inside: `(rows, columns)` bool: the body.
        step_mm: between lines.
    """
    arrival = plane.points() + displacement
    arrival[~near_body(inside, plane.pixel_mm)] = np.nan
    right, down = (lines_at(arrival @ e, _GRID_WIDTH, step_mm) for e in (plane.right, plane.down))
    return np.maximum(right, down)


def lines_at(values: np.ndarray, width: float, step: float | None = None) -> np.ndarray:
    """How much of every pixel lies on a line values = 0, or values = k · step: 0..1.

    The distance from a line is the value over its slope.

    Args:
        values: `(rows, columns)`, smooth; NaN where no line is drawn.
        width: of a line, pixels.
        step: between the values of two lines; None: 0 alone.
    """
    away = values if step is None else values - step * np.round(values / step)
    slope = np.hypot(*np.gradient(values))
    distance = np.abs(away) / np.maximum(slope, 1e-12)
    return np.nan_to_num(np.clip((width + 1) / 2 - distance, 0, 1))


def displacement_map(highest_mm: float) -> Paint:
    """‖u(X)‖ in mm as colours inside the body, over the reference."""

    def paint(shown: Shown) -> np.ndarray:
        length = np.linalg.norm(shown.displacement, axis=-1)
        seen = shown.inside & np.isfinite(length)
        share = np.clip(np.nan_to_num(length) / highest_mm, 0, 1)
        return over(_dimmed(shown), coloured(share, VIRIDIS), 0.8 * seen)

    return paint


def uptake_over(uptake: Volume, uptake_window: Window, known: np.ndarray) -> Paint:
    """Uptake in hot colours over the grey reference, more transparent where there is little.

    Args:
        uptake: PET.
        uptake_window: of the PET.
        known: `(d, h, w)` bool, where the PET has data.
    """

    def paint(shown: Shown) -> np.ndarray:
        picture = np.nan_to_num(sample_plane(uptake, shown.plane, known=known))
        picture = picture if picture.ndim == 2 else picture.mean(axis=-1)
        share = uptake_window.share(picture)
        colours = coloured(share, INFERNO)
        return over(reference_alone(shown), colours, np.clip(2.5 * share, 0, 0.85))

    return paint


def edge_function(picture: np.ndarray, window: Window, pixel_mm: float) -> np.ndarray | None:
    """∇²G∗I where |∇G∗I| is large, NaN elsewhere: its zero level is the picture's edges.

    Marr and Hildreth 1980, doi 10.1098/rspb.1980.0020.

    Args:
        picture: `(rows, columns)`, NaN outside the field of view; of colours the mean is taken.
        window: what lies outside of it cannot be seen and makes no edge.
        pixel_mm: side of a pixel.

    Returns:
        `(rows, columns)`, or None where there is no edge to draw.
    """
    picture = picture if picture.ndim == 2 else picture.mean(axis=-1)
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


def _dimmed(shown: Shown) -> np.ndarray:
    """The reference with its white end pushed away: a background for coloured lines."""
    window = shown.window
    if window.colours == GREY_REVERSED:
        dimmed = Window(window.low, window.high * 2.0)
    else:
        dimmed = Window(window.low, window.low + 1.7 * (window.high - window.low), window.colours)
    return dimmed.coloured(shown.reference)
