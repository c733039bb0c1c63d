"""What makes a graphics card wait: values and sizes that the network asks of its device."""

from __future__ import annotations

import pytest
import torch

from Testing.benchmarks.gpu import Waits
from UniFuseLib.network.build import build, preset

_MOST = 4  # of one stage; which patches are body is one of them


def waits(side: int) -> dict[str, int]:
    """By stage, of volumes with `side`³ voxels."""
    torch.manual_seed(0)
    network = build(preset("small")).eval()
    degraded, reference = torch.rand(2, 1, 1, side, side, side).unbind()
    counted = Waits()
    with torch.no_grad(), counted:
        counted.progress(0.0, "field")
        registered = network.register(degraded, reference)
        counted.progress(0.0, "fused")
        network.fuse(registered)
    return {stage: counted.found[stage] for stage in ("field", "fused")}


def test_a_wait_is_counted() -> None:
    counted = Waits()
    with counted:
        counted.progress(0.0, "here")
        torch.ones(3).sum().item()
        torch.ones(3)[torch.tensor([True, False, True])]
    assert counted.found["here"] >= 2


@pytest.mark.parametrize("stage", ["field", "fused"])
def test_the_network_waits_a_few_times_however_large_the_volumes_are(stage: str) -> None:
    few, more = waits(32)[stage], waits(48)[stage]
    assert few == more <= _MOST
