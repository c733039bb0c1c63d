"""Another method's fused volume in place of UniFuse's: restored and aligned degraded volume, and
reference, on the reference grid.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch

from UniFuseLib.fusion.methods import volume_fusion
from UniFuseLib.preprocessing.colour import luma

if TYPE_CHECKING:
    from UniFuseLib.fusion.greys import Greys
    from UniFuseLib.preprocessing.prepare import InputVolume


def fuse_again(
    name: str,
    restored: np.ndarray,
    coverage: np.ndarray,
    reference: InputVolume,
    greys: Greys,
    device: torch.device,
) -> np.ndarray:
    """The fused volume as UniFuse's own: greys float32, or colours uint8.

    Where the degraded scan has no data the reference stands alone.

    Args:
        name: of the method, not `unifuse`.
        restored: of UniFuse, aligned, `(d, h, w)` or `(d, h, w, 3)`, the degraded scan's own units.
        coverage: `(d, h, w)` bool, where the degraded scan has data.
        reference: on whose grid all lies.
        greys: how both enter.
        device: of a method's network.
    """
    own = luma(restored).astype(np.float32)
    shown = greys.degraded.forward(torch.from_numpy(own)).numpy()
    values = np.asarray(luma(reference.volume.array), dtype=np.float32)
    clean = greys.reference.forward(torch.from_numpy(values)).numpy()
    axis = int(np.argmax(reference.volume.grid.spacing))  # thick slices are cut as they were made
    a, b = (np.moveaxis(v, axis, 0) for v in (np.where(coverage, shown, clean), clean))
    mixed = np.moveaxis(volume_fusion(name, device)(a, b), 0, axis)
    fused = np.where(coverage, np.maximum(mixed, 0), clean).astype(np.float32)
    if restored.ndim == 3:
        return fused
    chroma = restored.astype(np.float32) - own[..., None]
    coloured = 255 * fused[..., None] + np.where(coverage[..., None], chroma, 0)
    return coloured.clip(0, 255).round().astype(np.uint8)
