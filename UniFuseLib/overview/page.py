"""The one-page picture of a result: three anatomical planes × inputs, results and deformation.

matplotlib comes with the extra `report` and is imported only when a picture is drawn.
"""

from __future__ import annotations

from dataclasses import dataclass
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
    Plane,
    body_points,
    body_values,
    plane_through,
    view_box,
    view_centre,
)
from UniFuseLib.overview.sheet import LEFT, MUTED, RIGHT, WIDTH, Sheet, save_atomically
from UniFuseLib.overview.trust import draw_trust, trust_height
from UniFuseLib.pulled_scan import pull_at
from UniFuseLib.spatial.volume import Volume

if TYPE_CHECKING:
    from collections.abc import Callable

    from matplotlib.axes import Axes
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
    columns = _columns(result, degraded, reference)
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
            axes = sheet.axes(left, top, width, height)
            column.paint(axes, plane)
            _dress(axes, plane)
            if column is columns[0]:
                _orient(axes, plane, planes)
        top += height + _GAP
    draw_header(sheet, result, above)
    draw_legend(sheet, highest_mm(result), header + _TITLES, heights[0])
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


def _columns(result: FusionResult, degraded: Volume, reference: Volume) -> list[Column]:
    body = np.asarray(result.body, dtype=bool)
    modality, reference_modality = modalities(result)
    window = panels.window_of(_scan_values(result), modality)
    reference_window = panels.window_of(body_values(reference, body), reference_modality)
    restored = panels.intensities(result.restored, window, result.coverage)
    outlined = f"{panels.caption(modality, window)}; lines: reference"
    columns = [
        Column(
            "Reference",
            panels.caption(reference_modality, reference_window),
            panels.intensities(reference, reference_window),
        ),
        Column(
            "Degraded, as acquired",
            outlined,
            panels.with_edges(
                panels.intensities(degraded, window), window, reference, reference_window
            ),
        ),
        Column(
            "Restored and aligned",
            outlined,
            panels.with_edges(restored, window, reference, reference_window),
        ),
        Column(
            "Fused",
            "reference and restored in one volume",
            panels.intensities(result.fused, panels.full_window(result.fused, body)),
        ),
    ]
    if modality == "pet":
        overlay = panels.uptake_over(
            reference, reference_window, result.restored, window, result.coverage
        )
        columns.append(Column("Uptake over reference", "restored PET in colour", overlay))
    return columns + _deformation_columns(result, reference, reference_window)


def _scan_values(result: FusionResult) -> np.ndarray:
    """The degraded volume where the body is, aligned."""
    voxels, _ = body_points(result.body, result.field.grid)
    return pull_at(result.scan, result.field, voxels)


def _deformation_columns(
    result: FusionResult, reference: Volume, window: panels.Window
) -> list[Column]:
    body = np.asarray(result.body, dtype=bool)
    body_volume = Volume(body, reference.affine)
    extent_mm = float(np.ptp(view_box(body, reference.grid), axis=0).max())
    step_mm = panels.grid_step(extent_mm)
    return [
        Column(
            "Deformation",
            f"grid of {step_mm:g} mm on the degraded volume",
            panels.warped_grid(reference, window, result.field, body_volume, step_mm),
        ),
        Column(
            "Displacement",
            "length in mm, inside the body",
            panels.displacement_map(
                reference, window, result.field, body_volume, highest_mm(result)
            ),
        ),
    ]


# letters of the patient's sides: x, y as parts of the axes, horizontal and vertical alignment
_LETTER_PLACES = (
    (0.02, 0.5, "left", "center"),
    (0.98, 0.5, "right", "center"),
    (0.5, 0.98, "center", "top"),
    (0.5, 0.02, "center", "bottom"),
)


def _dress(axes: Axes, plane: Plane) -> None:
    """Frame, field-of-view colour and the letters of the patient's sides."""
    axes.set_facecolor(panels.OUTSIDE)
    axes.set_xlim(-0.5, plane.shape[1] - 0.5)
    axes.set_ylim(plane.shape[0] - 0.5, -0.5)
    axes.set_aspect("equal", adjustable="box", anchor="W")
    for spine in axes.spines.values():
        spine.set_visible(False)
    style = panels.letter_style()
    for letter, (x, y, ha, va) in zip(plane.letters, _LETTER_PLACES, strict=True):
        axes.text(x, y, letter, transform=axes.transAxes, ha=ha, va=va, **style)


def _orient(axes: Axes, plane: Plane, planes: list[Plane]) -> None:
    """Where the other two planes cut this one, where this one lies, and a scale bar."""
    crossing = _crossing(planes)
    row, column = plane.pixel_of(crossing)
    line: dict[str, Any] = {"color": panels.CYAN, "linewidth": 0.6, "alpha": 0.55, "dashes": (4, 4)}
    axes.axhline(row, **line)
    axes.axvline(column, **line)
    style = panels.letter_style(fontsize=8.5)
    place = _position(plane, crossing)
    axes.text(0.02, 0.98, place, transform=axes.transAxes, va="top", **style)
    _scale_bar(axes, plane, style)


def _position(plane: Plane, crossing: np.ndarray) -> str:
    """Where the plane lies along its normal, for example `S 12.5 mm`."""
    normal = int(np.argmax(1 - np.abs(plane.right) - np.abs(plane.down)))
    position = float(crossing[normal])
    side = ("RL", "AP", "SI")[normal][position < 0]
    return f"{side} {abs(position):.1f} mm"


def _scale_bar(axes: Axes, plane: Plane, style: dict[str, Any]) -> None:
    shortest_mm = min(plane.shape) * plane.pixel_mm
    length_mm = next((bar for side, bar in ((130, 50), (50, 20)) if shortest_mm > side), 5)
    pixels = length_mm / plane.pixel_mm
    right, bottom = 0.975 * plane.shape[1], 0.955 * plane.shape[0]
    ends = [right - pixels, right]
    axes.plot(ends, [bottom, bottom], color="white", linewidth=2.2, solid_capstyle="butt")
    middle, above = right - pixels / 2, bottom - 0.012 * plane.shape[0]
    axes.text(middle, above, f"{length_mm} mm", ha="center", va="bottom", **style)


def _crossing(planes: list[Plane]) -> np.ndarray:
    """`(3,)` RAS mm of the point that the three planes share."""
    axial, coronal, sagittal = planes
    return np.array([sagittal.origin[0], coronal.origin[1], axial.origin[2]])
