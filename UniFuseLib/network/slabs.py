"""Slabs of a feature map: what fits into a processor's cache, or into memory.

What is computed voxel by voxel needs no more at a time: on a CPU temporaries of a whole map cost
three times the arithmetic, for every one is fetched from memory that was never touched.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from UniFuseLib.spatial.joined import joined

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from torch import Tensor

_NUMBERS = 2**19  # 2 MB; a quarter and four times as many take the same time
_SMALL = 2**22  # numbers of a map that is computed at once: 16 MB
_PLANES = 16  # of a slab that is computed with its neighbours: they add a quarter for a reach of 2


def slabs(features: Tensor) -> Iterator[slice]:
    """Rows of `(b, c, d, h, w)` along d; all at once where it does not lie on the CPU."""
    b, c, d, h, w = features.shape
    rows = max(1, _NUMBERS // (b * c * h * w)) if features.device.type == "cpu" else d
    for start in range(0, d, rows):
        yield slice(start, min(start + rows, d))


def by_slabs(
    function: Callable[[Tensor], Tensor], features: Tensor, reach: int, planes: int | None = None
) -> Tensor:
    """function(features), computed slab by slab, to the same bits.

    Temporaries of a whole map would be the largest tensors of a run: oneDNN alone keeps 16 channels
    where a convolution has one.

    Args:
        function: of `(b, c, n, h, w)`, any n, to `(b, c', n, h, w)`; a voxel reads others up to
            `reach` planes away, and what lies outside the map is made up from its border.
        features: `(b, c, d, h, w)`.
        reach: planes along d.
        planes: of a slab, without its neighbours; None: 16.
    """
    d = features.shape[2]
    if features.device.type != "cpu" or features.numel() <= _SMALL:
        return function(features)
    planes = planes or _PLANES
    return joined(_seen(function, features, reach, planes), dim=2, length=d)


def _seen(
    function: Callable[[Tensor], Tensor], features: Tensor, reach: int, planes: int
) -> Iterator[Tensor]:
    """The slabs of `by_slabs`."""
    d = features.shape[2]
    for start in range(0, d, planes):
        stop, first = min(start + planes, d), max(start - reach, 0)
        seen = function(features[:, :, first : min(stop + reach, d)])
        yield seen[:, :, start - first : stop - first]
