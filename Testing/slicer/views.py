"""Real slice views without a window: Slicer's own blend pipeline and displayable managers, rendered
through EGL.
"""

from __future__ import annotations

import os
from typing import Any

os.environ.setdefault("VTK_DEFAULT_OPENGL_WINDOW", "vtkEGLRenderWindow")

import slicer
import vtk
from drawn import Pictures

MANAGERS = (
    "vtkMRMLTransformsDisplayableManager2D",
    "vtkMRMLModelSliceDisplayableManager",
    "vtkMRMLColorLegendDisplayableManager",
)


class SliceView(Pictures):
    """One slice view of a scene.

    Args:
        orientation: "Axial", "Coronal" or "Sagittal".
        size: pixels.
    """

    def __init__(
        self, scene: Any, orientation: str = "Axial", size: tuple[int, int] = (500, 500)
    ) -> None:
        self.size = size
        self.application = slicer.vtkSlicerApplicationLogic()
        self._startLogic(scene)
        self.window = self._window()
        # an interactor must exist and be initialised before the displayable managers are
        self._interactor = vtk.vtkRenderWindowInteractor()
        self._interactor.SetRenderWindow(self.window)
        self._interactor.Initialize()
        self._group = self._displayableManagers()
        self.logic = slicer.vtkMRMLSliceLogic()
        self.logic.SetMRMLApplicationLogic(self.application)
        self.application.GetSliceLogics().AddItem(self.logic)
        self.logic.SetMRMLScene(scene)
        self.node = self.logic.AddSliceNode("Red")
        self.node.SetOrientation(orientation)
        self._group.SetMRMLDisplayableNode(self.node)
        self._picture = self._sliceActor()

    def fit(self, _volume: Any = None) -> None:
        self.logic.ResizeSliceNode(*self.size)
        self.logic.FitSliceToBackground()

    def _grab(self) -> Any:
        connection = self.logic.GetImageDataConnection()
        self._picture.SetVisibility(connection is not None)
        self._picture.GetMapper().SetInputConnection(connection)
        return super()._grab()

    def _startLogic(self, scene: Any) -> None:
        application = self.application
        application.SetMRMLScene(scene)
        application.SetSliceLogics(vtk.vtkCollection())
        application.SetViewLogics(vtk.vtkCollection())
        application.GetColorLogic().SetMRMLApplicationLogic(application)
        application.GetColorLogic().SetMRMLScene(scene)
        application.GetColorLogic().AddDefaultColorNodes()
        slicer.vtkMRMLSliceNode.AddDefaultSliceOrientationPresets(scene, True)
        # the transform manager asks the application for this logic by name
        for name, kind in (
            ("Transforms", slicer.vtkSlicerTransformLogic),
            ("Colors", slicer.vtkSlicerColorLogic),
        ):
            logic = kind()
            logic.SetMRMLApplicationLogic(application)
            logic.SetMRMLScene(scene)
            application.SetModuleLogic(name, logic)
            setattr(self, f"_{name}", logic)

    def _window(self) -> Any:
        window = vtk.vtkRenderWindow()
        window.SetOffScreenRendering(1)
        window.SetMultiSamples(0)
        window.SetSize(*self.size)
        window.SetNumberOfLayers(2)
        self._renderers = [vtk.vtkRenderer(), vtk.vtkRenderer()]
        for layer, renderer in enumerate(self._renderers):
            renderer.SetLayer(layer)
            renderer.GetActiveCamera().ParallelProjectionOn()
            window.AddRenderer(renderer)
        return window

    def _displayableManagers(self) -> Any:
        factory = slicer.vtkMRMLSliceViewDisplayableManagerFactory.GetInstance()
        factory.SetMRMLApplicationLogic(self.application)
        for name in MANAGERS:
            if not factory.IsDisplayableManagerRegistered(name):
                factory.RegisterDisplayableManager(name)
        group = slicer.vtkMRMLDisplayableManagerGroup()
        group.SetRenderer(self._renderers[0])
        group.Initialize(factory, self._renderers[0])
        return group

    def _sliceActor(self) -> Any:
        mapper = vtk.vtkImageMapper()
        mapper.SetColorWindow(255)
        mapper.SetColorLevel(127.5)
        actor = vtk.vtkActor2D()
        actor.SetMapper(mapper)
        actor.GetProperty().SetDisplayLocationToBackground()
        self._renderers[0].AddViewProp(actor)
        return actor
