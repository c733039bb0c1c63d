"""The sample pair that comes with the extension: found, registered with Sample Data, loaded without
any network.
"""

from __future__ import annotations

import filecmp
import json
import logging
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import slicer
from slicer.i18n import tr as _

from .Errors import FusionError
from .Locations import MODULE_FOLDER, resourceFolder

CATEGORY = "UniFuse"
SAMPLE_NAME = "UniFuseHeadPair"


@dataclass(frozen=True)
class SamplePair:
    """Files of one pair, what they are called in the scene, their SHA-256, and the class of the
    degradation that was put into the first.
    """

    degraded: Path
    reference: Path
    degradedName: str
    referenceName: str
    checksums: tuple[str, str]
    degradation: str = ""


def samplePair(folder: Path | None = None) -> SamplePair:
    """The pair named in `sample.json`.

    Raises:
        FusionError: the sample data does not come with this installation.
    """
    folder = folder or resourceFolder("SampleData")
    if folder is None or not (folder / "sample.json").is_file():
        raise FusionError(
            _("The sample data is not part of this installation. Load two volumes instead.")
        )
    sample = json.loads((folder / "sample.json").read_text(encoding="utf-8"))
    files, pair = sample["files"], sample["pair"]
    degraded, reference = files[pair["degraded"]], files[pair["reference"]]
    return SamplePair(
        folder / degraded["file"],
        folder / reference["file"],
        _("Sample {contrast} with motion").format(contrast=degraded["contrast"]),
        _("Sample {contrast} reference").format(contrast=reference["contrast"]),
        (degraded["sha256"], reference["sha256"]),
        pair["class"],
    )


def loadSamplePair(
    pair: SamplePair | None = None, load: Callable[..., Any] | None = None
) -> tuple[Any, Any]:
    """Load what of the pair is not in the scene yet → (degraded node, reference node)."""
    pair = pair or samplePair()
    load = load or slicer.util.loadVolume
    first = _underItsName(pair.degraded, pair.degradedName)
    second = _underItsName(pair.reference, pair.referenceName)
    degraded = _loaded(first) or load(str(first), {"name": pair.degradedName, "show": False})
    reference = _loaded(second) or load(str(second), {"name": pair.referenceName})
    return degraded, reference


def fileNameOf(nodeName: str) -> str:
    """The one that Slicer's *Save* gives to a volume that was read from NIfTI.

    Of any other name, *Save* renames the file beside the one that was read and ticks it.

    Args:
        nodeName: of a sample volume.
    """
    return f"{nodeName}.nii.gz"


def _underItsName(file: Path, nodeName: str) -> Path:
    """A copy in Slicer's cache, where *Sample Data* keeps its own; the file itself where nothing
    can be written.
    """
    manager = slicer.mrmlScene.GetCacheManager()
    if manager is None or not manager.GetRemoteCacheDirectory():
        return file
    copy = Path(manager.GetRemoteCacheDirectory()) / fileNameOf(nodeName)
    try:
        copy.parent.mkdir(parents=True, exist_ok=True)
        if not copy.is_file() or not filecmp.cmp(file, copy, shallow=False):
            shutil.copyfile(file, copy)
    except OSError as error:
        logging.warning("UniFuse: %s", error)
        return file
    return copy


def _loaded(file: Path) -> Any:
    """The volume node that was read from the file and is as it was then; None without one."""
    for node in slicer.util.getNodesByClass("vtkMRMLScalarVolumeNode"):
        storage = node.GetStorageNode()
        if storage is None or not storage.GetFileName() or node.GetModifiedSinceRead():
            continue
        if Path(storage.GetFileName()) == file and node.GetTransformNodeID() is None:
            return node
    return None


def registerSampleData() -> None:
    """List the pair in the module Sample Data; its files are on disk already, nothing is
    downloaded.
    """
    import SampleData

    try:
        pair = samplePair()
    except FusionError as error:
        logging.info("UniFuse: %s", error)
        return
    if hasattr(
        SampleData.SampleDataLogic, "registerCustomSampleDataCategory"
    ):  # Slicer 5.11 and later
        SampleData.SampleDataLogic.registerCustomSampleDataCategory(CATEGORY, title=CATEGORY)
    files = (pair.reference, pair.degraded)
    SampleData.SampleDataLogic.registerCustomSampleDataSource(
        category=CATEGORY,
        sampleName=SAMPLE_NAME,
        thumbnailFileName=str(MODULE_FOLDER / "Resources" / "Icons" / f"{SAMPLE_NAME}.png"),
        uris=[file.as_uri() for file in files],
        fileNames=[fileNameOf(name) for name in (pair.referenceName, pair.degradedName)],
        nodeNames=[pair.referenceName, pair.degradedName],
        checksums=[f"SHA256:{digest}" for digest in reversed(pair.checksums)],
    )
