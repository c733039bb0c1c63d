"""What lies beside a file: the JSON of BIDS, and its name.

Source: BIDS 1.9 (bids-specification.readthedocs.io), common principles and PET; dcm2niix's JSON.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any, NamedTuple

from UniFuseLib.io.paths import shown

if TYPE_CHECKING:
    from pathlib import Path

_LARGEST = 1 << 22  # bytes
_STEM = re.compile(r"\.(nii|nii\.gz|nrrd|nhdr|mha|mhd|mgz|mgh|hdr|img)$", re.IGNORECASE)
# fields that only one modality has
_MR_FIELDS = ("MagneticFieldStrength", "EchoTime", "RepetitionTime")
_PET_FIELDS = ("TracerName", "TracerRadionuclide", "InjectedRadioactivity")
# words of file names; one that two modalities share is not here
_WORDS = {
    "MR": "mr mri t1 t1w t2 t2w flair mprage mp2rage pd pdw dwi adc swi tse tirm stir dixon t1c "
    "t1ce t1gd t2star".split(),
    "CT": "ct cta cbct cect ldct".split(),
    "PT": "pet pt suv suvbw fdg psma".split(),
}
_LABEL_WORDS = ("dseg", "seg", "mask", "label", "labels", "labelmap", "segmentation", "aseg")


class Sidecar(NamedTuple):
    """What the JSON file says."""

    modality: str = ""  # `MR`, `CT`, `PT` or whatever it states
    units: str = ""
    warnings: tuple[str, ...] = ()


def read_sidecar(path: Path) -> Sidecar:
    """The JSON file of the same name, as BIDS and dcm2niix write it; empty where there is none."""
    stem = _STEM.sub("", path.name)
    beside = path.with_name(f"{stem}.json")
    if stem == path.name or not beside.is_file():
        return Sidecar()
    try:
        if beside.stat().st_size > _LARGEST:
            raise ValueError("it is larger than 4 MiB")
        content = json.loads(beside.read_text(encoding="utf-8-sig"))
        if not isinstance(content, dict):
            raise ValueError(f"expected an object, found {type(content).__name__}")
    except (OSError, ValueError, RecursionError) as error:
        sentence = f"{shown(beside)} was ignored: it cannot be read as JSON ({error})."
        return Sidecar(warnings=(sentence,))
    return Sidecar(_modality(content), _text(content, "Units"))


def modality_in_name(path: Path) -> str:
    """`MR`, `CT` or `PT` where words of the file name say so and do not contradict each other."""
    words = words_of(path)
    found = {modality for modality, known in _WORDS.items() if words & set(known)}
    return found.pop() if len(found) == 1 else ""


def labels_in_name(path: Path) -> bool:
    """The name speaks of a label map or a mask."""
    return bool(words_of(path) & set(_LABEL_WORDS))


def words_of(path: Path) -> set[str]:
    """The words of a file name in small letters, without its suffix."""
    return set(re.split(r"[^a-z0-9]+", _STEM.sub("", path.name).lower())) - {""}


def _modality(content: dict[str, Any]) -> str:
    stated = _text(content, "Modality").upper()
    if stated:
        return stated
    if any(key in content for key in _PET_FIELDS):
        return "PT"
    return "MR" if any(key in content for key in _MR_FIELDS) else ""


def _text(content: dict[str, Any], key: str) -> str:
    value = content.get(key)
    return value.strip() if isinstance(value, str) else ""
