"""All cases, in the order of the table."""

from __future__ import annotations

from typing import TYPE_CHECKING

import dicom_cases
import modality_cases
import nifti_cases
import text_cases

if TYPE_CHECKING:
    from model import FileCase, VolumeCase

CASES: list[FileCase | VolumeCase] = [
    *nifti_cases.CASES,
    *text_cases.CASES,
    *dicom_cases.CASES,
    *modality_cases.CASES,
]
