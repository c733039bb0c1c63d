"""A network whose flow is known, and one body on two oblique anisotropic grids."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import torch
from torch import Tensor

import UniFuseLib
from UniFuseLib.spatial.displacement import warp
from UniFuseLib.spatial.volume import Grid, Volume

if TYPE_CHECKING:
    from collections.abc import Callable

    from UniFuseLib.fusion_result import FusionResult


class Registered(NamedTuple):
    flow: Tensor
    logits: Tensor
    degraded: Tensor
    reference: Tensor


class Output(NamedTuple):
    fused: Tensor
    moved: Tensor
    restored: Tensor
    blend: Tensor
    detail_weight: Tensor
    flow: Tensor
    logits: Tensor


@dataclass(frozen=True)
class Network:
    """Moves by a smooth flow of about `voxels`, restores nothing, mixes with a constant weight."""

    voxels: tuple[float, float, float] = (0, 0, 0)
    label: int = 0
    blend: float = 0.5
    detail_weight: float = 1.0
    second_label: int = 0  # of the reference
    bases: list[str] = field(default_factory=list)  # that were asked for
    restored_by: list[list[float]] = field(default_factory=list)  # p of the classes, likewise

    def register(
        self, degraded: Tensor, reference: Tensor, *, find_field: bool = True
    ) -> Registered:
        d, h, w = (torch.cos(torch.linspace(-1, 1, n)) for n in degraded.shape[2:])
        bump = d[:, None, None] * h[None, :, None] * w[None, None, :]
        flow = torch.stack([v * bump for v in self.voxels])[None]
        return Registered(flow, _sure_of(self.label), degraded, reference)

    def classify(self, degraded: Tensor, reference: Tensor) -> Tensor:
        assert degraded.shape == reference.shape
        return _sure_of(self.second_label)

    def fuse(
        self,
        registered: Registered,
        flow: Tensor | None = None,
        base: str = "reference",
        probabilities: Tensor | None = None,
    ) -> Output:
        self.bases.append(base)
        self.restored_by.append([] if probabilities is None else probabilities[0].tolist())
        flow = registered.flow if flow is None else flow
        moved = warp(registered.degraded, flow)
        weight = torch.full_like(moved, self.blend)
        fused = moved + weight * (registered.reference - moved)
        detail_weight = torch.full_like(moved, self.detail_weight)
        return Output(fused, moved, moved, weight, detail_weight, flow, registered.logits)


def _sure_of(label: int) -> Tensor:
    logits = torch.zeros(1, 4)
    logits[0, label] = 8.0
    return logits


def content(points: np.ndarray) -> np.ndarray:
    """A lopsided body with inner structure, a function of RAS mm; `(..., 3)` → `(...)`, 0 outside,
    about 0..100.
    """
    r, a, s = np.moveaxis(points, -1, 0)
    body = 1 / (1 + np.exp((np.sqrt((r / 30) ** 2 + (a / 36) ** 2 + ((s - 3) / 33) ** 2) - 1) * 14))
    inner = 60 + 20 * np.sin(r / 6 + 1) * np.cos(a / 8) + 20 * np.cos(s / 7 + r / 15)
    return body * inner


def volume_on(grid: Grid, contrast: Callable[[np.ndarray], np.ndarray] = lambda v: v) -> Volume:
    index = np.stack(np.meshgrid(*[np.arange(n) for n in grid.shape], indexing="ij"), axis=-1)
    values = content(index @ grid.affine[:3, :3].T + grid.affine[:3, 3])
    return Volume(contrast(values).astype(np.float32), grid.affine)


def turned_grid(
    shape: tuple[int, int, int], spacing: tuple[float, float, float], degrees: float
) -> Grid:
    c, s = np.cos(np.deg2rad(degrees)), np.sin(np.deg2rad(degrees))
    affine = np.eye(4)
    affine[:3, :3] = np.array([[c, -s, 0], [s, c, 0], [0, 0, 1]]) @ np.array(
        [[0, 0, -1], [0, -1, 0], [1.0, 0, 0]]
    )
    affine[:3, :3] = affine[:3, :3] * spacing
    affine[:3, 3] = -affine[:3, :3] @ ((np.array(shape) - 1) / 2)
    return Grid(shape, affine)


def run(pair: tuple[Volume, Volume], **options: object) -> FusionResult:
    """What the network finds, unless `refine` is among the options."""
    settings = {
        "working_spacing": 3.0,
        "degraded_modality": "mr",
        "reference_modality": "mr",
        "refine": "off",
    }
    return UniFuseLib.fuse(*pair, **{"model": Network(), **settings, **options})
