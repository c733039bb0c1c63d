"""MR, CT or PET: from the user, the header, the sidecar, the file name, then from the numbers.

The answer says how sure it is and why; what is unsure or contradictory becomes a warning that
names the option to set.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, NamedTuple

from UniFuseLib.errors import InputError
from UniFuseLib.preprocessing.intensity import MODALITIES, Modality
from UniFuseLib.preprocessing.signs import Signs, is_cut, signs_of, too_flat_for_ct

if TYPE_CHECKING:
    from UniFuseLib.spatial.volume import Volume

Confidence = Literal["sure", "likely", "unsure"]
_HINTS: dict[str, Modality | Literal["auto"]] = {"MR": "mr", "CT": "ct", "PT": "pet", "PET": "pet"}
# DICOM (0008,0060) of what is not MR, CT or PET: what to call it
_OTHERS = {
    "US": "ultrasound",
    "IVUS": "ultrasound",
    "XC": "photographs",
    "ES": "endoscopy",
    "GM": "microscopy",
    "SM": "microscopy",
    "OP": "ophthalmic photographs",
    "OPT": "optical tomography",
    "SEG": "a segmentation",
    "RTDOSE": "a radiation dose",
    "RTSTRUCT": "contours",
    "CR": "a radiograph",
    "DX": "a radiograph",
    "MG": "a mammogram",
    "XA": "an angiogram",
    "NM": "scintigraphy or SPECT",
}
_NAMES = {"mr": "MR", "ct": "CT", "pet": "PET"}


@dataclass(frozen=True)
class ModalityEvidence:
    """What is known of a volume beside its numbers.

    Attributes:
        chosen: by the user: `auto`, `mr`, `ct` or `pet`.
        stated: DICOM's word (`MR`, `CT`, `PT`, …) in a header or sidecar; empty: nothing states it.
        stated_by: what stated it, as a sentence calls it.
        named: `MR`, `CT` or `PT` as the file name suggests; empty: it does not.
        says_labels: the format or the name says that this is a label map.
    """

    chosen: str = "auto"
    stated: str = ""
    stated_by: str = "its header"
    named: str = ""
    says_labels: bool = False


class ModalityGuess(NamedTuple):
    """The answer."""

    modality: Modality
    confidence: Confidence
    reason: str  # a part of a sentence
    warnings: tuple[str, ...] = ()
    against: tuple[str, ...] = ()  # of the warnings: the header or the numbers say otherwise


def guess_modality(volume: Volume, name: str, evidence: ModalityEvidence) -> ModalityGuess:
    """The modality of a volume, and how sure that is.

    Args:
        volume: as read, after its repair.
        name: `degraded` or `reference`, for the sentences.
        evidence: what is known beside the numbers.

    Raises:
        InputError: an unknown choice, a stated modality that cannot be fused, or numbers that
            cannot be Hounsfield units although the volume is CT.
    """
    if evidence.chosen not in ("auto", *MODALITIES):
        raise InputError(
            f"Unknown {name} modality {evidence.chosen!r}. Expected auto, {', '.join(MODALITIES)}."
        )
    stated = modality_from_header(evidence.stated)
    if evidence.chosen == "auto" and stated == "auto" and evidence.stated.upper() in _OTHERS:
        raise InputError(
            f"The {name} volume is {_OTHERS[evidence.stated.upper()]} (modality "
            f"{evidence.stated.upper()}). Expected MR, CT or PET; if it is one of them, say so "
            f"with --{name}-modality."
        )
    if volume.array.ndim == 4:
        return _of_colours(name, evidence, stated)
    signs = signs_of(volume)
    guess = _from_evidence(evidence, stated) or _from_name(evidence, signs) or from_numbers(signs)
    against = _against(name, guess, evidence, stated, signs)
    named = () if against else _otherwise_named(name, guess, evidence)
    unlike = _not_hounsfield(name, signs) if guess.modality == "ct" else ()
    warnings = (*against, *named, *_doubts(name, guess), *unlike)
    if evidence.chosen == "ct" and not signs.signed:  # a cropped or stripped CT has fat below 0
        against += unlike
    if signs.offset and guess.modality != "ct":  # a CT without its intercept
        against += _doubts(name, guess)
    return guess._replace(warnings=warnings, against=against)


def modality_from_header(hint: str) -> Modality | Literal["auto"]:
    """`MR`, `CT`, `PT` of DICOM (0008,0060) → ours; `auto` for anything else."""
    return _HINTS.get(hint.strip().upper(), "auto")


def from_numbers(signs: Signs) -> ModalityGuess:
    """The last resort."""
    if signs.hounsfield:
        return ModalityGuess(
            "ct", "likely", "its values lie where Hounsfield units put air and soft tissue"
        )
    if signs.offset:
        return ModalityGuess("mr", "unsure", "its values look like CT with 1024 added")
    if signs.signed:
        reason = "it has values below zero that are not Hounsfield units (z-scores, a signed map)"
        return ModalityGuess("mr", "unsure", reason)
    if signs.pet >= 2:
        sure: Confidence = "likely" if signs.pet == 3 else "unsure"
        return ModalityGuess(
            "pet", sure, f"{signs.pet} of 3 signs of PET (voxel size, hot spots, range)"
        )
    if is_cut(signs):
        reason = (
            f"{100 * signs.cut:.0f} % of what is not air have one value, the highest, as in a CT "
            "that was stored with a display window"
        )
        return ModalityGuess("mr", "unsure", reason)
    if signs.unit_range:
        return ModalityGuess("mr", "unsure", "its values were scaled to 0 to 1, so no unit is left")
    return ModalityGuess(
        "mr", "likely", "its values are neither Hounsfield units nor uptake values"
    )


def _from_evidence(evidence: ModalityEvidence, stated: str) -> ModalityGuess | None:
    for kind in MODALITIES:
        if evidence.chosen == kind:
            return ModalityGuess(kind, "sure", "set by the user")
    for kind in MODALITIES:
        if evidence.chosen == "auto" and stated == kind:
            return ModalityGuess(kind, "sure", f"stated by {evidence.stated_by}")
    return None


def _from_name(evidence: ModalityEvidence, signs: Signs) -> ModalityGuess | None:
    """The file name, unless the numbers speak against it."""
    named = modality_from_header(evidence.named)
    if named == "auto" or (named == "ct") != (signs.hounsfield or (named == "ct" and signs.offset)):
        return None
    return ModalityGuess(named, "likely", "the file name says so, and its values fit")


def _of_colours(name: str, evidence: ModalityEvidence, stated: str) -> ModalityGuess:
    known = _from_evidence(evidence, stated)
    if known is not None:
        return known
    guess = ModalityGuess("pet", "unsure", "it holds colours, as maps of PET do")
    return guess._replace(warnings=_doubts(name, guess))


def _doubts(name: str, guess: ModalityGuess) -> tuple[str, ...]:
    if guess.confidence != "unsure":
        return ()
    return (
        f"The modality of the {name} volume is uncertain: {guess.reason}. It was treated as "
        f"{_NAMES[guess.modality]}; {_remedy(name)}",
    )


def _against(
    name: str, guess: ModalityGuess, evidence: ModalityEvidence, stated: str, signs: Signs
) -> tuple[str, ...]:
    """What the header or the numbers say against the answer."""
    if stated not in ("auto", guess.modality):
        return (
            f"The {name} volume is {_NAMES[stated]} by {evidence.stated_by}, but --{name}-modality "
            f"is {guess.modality}: {_used(guess)}.",
        )
    if guess.modality != "ct" and signs.hounsfield:
        return (
            f"The values of the {name} volume look like Hounsfield units of CT, but "
            f"{_used(guess)} ({guess.reason}); {_remedy(name)}",
        )
    return ()


def _otherwise_named(
    name: str, guess: ModalityGuess, evidence: ModalityEvidence
) -> tuple[str, ...]:
    """What the file name suggests, where that is something else."""
    named = modality_from_header(evidence.named)
    if named in ("auto", guess.modality):
        return ()
    return (
        f"The name of the {name} volume suggests {_NAMES[named]}, but {_used(guess)} "
        f"({guess.reason}); {_remedy(name)}",
    )


def _used(guess: ModalityGuess) -> str:
    return f"it was treated as {_NAMES[guess.modality]}"


def _remedy(name: str) -> str:
    return f"set the {name} modality (--{name}-modality) if that is wrong."


def _not_hounsfield(name: str, signs: Signs) -> tuple[str, ...]:
    """CT whose numbers are something else.

    Raises:
        InputError: they are so far off that the result would be wrong.
    """
    if signs.offset:
        raise InputError(
            f"The {name} CT is not in Hounsfield units: air lies near 0 and soft tissue near 1024, "
            f"as without its rescale intercept. Add --{name}-rescale 1,-1024 (or the file's own "
            "slope and intercept)."
        )
    if too_flat_for_ct(signs):
        raise InputError(
            f"The {name} CT is not in Hounsfield units: its values span {signs.span:.3g} (from "
            f"{signs.low:.3g} to {signs.high:.3g}). Give the slope and intercept that lead back to "
            f"HU with --{name}-rescale SLOPE,INTERCEPT, or another --{name}-modality."
        )
    if signs.hounsfield:
        return ()
    return (
        f"The values of the {name} CT (from {signs.low:.4g} to {signs.high:.4g}) do not look like "
        f"Hounsfield units with air near -1000; check --{name}-modality and its rescaling.",
    )
