"""Small tensors whose losses can be worked out by hand."""

from __future__ import annotations

import math

import torch

SHAPE = (7, 9, 11)


E10 = math.exp(10.0)  # e^{1/τ} with the paper's τ = 0.1


def generator() -> torch.Generator:
    return torch.Generator().manual_seed(5)


def noise(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.rand(*shape, generator=torch.Generator().manual_seed(seed))


def constant(value: float, channels: int = 1) -> torch.Tensor:
    return torch.full((1, channels, *SHAPE), value)


def two_positions(
    first: tuple[int, int], second: tuple[int, int]
) -> tuple[torch.Tensor, torch.Tensor]:
    """Features e_i at two positions: the only negative of a position is the other one."""
    basis = torch.eye(3)
    a, b = (
        torch.stack([basis[i] for i in pair], dim=1).view(1, 3, 1, 1, 2) for pair in (first, second)
    )
    return a * 7, b * 0.2  # cosine similarity does not know lengths
