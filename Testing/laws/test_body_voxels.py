"""Values and derivatives at the voxels of a body, on a grid whose three sides differ."""

from __future__ import annotations

import pytest
import torch

from UniFuseLib.registration.body_voxels import BodyVoxels

SHAPE = (5, 7, 9)


def noise(channels: int) -> torch.Tensor:
    return torch.randn(1, channels, *SHAPE, generator=torch.Generator().manual_seed(channels))


@pytest.mark.parametrize("everywhere", [True, False])
def test_values_and_derivatives_are_those_of_the_whole_volume(everywhere: bool) -> None:
    volume = noise(3)
    body = torch.ones(1, 1, *SHAPE) if everywhere else (noise(1) > 0.3).float()
    inside = body[0, 0] > 0
    voxels = BodyVoxels.of_mask(body)
    assert torch.equal(voxels.of(volume), volume[0][:, inside])
    whole = torch.stack(torch.gradient(volume[0], dim=(1, 2, 3)))
    torch.testing.assert_close(voxels.gradient(volume), whole[:, :, inside])


def test_parts_together_are_the_whole() -> None:
    volume, voxels = noise(3), BodyVoxels.of_mask((noise(1) > 0.3).float())
    parts = list(voxels.parts(17))
    values = torch.cat([part.of(volume) for _, part in parts], dim=1)
    assert torch.equal(values, voxels.of(volume))
    assert torch.equal(
        torch.cat([p.gradient(volume) for _, p in parts], 2), voxels.gradient(volume)
    )
    for rows, part in parts:
        assert torch.equal(part.of(volume), values[:, rows])


def test_a_body_without_a_voxel_has_no_value() -> None:
    voxels = BodyVoxels.of_mask(torch.zeros(1, 1, *SHAPE))
    assert voxels.gradient(noise(2)).shape == (3, 2, 0)
