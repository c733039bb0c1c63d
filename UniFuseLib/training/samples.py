"""One training sample: a crop of two aligned volumes, then warp, then degrade, everything on the
training device.

Order as in a scanner: the misaligned anatomy is read through ψ on the scan's own grid, artefacts
are added there (`scanner.py`), and both come to the crop's grid as a real scan comes to the working
grid.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from UniFuseLib.degradation import CLASSES, DEGRADATION_OF
from UniFuseLib.network.dapl import AIR
from UniFuseLib.simulation.misalignment import sample_misalignment
from UniFuseLib.simulation.misalignment_field import Deformation
from UniFuseLib.simulation.parameters import choice, uniform
from UniFuseLib.spatial.displacement import world_to_flow
from UniFuseLib.training.crops import GRIDS, cut
from UniFuseLib.training.pairs import Pair, draw_pair
from UniFuseLib.training.scanner import bring, degrade, scanner_grid

if TYPE_CHECKING:
    from collections.abc import Sequence

    from UniFuseLib.spatial.volume import Grid
    from UniFuseLib.training.data import PackedSubject
    from UniFuseLib.training.sample_settings import SampleSettings


class Sample(NamedTuple):
    """All `(b, 1, d, h, w)` network intensities unless said; one grid."""

    degraded: Tensor  # I'_D
    reference: Tensor  # I_R
    clean: Tensor  # I_D: aligned and clean
    fine: Tensor  # I_fine: misaligned and clean
    reference_moved: Tensor  # I'_R: the reference in the frame of I_fine
    flow: Tensor  # φ_gt (b, 3, d, h, w) voxels
    label: Tensor  # (b,) class index
    weight: Tensor  # 1 in the body, little outside
    spacing_mm: Tensor  # (b, 3)


def generator_of(seed: int, step: int, place: int) -> torch.Generator:
    """The generator of one sample: follows from the run's seed, the step and the place in the whole
    batch alone.
    """
    state = np.random.SeedSequence((seed, step, place)).generate_state(1, np.uint64)
    return torch.Generator().manual_seed(int(state[0] >> np.uint64(1)))


def draw_batch(
    subjects: list[PackedSubject], settings: SampleSettings, generators: Sequence[torch.Generator]
) -> Sample:
    """One sample from each generator."""
    samples = [draw_sample(subjects, settings, generator) for generator in generators]
    return Sample(*(torch.cat(field) for field in zip(*samples, strict=True)))


def draw_sample(
    subjects: list[PackedSubject], settings: SampleSettings, generator: torch.Generator
) -> Sample:
    """One sample; all randomness from `generator` (CPU).

    Raises:
        InputError: see `draw_pair`.
    """
    pair, grid = _pair_on_grid(subjects, settings, generator)
    deformation = _deformation(pair, grid, settings, generator)
    kind = pair.degraded.kind
    reference, reference_moved = _vary(
        (pair.reference.read(grid), pair.reference.read(grid, deformation.psi(grid))),
        pair.reference.kind,
        generator,
    )

    scanner = scanner_grid(pair.scanner, grid, kind)
    # the noise of CT and PET tells clean from degraded; MR has more voxels and less noise
    scanned = pair.degraded.read(scanner, deformation.psi(scanner), cubic=kind != "mr")
    clean, scanned = _vary((pair.degraded.read(grid), scanned), kind, generator)
    label = "clean" if uniform(generator, 0, 1) < settings.clean else DEGRADATION_OF[kind]
    harmed = degrade(scanned, kind, label, scanner, generator)

    device = harmed.device
    return Sample(
        degraded=bring(harmed, scanner, grid),
        reference=reference,
        clean=clean,
        fine=bring(scanned, scanner, grid),
        reference_moved=reference_moved,
        flow=world_to_flow(deformation.phi(grid), grid),
        label=torch.tensor([CLASSES.index(label)], device=device),
        weight=_body_weight(reference, clean),
        spacing_mm=torch.tensor(grid.spacing[None], device=device, dtype=torch.float32),
    )


def _pair_on_grid(
    subjects: list[PackedSubject], settings: SampleSettings, generator: torch.Generator
) -> tuple[Pair, Grid]:
    """Two volumes, some of them ending inside the crop, and the crop's grid."""
    spacing = choice(generator, settings.spacings_mm)
    pair, centre = draw_pair(subjects, settings, spacing, generator)
    make = GRIDS[settings.frame]
    grid = make(pair.reference.grid, centre, settings.crop, spacing, generator)
    reach = settings.crop * spacing / 2
    if uniform(generator, 0, 1) < settings.partial:
        pair = pair._replace(degraded=cut(pair.degraded, centre, reach, generator))
    if uniform(generator, 0, 1) < settings.partial:
        pair = pair._replace(reference=cut(pair.reference, centre, reach, generator))
    return pair, grid


def _deformation(
    pair: Pair, grid: Grid, settings: SampleSettings, generator: torch.Generator
) -> Deformation:
    """Of the size asked for, or none."""
    ranges = settings.ranges
    if uniform(generator, 0, 1) < settings.still:
        ranges = replace(ranges, rotation_deg=0.0, translation_mm=0.0, scale=0.0, elastic_mm=0.0)
    parameters = sample_misalignment(generator, (grid,), ranges)
    return Deformation(parameters, pair.reference.codes.device)


def _vary(
    volumes: tuple[Tensor, Tensor], kind: str, generator: torch.Generator
) -> tuple[Tensor, Tensor]:
    """The same random gain and gamma on both; CT has units and stays as it is."""
    if kind == "ct":
        return volumes
    gain, gamma = uniform(generator, 0.8, 1.2), float(np.exp(uniform(generator, -0.25, 0.25)))
    first, second = (gain * v.clamp(min=0) ** gamma for v in volumes)
    return first, second


def _body_weight(reference: Tensor, clean: Tensor) -> Tensor:
    """1 within two voxels of what is not air, 0.05 elsewhere."""
    near = (torch.maximum(reference, clean) > AIR).float()
    for kernel in ((5, 1, 1), (1, 5, 1), (1, 1, 5)):  # one axis at a time: an eighth of the work
        near = F.max_pool3d(near, kernel, 1, [k // 2 for k in kernel])
    return near.clamp(min=0.05)
