"""Which volumes of the scene a case of a batch was made of, kept beside the results: their files
are gone when the run has ended, and IDs may change when a scene is loaded.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from slicer.i18n import tr as _

from .Errors import FusionError

VOLUMES_FILE = "volumes.json"  # in the folder of the batch
Mark = dict[str, Any]  # id, name, and size in voxels of a volume node


def keepVolumes(output: Path, scene: Any, cases: Mapping[str, tuple[str, str]]) -> None:
    """Add them to those of earlier runs.

    Args:
        output: folder of the batch.
        scene: of the nodes.
        cases: name of a case → IDs of the degraded and the reference volume.

    Raises:
        OSError: the file cannot be written.
    """
    if not cases:
        return
    found = _all(output)
    for name, ids in cases.items():
        found[name] = [_markOf(scene.GetNodeByID(nodeId)) for nodeId in ids]
    text = json.dumps(found, indent=1, ensure_ascii=False)
    unfinished = output / f".{VOLUMES_FILE}.part"
    unfinished.write_text(text, encoding="utf-8")
    unfinished.replace(output / VOLUMES_FILE)


def volumesOfScene(scene: Any, folder: Path, files: tuple[Path, Path]) -> tuple[Any, Any] | None:
    """The volumes of a case, in this scene; None for a case that was made of files.

    Args:
        scene: to look in.
        folder: of the case.
        files: that the case was made from, as it says itself.

    Raises:
        FusionError: a volume is in another scene, or there are several that may be it.
    """
    marks = _all(folder.parent).get(folder.name)
    # the case may have been made again, of files
    if not marks or [mark["id"] for mark in marks] != [file.stem for file in files]:
        return None
    degraded, reference = (_nodeOf(scene, mark) for mark in marks)
    return degraded, reference


def _all(output: Path) -> dict[str, list[Mark]]:
    with contextlib.suppress(OSError, ValueError):
        found: dict[str, list[Mark]] = json.loads(
            (output / VOLUMES_FILE).read_text(encoding="utf-8")
        )
        return found
    return {}


def _markOf(node: Any) -> Mark:
    return {"id": node.GetID(), "name": node.GetName(), "size": _size(node)}


def _size(node: Any) -> list[int]:
    data = node.GetImageData()
    return [] if data is None else list(data.GetDimensions())


def _nodeOf(scene: Any, mark: Mark) -> Any:
    count = scene.GetNumberOfNodesByClass("vtkMRMLVolumeNode")
    nodes = [scene.GetNthNodeByClass(n, "vtkMRMLVolumeNode") for n in range(count)]
    like = [n for n in nodes if n.GetName() == mark["name"] and _size(n) == mark["size"]]
    same = [n for n in like if n.GetID() == mark["id"]] or like
    if len(same) == 1:
        return same[0]
    if same:
        raise FusionError(
            _(
                'This case was made of the volume "{name}"; several volumes of the scene have that '
                "name. Rename the others, and try again."
            ).format(name=mark["name"])
        )
    raise FusionError(
        _(
            'This case was made of the volume "{name}" ({size} voxels), which is not in the scene. '
            "Load its scene, or a volume with that name, and try again."
        ).format(name=mark["name"], size=" × ".join(map(str, mark["size"])))
    )
