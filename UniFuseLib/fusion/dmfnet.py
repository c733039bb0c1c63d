"""`dmfnet` on volumes: slice by slice, in batches, large slices in overlapping tiles."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from UniFuseLib.network.dmfnet.unet import MULTIPLE

if TYPE_CHECKING:
    from UniFuseLib.network.dmfnet.model import DmfNet

TILE, OVERLAP = 512, 64  # pixels
_BATCH_PIXELS = 2 * 256 * 256  # at once: bounds the memory


def fuse_slices(model: DmfNet, first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Fused `(d, h, w)` float32 of two aligned volumes of network intensities.

    Slices lie along the first axis. The network sees 0..1, as in training; what the brighter source
    has above 1 (uptake beyond the scale) is added again.
    """
    device = next(model.parameters()).device
    fused = np.empty(first.shape, dtype=np.float32)
    batch = max(1, _BATCH_PIXELS // (min(first.shape[1], TILE) * min(first.shape[2], TILE)))
    with torch.inference_mode():
        for start in range(0, len(first), batch):
            rows = slice(start, start + batch)
            a, b = (
                torch.from_numpy(np.ascontiguousarray(v[rows], dtype=np.float32))[:, None]
                .clamp(0, 1)
                .to(device)
                for v in (first, second)
            )
            beyond = np.maximum(np.maximum(first[rows], second[rows]) - 1, 0)
            fused[rows] = fuse_tiles(model, a, b)[:, 0].cpu().numpy() + beyond
    return fused


def fuse_tiles(
    model: DmfNet, first: Tensor, second: Tensor, tile: int = TILE, overlap: int = OVERLAP
) -> Tensor:
    """Fused `(b, 1, h, w)`, 0..1; tiles fade into each other over `overlap` pixels."""
    height, width = first.shape[2:]
    if max(height, width) <= tile:
        return _fuse_padded(model, first, second)
    total, weights = torch.zeros_like(first), torch.zeros_like(first)
    for top in _starts(height, tile, overlap):
        for left in _starts(width, tile, overlap):
            window = (..., slice(top, top + tile), slice(left, left + tile))
            part = _fuse_padded(model, first[window], second[window])
            weight = _fade(part.shape[2], overlap)[:, None] * _fade(part.shape[3], overlap)
            total[window] += weight.to(part) * part
            weights[window] += weight.to(part)
    return total / weights


def _fuse_padded(model: DmfNet, first: Tensor, second: Tensor) -> Tensor:
    """Sides grow to a multiple of what the network halves; the border pixel is repeated."""
    height, width = first.shape[2:]
    padding = (0, -width % MULTIPLE, 0, -height % MULTIPLE)
    a, b = (F.pad(image, padding, mode="replicate") for image in (first, second))
    fused: Tensor = model(a, b)
    return fused[:, :, :height, :width].clamp(0, 1)


def _starts(length: int, tile: int, overlap: int) -> list[int]:
    """First pixels of tiles that cover `length`, the last one flush with the end."""
    if length <= tile:
        return [0]
    return [*range(0, length - tile, tile - overlap), length - tile]


def _fade(length: int, overlap: int) -> Tensor:
    """Weight of each pixel of a tile: rising over `overlap` from either end, never 0."""
    place = torch.arange(length, dtype=torch.float32) + 1
    return torch.minimum(place, place.flip(0)).clamp(max=overlap + 1) / (overlap + 1)
