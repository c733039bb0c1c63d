"""A real 3-D view without a window: Slicer's own displayable managers, rendered through EGL."""

from __future__ import annotations

import os
from typing import Any

os.environ.setdefault("VTK_DEFAULT_OPENGL_WINDOW", "vtkEGLRenderWindow")

import slicer
import vtk
from drawn import Pictures

MANAGERS = (
    "vtkMRMLCameraDisplayableManager",
    "vtkMRMLViewDisplayableManager",
    "vtkMRMLModelDisplayableManager",
    "vtkMRMLVolumeRenderingDisplayableManager",
    "vtkMRMLColorLegendDisplayableManager",
)


class SpaceView(Pictures):
    """One 3-D view of a scene, visible in the layout.

    Args:
        managers: that Slicer has; a small build lacks some.
    """

    def __init__(
        self, scene: Any, size: tuple[int, int] = (300, 240), managers: Any = MANAGERS
    ) -> None:
        self.size = size
        self.application = slicer.vtkSlicerApplicationLogic()
        self.application.SetMRMLScene(scene)
        self.application.SetSliceLogics(vtk.vtkCollection())
        self.application.SetViewLogics(vtk.vtkCollection())
        self.application.GetColorLogic().SetMRMLScene(scene)
        self.application.GetColorLogic().AddDefaultColorNodes()
        self._colors = slicer.vtkSlicerColorLogic()  # knows the class of colour scales
        self._colors.SetMRMLApplicationLogic(self.application)
        self._colors.SetMRMLScene(scene)
        self.application.SetModuleLogic("Colors", self._colors)
        self._window()
        self._displayableManagers(managers)
        self.node = slicer.vtkMRMLViewNode()
        self.node.SetLayoutName("1")
        self.node.SetSingletonTag("1")
        self.node.SetMappedInLayout(True)
        self.node.SetBoxVisible(False)
        self.node.SetAxisLabelsVisible(False)
        scene.AddNode(self.node)
        self.camera = slicer.vtkMRMLCameraNode()
        self.camera.SetLayoutName("1")
        self.camera.SetSingletonTag("1")
        scene.AddNode(self.camera)
        self._group.SetMRMLDisplayableNode(self.node)

    def close(self) -> None:
        """Before the scene goes: else its events reach managers that are half taken down."""
        self._group.SetMRMLDisplayableNode(None)
        self._colors.SetMRMLScene(None)
        self.application.SetMRMLScene(None)
        self.window.Finalize()

    def _window(self) -> None:
        self.window = vtk.vtkRenderWindow()
        self.window.SetOffScreenRendering(1)
        self.window.SetMultiSamples(0)
        self.window.SetSize(*self.size)
        self.window.SetNumberOfLayers(2)
        self.renderers = [vtk.vtkRenderer(), vtk.vtkRenderer()]
        for layer, renderer in enumerate(self.renderers):
            renderer.SetLayer(layer)
            self.window.AddRenderer(renderer)
        self._interactor = vtk.vtkRenderWindowInteractor()
        self._interactor.SetRenderWindow(self.window)
        self._interactor.SetInteractorStyle(vtk.vtkInteractorStyleUser())
        self._interactor.Initialize()

    def _displayableManagers(self, managers: Any) -> None:
        factory = slicer.vtkMRMLThreeDViewDisplayableManagerFactory.GetInstance()
        factory.SetMRMLApplicationLogic(self.application)
        for name in MANAGERS:
            if factory.IsDisplayableManagerRegistered(name) and name not in managers:
                factory.UnRegisterDisplayableManager(name)
            elif name in managers and not factory.IsDisplayableManagerRegistered(name):
                factory.RegisterDisplayableManager(name)
        self._group = slicer.vtkMRMLDisplayableManagerGroup()
        self._group.SetRenderer(self.renderers[0])
        self._group.Initialize(factory, self.renderers[0])
