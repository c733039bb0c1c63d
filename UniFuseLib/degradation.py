"""The classes of degradation, and which of them a modality can have."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Mapping

DegradationClass = Literal["clean", "mr_motion", "ct_metal_noise", "pet_low_dose"]
CLASSES: tuple[DegradationClass, ...] = ("clean", "mr_motion", "ct_metal_noise", "pet_low_dose")
TITLES = {
    "clean": "No degradation",
    "mr_motion": "MR motion",
    "ct_metal_noise": "CT metal and noise",
    "pet_low_dose": "Low-dose PET",
}
SURE = 0.98  # of the answers are right, from a contract's `sure_from` on
DEGRADATION_OF: dict[str, DegradationClass] = {
    "mr": "mr_motion",
    "ct": "ct_metal_noise",
    "pet": "pet_low_dose",
}


def given_modality(probabilities: Mapping[str, float], modality: str) -> dict[str, float]:
    """P(class | volume, modality) ∝ P(class | volume) where the modality can have the class, else
    0.

    Classes that are not in `CLASSES` (weights trained for others) can occur in any modality.

    Args:
        probabilities: of the network, which is not told the modality. modality: `mr`, `ct` or
            `pet`.
    """
    kept = {name: p if _possible(name, modality) else 0.0 for name, p in probabilities.items()}
    total = sum(kept.values())
    if total <= 0:
        return dict(probabilities)
    return {name: p / total for name, p in kept.items()}


def contradiction(probabilities: Mapping[str, float], modality: str) -> str | None:
    """A sentence when the network is sure of a class that the modality cannot have, else None."""
    name = max(probabilities, key=lambda key: probabilities[key])
    if _possible(name, modality) or probabilities[name] < 0.9:
        return None
    return (
        f'The network takes the degraded volume for "{TITLES.get(name, name)}", which {modality.upper()} cannot have. '
        "Check that the modality is right; the class was chosen among those of the modality."
    )


def doubt(probabilities: Mapping[str, float], sure_from: float) -> str | None:
    """A sentence when the class has a probability below `sure_from`, else None.

    Args:
        probabilities: given the modality. sure_from: of the weights' contract.
    """
    name, probability = max(probabilities.items(), key=lambda item: item[1])
    if probability >= sure_from:
        return None
    return (
        f'"{TITLES.get(name, name)}" is not sure: {100 * probability:.0f} %, and only from {100 * sure_from:.0f} % on '
        f"were {100 * SURE:.0f} % of the answers right. Look at the degraded volume."
    )


def _possible(name: str, modality: str) -> bool:
    own = DEGRADATION_OF.get(modality)
    return name == own or name not in DEGRADATION_OF.values()
