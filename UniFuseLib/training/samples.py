"""One training sample: a crop of two aligned volumes, then warp, then degrade, everything on the
training device.

Order as in a scanner: the misaligned anatomy is read through ψ on the scan's own grid, artefacts
are added there (`scanner.py`), and both come to the crop's grid as a real scan comes to the working
grid.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from UniFuseLib.degradation import CLASSES, DEGRADATION_OF
from UniFuseLib.errors import InputError
from UniFuseLib.network.dapl import AIR
from UniFuseLib.simulation.misalignment import (
    REMAINDER,
    Deformation,
    MisalignmentRange,
    sample_misalignment,
)
from UniFuseLib.simulation.parameters import choice, uniform, uniforms
from UniFuseLib.simulation.tasks import TASKS
from UniFuseLib.spatial.axes import WORKING_AXES
from UniFuseLib.spatial.displacement import world_to_flow
from UniFuseLib.spatial.volume import Grid
from UniFuseLib.training.made_contrast import made_pair
from UniFuseLib.training.scanner import bring, degrade, scanner_grid
from UniFuseLib.training.synthesis import synthetic_pair, synthetic_scanner

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from UniFuseLib.training.config import Frame
    from UniFuseLib.training.data import PackedSubject, PackedVolume

_TILT_DEG = 6.0  # of a crop, about each axis
# the reference that goes with a degraded modality in the three tasks; the other ones are drawn less
# often
_TASK_REFERENCE = {task.degraded: task.reference for task in TASKS.values()}
_TASK_SHARE = 2 / 3
_MARGIN_MM = 30.0  # the misaligned, tilted crop of a made pair reads beyond its own edge


@dataclass(frozen=True)
class SampleSettings:
    """What is drawn.

    Attributes:
        crop: voxels along each axis.
        pairings: (degraded, reference) roles of real subjects; empty: every ordered pair.
        frame: `crop` is an isotropic cube around a point of the body; `whole` is the whole
            reference, resized to the cube as in the paper (Sec. 4.1: 160³ with random cropping and
            scaling).
        spacings_mm: of a crop, one is drawn (few, so that projectors are reused).
        synthetic: share of samples that come from label maps. clean: share of inputs without
            degradation.
        partial: share of volumes whose field of view ends inside the crop. thick: of synthetic
            scans with thick slices.
        still: share of samples without misalignment. ranges: of the misalignment.
        made: share of the real samples that pair a CT or MR with a contrast made from itself.
    """

    crop: int = 64
    pairings: tuple[tuple[str, str], ...] = ()
    frame: Frame = "crop"
    spacings_mm: tuple[float, ...] = (1.5, 2.0)
    synthetic: float = 0.35
    clean: float = 0.25
    partial: float = 0.0
    thick: float = 0.0
    still: float = 0.2
    ranges: MisalignmentRange = REMAINDER
    made: float = 0.0


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


class Pair(NamedTuple):
    """Two aligned volumes; the first one gets misaligned and degraded."""

    degraded: PackedVolume
    reference: PackedVolume
    scanner: Grid  # of the degraded scan, as its scanner makes it; its extent does not matter


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
    """One sample; all randomness from `generator` (CPU)."""
    spacing = choice(generator, settings.spacings_mm)
    pair, centre = _draw_pair(subjects, settings, spacing, generator)
    grid = _GRIDS[settings.frame](pair.reference.grid, centre, settings.crop, spacing, generator)
    reach = settings.crop * spacing / 2
    if uniform(generator, 0, 1) < settings.partial:
        pair = pair._replace(degraded=_cut(pair.degraded, centre, reach, generator))
    if uniform(generator, 0, 1) < settings.partial:
        pair = pair._replace(reference=_cut(pair.reference, centre, reach, generator))
    still = uniform(generator, 0, 1) < settings.still
    ranges = replace(
        settings.ranges, rotation_deg=0.0, translation_mm=0.0, scale=0.0, elastic_mm=0.0
    )
    parameters = sample_misalignment(generator, (grid,), ranges if still else settings.ranges)
    deformation = Deformation(parameters, pair.reference.codes.device)
    reference, reference_moved = (
        pair.reference.read(grid),
        pair.reference.read(grid, deformation.psi(grid)),
    )
    reference, reference_moved = _vary((reference, reference_moved), pair.reference.kind, generator)

    kind = pair.degraded.kind
    scanner = scanner_grid(pair.scanner, grid, kind)
    # the noise of CT and PET tells clean from degraded; MR has more voxels and less noise
    scanned = pair.degraded.read(scanner, deformation.psi(scanner), cubic=kind != "mr")
    clean, scanned = _vary((pair.degraded.read(grid), scanned), kind, generator)
    label = "clean" if uniform(generator, 0, 1) < settings.clean else DEGRADATION_OF[kind]
    harmed = degrade(scanned, kind, label, scanner, generator)
    fine, degraded = (bring(volume, scanner, grid) for volume in (scanned, harmed))
    device = degraded.device
    return Sample(
        degraded,
        reference,
        clean,
        fine,
        reference_moved,
        world_to_flow(deformation.phi(grid), grid),
        torch.tensor([CLASSES.index(label)], device=device),
        _body_weight(reference, clean),
        torch.tensor(grid.spacing[None], device=device, dtype=torch.float32),
    )


def _draw_pair(
    subjects: list[PackedSubject],
    settings: SampleSettings,
    spacing_mm: float,
    generator: torch.Generator,
) -> tuple[Pair, np.ndarray]:
    """A pair of different volumes of one subject, and a point of the body, RAS mm."""
    real = tuple(s for s in subjects if "labels" not in s.volumes)
    labels = tuple(s for s in subjects if "labels" in s.volumes)
    if labels and (not real or uniform(generator, 0, 1) < settings.synthetic):
        subject = choice(generator, labels)
        centre = _point_inside(subject.volumes["labels"], generator)
        scans = synthetic_pair(
            subject.volumes["labels"], centre, settings.crop, spacing_mm, settings.thick, generator
        )
        return Pair(*scans, synthetic_scanner(scans[0], spacing_mm, generator)), centre
    if settings.made and uniform(generator, 0, 1) < settings.made:
        return _made_pair(real, settings.crop, spacing_mm, generator)
    # degraded modality first, then the reference's, then the subject: every class is drawn as often
    # as the others
    pairings: dict[str, dict[str, list[Pair]]] = {}
    for subject in real:
        for a, degraded in subject.volumes.items():
            for b, reference in subject.volumes.items():
                if (a, b) in settings.pairings if settings.pairings else a != b:
                    of_kind = pairings.setdefault(degraded.kind, {}).setdefault(reference.kind, [])
                    of_kind.append(Pair(degraded, reference, degraded.grid))
    if not pairings:
        raise InputError(
            "No subject has two volumes that pair up "
            f"(asked for: {settings.pairings or 'any two'})."
        )
    kind = choice(generator, tuple(sorted(pairings)))
    references = pairings[kind]
    pair = choice(
        generator, tuple(references[_reference_kind(kind, sorted(references), generator)])
    )
    return pair, _point_inside(pair.reference, generator)


def _made_pair(
    subjects: tuple[PackedSubject, ...], crop: int, spacing_mm: float, generator: torch.Generator
) -> tuple[Pair, np.ndarray]:
    """A scan and a contrast made from it; scans that stand alone are drawn as often as all others
    together.
    """
    scans = [[v for v in s.volumes.values() if v.kind in ("ct", "mr")] for s in subjects]
    alone = [
        of_one for of_one, s in zip(scans, subjects, strict=True) if of_one and len(s.volumes) == 1
    ]
    together = [
        of_one for of_one, s in zip(scans, subjects, strict=True) if of_one and len(s.volumes) > 1
    ]
    groups = tuple(tuple(group) for group in (alone, together) if group)
    if not groups:
        raise InputError(
            "No subject has a CT or MR from which a contrast could be made; set made = 0."
        )
    scan = choice(generator, tuple(choice(generator, choice(generator, groups))))
    centre = _point_inside(scan, generator)
    return Pair(
        *made_pair(scan, centre, crop * spacing_mm + _MARGIN_MM, spacing_mm, generator)
    ), centre


def _reference_kind(degraded: str, kinds: list[str], generator: torch.Generator) -> str:
    """One of `kinds`; that of the task takes `_TASK_SHARE`. MR of one patient are few: drawn alike
    with MR of a limb on CT or PET, motion of T2 and FLAIR would hardly be met."""
    task = _TASK_REFERENCE[degraded]
    others = tuple(kind for kind in kinds if kind != task)
    if task in kinds and (not others or uniform(generator, 0, 1) < _TASK_SHARE):
        return task
    return choice(generator, others)


def _point_inside(volume: PackedVolume, generator: torch.Generator) -> np.ndarray:
    """RAS mm of a voxel that is not background (the best of a few)."""
    index, best = np.zeros(3), -1
    for _ in range(8):
        drawn = np.array([int(uniform(generator, 0.15, 0.85) * n) for n in volume.codes.shape])
        code = int(volume.codes[tuple(drawn)])
        if code > best:
            index, best = drawn, code
        if best > 25 or (volume.labels and best > 0):
            break
    return volume.grid.affine[:3, :3] @ index + volume.grid.affine[:3, 3]


def _cut(
    volume: PackedVolume, centre: np.ndarray, reach_mm: float, generator: torch.Generator
) -> PackedVolume:
    """The volume with its field of view ending, along one of its axes, 30 to 100 % of `reach_mm`
    from `centre`.
    """
    axis, side = choice(generator, (0, 1, 2)), choice(generator, (-1, 1))
    at = float(np.linalg.solve(volume.grid.affine, np.append(centre, 1.0))[axis])
    end = at + side * uniform(generator, 0.3, 1.0) * reach_mm / float(volume.grid.spacing[axis])
    size = volume.grid.shape[axis]
    if side > 0:
        return volume.narrowed(axis, 0, min(max(round(end), 1), size))
    first = min(max(round(end), 0), size - 1)
    return volume.narrowed(axis, first, size - first)


def _crop_grid(
    _around: Grid, centre: np.ndarray, crop: int, spacing_mm: float, generator: torch.Generator
) -> Grid:
    """Isotropic crop around `centre`, d → S, h → P, w → L up to a small tilt and a random
    mirror.
    """
    x, y, z = np.deg2rad(uniforms(generator, -_TILT_DEG, _TILT_DEG, 3))
    turn = torch.from_numpy(np.array([[0, -z, y], [z, 0, -x], [-y, x, 0]]))
    tilt = torch.linalg.matrix_exp(turn).numpy()
    mirror = np.array([choice(generator, (-1.0, 1.0)) for _ in range(3)])
    directions = tilt @ WORKING_AXES * mirror
    shape = (crop, crop, crop)
    affine = np.eye(4)
    affine[:3, :3] = directions * spacing_mm
    affine[:3, 3] = centre - affine[:3, :3] @ ((np.array(shape) - 1) / 2)
    return Grid(shape, affine)


def _whole_grid(
    whole: Grid, _centre: np.ndarray, crop: int, _spacing_mm: float, generator: torch.Generator
) -> Grid:
    """A random box with 80 to 100 % of the sides of `whole`, on the cube: cropping and scaling in
    one.
    """
    matrix, first = whole.affine[:3, :3], whole.affine[:3, 3]
    full = np.array(whole.shape)
    sides = full * np.array(uniforms(generator, 0.8, 1.0, 3))
    start = (full - sides) * np.array(
        uniforms(generator, 0.0, 1.0, 3)
    ) - 0.5  # the box's near face, in voxels
    ratio = sides / crop
    affine = np.eye(4)
    affine[:3, :3] = matrix * ratio
    affine[:3, 3] = first + matrix @ (start + ratio / 2)
    return Grid((crop, crop, crop), affine)


_GRIDS: dict[Frame, Callable[[Grid, np.ndarray, int, float, torch.Generator], Grid]] = {
    "crop": _crop_grid,
    "whole": _whole_grid,
}


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
