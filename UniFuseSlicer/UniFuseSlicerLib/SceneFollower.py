"""Keeps the panel on the scene's parameter node while scenes are loaded and closed, nodes deleted
and the module left and entered.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Protocol

import slicer
import vtk
from slicer.util import VTKObservationMixin

from .Looks import mendWindows

# Before the selectors' own observer (-10 in qMRMLSceneModel), which makes them choose another node.
BEFORE_THE_SELECTORS = 10.0


class Follower(Protocol):
    """What the panel does when the scene changes."""

    def onParameterNodeSet(self) -> None:
        """Another parameter node, or the same one on entering the module."""

    def onParametersModified(self) -> None:
        """A choice has changed."""

    def onSceneClosing(self) -> None:
        """The nodes are still there."""

    def onSceneClosed(self) -> None:
        """The nodes are gone."""

    def onNodeAboutToBeRemoved(self, node: Any) -> None:
        """No parameter names it any more."""


class SceneFollower(VTKObservationMixin):
    """Binds widgets and parameter node, and passes events on.

    Args:
        ui: widgets by name.
        getParameterNode: of the current scene.
        isEntered: whether the module is the one on screen.
        panel: receives the events.

    Attributes:
        parameterNode: None while a scene is closed.
    """

    def __init__(
        self,
        ui: Any,
        getParameterNode: Callable[[], Any],
        isEntered: Callable[[], bool],
        panel: Follower,
    ) -> None:
        VTKObservationMixin.__init__(self)
        self.parameterNode: Any = None
        self._ui = ui
        self._getParameterNode = getParameterNode
        self._isEntered = isEntered
        self._panel = panel
        self._guiTag: Any = None
        self._quiet = False
        scene = slicer.mrmlScene
        self.addObserver(scene, scene.StartCloseEvent, self._onStartClose)
        self.addObserver(scene, scene.EndCloseEvent, self._onEndClose)
        self.addObserver(scene, scene.StartImportEvent, self._onStartImport)
        self.addObserver(scene, scene.EndImportEvent, self._onEndImport)
        self.addObserver(
            scene,
            scene.NodeAboutToBeRemovedEvent,
            self._onNodeAboutToBeRemoved,
            priority=BEFORE_THE_SELECTORS,
        )

    def enter(self) -> None:
        """Follow the scene's parameter node; which volume is the degraded one is never guessed."""
        mendWindows()
        self._setParameterNode(self._getParameterNode())

    def exit(self) -> None:
        """Stop following; the parameter node is kept for a run that goes on."""
        if self.parameterNode is None or self._guiTag is None:
            return
        self.parameterNode.disconnectGui(self._guiTag)
        self._guiTag = None
        self.removeObserver(self.parameterNode, vtk.vtkCommand.ModifiedEvent, self._onModified)

    def cleanup(self) -> None:
        """Let go of the scene."""
        self._setParameterNode(None)
        self.removeObservers()

    @contextmanager
    def quietly(self) -> Iterator[Any]:
        """Change several parameters without being called back for it."""
        self._quiet = True
        try:
            with slicer.util.NodeModify(self.parameterNode):
                yield self.parameterNode
        finally:
            self._quiet = False

    def _setParameterNode(self, parameterNode: Any) -> None:
        self.exit()
        self.parameterNode = parameterNode
        if parameterNode is None:
            return
        self._guiTag = parameterNode.connectGui(self._ui)
        self.addObserver(parameterNode, vtk.vtkCommand.ModifiedEvent, self._onModified)
        self._panel.onParameterNodeSet()

    def _onModified(self, _caller: Any, _event: Any) -> None:
        if not self._quiet:
            self._panel.onParametersModified()

    def _onStartClose(self, _caller: Any, _event: Any) -> None:
        self._panel.onSceneClosing()
        self._setParameterNode(None)

    def _onEndClose(self, _caller: Any, _event: Any) -> None:
        self._panel.onSceneClosed()
        if self._isEntered():
            self.enter()

    def _onStartImport(self, _caller: Any, _event: Any) -> None:
        """A scene is being read: its parameters come before the nodes that they name, so they are
        not shown yet.
        """
        self.exit()

    def _onEndImport(self, _caller: Any, _event: Any) -> None:
        if self._isEntered():
            self.enter()

    @vtk.calldata_type(vtk.VTK_OBJECT)
    def _onNodeAboutToBeRemoved(self, _caller: Any, _event: Any, node: Any) -> None:
        """A selector whose node is deleted chooses the next one, perhaps another patient's: None is
        chosen before it can.
        """
        if self.parameterNode is None:
            return
        with slicer.util.NodeModify(self.parameterNode):
            self.parameterNode.forget(node)
        self._panel.onNodeAboutToBeRemoved(node)
