"""Choices that belong together, as a pure function: nothing is written, nothing is shown."""

from __future__ import annotations

from dataclasses import dataclass, replace

from .Choices import LayerChoice
from .Display import Shown
from .Ownership import FusionNodes
from .Results import isResult, nodesOf


@dataclass(frozen=True)
class ResultChoices:
    """The parameters that depend on each other."""

    outputs: FusionNodes
    layer: LayerChoice
    warpPercent: float


def normalise(choices: ResultChoices, shown: Shown) -> ResultChoices:
    """A result is chosen as a whole, and moving the warp slider shows the degraded volume.

    Doing it twice changes nothing more.

    Args:
        choices: of the parameter node.
        shown: what the views show, that is, the choices before.
    """
    fused = choices.outputs.fused
    if not isResult(fused):
        return choices
    if fused.GetID() != shown.fused:
        return replace(choices, outputs=nodesOf(fused))
    if choices.warpPercent != shown.warpPercent:
        return replace(choices, layer=LayerChoice.DEGRADED)
    return choices
