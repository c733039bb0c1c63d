"""Parts of a map made one after the other, without all of them at once."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from collections.abc import Iterator

    from torch import Tensor


def joined(parts: Iterator[Tensor], dim: int, length: int) -> Tensor:
    """Parts one behind the other along an axis; each is freed before the next one is made.

    With gradients, which need all of them, they are concatenated.

    Args:
        parts: `(b, c, d, h, w)`, alike but for their lengths along the axis; at least one.
        dim: the axis.
        length: of all parts together.
    """
    if torch.is_grad_enabled():
        return torch.cat(list(parts), dim=dim)
    first = next(parts)
    size = [length if axis == dim else n for axis, n in enumerate(first.shape)]
    out, filled = first.new_empty(size), first.shape[dim]
    out.narrow(dim, 0, filled).copy_(first)
    del first
    for part in parts:
        out.narrow(dim, filled, part.shape[dim]).copy_(part)
        filled += part.shape[dim]
    return out
