"""The map of the uncertainty in the scene: a volume in mm, in the colours of the verdict."""

from __future__ import annotations

from typing import Any

import numpy as np

from .HotIron import tableNode
from .Images import Image
from .Nodes import removeWithDisplay, updateVolume
from .Ownership import isMarked, mark
from .Windows import Window, setWindow

UNCERTAINTY_ROLE = "unifuseUncertainty"
TAG = "UniFuseUncertainty"
# One colour means the same in every result; a verdict is never green from 8 mm on
HIGHEST_MM = 8.0
STOPS = (  # share of 8 mm → colour
    (0.0, (0.10, 0.60, 0.25)),
    (0.25, (0.55, 0.80, 0.20)),
    (0.5, (1.0, 0.85, 0.10)),
    (1.0, (0.90, 0.10, 0.05)),
)
OPACITY = 0.5  # of the map at most: the anatomy below stays visible
JUDGED_FROM_MM = 1e-3  # 0 where nothing was judged


def uncertaintyOf(fused: Any) -> Any:
    """The map of a result; None without one.

    Args:
        fused: fused volume of a result, or None.
    """
    return fused.GetNodeReference(UNCERTAINTY_ROLE) if fused is not None else None


def updateUncertainty(fused: Any, name: str, image: Image | None) -> Any:
    """Fill the map of a result, make it, or take away that of an earlier run.

    Args:
        fused: fused volume of the result.
        name: of a new node.
        image: mm, on the reference; None: it was not asked for.

    Returns:
        The node; None without a map.
    """
    node = uncertaintyOf(fused)
    if image is None:
        if node is not None and isMarked(node):
            removeWithDisplay(node)
        return None
    if node is None:
        scene = fused.GetScene()
        node = scene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", scene.GenerateUniqueName(name))
        fused.SetNodeReferenceID(UNCERTAINTY_ROLE, node.GetID())
    node.CreateDefaultDisplayNodes()
    setWindow(node, Window(0.0, HIGHEST_MM))  # first, else Slicer would search for one
    updateVolume(node, image)
    display = node.GetDisplayNode()
    display.SetAndObserveColorNodeID(_coloursIn(fused.GetScene()).GetID())
    display.SetAutoThreshold(False)
    display.SetThreshold(JUDGED_FROM_MM, max(HIGHEST_MM, float(image.array.max())))
    display.SetApplyThreshold(True)
    mark(node)
    return node


def _coloursIn(scene: Any) -> Any:
    """Green, yellow and red."""
    places = [share for share, _ in STOPS]
    colours = np.array([colour for _, colour in STOPS])
    shares = np.linspace(0, 1, 256)
    rgb = np.stack([np.interp(shares, places, channel) for channel in colours.T], axis=1)
    return tableNode(scene, TAG, "Uncertainty", rgb)
