"""Real pairs in one frame, whole, stripped or cut to a slab, and what parts them."""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import torch
from scipy import ndimage

from UniFuseLib.io import volumes as io
from UniFuseLib.preprocessing.body import body_mask
from UniFuseLib.simulation.misalignment import MisalignmentRange, sample_misalignment
from UniFuseLib.simulation.misalignment_field import Deformation
from UniFuseLib.spatial.axes import canonical
from UniFuseLib.spatial.displacement import identity_grid, sample_at, world_to_flow
from UniFuseLib.spatial.volume import Volume

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

LEFT_BY_AFFINE = {"rotation_deg": 0.8, "translation_mm": 0.9, "scale": 0.0}
HEAD = MisalignmentRange(**LEFT_BY_AFFINE, elastic_mm=2.0)
LIMB = MisalignmentRange(**LEFT_BY_AFFINE, elastic_mm=10.0)
FAR = MisalignmentRange(rotation_deg=2.0, translation_mm=2.0, scale=0.04, elastic_mm=10.0)
SLAB = 8  # slices
NOISE_HU = 40.0
_FOLLOW_UPS = ("*/ct_torso/*_ct", "val/ct_headneck_openkbp/*_ct", "*/ct_pet_mr/*/ct")


class Case(NamedTuple):
    """One pair in one frame, and what is done to it after the deformation."""

    group: str
    name: str
    degraded: Volume
    reference: Volume
    modalities: tuple[str, str]
    range: MisalignmentRange
    cut: Callable[[Volume], Volume] = lambda volume: volume


def cases(data: Path, limit: int | None = None) -> Iterator[Case]:
    """Every pair of the first patients that the folders offer."""
    for folder in sorted(data.glob("*/mr_multi/openms_patient*"))[:limit]:
        t1, t2, flair = (load(folder / f"{name}.nii.gz") for name in ("t1w", "t2w", "flair"))
        mask = brain(t1, flair)
        for name, other in (("t2", t2), ("flair", flair)):
            yield from head_cases(f"{folder.name} {name}", other, t1, mask)
    for folder in sorted(data.glob("val/heads_real/*"))[:limit]:
        ct, mr = load(folder / "ct.nii.gz"), load(folder / "mr.nii.gz")
        yield Case("head CT on MR", folder.name, ct, mr, ("ct", "mr"), HEAD)
    for file in sorted(data.glob("*/ct_pet_mr/*/mr_t1.nii.gz"))[:limit]:
        ct, mr = load(file.with_name("ct.nii.gz")), load(file)
        yield Case("limb CT on MR", file.parent.name, ct, mr, ("ct", "mr"), LIMB)
    for pattern in _FOLLOW_UPS:
        for file in sorted(data.glob(f"{pattern}.nii.gz"))[:limit]:
            ct = load(file)
            name = f"{file.parent.name} {file.name.split('_')[0]}"
            yield Case("CT on CT", name, ct, ct, ("ct", "ct"), LIMB, noisy)


def head_cases(name: str, degraded: Volume, reference: Volume, mask: np.ndarray) -> Iterator[Case]:
    """MR on MR: whole, stripped to `mask` on either side, cut to a slab on either side."""
    whole = Case("whole MR", name, degraded, reference, ("mr", "mr"), HEAD)
    yield whole
    yield whole._replace(group="whole MR, far", range=FAR)
    yield whole._replace(group="stripped degraded", degraded=strip(degraded, mask))
    yield whole._replace(group="stripped reference", reference=strip(reference, mask))
    yield whole._replace(group="slab degraded", cut=slab)
    yield whole._replace(group="slab reference", reference=slab(reference))


def draw(case: Case, seed: int) -> Deformation:
    """What parts the pair; seed 0 leaves it."""
    generator = torch.Generator().manual_seed(seed * 1000 + zlib.crc32(case.name.encode()) % 1000)
    grids = (case.reference.grid, case.degraded.grid)
    drawn = sample_misalignment(generator, grids, case.range)
    return Deformation(drawn.scaled(1.0 if seed else 0.0))


def deformed(clean: Volume, deformation: Deformation) -> Volume:
    """clean(ψ(X)) on its own grid, without the outer slices that would read beyond it."""
    grid = clean.grid
    u = world_to_flow(deformation.psi(grid), grid)[0].numpy()
    index = identity_grid(grid.shape, torch.zeros(1)) + torch.from_numpy(u)[None]
    values = torch.from_numpy(np.ascontiguousarray(clean.array, dtype=np.float32))[None, None]
    moved = sample_at(values, index)[0, 0].numpy()
    kept = tuple(known(index[0, axis].numpy(), axis) for axis in range(3))
    return part(Volume(moved, clean.affine), kept)


def known(index: np.ndarray, axis: int) -> slice:
    """Slices along `axis` between those of which a voxel reads beyond either face."""
    others = tuple(a for a in range(3) if a != axis)
    count, middle = index.shape[axis], index.shape[axis] // 2
    below = np.flatnonzero(index.min(axis=others)[:middle] < -0.5)
    above = np.flatnonzero(index.max(axis=others)[middle:] > count - 0.5)
    first = int(below.max()) + 1 if len(below) else 0
    return slice(first, middle + int(above.min()) if len(above) else count)


def part(volume: Volume, kept: tuple[slice, ...]) -> Volume:
    affine = volume.affine.copy()
    affine[:3, 3] += affine[:3, :3] @ [s.start for s in kept]
    return Volume(np.ascontiguousarray(volume.array[kept]), affine)


def slab(volume: Volume) -> Volume:
    """The middle slices."""
    first = (volume.array.shape[0] - SLAB) // 2
    return part(volume, (slice(first, first + SLAB), slice(0, None), slice(0, None)))


def noisy(volume: Volume) -> Volume:
    """Another scan of the same body: noise of its own."""
    noise = np.random.default_rng(0).normal(0.0, NOISE_HU, volume.array.shape)
    return Volume((volume.array + noise).astype(np.float32), volume.affine)


def strip(volume: Volume, mask: np.ndarray) -> Volume:
    return Volume(np.where(mask, volume.array, 0), volume.affine)


def brain(t1: Volume, flair: Volume) -> np.ndarray:
    """Roughly: what is as bright as the core of the head, connected and more than 11 mm deep."""
    spacing = flair.grid.spacing
    body = body_mask(t1.array, spacing, "mr")
    depth = ndimage.distance_transform_edt(np.pad(body, ((0, 0), (1, 1), (1, 1))), sampling=spacing)
    core = depth[:, 1:-1, 1:-1] > 11
    relative = flair.array / np.percentile(flair.array[core], 50)
    bright = core & (relative > 0.55) & (relative < 2.2)
    labels, _ = ndimage.label(ndimage.distance_transform_edt(bright, sampling=spacing) > 3)
    sizes = np.bincount(labels.ravel())
    sizes[0] = 0
    largest = labels == sizes.argmax()
    grown = ndimage.distance_transform_edt(~largest, sampling=spacing) < 5
    return np.asarray(ndimage.binary_fill_holes(grown & body))


def load(path: Path) -> Volume:
    return canonical(io.read_volume(path))
