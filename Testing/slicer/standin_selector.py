"""The node selector: lists nodes of a real scene, and jumps when its current one is deleted."""

from __future__ import annotations

from typing import Any

from standin_widgets import QObject, QWidget

SELECTORS_PRIORITY = -10.0  # qMRMLSceneModel::setMRMLScene


class qMRMLSortFilterProxyModel(QObject):
    """What a selector does not list."""


class qMRMLNodeComboBox(QWidget):
    """Lists the nodes of a scene; when the current one is deleted, its neighbour becomes current,
    as QComboBox does it.
    """

    def __init__(self, *_args: Any) -> None:
        super().__init__()
        self.__dict__.update(scene=None, node=None, required={}, model=qMRMLSortFilterProxyModel())

    def sortFilterProxyModel(self) -> qMRMLSortFilterProxyModel:
        return self.model

    def addAttribute(self, nodeType: str, name: str) -> None:
        """Only nodes of the type that have the attribute are listed."""
        self.required[nodeType] = name

    def mrmlScene(self) -> Any:
        return self.scene

    def setMRMLScene(self, scene: Any) -> None:
        import vtk

        @vtk.calldata_type(vtk.VTK_OBJECT)
        def removed(_caller: Any, _event: Any, node: Any) -> None:
            self._beforeRemoval(node)

        self.__dict__["scene"] = scene
        scene.AddObserver(scene.NodeAboutToBeRemovedEvent, removed, SELECTORS_PRIORITY)

    def nodes(self) -> list[Any]:
        nodes = [self.scene.GetNthNode(n) for n in range(self.scene.GetNumberOfNodes())]
        return [node for node in nodes if self._isListed(node)]

    def currentNode(self) -> Any:
        return self.node

    def setCurrentNode(self, node: Any) -> None:
        if node is not None and self.scene is not None and not self._isListed(node):
            node = None
        if self.node is not node:
            self.__dict__["node"] = node
            self.currentNodeChanged.emit(node)

    def addNode(self) -> Any:
        """The menu entry *Create new*."""
        node = self.scene.AddNewNodeByClass(self.nodeTypes[0], self.baseName or "")
        self.setCurrentNode(node)
        self.nodeAddedByUser.emit(node)
        return node

    def removeCurrentNode(self) -> None:
        """The menu entry *Delete current*."""
        self.scene.RemoveNode(self.node)

    def _isListed(self, node: Any) -> bool:
        if node.GetHideFromEditors() or any(node.IsA(c) for c in self.hideChildNodeTypes or ()):
            return False
        if node.GetID() in (self.model.hiddenNodeIDs or ()):
            return False
        if any(node.IsA(c) and not node.GetAttribute(a) for c, a in self.required.items()):
            return False
        if self.showChildNodeTypes is False:
            return node.GetClassName() in self.nodeTypes
        return any(node.IsA(kind) for kind in self.nodeTypes)

    def _beforeRemoval(self, node: Any) -> None:
        if node is not self.node or self.scene.IsClosing():
            return
        row = self.nodes().index(node)
        others = [other for other in self.nodes() if other is not node]
        self.setCurrentNode(others[min(row, len(others) - 1)] if others else None)


class qMRMLCheckableNodeComboBox(qMRMLNodeComboBox):
    """Ticks live in the widget alone; a deleted node is no longer ticked."""

    def __init__(self, *_args: Any) -> None:
        super().__init__()
        self.__dict__.update(ticked=[])

    def checkedNodes(self) -> tuple[Any, ...]:
        """In the order of the scene, as the model of the real class lists them."""
        return tuple(node for node in self.nodes() if any(node is other for other in self.ticked))

    def check(self, node: Any) -> None:
        if self._isListed(node):
            self.ticked.append(node)
            self.checkedNodesChanged.emit()

    def uncheck(self, node: Any) -> None:
        self.__dict__["ticked"] = [other for other in self.ticked if other is not node]
        self.checkedNodesChanged.emit()
