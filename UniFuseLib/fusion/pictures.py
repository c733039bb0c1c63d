"""Two aligned 2-D pictures → one, with any method; colour travels beside the luma (YCbCr)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch

from UniFuseLib.errors import InputError
from UniFuseLib.fusion.methods import UNIFUSE, check_method, volume_fusion
from UniFuseLib.preprocessing.colour import BT601

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from UniFuseLib.network.unifuse import UniFuse

    Fusion = Callable[[np.ndarray, np.ndarray], np.ndarray]
_CB, _CR = 0.564, 0.713  # BT.601: C_b = 0.564 (B - Y), C_r = 0.713 (R - Y)
_COPIES = 16  # of a picture: UniFuse's network reads volumes


class PictureFusion:
    """A method, loaded once, for many pairs.

    Args:
        name: one of `methods.METHODS`.
        device: of its network.
        weights: of `unifuse`; None takes the shipped ones.

    Raises:
        InputError, WeightsError, MissingDependencyError: see `methods.check_method`.
    """

    def __init__(self, name: str, device: torch.device, weights: Path | None = None) -> None:
        check_method(name)
        if name == UNIFUSE:
            from UniFuseLib.checkpoint import load_model

            self._fuse = _unifuse(load_model(weights, device)[0], device)
        else:
            self._fuse = volume_fusion(name, device)

    def __call__(self, first: np.ndarray, second: np.ndarray) -> np.ndarray:
        """Fused picture, 0..1: `(h, w)`, or `(h, w, 3)` where a source has colours.

        Args:
            first: `(h, w)` or `(h, w, 3)`, 0..1; UniFuse's degraded volume.
            second: likewise, of the same sides; UniFuse's reference.

        Raises:
            InputError: two sizes.
        """
        if first.shape[:2] != second.shape[:2]:
            raise InputError(
                f"Expected two aligned pictures of one size, got {first.shape[:2]} and "
                f"{second.shape[:2]} pixels. Resample one of them first."
            )
        (y_first, chroma_first), (y_second, chroma_second) = _split(first), _split(second)
        fused = self._fuse(y_first[None], y_second[None])[0].clip(0, 1)
        if chroma_first is None and chroma_second is None:
            return fused
        return to_rgb(fused, merge_chroma(chroma_first, chroma_second, fused.shape))


def _split(picture: np.ndarray) -> tuple[np.ndarray, np.ndarray | None]:
    """Luma `(h, w)` and chroma `(h, w, 2)`; equal channels are grey."""
    if picture.ndim == 2:
        return picture, None
    if np.array_equal(picture[..., 0], picture[..., 1]) and np.array_equal(
        picture[..., 1], picture[..., 2]
    ):
        return np.ascontiguousarray(picture[..., 0]), None
    return to_ycbcr(picture)


def to_ycbcr(picture: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """RGB `(h, w, 3)` 0..1 → Y `(h, w)` 0..1 and (C_b, C_r) `(h, w, 2)` about 0 (BT.601)."""
    luma = (picture @ np.array(BT601)).astype(np.float32)
    chroma = np.stack([_CB * (picture[..., 2] - luma), _CR * (picture[..., 0] - luma)], axis=-1)
    return luma, chroma.astype(np.float32)


def to_rgb(luma: np.ndarray, chroma: np.ndarray) -> np.ndarray:
    """The inverse of `to_ycbcr`; colours outside 0..1 fade towards grey, luma and hue stay.

    Cutting the channels off would change both, and flatten what the luma shows there.

    Args:
        luma: Y `(h, w)`, 0..1.
        chroma: (C_b, C_r) `(h, w, 2)`.
    """
    blue, red = chroma[..., 0] / _CB, chroma[..., 1] / _CR  # B - Y and R - Y
    green = -(BT601[0] * red + BT601[2] * blue) / BT601[1]
    beyond = np.stack([red, green, blue], axis=-1)
    room = np.where(beyond > 0, 1 - luma[..., None], luma[..., None])
    fits = room / np.maximum(np.abs(beyond), 1e-6)
    share = np.minimum(1, fits.min(axis=-1, keepdims=True))
    rgb: np.ndarray = luma[..., None] + share * beyond
    return rgb.clip(0, 1).astype(np.float32)


def merge_chroma(
    first: np.ndarray | None, second: np.ndarray | None, shape: tuple[int, ...]
) -> np.ndarray:
    """Of two coloured sources each pixel's mean, weighted by how far it is from grey.

    The rule of IFCNN and U2Fusion: C = Σ C_i |C_i| / Σ |C_i|, per channel.
    """
    given = [chroma for chroma in (first, second) if chroma is not None]
    if len(given) == 1:
        return given[0]
    if not given:
        return np.zeros((*shape, 2), dtype=np.float32)
    weights = [np.abs(chroma) for chroma in given]
    total = weights[0] + weights[1]
    mixed = weights[0] * given[0] + weights[1] * given[1]
    merged: np.ndarray = np.divide(mixed, total, out=np.zeros_like(total), where=total > 0)
    return merged


def _unifuse(model: UniFuse, device: torch.device) -> Fusion:
    """UniFuse's restoration and fusion of a picture, repeated to a volume; nothing is moved."""

    def fuse(first: np.ndarray, second: np.ndarray) -> np.ndarray:
        a, b = (_volume(v, device) for v in (first, second))
        with torch.no_grad():
            registered = model.register(a, b, find_field=False)
            output = model.fuse(registered)
        middle: np.ndarray = output.fused[0, 0, _COPIES // 2][None].cpu().numpy()
        return middle

    return fuse


def _volume(picture: np.ndarray, device: torch.device) -> torch.Tensor:
    """`(1, h, w)` → `(1, 1, _COPIES, h, w)` float32."""
    copies = np.repeat(picture, _COPIES, axis=0).astype(np.float32)
    return torch.from_numpy(copies)[None, None].to(device)
