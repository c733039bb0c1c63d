"""Which pairs a batch is of: a table or folder on disk, or a table node that names files or volumes
of the scene.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from slicer.i18n import tr as _

from .Batch import BatchRow, absolute
from .Errors import FusionError
from .Guards import checkRun
from .Images import Image, writeImage
from .Nodes import imageFromNode
from .Options import FusionOptions
from .Outcome import Ending
from .VolumeFacts import factsOf

ROLES = ("degraded", "reference")
NodeIds = tuple[str, str]  # of the degraded and the reference volume


@dataclass(frozen=True)
class BatchInputs:
    """
    Attributes:
        table: what `unifuse batch` reads: a table, or a folder of case folders.
        rows: of a table that is still to be written; empty: it is there.
        volumes: files of it that are still to be written → voxels and DICOM's word for the
            modality.
        nodes: name of a case → IDs of the volumes that it is made of.
        refused: cases that cannot be fused.
    """

    table: Path
    rows: tuple[Mapping[str, str], ...] = ()
    volumes: Mapping[Path, tuple[Image, str]] = field(default_factory=dict)
    nodes: Mapping[str, NodeIds] = field(default_factory=dict)
    refused: tuple[BatchRow, ...] = ()

    def write(self) -> None:
        """In a worker: voxels may be many."""
        for path, (image, modality) in self.volumes.items():
            writeImage(image, path, modality)
        if self.rows:
            with self.table.open("w", newline="", encoding="utf-8") as file:
                writer = csv.DictWriter(file, list(self.rows[0]))
                writer.writeheader()
                writer.writerows(self.rows)


def inputsOf(source: Any, folder: Path, output: Path, options: FusionOptions) -> BatchInputs:
    """
    Args:
        source: CSV or TSV file, folder with one folder per case, or `vtkMRMLTableNode` with the
            columns degraded and reference, perhaps name and options of `unifuse fuse`; a cell of
            the node may be the name or ID of a volume.
        folder: for files that have to be made.
        output: folder of the batch.
        options: of every case.

    Raises:
        FusionError: no such file, or a table node without pairs.
    """
    if not hasattr(source, "GetTable"):
        path = absolute(source)
        if not path.exists():
            raise FusionError(
                _("{source} does not exist. Choose a CSV table or a folder.").format(source=source)
            )
        return BatchInputs(path)
    cases = list(_rowsOfNode(source))
    if not cases or not set(ROLES) <= set(cases[0]):
        raise FusionError(
            _(
                'No case found in "{name}". Expected a table with the columns degraded and '
                "reference."
            ).format(name=source.GetName())
        )
    return _ofScene(cases, source.GetScene(), folder, output, options)


def _ofScene(
    cases: list[dict[str, str]], scene: Any, folder: Path, output: Path, options: FusionOptions
) -> BatchInputs:
    rows: list[dict[str, str]] = []
    volumes: dict[Path, tuple[Image, str]] = {}
    nodes: dict[str, NodeIds] = {}
    refused: list[BatchRow] = []
    for number, case in enumerate(cases, 1):
        name = case.get("name") or f"case{number:03d}"
        found = [_volumeCalled(scene, case[role]) for role in ROLES]
        try:
            if None not in found:
                checkRun(found[0], found[1], options)
                nodes[name] = (found[0].GetID(), found[1].GetID())
            paths = [_pathOf(case[r], n, folder) for r, n in zip(ROLES, found, strict=True)]
        except FusionError as error:
            place = str(output / name)
            refused.append(BatchRow(name, Ending.FAILED.value, str(error), place))
            continue
        for path, node in zip(paths, found, strict=True):
            if node is not None:
                volumes[Path(path)] = imageFromNode(node), factsOf(node).word
        rows.append({**case, "name": name, **dict(zip(ROLES, paths, strict=True))})
    return BatchInputs(folder / "pairs.csv", tuple(rows), volumes, nodes, tuple(refused))


def _pathOf(cell: str, node: Any, folder: Path) -> str:
    """Where the tool finds a volume; "" stays empty, and the tool says what is missing."""
    if node is not None:
        return str(folder / f"{node.GetID()}.nrrd")
    return str(absolute(cell)) if cell else ""


def _volumeCalled(scene: Any, text: str) -> Any:
    """The volume node with this ID or name; None where there is none."""
    if scene is None or not text:
        return None
    node = scene.GetNodeByID(text) or scene.GetFirstNode(text, "vtkMRMLVolumeNode", None, False)
    return node if node is not None and node.IsA("vtkMRMLVolumeNode") else None


def _rowsOfNode(node: Any) -> Iterator[dict[str, str]]:
    table = node.GetTable()
    titles = [table.GetColumnName(c) for c in range(table.GetNumberOfColumns())]
    for r in range(table.GetNumberOfRows()):
        yield {title: table.GetValue(r, c).ToString() for c, title in enumerate(titles)}
