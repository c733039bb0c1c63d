"""Descriptors of a volume on a grid: learned ones or MIND-SSC, with one signature.

    describe(volume, grid) → (1, c, d, h, w): c numbers at every voxel of `grid`

Learned weights travel with their contract, as all weights do: `NAME.safetensors` beside
`NAME.json`.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from UniFuseLib.checkpoint import filled
from UniFuseLib.contract import read_signed, sha256_of
from UniFuseLib.io.output_folder import disk_advice, make_folder
from UniFuseLib.io.plain_values import from_plain
from UniFuseLib.spatial.mind import mind_ssc
from UniFuseLib.spatial.resampling import resample
from UniFuseLib.spatial.volume import Grid, Volume
from UniFuseLib.training.descriptors.network import STRIDE, DescriptorConfig, DescriptorNetwork

#: network intensities of a volume, a grid → descriptors on the grid
Describe = Callable[[Volume, Grid], Tensor]


@dataclass(frozen=True)
class DescriptorContract:
    """What a set of descriptor weights promises.

    Attributes:
        name: of the weights.
        network: `DescriptorConfig` as a dict.
        spacing_mm: finest and coarsest spacing of the descriptors that it was trained for.
        sha256: of the safetensors file.
        license: SPDX name.
        training: how it was trained.
        validation: what it scored.
        version: of this format.
    """

    name: str
    network: dict[str, Any]
    spacing_mm: tuple[float, float]
    sha256: str
    license: str
    training: dict[str, Any] = field(default_factory=dict)
    validation: dict[str, Any] = field(default_factory=dict)
    version: int = 1


class LearnedDescriptors:
    """The network of a weights file, ready to describe volumes.

    Args:
        network: in evaluation mode.
        contract: of its weights.
    """

    def __init__(self, network: DescriptorNetwork, contract: DescriptorContract) -> None:
        self._network, self.contract = network, contract

    @torch.no_grad()
    def __call__(self, volume: Volume, grid: Grid) -> Tensor:
        """Vectors shorter than 1, `(1, c, d, h, w)` on `grid`; 0 counts outside the field of view.

        Args:
            volume: network intensities.
            grid: isotropic, of a spacing near those of the contract.
        """
        values, _ = resample(volume, finer(grid), 0.0)
        return self._network(values)


def mind_descriptors(volume: Volume, grid: Grid) -> Tensor:
    """MIND-SSC of dilation 1 on `grid`, `(1, 12, d, h, w)`; 0 counts outside the field of view.

    Args:
        volume: network intensities.
        grid: isotropic.
    """
    return mind_ssc(resample(volume, grid, 0.0)[0], dilation=1)


def finer(grid: Grid) -> Grid:
    """The grid whose blocks of 2³ voxels are the voxels of `grid`: what the network has to see."""
    affine = grid.affine.copy()
    affine[:3, :3] = affine[:3, :3] / STRIDE
    affine[:3, 3] = grid.affine[:3, 3] - affine[:3, :3] @ np.full(3, (STRIDE - 1) / 2)
    d, h, w = (STRIDE * n for n in grid.shape)
    return Grid((d, h, w), affine)


def load_descriptors(weights: Path) -> LearnedDescriptors:
    """The descriptors of a weights file, on the CPU.

    Args:
        weights: `.safetensors` beside its `.json`.

    Raises:
        WeightsError: a file is missing, damaged, or does not fit the network of its contract.
    """
    contract = read_signed(DescriptorContract, weights)
    network = filled(
        weights,
        lambda: DescriptorNetwork(from_plain(DescriptorConfig, contract.network, "network")),
    )
    network.to(memory_format=torch.channels_last_3d)  # type: ignore[call-overload]
    return LearnedDescriptors(network, contract)


def save_descriptors(
    network: DescriptorNetwork, contract: DescriptorContract, weights: Path
) -> DescriptorContract:
    """Write weights (float16) and contract; returns the contract with its checksum.

    Args:
        network: its weights are written.
        contract: `network` and `sha256` are filled in.
        weights: `.safetensors`; the contract goes beside it.

    Raises:
        OutputError: no permission, or the disk is full; nothing is left behind.
    """
    from safetensors.torch import save

    tensors = {
        name: value.detach().half().cpu().contiguous()
        for name, value in network.state_dict().items()
    }
    make_folder(weights.parent)
    with (
        disk_advice(weights),
        tempfile.TemporaryDirectory(prefix=".unifuse-", dir=weights.parent) as working,
    ):
        partial = Path(working) / weights.name
        partial.write_bytes(save(tensors))
        signed = replace(contract, network=asdict(network.config), sha256=sha256_of(partial))
        sidecar = partial.with_suffix(".json")
        sidecar.write_text(json.dumps(asdict(signed), indent=2) + "\n", encoding="utf-8")
        partial.replace(weights)
        sidecar.replace(weights.with_suffix(".json"))
    return signed
