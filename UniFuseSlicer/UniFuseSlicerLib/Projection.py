"""PET in space, for a maximum-intensity projection: which volume, how many voxels, which colours.

Seen where Slicer's module Volume Rendering is part of the application.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import slicer
import vtk

from .HotIron import hotIron
from .Images import Image
from .Looks import PET_THRESHOLD, fusedBy
from .Nodes import imageFromNode
from .Ownership import REFERENCE_ROLE
from .Results import RESTORED_ROLE
from .Windows import Window, usualWindow, windowOf

SPACING_MM = 2.5  # half of what PET resolves
MOST_VOXELS = 4_000_000  # a patient from head to thigh has voxels of 3 to 4 mm
_MANAGER = "vtkMRMLVolumeRenderingDisplayableManager"
_METHOD = "vtkMRMLGPURayCastVolumeRenderingDisplayNode"


def renderingKind() -> Any:
    """Class of the display nodes that Slicer renders volumes by, as the reader has set it; None
    where volumes are not rendered.
    """
    factory = slicer.vtkMRMLThreeDViewDisplayableManagerFactory.GetInstance()
    if not factory.IsDisplayableManagerRegistered(_MANAGER):
        return None
    module = getattr(getattr(slicer, "modules", None), "volumerendering", None)
    method = module.logic().GetDefaultRenderingMethod() if module is not None else _METHOD
    return getattr(slicer, method or _METHOD, None)


def petOf(fused: Any) -> Any:
    """The PET of a result, the restored one first; None without any.

    Args:
        fused: fused volume of a result.
    """
    made = fusedBy(fused)
    if made.degraded == "pet":
        return fused.GetNodeReference(RESTORED_ROLE)
    return fused.GetNodeReference(REFERENCE_ROLE) if made.reference == "pet" else None


def coarse(volume: Any) -> Image:
    """Every so many voxels of a volume, so that a view can turn it at once.

    Args:
        volume: scalar volume node.
    """
    image = imageFromNode(volume)
    own = np.linalg.norm(image.ijkToRas[:3, :3], axis=0)
    space = image.array.size * abs(np.linalg.det(image.ijkToRas[:3, :3]))
    spacing = max(SPACING_MM, (space / MOST_VOXELS) ** (1 / 3))
    steps = np.maximum(1, np.rint(spacing / own)).astype(int)
    matrix = image.ijkToRas.copy()
    matrix[:3, :3] *= steps
    return Image.fromArray(image.array[:: steps[2], :: steps[1], :: steps[0]], matrix, np.float32)


def petWindow(volume: Any) -> Window:
    """As in the slice views, else the usual one.

    Args:
        volume: PET volume node.
    """
    return windowOf(volume) or usualWindow(imageFromNode(volume).array, "pet", "")


def colour(properties: Any, window: Window, onLight: bool) -> None:
    """On a light ground inverted gray, as PET is printed: the ground shows where there is nothing.
    On a dark one hot iron, transparent below a fifth of the window, as in the slice views.

    Args:
        properties: volume property node.
        window: values from transparent to the last colour.
        onLight: how the ground of the view is.
    """
    colours, opacity = vtk.vtkColorTransferFunction(), vtk.vtkPiecewiseFunction()
    low, width = window.low, max(window.high - window.low, 1e-6)
    for share, rgb in zip(np.linspace(0, 1, 256), hotIron(), strict=True):
        colours.AddRGBPoint(low + share * width, *((0.0, 0.0, 0.0) if onLight else rgb))
    opacity.AddPoint(low, 0.0)
    if not onLight:
        opacity.AddPoint(low + PET_THRESHOLD * width, 0.0)
    opacity.AddPoint(low + (1.0 if onLight else 2 * PET_THRESHOLD) * width, 1.0)
    held = properties.GetVolumeProperty()
    held.ShadeOff()
    held.SetInterpolationTypeToLinear()
    held.SetColor(colours)
    held.SetScalarOpacity(opacity)
    properties.Modified()
