"""Colours ↔ one channel of intensities: luma of ITU-R BT.601."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

BT601 = (0.299, 0.587, 0.114)


def luma(array: np.ndarray) -> np.ndarray:
    """Y = 0.299 R + 0.587 G + 0.114 B: `(d, h, w, 3)` → `(d, h, w)`; scalars come back as is."""
    if array.ndim == 3:
        return array
    return array.astype(np.float32) @ np.array(BT601, dtype=np.float32)


def luma_of_channels(colours: Tensor) -> Tensor:
    """The same of a tensor: `(b, 3, d, h, w)` → `(b, 1, d, h, w)`."""
    weights = torch.tensor(BT601, dtype=colours.dtype).view(1, 3, 1, 1, 1)
    return (colours * weights).sum(dim=1, keepdim=True)
