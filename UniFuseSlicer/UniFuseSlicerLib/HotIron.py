"""The hot iron colours that readers of PET know: black, red, orange, white.

DICOM PS3.6, B.1.1: red rises over the first half, green over the third quarter, blue over the last.
Slicer's own warm tables were tried on a leg and a head: PET-Heat is yellow from a third of the
window on, Iron knows no white, and PET-DICOM is cold below the middle.
"""

from __future__ import annotations

from typing import Any

import numpy as np

TAG = "UniFuseHotIron"
COLOURS = 256


def hotIron() -> np.ndarray:
    """`(256, 3)` red, green, blue, 0 to 1."""
    x = np.arange(COLOURS) / (COLOURS - 1)
    return np.clip(np.stack([2 * x, 4 * x - 2, 4 * x - 3], axis=1), 0, 1)


def hotIronNode(scene: Any) -> Any:
    """The colour table node, one per scene; made where there is none."""
    return tableNode(scene, TAG, "Hot iron", hotIron())


def tableNode(scene: Any, tag: str, name: str, colours: np.ndarray) -> Any:
    """A colour table node, one per scene; made where there is none.

    Args:
        scene: to look in.
        tag: that only this table has.
        name: of a new node.
        colours: `(n, 3)` red, green, blue, 0 to 1.
    """
    node = scene.GetSingletonNode(tag, "vtkMRMLColorTableNode")
    if node is not None:
        return node
    node = scene.CreateNodeByClass("vtkMRMLColorTableNode")
    node.UnRegister(None)
    node.SetSingletonTag(tag)
    node.SetName(name)
    node.SetTypeToUser()
    node.SetNumberOfColors(len(colours))
    for index, (red, green, blue) in enumerate(colours):
        node.SetColor(index, str(index), red, green, blue, 1.0)
    node.SetHideFromEditors(False)
    return scene.AddNode(node)
