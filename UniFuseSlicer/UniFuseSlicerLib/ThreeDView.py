"""A 3-D view of the reader: found where it is visible, looked into once, given back as it was."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import slicer

# of a view node: its animation and ray casting before, also known after a scene was loaded
BEFORE_ATTRIBUTE = "UniFuse.Before"
MARGIN = 1.2  # the letters around the body are seen as well
# what a reader may have in a 3-D view
DRAWN = (
    "vtkMRMLModelDisplayNode",
    "vtkMRMLVolumeRenderingDisplayNode",
    "vtkMRMLSegmentationDisplayNode",
    "vtkMRMLMarkupsDisplayNode",
)


def visibleView(scene: Any) -> Any:
    """The first 3-D view node of the layout on screen; None without one."""
    views = slicer.util.getNodesByClass("vtkMRMLViewNode", scene)
    return next((view for view in views if view.IsViewVisibleInLayout()), None)


def isEmpty(view: Any) -> bool:
    """Whether the reader has nothing in a view: hidden nodes are helpers, and slices.

    Args:
        view: 3-D view node.
    """
    displays = (d for kind in DRAWN for d in slicer.util.getNodesByClass(kind, view.GetScene()))
    return not any(_isDrawn(display, view) for display in displays)


def lookAt(view: Any, bounds: Sequence[float]) -> None:
    """From the front, the head up: a body fills the view, also when it is turned about its axis.

    Args:
        view: 3-D view node.
        bounds: RAS mm of the body: R, R, A, A, S, S.
    """
    camera = view.GetScene().GetSingletonNode(view.GetLayoutName(), "vtkMRMLCameraNode")
    if camera is None:
        return
    low, high = np.reshape(bounds, (3, 2)).T
    centre, half = (low + high) / 2, (high - low) / 2
    reach = MARGIN * float(half.max())
    distance = reach / np.sin(np.deg2rad(camera.GetViewAngle() / 2))
    camera.SetFocalPoint(*centre)
    camera.SetPosition(centre[0], centre[1] + distance, centre[2])
    camera.SetViewUp(0.0, 0.0, 1.0)
    camera.SetParallelScale(reach)
    camera.ResetClippingRange()


def startProjection(view: Any) -> bool:
    """The brightest value along every ray counts; True where the view may spin as well. Once, so
    that a reader who stops it is not overruled. A view with anything of the reader's in it stays as
    it is.

    Slicer announces no saving: until the view is given back, no scene is saved with it.

    Args:
        view: 3-D view node.
    """
    if view.GetAttribute(BEFORE_ATTRIBUTE) is not None or not isEmpty(view):
        return False
    before = f"{view.GetAnimationMode()} {view.GetRaycastTechnique()}"
    view.SetAttribute(BEFORE_ATTRIBUTE, before)
    view.SetSaveWithScene(False)
    view.SetRaycastTechnique(view.MaximumIntensityProjection)
    return True


def giveBack(scene: Any) -> None:
    """Every view as it was, where the reader has not changed it meanwhile."""
    for view in slicer.util.getNodesByClass("vtkMRMLViewNode", scene):
        before = view.GetAttribute(BEFORE_ATTRIBUTE)
        if before is None:
            continue
        view.RemoveAttribute(BEFORE_ATTRIBUTE)
        view.SetSaveWithScene(True)
        animation, technique = (int(word) for word in before.split())
        if view.GetAnimationMode() == view.Spin:
            view.SetAnimationMode(animation)
        if view.GetRaycastTechnique() == view.MaximumIntensityProjection:
            view.SetRaycastTechnique(technique)


def isLight(view: Any) -> bool:
    """Whether the background of a view is nearer to white than to black (ITU-R BT.601).

    Args:
        view: 3-D view node.
    """
    colours = np.array([view.GetBackgroundColor(), view.GetBackgroundColor2()])
    return bool(colours.mean(axis=0) @ [0.299, 0.587, 0.114] > 0.5)


def _isDrawn(display: Any, view: Any) -> bool:
    node = display.GetDisplayableNode()
    if node is None or node.GetHideFromEditors():
        return False
    isOn = bool(display.GetVisibility() and display.GetVisibility3D())
    return isOn and bool(display.IsDisplayableInView(view.GetID()))
