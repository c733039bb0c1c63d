"""Choices that belong together, as a pure function: nothing is written, nothing is shown."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from .Choices import LayerChoice
from .Display import Shown
from .Ownership import DEGRADED_ROLE, REFERENCE_ROLE, FusionNodes
from .Results import isResult, nodesOf


@dataclass(frozen=True)
class ResultChoices:
    """The parameters that depend on each other."""

    outputs: FusionNodes
    layer: LayerChoice
    warpPercent: float
    degraded: Any = None
    reference: Any = None


def normalise(choices: ResultChoices, shown: Shown) -> ResultChoices:
    """A result is chosen as a whole, with the volumes that it was made of; moving the warp slider
    shows the degraded volume.

    Doing it twice changes nothing more.

    Args:
        choices: of the parameter node.
        shown: what the views show, that is, the choices before.
    """
    fused = choices.outputs.fused
    if not isResult(fused):
        return choices
    if fused.GetID() != shown.fused:
        return replace(
            choices,
            outputs=nodesOf(fused),
            degraded=fused.GetNodeReference(DEGRADED_ROLE) or choices.degraded,
            reference=fused.GetNodeReference(REFERENCE_ROLE) or choices.reference,
        )
    if choices.warpPercent != shown.warpPercent:
        return replace(choices, layer=LayerChoice.DEGRADED)
    return choices
