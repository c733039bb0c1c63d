"""Whether two volumes are of one patient, day and scanner frame, without printing who or when."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING

from UniFuseLib.errors import InputError

if TYPE_CHECKING:
    from UniFuseLib.io.dicom_frames import Attributes


@dataclass(frozen=True)
class Identity:
    """What DICOM says about whom, when and in which coordinates; empty where nothing is said.

    Never part of a sentence, a report or a repr.
    """

    patient_id: str = field(default="", repr=False)
    study_date: str = field(default="", repr=False)
    frame_of_reference: str = field(default="", repr=False)


def identity_of(attributes: Attributes) -> Identity:
    """Of one frame, which stands for its volume."""
    keywords = "PatientID", "StudyDate", "FrameOfReferenceUID"
    return Identity(*(str(attributes.get(keyword) or "").strip() for keyword in keywords))


def compare(degraded: Identity, reference: Identity, allow_different: bool) -> tuple[str, ...]:
    """Sentences about what differs; nothing is said where one side says nothing.

    Args:
        degraded: of the degraded volume.
        reference: of the reference volume.
        allow_different: go on when the patients differ.

    Raises:
        InputError: the patients differ, and that is not allowed.
    """
    different = _differ(degraded.patient_id, reference.patient_id)
    if different and not allow_different:
        raise InputError(
            "The volumes have different PatientID: they are of two patients. Choose two volumes of "
            "one patient, or add --allow-different-patient where one patient has two IDs."
        )
    patient = ("The volumes have different PatientID; --allow-different-patient lets it pass.",)
    return (*patient * different, *_sessions(degraded, reference))


def _sessions(degraded: Identity, reference: Identity) -> tuple[str, ...]:
    if _differ(degraded.study_date, reference.study_date):
        return (
            f"The volumes have different StudyDate{_days(degraded, reference)}: what changed in "
            "the patient in between is not a misalignment.",
        )
    if _differ(degraded.frame_of_reference, reference.frame_of_reference):
        return (
            "The volumes have different FrameOfReferenceUID: their coordinates are not tied to "
            "each other, so check the alignment in the overview.",
        )
    return ()


def _differ(one: str, other: str) -> bool:
    return bool(one and other and one != other)


def _days(degraded: Identity, reference: Identity) -> str:
    try:
        dates = [
            datetime.strptime(text, "%Y%m%d").toordinal()
            for text in (degraded.study_date, reference.study_date)
        ]
    except ValueError:
        return ""
    days = abs(dates[0] - dates[1])
    return f" ({days} {'day' if days == 1 else 'days'} apart)"
