"""Less memory for more time: a stage's inner activations are forgotten and computed again for the
gradient.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from torch.utils.checkpoint import checkpoint

if TYPE_CHECKING:
    from UniFuseLib.network.unifuse import UniFuse

STAGES = ("encoder", "dapl", "oufr", "alignment", "fusion")


def forget_inside_stages(model: UniFuse) -> None:
    """Every stage of Figure 2 keeps only what enters it; names and values of the parameters stay as
    they are.
    """
    for name in STAGES:
        stage = getattr(model, name)
        # the instance's attribute hides the method, so state_dict and module tree do not change
        stage.forward = partial(checkpoint, stage.forward, use_reentrant=False)
