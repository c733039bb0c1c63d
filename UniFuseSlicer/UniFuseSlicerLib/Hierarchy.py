"""Where results lie in the subject hierarchy: one folder per result, beside the reference."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import slicer
import vtk

FOLDER_MARK = "UniFuse.Result"  # attribute of a folder that this module made


def placeBeside(node: Any, neighbour: Any) -> None:
    """Put a node under the same subject and study as another one in the subject hierarchy."""
    hierarchy = _hierarchyOf(neighbour)
    if hierarchy is not None:
        _put(hierarchy, node, _placeOf(hierarchy, neighbour))


def placeTogether(nodes: Iterable[Any], reference: Any, name: str) -> None:
    """Nodes of one result in one folder; that of an earlier run is kept.

    Args:
        nodes: the first one is in the folder already, where there is one.
        reference: volume that the folder lies beside.
        name: of a new folder.
    """
    hierarchy = _hierarchyOf(reference)
    if hierarchy is None:
        return
    first, *others = nodes
    place = _placeOf(hierarchy, reference)
    folder = folderOf(first) or _newFolder(hierarchy, place, name)
    hierarchy.SetItemParent(folder, place)
    for node in (first, *others):
        _put(hierarchy, node, folder)


def folderOf(node: Any) -> int:
    """Item of the folder that this module made for a node; 0: none."""
    hierarchy = _hierarchyOf(node)
    item = hierarchy.GetItemByDataNode(node) if hierarchy is not None else 0
    parent = hierarchy.GetItemParent(item) if item else 0
    return int(parent) if parent and hierarchy.GetItemAttribute(parent, FOLDER_MARK) else 0


def renameFolder(node: Any, name: str) -> None:
    """
    Args:
        node: in the folder.
        name: of the result.
    """
    folder = folderOf(node)
    if folder:
        _hierarchyOf(node).SetItemName(folder, name)


def removeIfEmpty(scene: Any, folder: int) -> None:
    """After its nodes were deleted; what a user has put there stays.

    Args:
        scene: of the folder.
        folder: item; 0: none.
    """
    hierarchy = scene.GetFirstNodeByClass("vtkMRMLSubjectHierarchyNode")
    if hierarchy is None or not folder:
        return
    found = vtk.vtkIdList()
    hierarchy.GetItemChildren(folder, found, False)
    children = [found.GetId(n) for n in range(found.GetNumberOfIds())]
    if not any(_isInUse(hierarchy, child) for child in children):
        hierarchy.RemoveItem(folder)


def _isInUse(hierarchy: Any, item: int) -> bool:
    """Not the item of a node that was deleted."""
    node = hierarchy.GetItemDataNode(item)
    if node is not None:
        return node.GetScene() is not None
    return bool(hierarchy.GetItemLevel(item))


def _hierarchyOf(node: Any) -> Any:
    return slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(node.GetScene())


def _placeOf(hierarchy: Any, neighbour: Any) -> int:
    item = hierarchy.GetItemByDataNode(neighbour)
    return int(hierarchy.GetItemParent(item) if item else hierarchy.GetSceneItemID())


def _put(hierarchy: Any, node: Any, parent: int) -> None:
    item = hierarchy.GetItemByDataNode(node)
    if item:
        hierarchy.SetItemParent(item, parent)
    else:
        hierarchy.CreateItem(parent, node)


def _newFolder(hierarchy: Any, place: int, name: str) -> int:
    folder = int(hierarchy.CreateFolderItem(place, name))
    hierarchy.SetItemAttribute(folder, FOLDER_MARK, "1")
    return folder
