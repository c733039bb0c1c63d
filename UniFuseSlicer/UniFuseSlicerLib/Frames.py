"""Frames of a time series (Slicer's Sequences): read one, and keep results as further sequences of
the same browser.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import slicer
from slicer.i18n import tr as _

from .Errors import InputNodeError
from .VolumeFacts import factsOf


@dataclass(frozen=True)
class Series:
    """A volume of the scene that shows the frames of a sequence.

    Attributes:
        browser: sequence browser node.
        sequence: of the volume.
        proxy: the volume; it shows the chosen frame.
    """

    browser: Any
    sequence: Any
    proxy: Any

    @property
    def count(self) -> int:
        return int(self.sequence.GetNumberOfDataNodes())

    @property
    def current(self) -> int:
        """Number of the frame that is shown."""
        return max(0, int(self.browser.GetSelectedItemNumber()))

    def value(self, number: int) -> str:
        """Of the index, such as the time, of a frame."""
        return str(self.sequence.GetNthIndexValue(number))


def seriesOf(volume: Any) -> Series:
    """
    Args:
        volume: volume node that a sequence browser fills.

    Raises:
        InputNodeError: it is of no sequence.
    """
    found = None if volume is None else _seriesOf(volume)
    if found is None:
        raise InputNodeError(
            _('Expected a volume of a sequence (module Sequences), got "{name}".').format(
                name=_("none") if volume is None else volume.GetName()
            )
        )
    return found


def isOfSeries(volume: Any) -> bool:
    """Whether a sequence browser fills it."""
    return volume is not None and _seriesOf(volume) is not None


def frame(series: Series, number: int) -> Any:
    """A helper volume with the voxels of one frame, at the place of the series.

    It stays as it is when another frame is chosen; whoever asks for it removes it.

    Args:
        series: that it is of.
        number: of the frame.
    """
    proxy = series.proxy
    node = proxy.GetScene().AddNewNodeByClass(proxy.GetClassName(), proxy.GetName())
    node.CopyContent(series.sequence.GetNthDataNode(number))
    node.SetName(proxy.GetName())
    node.SetAndObserveTransformNodeID(proxy.GetTransformNodeID())
    word = slicer.vtkMRMLSubjectHierarchyConstants.GetDICOMSeriesModalityAttributeName()
    node.SetAttribute(word, factsOf(proxy).word or None)
    node.SetHideFromEditors(True)
    node.SetSaveWithScene(False)
    return node


def newSequence(series: Series, node: Any) -> Any:
    """A sequence for what becomes of the frames, with the index of the series.

    Args:
        series: that it belongs to.
        node: shows the chosen item from `synchronize` on; it gives the name.
    """
    made = node.GetScene().AddNewNodeByClass("vtkMRMLSequenceNode", node.GetName())
    made.SetIndexName(series.sequence.GetIndexName())
    made.SetIndexUnit(series.sequence.GetIndexUnit())
    made.SetIndexType(series.sequence.GetIndexType())
    return made


def synchronize(series: Series, made: dict[Any, Any]) -> None:
    """New sequences follow the browser of the series.

    Slicer's logic makes a node for every sequence without one as soon as it is told of it, so it is
    told of all at the end.

    Args:
        series: whose browser it is.
        made: sequence → node that shows its chosen item.
    """
    browser = series.browser
    with slicer.util.NodeModify(browser):
        for sequence, node in made.items():
            browser.AddSynchronizedSequenceNode(sequence)
            browser.AddProxyNode(node, sequence, False)
            browser.SetOverwriteProxyName(sequence, False)
            browser.SetSaveChanges(sequence, False)
            # a frame that failed shows nothing, rather than the frame before it
            browser.SetMissingItemMode(sequence, browser.MissingItemDisplayHidden)
    logic = sequencesLogic(browser.GetScene())
    logic.UpdateProxyNodesFromSequences(browser)


def sequencesLogic(scene: Any) -> Any:
    """Of the module Sequences; outside the application one of its own."""
    if getattr(slicer, "app", None) is not None:
        return slicer.modules.sequences.logic()
    logic = slicer.vtkSlicerSequencesLogic()
    logic.SetMRMLScene(scene)
    return logic


def _seriesOf(volume: Any) -> Series | None:
    for browser in _browsers(volume.GetScene()):
        sequence = browser.GetSequenceNode(volume)
        if sequence is not None and sequence.GetNumberOfDataNodes() > 0:
            return Series(browser, sequence, volume)
    return None


def _browsers(scene: Any) -> Iterator[Any]:
    count = scene.GetNumberOfNodesByClass("vtkMRMLSequenceBrowserNode") if scene is not None else 0
    return (scene.GetNthNodeByClass(n, "vtkMRMLSequenceBrowserNode") for n in range(count))
