"""What is added to the network's restored volume, from the local statistics of every voxel.

A few small networks, each a function of one voxel's numbers, whose mean counts: some thousand
parameters, fitted to the scans of the training patients after the network was.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from UniFuseLib.restoration.statistics import (
    BESIDE_PREDICTION,
    COUNT,
    RESIDUAL,
    statistics,
    with_prediction,
)

if TYPE_CHECKING:
    from UniFuseLib.restoration.aligned_pair import AlignedPair
    from UniFuseLib.restoration.profile import Profile

_LIMIT = 5.0  # deviations beyond which a number says no more


@dataclass(frozen=True)
class CorrectionConfig:
    """Numbers of a `Correction`.

    Attributes:
        classes: degradations that are corrected.
        references: modality of the reference that each of them was fitted beside.
        predicted: whether each of them reads what the reference predicts of the restored volume.
        residuals: whether each of them reads what the network took away around a voxel.
        members: networks of each class, whose mean counts.
        hidden: width of their two hidden layers.
    """

    classes: tuple[str, ...]
    references: tuple[str, ...]
    predicted: tuple[bool, ...]
    residuals: tuple[bool, ...]
    members: int = 3
    hidden: int = 64

    def inputs(self, label: str) -> int:
        """Numbers that are known of a voxel."""
        prediction = BESIDE_PREDICTION if self.reads_prediction(label) else 0
        return COUNT + prediction + (RESIDUAL if self.reads_residuals(label) else 0)

    def reads_prediction(self, label: str) -> bool:
        """Of one of the classes."""
        return self.predicted[self.classes.index(label)]

    def reads_residuals(self, label: str) -> bool:
        """Of one of the classes."""
        return self.residuals[self.classes.index(label)]

    def to_dict(self) -> dict[str, Any]:
        """Plain values, for the contract."""
        return asdict(self)


class VoxelNetwork(nn.Sequential):
    """`(n, inputs)`, scaled → `(n, 1)`, a network intensity."""

    def __init__(self, inputs: int, hidden: int) -> None:
        super().__init__(
            nn.Linear(inputs, hidden),
            nn.GELU(),
            nn.Linear(hidden, hidden),
            nn.GELU(),
            nn.Linear(hidden, 1),
        )


class ClassCorrection(nn.Module):
    """The correction of one class of degradation."""

    mean: Tensor
    deviation: Tensor

    def __init__(self, config: CorrectionConfig, label: str) -> None:
        super().__init__()
        inputs = config.inputs(label)
        self.register_buffer("mean", torch.zeros(inputs))
        self.register_buffer("deviation", torch.ones(inputs))
        self.members = nn.ModuleList(
            VoxelNetwork(inputs, config.hidden) for _ in range(config.members)
        )

    def scaled(self, known: Tensor) -> Tensor:
        """Statistics in deviations from their mean, `(n, inputs)`."""
        return (known - self.mean).div_(self.deviation).clamp_(-_LIMIT, _LIMIT)

    def forward(self, known: Tensor) -> Tensor:
        """`(n, inputs)` statistics → `(n,)` what is added, network intensities."""
        x = self.scaled(known)
        added = torch.stack([member(x)[:, 0] for member in self.members])
        return added.mean(0)


class Correction(nn.Module):
    """Corrections by class.

    Args:
        config: its numbers.
    """

    def __init__(self, config: CorrectionConfig) -> None:
        super().__init__()
        self.config = config
        self.of_class = nn.ModuleDict(
            {name: ClassCorrection(config, name) for name in config.classes}
        )

    def suits(self, label: str, reference: str) -> bool:
        """Whether this degradation was fitted, beside a reference of this modality."""
        return (label, reference) in zip(self.config.classes, self.config.references, strict=True)

    @torch.no_grad()
    def forward(self, pair: AlignedPair, label: str, profile: Profile | None = None) -> Tensor:
        """What is added inside the body, `(1, 1, d, h, w)` network intensities, 0 elsewhere.

        Args:
            pair: the restored volume, and the reference that it is aligned with.
            label: class of the degradation, one of the config's.
            profile: sees the statistics of every voxel.
        """
        change = torch.zeros_like(pair.restored)
        beside = with_prediction(pair) if self.config.reads_prediction(label) else None
        residuals = self.config.reads_residuals(label)
        for rows, known in statistics(pair, beside, residuals=residuals):
            added = [torch.zeros(0)]
            for lines in known:
                added.append(self.of_class[label](lines))
                if profile is not None:
                    profile.see(lines)
            change[:, :, rows][pair.body[:, :, rows]] = torch.cat(added)
        return change


@dataclass(frozen=True)
class CorrectionContract:
    """What the weights of a `Correction` promise.

    Attributes:
        name: of the weights.
        correction: `CorrectionConfig` as a dict.
        network_sha256: of the network whose restored volumes they correct.
        sha256: of the safetensors file.
        license: SPDX name.
        training: how they were fitted, by class.
        validation: what they scored, by class.
        version: of this file format.
    """

    name: str
    correction: dict[str, Any]
    network_sha256: str
    sha256: str
    license: str
    training: dict[str, Any] = field(default_factory=dict)
    validation: dict[str, Any] = field(default_factory=dict)
    version: int = 1

    def to_text(self) -> str:
        """The JSON file beside the weights."""
        return json.dumps(asdict(self), indent=2, ensure_ascii=False) + "\n"
