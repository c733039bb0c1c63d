"""What the network gives is finite, or it is refused: no volume of NaN is written in silence."""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch

from UniFuseLib.errors import WeightsError
from UniFuseLib.postprocess import network_result
from UniFuseLib.spatial.volume import Grid, affine_of

if TYPE_CHECKING:
    from torch import Tensor

SHAPE = (7, 9, 11)


def volume(seed: int, channels: int = 1) -> Tensor:
    return torch.rand(1, channels, *SHAPE, generator=torch.Generator().manual_seed(seed))


def pair() -> Any:
    grid = Grid(SHAPE, affine_of(np.diag([-2.0, 1.5, 1.2]), np.zeros(3)))
    alignment = SimpleNamespace(matrix=np.eye(4))
    return SimpleNamespace(grid=grid, degraded=volume(1), reference=volume(2), alignment=alignment)


def output(**others: Tensor) -> Any:
    maps = {name: volume(n) for n, name in enumerate(("fused", "restored", "blend", "moved"))}
    return SimpleNamespace(**{**maps, "detail_weight": volume(4), "flow": volume(5, 3), **others})


def test_finite_numbers_are_carried_over() -> None:
    assert network_result(pair(), output()).stacked.shape == (1, 8, *SHAPE)


@pytest.mark.parametrize("name", ["fused", "moved", "restored", "blend", "detail_weight", "flow"])
@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_one_voxel_that_is_no_number_is_refused(name: str, value: float) -> None:
    broken = volume(6, 3 if name == "flow" else 1)
    broken[0, 0, 3, 4, 5] = value
    with pytest.raises(WeightsError, match="float32"):
        network_result(pair(), output(**{name: broken}))
