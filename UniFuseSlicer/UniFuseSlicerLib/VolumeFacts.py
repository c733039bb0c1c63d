"""What a volume node says of itself: its modality, and the unit of its values.

Read, in this order: the DICOM attributes in the subject hierarchy, then the coded quantity and unit
that Slicer's DICOM readers leave on the node. Nothing is guessed from voxels here.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import slicer
from slicer.i18n import tr as _

# DICOM (0008,0060) → what `unifuse` calls it
MODALITIES = {"MR": "mr", "CT": "ct", "PT": "pet"}
# UCUM codes, as Slicer's DICOM readers write them
UNITS = {
    "[hnsf'U]": "HU",
    "{SUVbw}g/ml": "SUV",
    "{SUVlbm}g/ml": "SUV",
    "{SUVibw}g/ml": "SUV",
    "{SUVbsa}cm2/ml": "SUV",
    "Bq/ml": "Bq/ml",
    "Bq/mL": "Bq/ml",
}
MODALITY_OF_UNIT = {"HU": "ct", "SUV": "pet", "Bq/ml": "pet"}
SUV_QUANTITIES = ("126400", "SUVbw")  # DCM: Standardized Uptake Value; dPET's own code


@dataclass(frozen=True)
class VolumeFacts:
    """Facts about one volume.

    Attributes:
        modality: `mr`, `ct`, `pet`, another word of DICOM in small letters, or "" where nothing
            states it.
        unit: `HU`, `SUV`, `Bq/ml`, or "" where nothing states it.
        source: what states the modality, for a sentence.
    """

    modality: str = ""
    unit: str = ""
    source: str = ""

    @property
    def word(self) -> str:
        """As DICOM states it (`MR`, `CT`, `PT`, …); "" where nothing is known."""
        words = {modality: word for word, modality in MODALITIES.items()}
        return words.get(self.modality, self.modality.upper())

    @property
    def title(self) -> str:
        """`PET, SUV`; "" where nothing is known."""
        return ", ".join(part for part in (self.modality.upper(), self.unit) if part)


def factsOf(node: Any) -> VolumeFacts:
    """
    Args:
        node: a volume node, or None.
    """
    if node is None:
        return VolumeFacts()
    unit = _unit(node)
    stated = _statedModality(node)
    if stated:
        return VolumeFacts(stated, unit, _("its DICOM attributes"))
    modality = MODALITY_OF_UNIT.get(unit, "")
    return VolumeFacts(modality, unit, _("the units of its values") if modality else "")


def _statedModality(node: Any) -> str:
    name = slicer.vtkMRMLSubjectHierarchyConstants.GetDICOMSeriesModalityAttributeName()
    stated = node.GetAttribute(name) or _hierarchyAttribute(node, name)
    word = stated.strip().upper()
    return MODALITIES.get(word, word.lower())


def _hierarchyAttribute(node: Any, name: str) -> str:
    """Of the series that the node is in the subject hierarchy."""
    scene = node.GetScene()
    # GetSubjectHierarchyNode would make one
    hierarchy = scene and scene.GetFirstNodeByClass("vtkMRMLSubjectHierarchyNode")
    item = hierarchy.GetItemByDataNode(node) if hierarchy else 0
    return hierarchy.GetItemAttribute(item, name) if item else ""


def _unit(node: Any) -> str:
    if not hasattr(node, "GetVoxelValueUnits"):
        return ""
    quantity, unit = node.GetVoxelValueQuantity(), node.GetVoxelValueUnits()
    if quantity is not None and quantity.GetCodeValue() in SUV_QUANTITIES:
        return "SUV"
    return UNITS.get(unit.GetCodeValue() or "", "") if unit is not None else ""
