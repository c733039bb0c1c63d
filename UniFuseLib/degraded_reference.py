"""Whether the reference, which is taken to be clean, looks degraded itself.

Of two inputs that were exchanged the degraded one looks clean, and nothing else says so.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from UniFuseLib.degradation import DEGRADATION_OF, title

if TYPE_CHECKING:
    from UniFuseLib.degradation import Classification

#: probability from which on a reference is called degraded: clean heads reach 0.86 (one, of thick
#: slices; the next 0.54), T1 of limbs 0.65, CT 0.33, and one PET of 26 patients 0.96 (0104)
LEAST = {"mr": 0.87, "ct": 0.85, "pet": 0.97}


def reference_doubts(
    reference: Classification | None, modality: str, degraded: Classification
) -> tuple[str, ...]:
    """A sentence where the reference is hardly a clean one; empty else.

    Args:
        reference: its class; None where it was not looked for.
        modality: of the reference.
        degraded: class of the degraded volume.
    """
    label = DEGRADATION_OF[modality]
    if reference is None or not reference.calibrated:
        return ()
    probability = reference.probabilities.get(label, 0.0)
    if probability < LEAST[modality]:
        return ()
    found = f"The reference looks degraded itself ({title(label)}, {100 * probability:.0f} %)"
    if degraded.calibrated and degraded.label == "clean":
        return (
            f"{found}, and the degraded volume does not: were the two exchanged? The first volume "
            "is restored with the help of a clean second one; if they were, exchange them and fuse "
            "again.",
        )
    return (
        f"{found}, and a clean one is expected: choose another reference, or inspect what the "
        "result takes from it.",
    )
