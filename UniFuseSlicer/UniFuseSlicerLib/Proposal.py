"""Which of two volumes is degraded, before the user has chosen any."""

from __future__ import annotations

from typing import Any

from .Ownership import isMarked
from .VolumeFacts import factsOf

# PET is looked at on CT or MR, and CT on MR; two of a kind keep the order they were loaded in
_DEGRADED_FIRST = {"pet": 0, "ct": 1}


def proposedPair(scene: Any) -> tuple[Any, Any] | None:
    """Degraded and reference where the scene holds just two images; None otherwise.

    Args:
        scene: with volumes; results, label maps and hidden ones are none of the two.
    """
    count = scene.GetNumberOfNodesByClass("vtkMRMLScalarVolumeNode")
    nodes = [scene.GetNthNodeByClass(n, "vtkMRMLScalarVolumeNode") for n in range(count)]
    images = [node for node in nodes if _isImage(node)]
    if len(images) != 2:
        return None
    first, second = sorted(
        images, key=lambda node: _DEGRADED_FIRST.get(factsOf(node).modality, len(_DEGRADED_FIRST))
    )
    return first, second


def _isImage(node: Any) -> bool:
    isHelper = node.GetHideFromEditors() or isMarked(node)
    isLabels = node.IsA("vtkMRMLLabelMapVolumeNode")
    return not isHelper and not isLabels and node.GetImageData() is not None
