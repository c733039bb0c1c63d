"""The classes of degradation, and which of them a modality can have."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Literal, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

DegradationClass = Literal["clean", "mr_motion", "ct_metal_noise", "pet_low_dose"]
CLASSES: tuple[DegradationClass, ...] = ("clean", "mr_motion", "ct_metal_noise", "pet_low_dose")
TITLES = {
    "clean": "No degradation",
    "mr_motion": "MR motion",
    "ct_metal_noise": "CT metal and noise",
    "pet_low_dose": "Low-dose PET",
}
DEGRADATION_OF: dict[str, DegradationClass] = {
    "mr": "mr_motion",
    "ct": "ct_metal_noise",
    "pet": "pet_low_dose",
}
SURE = 0.98  # accuracy on held-out patients from a contract's `sure_from` on
#: voxels of a scan, the median of their sides, up to which the network alone names its types
#: rightly (0097): of coarser ones the working grid shows blurred noise, or blur like motion's
COARSEST_MM = {"ct": 2.0, "mr": 1.5}
MOST_METAL_ML = 0.02  # above 2500 HU: a CT with more is no clean one (0098)
_ROUNDED = 1.05  # of a voxel's side
_SAME_SPACING = 1e-3  # relative: rounding of spacings in files, nothing that the network sees
_LEAST = 1e-6  # of a probability; keeps logarithms finite
_CONFLICT = 0.9  # probability from which on an impossible class is worth a warning


class Classification(NamedTuple):
    """The degradation of one volume."""

    label: str  # the most probable class
    probabilities: dict[str, float]  # class → probability, given the modality; sum 1
    warnings: tuple[str, ...]
    calibrated: bool = True  # at the spacing of the working grid and of the scan


def classify(
    raw_probabilities: Mapping[str, float],
    modality: str,
    sure_from: float,
    spacing_mm: float,
    calibrated_at_mm: float,
    presence: Callable[[float], float | None] | None = None,
    voxel_mm: float = 0.0,
    metal_ml: float = 0.0,
) -> Classification:
    """The class of a volume of this modality, and what to know before believing it.

    Args:
        raw_probabilities: class → probability of the network, which does not know the modality.
        modality: of the degraded volume, `mr`, `ct` or `pet`.
        sure_from: of the weights' contract.
        spacing_mm: of the grid that was classified.
        calibrated_at_mm: the contract's spacing; probabilities were fitted at no other.
        presence: takes the network's log-odds of the modality's degradation to those that count
            (`severity/presence.py`); None, there and here: the network alone decides, and
            nothing is stated of voxels beyond `COARSEST_MM`.
        voxel_mm: of the degraded scan, the median of its sides.
        metal_ml: in the degraded scan, where it is a CT.
    """
    probabilities = given_modality(raw_probabilities, modality)
    odds = None if presence is None else _reconsidered(probabilities, modality, presence)
    if odds is not None:
        probabilities = with_log_odds(probabilities, DEGRADATION_OF[modality], odds)
    uncalibrated = (
        uncalibrated_warning(spacing_mm, calibrated_at_mm),
        coarse_voxels_warning(voxel_mm, modality) if odds is None else None,
        metal_warning(_most_probable(probabilities), metal_ml) if odds is None else None,
    )
    calibrated = not any(uncalibrated)
    messages = (
        modality_conflict_warning(raw_probabilities, modality),
        *uncalibrated,
        low_confidence_warning(probabilities, sure_from) if calibrated else None,
    )
    warnings = tuple(message for message in messages if message)
    return Classification(_most_probable(probabilities), probabilities, warnings, calibrated)


def _reconsidered(
    probabilities: dict[str, float], modality: str, presence: Callable[[float], float | None]
) -> float | None:
    """The log-odds of the modality's degradation that count; None: those of the network."""
    network = log_odds(probabilities, DEGRADATION_OF[modality])
    return None if network is None else presence(network)


def is_calibrated(spacing_mm: float, calibrated_at_mm: float) -> bool:
    """Whether the probabilities were fitted at the spacing of this grid.

    Args:
        spacing_mm: of the grid that was classified.
        calibrated_at_mm: the contract's spacing.
    """
    return abs(spacing_mm - calibrated_at_mm) <= _SAME_SPACING * calibrated_at_mm


def uncalibrated_warning(spacing_mm: float, calibrated_at_mm: float) -> str | None:
    """A sentence in place of a class; None at the spacing of the calibration."""
    if is_calibrated(spacing_mm, calibrated_at_mm):
        return None
    return (
        f"The type of degradation is not stated: the working grid has {spacing_mm:.2f} mm, and the "
        f"types were calibrated at {calibrated_at_mm:.2f} mm only. At another spacing the type may "
        "be wrong at any probability."
    )


def coarse_voxels_warning(voxel_mm: float, modality: str) -> str | None:
    """Likewise, where the scan's own voxels are too coarse for the network alone."""
    coarsest = COARSEST_MM.get(modality, math.inf)
    if voxel_mm <= _ROUNDED * coarsest:
        return None
    return (
        "The type of degradation is not stated: the degraded volume has voxels of "
        f"{voxel_mm:.1f} mm, and by the network alone the types of {modality.upper()} are named "
        f"rightly up to {coarsest:g} mm. Of coarser ones the type may be wrong at any probability."
    )


def metal_warning(label: str, metal_ml: float) -> str | None:
    """Likewise, where a CT with metal is called clean.

    Args:
        label: the most probable class.
        metal_ml: in the scan.
    """
    if label != "clean" or metal_ml <= MOST_METAL_ML:
        return None
    return (
        "The type of degradation is not stated: the network calls the degraded CT clean, and it "
        f"holds {metal_ml:.2g} ml of metal. Please inspect it."
    )


def given_modality(probabilities: Mapping[str, float], modality: str) -> dict[str, float]:
    """P(class | volume, modality) ∝ P(class | volume) where the modality can have the class.

    Classes that are not in `CLASSES` (weights trained for others) can occur in any modality.

    Args:
        probabilities: of the network, which does not know the modality.
        modality: `mr`, `ct` or `pet`.
    """
    possible = {name: p if _possible(name, modality) else 0.0 for name, p in probabilities.items()}
    total = sum(possible.values())
    if total <= 0:
        return dict(probabilities)
    return {name: p / total for name, p in possible.items()}


def log_odds(probabilities: Mapping[str, float], label: str) -> float | None:
    """log P(label) - log P(clean), natural logarithms; None where weights know other classes.

    Args:
        probabilities: class → probability.
        label: a degradation.
    """
    if not {label, "clean"} <= set(probabilities):
        return None
    return math.log(probabilities[label] + _LEAST) - math.log(probabilities["clean"] + _LEAST)


def with_log_odds(probabilities: Mapping[str, float], label: str, odds: float) -> dict[str, float]:
    """The same, with P(label) and P(clean) shared otherwise.

    Args:
        probabilities: class → probability, both classes among them.
        label: a degradation.
        odds: wanted log-odds of `label` against `clean`.
    """
    both = probabilities[label] + probabilities["clean"]
    degraded = both * (1 + math.tanh(odds / 2)) / 2  # the logistic function, of any odds
    return {**probabilities, label: degraded, "clean": both - degraded}


def modality_conflict_warning(raw_probabilities: Mapping[str, float], modality: str) -> str | None:
    """A sentence when the network is sure of a class that the modality cannot have, else None."""
    label = _most_probable(raw_probabilities)
    if _possible(label, modality) or raw_probabilities[label] < _CONFLICT:
        return None
    name = modality.upper()
    return (
        f"The network predicted {title(label)}, which cannot occur in {name}. Check the modality "
        f"setting; only classes possible for {name} were considered."
    )


def low_confidence_warning(probabilities: Mapping[str, float], sure_from: float) -> str | None:
    """A sentence when the class has a probability below `sure_from`, else None.

    Args:
        probabilities: class → probability, given the modality.
        sure_from: of the weights' contract.
    """
    label = _most_probable(probabilities)
    if probabilities[label] >= sure_from:
        return None
    return (
        f"Low confidence: {title(label)} ({100 * probabilities[label]:.0f} %). In validation, "
        f"predictions were {100 * SURE:.0f} % correct only at {100 * sure_from:.0f} % confidence "
        "or more. Please inspect the degraded volume."
    )


def dose_fraction(severity: float) -> float:
    """Part of the usual PET dose: 1/4 at severity 0, 1/30 at 1, even steps of its logarithm.

    Args:
        severity: [0, 1].
    """
    return math.exp(-math.log(4) - severity * math.log(7.5))


def described(label: str, words: str | None, dose: float | None) -> str:
    """A class with its severity, as far as that is known.

    Args:
        label: of `CLASSES`.
        words: light, moderate or severe.
        dose: part of the usual PET dose.
    """
    return ", ".join([title(label), *severity_parts(words, dose)])


def severity_parts(words: str | None, dose: float | None) -> list[str]:
    """What is known of a severity, for a reader.

    Args:
        words: light, moderate or severe.
        dose: part of the usual PET dose.
    """
    parts = [words] if words else []
    return [*parts, f"about 1/{round(1 / dose)} of the usual dose"] if dose else parts


def title(label: str) -> str:
    """A class in words."""
    return TITLES.get(label, label)


def _most_probable(probabilities: Mapping[str, float]) -> str:
    return max(probabilities, key=lambda label: probabilities[label])


def _possible(label: str, modality: str) -> bool:
    return label == DEGRADATION_OF.get(modality) or label not in DEGRADATION_OF.values()
