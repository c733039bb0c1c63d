"""What a series that was made by this program says of itself: patient and study of the reference,
the acquisition of the degraded scan, and that it is derived and for research.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any

from UniFuseLib.errors import InputError
from UniFuseLib.io.dicom_files import find_dicom
from UniFuseLib.version import NOTICE, __version__

if TYPE_CHECKING:
    from pathlib import Path

    from pydicom.dataset import Dataset

# DICOM's word → storage class; a fused volume has no unit and is of no modality
_CLASSES = {
    "CT": "1.2.840.10008.5.1.4.1.1.2",
    "MR": "1.2.840.10008.5.1.4.1.1.4",
    "PT": "1.2.840.10008.5.1.4.1.1.128",
    "OT": "1.2.840.10008.5.1.4.1.1.7",  # Secondary Capture
}
WORDS = {"ct": "CT", "mr": "MR", "pet": "PT"}
_DONE = {
    "fused": "restored scan, aligned and fused with the reference",
    "restored": "scan, restored and aligned with the reference",
}
NUMBERS = {"fused": 9001, "restored": 9002}  # of the series; scanners stay below
_STUDY = (
    "PatientName", "PatientID", "IssuerOfPatientID", "PatientBirthDate", "PatientSex",
    "StudyInstanceUID", "StudyID", "StudyDate", "StudyTime", "StudyDescription",
    "AccessionNumber", "ReferringPhysicianName", "FrameOfReferenceUID",
    "PositionReferenceIndicator",
)  # fmt: skip
_OF_ALL = ("PatientAge", "PatientSize", "PatientWeight", "PatientPosition", "BodyPartExamined")
# needed to interpret the values, or required by the storage class
_ACQUISITION = {
    "CT": ("KVP", "AcquisitionNumber", "ConvolutionKernel"),
    "MR": (
        "ScanningSequence", "SequenceVariant", "ScanOptions", "MRAcquisitionType", "EchoTime",
        "RepetitionTime", "EchoTrainLength", "InversionTime", "MagneticFieldStrength", "FlipAngle",
    ),
    "PT": (
        "CorrectedImage", "DecayCorrection", "DecayCorrectionDateTime", "CountsSource",
        "RadiopharmaceuticalInformationSequence", "SeriesDate", "SeriesTime", "AcquisitionDate",
        "AcquisitionTime", "FrameReferenceTime", "ActualFrameDuration",
        "AttenuationCorrectionMethod", "CollimatorType",
    ),
}  # fmt: skip
_REQUIRED: dict[str, dict[str, Any]] = {
    "CT": {"KVP": None, "AcquisitionNumber": None, "RescaleType": "HU"},
    "MR": {
        "ScanningSequence": "RM", "SequenceVariant": "NONE", "ScanOptions": "",
        "MRAcquisitionType": "", "EchoTime": None, "EchoTrainLength": None, "RescaleType": "US",
    },
    "PT": {
        "SeriesType": ["STATIC", "IMAGE"], "CountsSource": "EMISSION", "CorrectedImage": "",
        "CollimatorType": "", "Units": "NONE", "RescaleType": "US",
    },
    "OT": {"ConversionType": "WSD", "RescaleType": "US"},
}  # fmt: skip
# what the values of a PET are → Units and SUVType (PS3.3, C.8.9.1)
PET_UNITS = {
    "{SUVbw}g/ml": {"Units": "GML", "SUVType": "BW"},
    "{SUVlbm}g/ml": {"Units": "GML", "SUVType": "LBM"},
    "{SUVibw}g/ml": {"Units": "GML", "SUVType": "IBW"},
    "{SUVbsa}cm2/ml": {"Units": "CM2ML", "SUVType": "BSA"},
    "Bq/ml": {"Units": "BQML"},
}


@dataclass(frozen=True)
class Sources:
    """What is known of both scans, keyword → value; empty where they were no DICOM.

    Attributes:
        reference: patient, study and frame of reference.
        degraded: patient, and the acquisition.
    """

    reference: dict[str, Any] = field(default_factory=dict)
    degraded: dict[str, Any] = field(default_factory=dict)

    def check_patient(self) -> None:
        """
        Raises:
            InputError: the scans are of two patients: a restored scan would become another one's.
        """
        ids = [str(side.get("PatientID") or "").strip() for side in (self.reference, self.degraded)]
        if all(ids) and ids[0] != ids[1]:
            raise InputError(
                "The volumes have different PatientID. A restored scan is not written into the "
                "study of another patient. Export the result as a folder instead."
            )


def known_of(path: Path) -> dict[str, Any]:
    """The elements of a DICOM file that a derived series takes over.

    Args:
        path: file of the series, or a folder with it.

    Raises:
        InputError: nothing there is DICOM. MissingDependencyError: pydicom is not installed.
    """
    header = next((file.header for file in find_dicom(path) if "Rows" in file.header), None)
    return {} if header is None else _taken(header)


def study_of(sources: Sources) -> dict[str, Any]:
    """Patient, study and frame of reference of the reference, else new ones."""
    from pydicom.uid import generate_uid

    known = {key: sources.reference[key] for key in _STUDY if key in sources.reference}
    if not known.get("PatientID") and not known.get("PatientName"):
        known["PatientID"] = f"UniFuse-{uuid.uuid4().hex[:8]}"
        known["PatientName"] = "UniFuse^Research"
    fresh = {key: generate_uid(None) for key in ("StudyInstanceUID", "FrameOfReferenceUID")}
    empty = dict.fromkeys(
        ("PatientBirthDate", "PatientSex", "StudyID", "StudyDate", "StudyTime", "AccessionNumber",
         "ReferringPhysicianName", "PositionReferenceIndicator"), "",
    )  # fmt: skip
    return {**empty, **fresh, **{key: value for key, value in known.items() if value}}


def series_of(name: str, modality: str, unit: str, sources: Sources) -> dict[str, Any]:
    """All that the slices of one series share, without geometry and pixels.

    Args:
        name: `fused` or `restored`.
        modality: DICOM's word: `CT`, `MR`, `PT`; `OT` for what has no unit.
        unit: of PET, a key of `PET_UNITS`; another one: not known.
        sources: of both scans.
    """
    from pydicom.uid import generate_uid

    now = datetime.now()
    wanted = (*_OF_ALL, *_ACQUISITION.get(modality, ()))
    acquired = {key: sources.degraded[key] for key in wanted if key in sources.degraded}
    return {
        "SpecificCharacterSet": "ISO_IR 192",
        "SeriesDate": f"{now:%Y%m%d}",
        "SeriesTime": f"{now:%H%M%S}",
        **_REQUIRED[modality],
        **acquired,
        **(PET_UNITS.get(unit, {}) if modality == "PT" else {}),
        "SOPClassUID": _CLASSES[modality],
        "Modality": modality,
        "ImageType": ["DERIVED", "SECONDARY", *(["AXIAL"] if modality == "CT" else [])],
        "ContentQualification": "RESEARCH",
        "SeriesInstanceUID": generate_uid(None),
        "SeriesNumber": NUMBERS[name],
        "SeriesDescription": f"UniFuse {name}, research use only",
        "DerivationDescription": f"UniFuse {__version__}: {_DONE[name]}. {NOTICE}",
        "Manufacturer": "UniFuse for 3D Slicer",
        "ManufacturerModelName": "UniFuse",
        "SoftwareVersions": __version__,
        "ContentDate": f"{now:%Y%m%d}",
        "ContentTime": f"{now:%H%M%S}",
        "InstanceCreationDate": f"{now:%Y%m%d}",
        "InstanceCreationTime": f"{now:%H%M%S}",
    }


def _taken(header: Dataset) -> dict[str, Any]:
    keywords = {*_STUDY, *_OF_ALL, *(key for keys in _ACQUISITION.values() for key in keys)}
    return {key: _decoded(header[key].value) for key in sorted(keywords) if key in header}


def _decoded(value: Any) -> Any:
    """A name as text: its bytes are of the character set of its own file."""
    from pydicom.valuerep import PersonName

    return str(value) if isinstance(value, PersonName) else value
