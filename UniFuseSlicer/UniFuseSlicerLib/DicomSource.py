"""What DICOM says of a volume node: the file it was loaded from, else what the subject hierarchy
keeps of its patient and study.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import slicer

from .Nodes import matrixOfVolume
from .VolumeFacts import SUV_QUANTITIES

INSTANCES_ATTRIBUTE = "DICOM.instanceUIDs"  # Slicer's DICOM readers set it
SUV_BY_WEIGHT = "{SUVbw}g/ml"
_PREFIX = "DICOM."
_TAGS = {
    "Patient": ("PatientName", "PatientID", "PatientBirthDate", "PatientSex"),
    "Study": ("StudyInstanceUID", "StudyID", "StudyDate", "StudyTime", "StudyDescription"),
    "Series": ("FrameOfReferenceUID",),
}
_SAME_MM = 1e-3


def fileOf(node: Any) -> Path | None:
    """One DICOM file of the series that a volume was loaded from; None where there is none.

    Args:
        node: a volume node, or None.
    """
    database = getattr(slicer, "dicomDatabase", None)
    uids = (node.GetAttribute(INSTANCES_ATTRIBUTE) or "").split() if node is not None else []
    found = database.fileForInstance(uids[0]) if database is not None and uids else ""
    return Path(found) if found and Path(found).is_file() else None


def tagsOf(node: Any) -> dict[str, str]:
    """Keyword of DICOM → value, as far as the subject hierarchy keeps it.

    Args:
        node: a volume node, or None.
    """
    # GetSubjectHierarchyNode would make one
    scene = node.GetScene() if node is not None else None
    hierarchy: Any = scene and scene.GetFirstNodeByClass("vtkMRMLSubjectHierarchyNode")
    item = hierarchy.GetItemByDataNode(node) if hierarchy else 0
    if not item:
        return {}
    found = {}
    for level, keywords in _TAGS.items():
        place = item if level == "Series" else hierarchy.GetItemAncestorAtLevel(item, level)
        for key in keywords if place else ():
            found[key] = hierarchy.GetItemAttribute(place, _PREFIX + key)
        if place and level == "Study":
            uid = hierarchy.GetItemUID(place, "DICOM")
            found["StudyInstanceUID"] = uid or found["StudyInstanceUID"]
    return {key: value for key, value in found.items() if value}


def unitOf(node: Any) -> str:
    """UCUM code of the values of a volume; "" where nothing states it.

    Args:
        node: a volume node.
    """
    quantity, unit = node.GetVoxelValueQuantity(), node.GetVoxelValueUnits()
    code = unit.GetCodeValue() or "" if unit is not None else ""
    isSuv = quantity is not None and quantity.GetCodeValue() in SUV_QUANTITIES
    if isSuv and not code.startswith("{SUV"):
        return SUV_BY_WEIGHT
    return "Bq/ml" if code == "Bq/mL" else str(code)


def isInFrameOf(worldFromIjk: np.ndarray, reference: Any) -> bool:
    """Whether a result lies in the coordinates that the reference was scanned in: not where it was
    fused under a transform, or moved since.

    Args:
        worldFromIjk: `(4, 4)`, of the fused volume.
        reference: volume node.
    """
    return bool(np.abs(worldFromIjk - matrixOfVolume(reference)).max() < _SAME_MM)
