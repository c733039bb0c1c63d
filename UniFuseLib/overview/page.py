"""The one-page picture of a result: three anatomical planes × inputs, results and deformation.

matplotlib comes with the extra `report` and is imported only when a picture is drawn.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from UniFuseLib.overview import panels
from UniFuseLib.overview.header import (
    displacement_mm,
    draw_footer,
    draw_header,
    draw_legend,
    highest_mm,
    modalities,
)
from UniFuseLib.overview.planes import (
    PLANE_NAMES,
    Picture,
    Plane,
    body_points,
    body_values,
    once,
    plane_through,
    sample_field,
    sample_mask,
    sample_plane,
    view_box,
    view_centre,
)
from UniFuseLib.overview.sheet import LEFT, MUTED, RIGHT, WIDTH, Panel, Sheet, save_atomically
from UniFuseLib.overview.trust import draw_trust, trust_height
from UniFuseLib.pulled_scan import pull_at
from UniFuseLib.spatial.volume import Volume

if TYPE_CHECKING:
    from collections.abc import Callable

    from matplotlib.figure import Figure

    from UniFuseLib.fusion_result import FusionResult
    from UniFuseLib.overview.panels import Paint

# pixels: bands from top to bottom, and between panels
_HEADER, _TITLES, _FOOTER, _GAP = 150, 54, 44, 10


@dataclass(frozen=True)
class Column:
    """One column of the page: its title, a note under it, and how one plane of it is painted."""

    title: str
    note: str
    paint: Paint


def draw_overview(result: FusionResult, degraded: Volume, reference: Volume, path: Path) -> None:
    """Write `path` (PNG, 2200 pixels wide): the result as a radiologist would want to check it.

    Args:
        result: what `fuse` returned for these two volumes.
        degraded: the input, on its own grid; shown through its header alone.
        reference: the input; its grid is the one that `result` lives on.
        path: of the picture.

    Raises:
        MissingDependencyError: matplotlib is not installed.
        OutputError: the picture cannot be written there.
    """
    save_atomically(compose_page(result, degraded, reference), Path(path))


def compose_page(result: FusionResult, degraded: Volume, reference: Volume) -> Figure:
    """The whole page as a figure that no global matplotlib state knows.

    All panels share one scale in mm.
    """
    planes = _planes(result, reference)
    highest = highest_mm(result)
    columns = _columns(result, degraded, reference, highest)
    width = (WIDTH - LEFT - RIGHT - _GAP * (len(columns) - 1)) / len(columns)
    scale = width / max(plane.shape[1] * plane.pixel_mm for plane in planes)
    heights = [max(60.0, plane.shape[0] * plane.pixel_mm * scale) for plane in planes]
    above = trust_height(result.report.verdict)
    header = above + _HEADER
    sheet = Sheet(header + _TITLES + sum(heights) + _GAP * (len(planes) - 1) + _FOOTER)
    lefts = [LEFT + number * (width + _GAP) for number in range(len(columns))]
    for left, column in zip(lefts, columns, strict=True):
        sheet.text(left, header + 12, column.title, 12.5)
        sheet.text(left, header + 35, column.note, 9.5, MUTED)
    top = header + _TITLES
    for plane, height in zip(planes, heights, strict=True):
        sheet.text(
            LEFT / 2, top + height / 2, plane.name.capitalize(), 12, rotation=90, ha="center"
        )
        for left, column in zip(lefts, columns, strict=True):
            panel = _panel(sheet, left, top, height, plane, scale)
            column.paint(panel, plane)
            _letter(panel, plane)
            if column is columns[0]:
                _orient(panel, plane, planes)
        top += height + _GAP
    draw_header(sheet, result, above)
    draw_legend(sheet, highest, header + _TITLES, heights[0])
    draw_footer(sheet, result)
    draw_trust(sheet, result.report.verdict)
    return sheet.figure


def _planes(result: FusionResult, reference: Volume) -> list[Plane]:
    """Axial, coronal and sagittal pictures around the body, crossing where there is most to see."""
    box = view_box(result.body, reference.grid)
    weight = _uptake(result) if modalities(result)[0] == "pet" else displacement_mm(result)
    centre = view_centre(result.body, weight, reference.grid)
    pixel_mm = max(box[1, :2] - box[0, :2]) / 340
    return [plane_through(name, centre, box, pixel_mm) for name in PLANE_NAMES]


def _uptake(result: FusionResult) -> Callable[[np.ndarray], np.ndarray]:
    """Voxels `(n, 3)` → what exceeds P99.5 of the body, in the volume's unit, else 0.

    Of colours the mean is taken.
    """
    array, body = result.restored.array, result.body
    values = body_values(result.restored, body)
    high = np.percentile(values if array.ndim == 3 else values.mean(axis=-1), 99.5)

    def weight(index: np.ndarray) -> np.ndarray:
        found = array[tuple(index.T)]
        found = found if found.ndim == 1 else found.mean(axis=-1)
        return np.where(body[tuple(index.T)], np.clip(found - high, 0, None), 0)

    return weight


def _columns(
    result: FusionResult, degraded: Volume, reference: Volume, highest: float
) -> list[Column]:
    body = np.asarray(result.body, dtype=bool)
    modality, reference_modality = modalities(result)
    window = panels.window_of(_scan_values(result), modality)
    reference_window = panels.window_of(body_values(reference, body), reference_modality)
    reference_shown = once(partial(sample_plane, reference))
    restored_shown = once(partial(sample_plane, result.restored, known=result.coverage))
    edges = once(partial(_edges, reference_shown, reference_window))
    outlined = f"{panels.caption(modality, window)}; lines: reference"
    columns = [
        Column(
            "Reference",
            panels.caption(reference_modality, reference_window),
            panels.intensities(reference_shown, reference_window),
        ),
        Column(
            "Degraded, as acquired",
            outlined,
            panels.with_edges(
                panels.intensities(partial(sample_plane, degraded), window), window, edges
            ),
        ),
        Column(
            "Restored and aligned",
            outlined,
            panels.with_edges(panels.intensities(restored_shown, window), window, edges),
        ),
        Column(
            "Fused",
            "reference and restored in one volume",
            panels.intensities(
                partial(sample_plane, result.fused), panels.full_window(result.fused, body)
            ),
        ),
    ]
    if modality == "pet":
        overlay = panels.uptake_over(reference_shown, reference_window, restored_shown, window)
        columns.append(Column("Uptake over reference", "restored PET in colour", overlay))
    deformation = _deformation_columns(result, reference_shown, reference_window, highest)
    return columns + deformation


def _edges(reference: Picture, window: panels.Window, plane: Plane) -> panels.Edges:
    return panels.edge_function(reference(plane), window, plane.pixel_mm)


def _scan_values(result: FusionResult) -> np.ndarray:
    """The degraded volume where the body is, aligned."""
    voxels, _ = body_points(result.body, result.field.grid)
    return pull_at(result.scan, result.field, voxels)


def _deformation_columns(
    result: FusionResult, reference: Picture, window: panels.Window, highest: float
) -> list[Column]:
    body, grid = np.asarray(result.body, dtype=bool), result.field.grid
    extent_mm = float(np.ptp(view_box(body, grid), axis=0).max())
    step_mm = panels.grid_step(extent_mm)
    field = once(partial(sample_field, result.field))
    inside = once(partial(sample_mask, Volume(body, grid.affine)))
    return [
        Column(
            "Deformation",
            f"grid of {step_mm:g} mm on the degraded volume",
            panels.warped_grid(reference, window, field, inside, step_mm),
        ),
        Column(
            "Displacement",
            "length in mm, inside the body",
            panels.displacement_map(reference, window, field, inside, highest),
        ),
    ]


# letters of the patient's sides: x, y as parts of the picture, horizontal and vertical alignment
_LETTER_PLACES = (
    (0.02, 0.5, "left", "center"),
    (0.98, 0.5, "right", "center"),
    (0.5, 0.02, "center", "top"),
    (0.5, 0.98, "center", "bottom"),
)


def _panel(
    sheet: Sheet, left: float, top: float, height: float, plane: Plane, scale: float
) -> Panel:
    """In the colour of what lies outside of the field of view, in the middle of `height` pixels."""
    pixel = plane.pixel_mm * scale
    rows, columns = (pixel * n for n in plane.shape)
    upper = top + (height - rows) / 2
    sheet.box(left, upper, columns, rows, panels.OUTSIDE)
    return sheet.panel(left, upper, pixel)


def _letter(panel: Panel, plane: Plane) -> None:
    """The letters of the patient's sides."""
    style = panels.letter_style()
    for letter, (x, y, ha, va) in zip(plane.letters, _LETTER_PLACES, strict=True):
        panel.text(*_place(plane, x, y), letter, ha=ha, va=va, **style)


def _place(plane: Plane, x: float, y: float) -> tuple[float, float]:
    """Column and row of parts of a picture's width and height, from its upper left corner."""
    rows, columns = plane.shape
    return x * columns - 0.5, y * rows - 0.5


def _orient(panel: Panel, plane: Plane, planes: list[Plane]) -> None:
    """Where the other two planes cut this one, where this one lies, and a scale bar."""
    crossing = _crossing(planes)
    row, column = plane.pixel_of(crossing)
    (left, upper), (right, lower) = _place(plane, 0, 0), _place(plane, 1, 1)
    style: dict[str, Any] = {"color": panels.CYAN, "linewidth": 0.6, "alpha": 0.55}
    panel.line([left, right], [row, row], dashes=(4, 4), **style)
    panel.line([column, column], [lower, upper], dashes=(4, 4), **style)
    letters = panels.letter_style(size=8.5)
    panel.text(*_place(plane, 0.02, 0.02), _position(plane, crossing), va="top", **letters)
    _scale_bar(panel, plane, letters)


def _position(plane: Plane, crossing: np.ndarray) -> str:
    """Where the plane lies along its normal, for example `S 12.5 mm`."""
    normal = int(np.argmax(1 - np.abs(plane.right) - np.abs(plane.down)))
    position = float(crossing[normal])
    side = ("RL", "AP", "SI")[normal][position < 0]
    return f"{side} {abs(position):.1f} mm"


def _scale_bar(panel: Panel, plane: Plane, style: dict[str, Any]) -> None:
    shortest_mm = min(plane.shape) * plane.pixel_mm
    length_mm = next((bar for side, bar in ((130, 50), (50, 20)) if shortest_mm > side), 5)
    pixels = length_mm / plane.pixel_mm
    right, bottom = 0.975 * plane.shape[1], 0.955 * plane.shape[0]
    ends = [right - pixels, right]
    panel.line(ends, [bottom, bottom], color="white", linewidth=2.2, solid_capstyle="butt")
    middle, above = right - pixels / 2, bottom - 0.012 * plane.shape[0]
    panel.text(middle, above, f"{length_mm} mm", ha="center", va="bottom", **style)


def _crossing(planes: list[Plane]) -> np.ndarray:
    """`(3,)` RAS mm of the point that the three planes share."""
    axial, coronal, sagittal = planes
    return np.array([sagittal.origin[0], coronal.origin[1], axial.origin[2]])
