"""A result of the scene as the files that `unifuse` writes again: read from the nodes on the main
thread, written by a worker.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, get_args

from slicer.i18n import tr as _

from .Card import titleOf
from .DicomSource import fileOf, isInFrameOf, tagsOf, unitOf
from .Errors import FusionError
from .Images import Image, writeImage
from .Nodes import deformationImage, imageFromNode
from .Ownership import DEGRADED_ROLE, REFERENCE_ROLE
from .Results import isResult, nodesOf, reportOf
from .Uncertainty import uncertaintyOf
from .Words import asFolderName

Format = Literal["folder", "dicom"]
FORMATS: tuple[Format, ...] = get_args(Format)
_LONGEST_NAME = 100


@dataclass(frozen=True)
class ExportFiles:
    """
    Attributes:
        images: name of a file → its volume.
        report: content of report.json.
        inputs: `degraded` and `reference` → their volume, where it is still in the scene.
        dicom: the same → DICOM file that it was loaded from.
        tags: what is known of patient, study and unit beside these.
    """

    images: Mapping[str, Image]
    report: Mapping[str, Any]
    inputs: Mapping[str, Image]
    dicom: Mapping[str, Path] = field(default_factory=dict)
    tags: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def ofResult(cls, fused: Any) -> ExportFiles:
        """
        Args:
            fused: fused volume of a result.

        Raises:
            FusionError: no result, or a node of it is missing or under a non-linear transform.
        """
        nodes = nodesOf(fused) if isResult(fused) else None
        if nodes is None or None in nodes.all():
            raise FusionError(_("A node of this result was deleted: it cannot be exported."))
        images = {"fused": imageFromNode(nodes.fused), "restored": imageFromNode(nodes.restored)}
        images["deformation"] = _inLps(deformationImage(nodes.deformation))
        mapped = uncertaintyOf(fused)
        if mapped is not None:
            images["uncertainty"] = imageFromNode(mapped)
        sides = {
            "degraded": fused.GetNodeReference(DEGRADED_ROLE),
            "reference": fused.GetNodeReference(REFERENCE_ROLE),
        }
        present = {name: node for name, node in sides.items() if node is not None}
        tags: dict[str, Any] = {name: tagsOf(node) for name, node in present.items()}
        tags["unit"] = unitOf(nodes.restored)
        reference = sides["reference"]
        if reference is None or not isInFrameOf(images["fused"].ijkToRas, reference):
            tags["frame"] = "new"
        files = {name: fileOf(node) for name, node in present.items()}
        return cls(
            images,
            reportOf(fused),
            {name: imageFromNode(node) for name, node in present.items()},
            {name: file for name, file in files.items() if file is not None},
            tags,
        )

    def write(self, folder: Path) -> None:
        """The result in `folder/result`, as `unifuse fuse` leaves it for this module, and what it
        was made of beside it.
        """
        result = folder / "result"
        result.mkdir()
        for name, image in self.images.items():
            writeImage(image, result / f"{name}.nrrd")
        for name, image in self.inputs.items():
            writeImage(image, folder / f"{name}.nrrd")
        _writeJson(self.report, result / "report.json")
        _writeJson(self.tags, folder / "tags.json")

    def arguments(self, folder: Path, format: Format, output: Path) -> list[str]:
        """Of `unifuse`, to be called once the files are there.

        Args:
            folder: that they were written into.
            format: what is wanted.
            output: folder that is made.
        """
        command = ["export-dicom" if format == "dicom" else "export-result"]
        command += [str(folder / "result"), "--output", str(output)]
        if format == "dicom":
            command += ["--tags", str(folder / "tags.json")]
            files = dict(self.dicom)
        else:
            files = {name: folder / f"{name}.nrrd" for name in self.inputs}
        for name, file in files.items():
            command += [f"--{name}", str(file)]
        return command


def newFolder(fused: Any, place: Path, format: Format) -> Path:
    """A folder in `place` that is not there yet, named after the result.

    Args:
        fused: fused volume of a result.
        place: folder that the reader has chosen.
        format: what is exported.

    Raises:
        FusionError: `place` is no folder.
    """
    if not place.is_dir():
        raise FusionError(_('"{folder}" is no folder. Choose another one.').format(folder=place))
    name = asFolderName(titleOf(fused).replace(":", "."))[:_LONGEST_NAME].strip(" .")
    if format == "dicom":
        name = f"{name} DICOM"
    number = 1
    while (found := place / (name if number == 1 else f"{name} ({number})")).exists():
        number += 1
    return found


def _writeJson(content: Mapping[str, Any], path: Path) -> None:
    path.write_text(json.dumps(content, ensure_ascii=False), encoding="utf-8")


def _inLps(image: Image) -> Image:
    """Displacements as ITK keeps them: components in LPS."""
    turned = Image.fromArray(image.array, image.ijkToRas, dtype="float32")
    turned.array[..., :2] *= -1
    return turned
