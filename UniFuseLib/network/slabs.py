"""Slabs of a feature map: what fits into a processor's cache, or into memory.

What is computed voxel by voxel needs no more at a time: on a CPU temporaries of a whole map cost
three times the arithmetic, for every one is fetched from memory that was never touched.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from UniFuseLib.spatial.joined import joined

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from torch import Tensor

_NUMBERS = 2**19  # 2 MB; a quarter and four times as many take the same time
_SMALL = 2**22  # numbers of a map that is computed at once: 16 MB
_LARGE = 2**24  # numbers of a map of a thick slab: 64 MB
_PLANES = 16  # of a slab that is computed with its neighbours: they add a quarter for a reach of 2


def slabs(features: Tensor) -> Iterator[slice]:
    """Rows of `(b, c, d, h, w)` along d; all at once where it does not lie on the CPU."""
    b, c, d, h, w = features.shape
    rows = max(1, _NUMBERS // (b * c * h * w)) if features.device.type == "cpu" else d
    for start in range(0, d, rows):
        yield slice(start, min(start + rows, d))


def thick_slabs(features: Tensor, channels: int) -> Iterator[slice]:
    """Rows of `(b, c, d, h, w)` along d for which a map of `channels` takes about 64 MB.

    All at once where it does not lie on the CPU, or is needed for gradients.

    Args:
        features: `(b, c, d, h, w)`.
        channels: of the largest map that is made of the rows.
    """
    b, _, d, h, w = features.shape
    whole = features.device.type != "cpu" or torch.is_grad_enabled()
    rows = d if whole else max(1, _LARGE // (b * channels * h * w))
    for start in range(0, d, rows):
        yield slice(start, min(start + rows, d))


def widened(rows: slice, reach: int, depth: int) -> tuple[slice, slice]:
    """The rows and up to `reach` planes on either side, and where the rows lie among them.

    Args:
        rows: of a map, along d.
        reach: planes.
        depth: planes of the whole map.
    """
    first, last = max(rows.start - reach, 0), min(rows.stop + reach, depth)
    return slice(first, last), slice(rows.start - first, rows.stop - first)


def by_slabs(
    function: Callable[..., Tensor],
    maps: Tensor | tuple[Tensor, ...],
    reach: int,
    planes: int | None = None,
    scale: int = 1,
) -> Tensor:
    """function(*maps), computed slab by slab, to the same bits.

    Temporaries of a whole map would be the largest tensors of a run: oneDNN alone keeps 16 channels
    where a convolution has one.

    Args:
        function: of `(b, c, n, h, w)`, any n, to `(b, c', scale · n, ...)`; a voxel reads others up
            to `reach` planes away, and what lies outside the map is made up from its border.
        maps: `(b, c, d, h, w)`; beside the first one others of a multiple of its planes.
        reach: planes along d.
        planes: of a slab, without its neighbours; None: 16.
        scale: planes of the result for one of the first map.
    """
    maps = (maps,) if isinstance(maps, torch.Tensor) else maps
    d = maps[0].shape[2]
    if maps[0].device.type != "cpu" or maps[0].numel() <= _SMALL:
        return function(*maps)
    step = planes or _PLANES
    starts = range(0, d, step)
    rows = (slice(start, min(start + step, d)) for start in starts)
    return joined((_seen(function, maps, reach, part, scale) for part in rows), 2, scale * d)


def _seen(
    function: Callable[..., Tensor],
    maps: tuple[Tensor, ...],
    reach: int,
    rows: slice,
    scale: int,
) -> Tensor:
    """One slab of `by_slabs`."""
    depth = maps[0].shape[2]
    around, inner = widened(rows, reach, depth)
    seen = function(*(one[:, :, _times(around, one.shape[2] // depth)] for one in maps))
    return seen[:, :, _times(inner, scale)]


def _times(rows: slice, scale: int) -> slice:
    """The same rows of a map of more planes."""
    return slice(scale * rows.start, scale * rows.stop)
