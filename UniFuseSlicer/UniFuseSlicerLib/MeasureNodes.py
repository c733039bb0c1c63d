"""Measured figures in the scene: a table, histograms of displacement and volume change, charts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import slicer
import vtk
from slicer.i18n import tr as _
from vtk.util.numpy_support import numpy_to_vtk

from .Hierarchy import placeBeside
from .Measure import WHOLE, Measured, Region, RegionFigures
from .Ownership import mark

BINS = 60
LEAST_SPREAD = 0.1  # of a histogram, mm or ratio: less is rounding, not a finding
PLOTTED = 8  # the largest regions: more curves cannot be told apart
TAILS_PERCENT = (0.1, 99.9)  # of all voxels in the regions: single outliers would squeeze the rest
# Okabe and Ito (2008): told apart by colour-blind readers as well
PALETTE = (
    (0.00, 0.45, 0.70),
    (0.84, 0.37, 0.00),
    (0.00, 0.62, 0.45),
    (0.80, 0.47, 0.65),
    (0.90, 0.62, 0.00),
    (0.34, 0.71, 0.91),
    (0.35, 0.35, 0.35),
    (0.60, 0.55, 0.10),
)
FIGURES_ROLE = "unifuseMeasuredResult"


@dataclass(frozen=True)
class MeasureNodes:
    """What a measurement leaves in the scene.

    Attributes:
        table: one row per region, the columns of `unifuse measure`.
        displacement: chart, share of voxels over displacement in mm.
        volumeRatio: chart, share of voxels over the local volume ratio.
    """

    table: Any
    displacement: Any
    volumeRatio: Any


def addMeasureNodes(fused: Any, measured: Measured) -> MeasureNodes:
    """New nodes, with this module's mark.

    Args:
        fused: fused volume of the result.
        measured: see `measure`.
    """
    table = _node(fused, "vtkMRMLTableNode", _("{result} measured"))
    table.SetAndObserveTable(figuresTable(measured.rows))
    table.SetUseColumnTitleAsColumnHeader(True)
    shown = plottedRegions(measured.regions)
    displacement = _("Displacement (mm)")
    ratio = _("Volume in the degraded scan / in the reference")
    return MeasureNodes(
        table,
        _chart(fused, shown, measured.length, displacement, _("{result} displacement")),
        _chart(fused, shown, measured.ratio, ratio, _("{result} volume change")),
    )


def plottedRegions(regions: Sequence[Region]) -> list[Region]:
    """The largest ones, in their order; the body alone where nothing was drawn."""
    named = [region for region in regions if region.name != WHOLE] or list(regions)
    sizes = sorted((int(region.mask.sum()) for region in named), reverse=True)
    least = sizes[:PLOTTED][-1]
    return [region for region in named if int(region.mask.sum()) >= least][:PLOTTED]


def figuresTable(rows: Sequence[RegionFigures]) -> Any:
    """`vtkTable` with the fields of `RegionFigures` as columns; the label of no region is empty."""
    table = vtk.vtkTable()
    for name in RegionFigures._fields:
        values = [getattr(row, name) for row in rows]
        isText = name in ("label", "name", "direction")
        column = vtk.vtkStringArray() if isText else vtk.vtkDoubleArray()
        column.SetName(name)
        for value in values:
            column.InsertNextValue(("" if value is None else str(value)) if isText else value)
        table.AddColumn(column)
    return table


def histogram(regions: Sequence[Region], values: np.ndarray) -> tuple[np.ndarray, list[np.ndarray]]:
    """Share of each region's voxels, %, in common bins.

    Args:
        regions: at least one.
        values: `(k, j, i)`.

    Returns:
        Centres of the bins `(BINS,)`, and `(BINS,)` per region; values beyond the bins count in the
        outermost ones.
    """
    inside = np.concatenate([values[region.mask] for region in regions])
    low, high = (float(v) for v in np.percentile(inside, TAILS_PERCENT))
    edges = np.linspace(low, max(high, low + LEAST_SPREAD), BINS + 1)
    shares = []
    for region in regions:
        found = np.clip(values[region.mask], edges[0], edges[-1])
        counts, _edges = np.histogram(found, edges)
        shares.append(100 * counts / counts.sum())
    return (edges[:-1] + edges[1:]) / 2, shares


def _chart(fused: Any, regions: Sequence[Region], values: np.ndarray, x: str, name: str) -> Any:
    centres, shares = histogram(regions, values)
    table = _node(fused, "vtkMRMLTableNode", _("{chart} (histogram)").format(chart=name))
    data = vtk.vtkTable()
    titles = [region.name or str(region.label) for region in regions]
    for title, column in zip((x, *_distinct(titles)), (centres, *shares), strict=True):
        array = numpy_to_vtk(np.ascontiguousarray(column, np.float64), deep=True)
        array.SetName(title)
        data.AddColumn(array)
    table.SetAndObserveTable(data)
    chart = _node(fused, "vtkMRMLPlotChartNode", name)
    chart.SetTitle(chart.GetName())
    chart.SetXAxisTitle(x)
    chart.SetYAxisTitle(_("Share of the region (%)"))
    for index, region in enumerate(regions):
        series = _series(fused, table, x, data.GetColumnName(index + 1))
        series.SetColor(*(region.colour or PALETTE[index % len(PALETTE)]))
        chart.AddAndObservePlotSeriesNodeID(series.GetID())
    return chart


def _series(fused: Any, table: Any, x: str, y: str) -> Any:
    series = _node(fused, "vtkMRMLPlotSeriesNode", "{result}")
    series.SetName(y)
    series.SetAndObserveTableNodeID(table.GetID())
    series.SetXColumnName(x)
    series.SetYColumnName(y)
    series.SetPlotType(slicer.vtkMRMLPlotSeriesNode.PlotTypeScatter)
    series.SetMarkerStyle(slicer.vtkMRMLPlotSeriesNode.MarkerStyleNone)
    return series


def _distinct(titles: Sequence[str]) -> list[str]:
    """Two segments of one name get numbers: columns are found by their title."""
    return [
        title if titles.count(title) == 1 else f"{title} ({index + 1})"
        for index, title in enumerate(titles)
    ]


def _node(fused: Any, className: str, name: str) -> Any:
    scene = fused.GetScene()
    unique = scene.GenerateUniqueName(name.format(result=fused.GetName()))
    node = scene.AddNewNodeByClass(className, unique)
    mark(node)
    node.SetNodeReferenceID(FIGURES_ROLE, fused.GetID())
    placeBeside(node, fused)
    return node
