"""The one-page picture of a result: three anatomical planes × inputs, results and deformation.

Every panel is sampled at its own pixels and lies in one picture, over which the words are written.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

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
from UniFuseLib.overview.marks import draw_place, draw_sides
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

    from UniFuseLib.fusion_result import FusionResult
    from UniFuseLib.overview.panels import Paint

# pixels: bands from top to bottom, and between panels
_HEADER, _TITLES, _FOOTER, _GAP = 150, 54, 44, 10
_LEAST_HEIGHT = 60  # of a row of panels, pixels


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


def compose_page(result: FusionResult, degraded: Volume, reference: Volume) -> Sheet:
    """The whole page; all panels share one scale in mm.

    Args:
        result: what `fuse` returned for these two volumes.
        degraded: the input, on its own grid.
        reference: the input; its grid is the one that `result` lives on.

    Raises:
        MissingDependencyError: matplotlib is not installed.
    """
    columns = _columns(result, degraded, reference)
    width = int((WIDTH - LEFT - RIGHT - _GAP * (len(columns) - 1)) / len(columns))
    planes = _planes(result, reference, width)
    heights = [max(_LEAST_HEIGHT, plane.shape[0]) for plane in planes]
    above = trust_height(result.report.verdict)
    header = above + _HEADER
    sheet = Sheet(header + _TITLES + sum(heights) + _GAP * (len(planes) - 1) + _FOOTER)
    lefts = [LEFT + number * (width + _GAP) for number in range(len(columns))]
    for left, column in zip(lefts, columns, strict=True):
        sheet.text(left, header + 12, column.title, 12.5)
        sheet.text(left, header + 35, column.note, 9.5, colour=MUTED)
    window = _window_of(reference, result.body, modalities(result)[1])
    body = Volume(np.asarray(result.body, dtype=bool), reference.affine)
    top = header + _TITLES
    for plane, height in zip(planes, heights, strict=True):
        sheet.text(LEFT / 2, top + height / 2, plane.name.capitalize(), 12, turned=90, anchor="mm")
        shown = panels.Shown(plane, reference, window, result.field, body)
        corners = [(left, top + (height - plane.shape[0]) / 2) for left in lefts]
        for corner, column in zip(corners, columns, strict=True):
            sheet.picture(*corner, column.paint(shown))
            draw_sides(sheet, corner, plane)
        draw_place(sheet, corners[0], plane, planes)
        top += height + _GAP
    draw_header(sheet, result, above)
    draw_legend(sheet, highest_mm(result), header + _TITLES, heights[0])
    draw_footer(sheet, result)
    draw_trust(sheet, result.report.verdict)
    return sheet


def _planes(result: FusionResult, reference: Volume, width: int) -> list[Plane]:
    """Axial, coronal and sagittal pictures around the body, crossing where there is most to see.

    The widest has `width` pixels.
    """
    box = view_box(result.body, reference.grid)
    weight = _uptake(result) if modalities(result)[0] == "pet" else displacement_mm(result)
    centre = view_centre(result.body, weight, reference.grid)
    pixel_mm = max(box[1, :2] - box[0, :2]) / (width - 1.5)
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
    reference_window = _window_of(reference, body, reference_modality)
    outlined = f"{panels.caption(modality, window)}; lines: reference"
    fused_window = panels.full_window(result.fused, body)
    restored = panels.intensities(result.restored, window, result.coverage)
    columns = [
        Column(
            "Reference",
            panels.caption(reference_modality, reference_window),
            panels.reference_alone,
        ),
        Column(
            "Degraded, as acquired",
            outlined,
            panels.with_edges(panels.intensities(degraded, window), window),
        ),
        Column("Restored and aligned", outlined, panels.with_edges(restored, window)),
        Column(
            "Fused",
            "reference and restored in one volume",
            panels.intensities(result.fused, fused_window),
        ),
    ]
    if modality == "pet":
        overlay = panels.uptake_over(result.restored, window, result.coverage)
        columns.append(Column("Uptake over reference", "restored PET in colour", overlay))
    return columns + _deformation_columns(result, reference)


def _window_of(reference: Volume, body: np.ndarray, modality: str) -> panels.Window:
    return panels.window_of(body_values(reference, np.asarray(body, dtype=bool)), modality)


def _scan_values(result: FusionResult) -> np.ndarray:
    """The degraded volume where the body is, aligned."""
    voxels, _ = body_points(result.body, result.field.grid)
    return pull_at(result.scan, result.field, voxels)


def _deformation_columns(result: FusionResult, reference: Volume) -> list[Column]:
    body = np.asarray(result.body, dtype=bool)
    extent_mm = float(np.ptp(view_box(body, reference.grid), axis=0).max())
    step_mm = panels.grid_step(extent_mm)
    return [
        Column(
            "Deformation",
            f"grid of {step_mm:g} mm on the degraded volume",
            panels.warped_grid(step_mm),
        ),
        Column(
            "Displacement",
            "length in mm, inside the body",
            panels.displacement_map(highest_mm(result)),
        ),
    ]
