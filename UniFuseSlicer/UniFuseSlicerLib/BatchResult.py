"""A finished case of a batch, loaded as a result: card, layers and all."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, NamedTuple

import slicer
from slicer.i18n import tr as _

from .BatchNodes import volumesOfScene
from .Errors import FusionError
from .Images import readResult, readVolume
from .Nodes import updateVolume
from .Ownership import DEGRADED_ROLE, REFERENCE_ROLE, FusionNodes
from .Results import nodesOf, updateNodes, volumeClass

FOLDER_ATTRIBUTE = "UniFuse.Folder"  # that a result was loaded from
FILE_ATTRIBUTE = "UniFuse.File"  # that an input was loaded from


class LoadedCase(NamedTuple):
    """A result with the volumes that it was made of."""

    degraded: Any
    reference: Any
    nodes: FusionNodes


def loadCase(folder: Path, nodeIds: tuple[str, str] | None = None) -> LoadedCase:
    """
    Args:
        folder: of a finished case.
        nodeIds: of the degraded and the reference volume, where this session has made the case of
            the scene; else they are those that the result came with, those of `volumes.json`, or
            loaded from their files.

    Returns:
        What was loaded from this folder before, where that is still in the scene.

    Raises:
        FusionError: a file or volume is missing or cannot be read.
    """
    scene = slicer.mrmlScene
    earlier = _with(scene, FOLDER_ATTRIBUTE, str(folder))
    if earlier is not None:
        degraded, reference = (earlier.GetNodeReference(r) for r in (DEGRADED_ROLE, REFERENCE_ROLE))
        if degraded is not None and reference is not None:
            return LoadedCase(degraded, reference, nodesOf(earlier))
    degraded, reference = _volumesOf(scene, folder, nodeIds)
    if earlier is not None:
        return LoadedCase(degraded, reference, nodesOf(earlier))
    nodes = updateNodes(readResult(folder), degraded, reference, FusionNodes())
    nodes.fused.SetAttribute(FOLDER_ATTRIBUTE, str(folder))
    return LoadedCase(degraded, reference, nodes)


def _volumesOf(scene: Any, folder: Path, nodeIds: tuple[str, str] | None) -> tuple[Any, Any]:
    files = _filesOf(folder)
    known = tuple(scene.GetNodeByID(nodeId) for nodeId in nodeIds or ())
    if known and None not in known:
        return known[0], known[1]
    found = volumesOfScene(scene, folder, files)
    return found or (_volumeOf(scene, files[0]), _volumeOf(scene, files[1]))


def _filesOf(folder: Path) -> tuple[Path, Path]:
    """What the case was made from."""
    try:
        record = json.loads((folder / "case.json").read_text(encoding="utf-8"))
        return Path(record["degraded"]["path"]), Path(record["reference"]["path"])
    except (OSError, ValueError, KeyError) as error:
        raise FusionError(
            _("{folder} holds no finished case of a batch.").format(folder=folder)
        ) from error


def _volumeOf(scene: Any, path: Path) -> Any:
    """The volume of a file or DICOM folder; loaded once."""
    node = _with(scene, FILE_ATTRIBUTE, str(path)) or _storedIn(scene, path)
    if node is not None:
        return node
    if not path.exists():
        raise FusionError(
            _(
                "{path} is no longer there. Put it back, or run the batch again with volumes that "
                "are in the scene."
            ).format(path=path)
        )
    image = readVolume(path)
    node = scene.AddNewNodeByClass(volumeClass(image), path.name.split(".")[0])
    updateVolume(node, image)
    node.CreateDefaultDisplayNodes()
    node.SetAttribute(FILE_ATTRIBUTE, str(path))
    return node


def _volumes(scene: Any) -> list[Any]:
    count = scene.GetNumberOfNodesByClass("vtkMRMLVolumeNode")
    return [scene.GetNthNodeByClass(n, "vtkMRMLVolumeNode") for n in range(count)]


def _with(scene: Any, attribute: str, value: str) -> Any:
    found = (node for node in _volumes(scene) if node.GetAttribute(attribute) == value)
    return next(found, None)


def _storedIn(scene: Any, path: Path) -> Any:
    """A volume that the user has loaded from this file."""
    for node in _volumes(scene):
        storage = node.GetStorageNode()
        name = storage.GetFullNameFromFileName() if storage is not None else None
        if name and Path(name) == path:
            return node
    return None
