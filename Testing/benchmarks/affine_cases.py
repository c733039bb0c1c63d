"""The pairs and the motions of `affine_registration.py`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from scipy import ndimage
from scipy.spatial.transform import Rotation

from UniFuseLib.io.volumes import read_volume
from UniFuseLib.preprocessing.body import body_mask
from UniFuseLib.registration.affine_parameters import distance_mm, rigid_matrix
from UniFuseLib.spatial.volume import Volume

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

_STRIP_MM = 15.0  # what a simulated skull stripping takes off
_SLAB = 8  # slices
_UPRIGHT_MM = 26.0


class Pair(NamedTuple):
    name: str
    degraded: Volume
    reference: Volume
    modalities: tuple[str, str]


class Group(NamedTuple):
    """Pairs, and the motion that is put into their headers."""

    title: str
    pairs: Callable[[Path], Iterator[Pair]]
    motion: Callable[[np.random.Generator, np.ndarray], np.ndarray]
    related: bool = True


def small(rng: np.random.Generator, points: np.ndarray) -> np.ndarray:
    """3 to 15 mm inside the body, turns and shifts in the ratio of 10° to 12 mm."""
    centre = points.mean(axis=0)
    turn, shift = rng.uniform(-10, 10, 3), rng.uniform(-12, 12, 3)
    wanted, scale = rng.uniform(3, 15), 1.0

    def scaled() -> np.ndarray:
        rotation = Rotation.from_rotvec(np.deg2rad(scale * turn)).as_matrix()
        return rigid_matrix(rotation, centre, centre + scale * shift)

    for _ in range(20):
        scale *= wanted / distance_mm(scaled(), np.eye(4), points)
    return scaled()


def turned(rng: np.random.Generator, points: np.ndarray) -> np.ndarray:
    """By 30 to 180° about any axis, and 15 mm."""
    centre = points.mean(axis=0)
    rotation = Rotation.from_rotvec(np.deg2rad(rng.uniform(30, 180)) * _direction(rng))
    return rigid_matrix(rotation.as_matrix(), centre, centre + rng.uniform(-15, 15, 3))


def apart(rng: np.random.Generator, points: np.ndarray) -> np.ndarray:
    """By 0 to 180° and 200 to 500 mm."""
    centre = points.mean(axis=0)
    rotation = Rotation.from_rotvec(np.deg2rad(rng.uniform(0, 180)) * _direction(rng))
    shift = rng.uniform(200, 500) * _direction(rng)
    return rigid_matrix(rotation.as_matrix(), centre, centre + shift)


def still(rng: np.random.Generator, points: np.ndarray) -> np.ndarray:
    """Not at all."""
    return np.eye(4)


def _direction(rng: np.random.Generator) -> np.ndarray:
    vector: np.ndarray = rng.normal(size=3)
    return vector / np.linalg.norm(vector)


def _of(folder: str, degraded: str, reference: str, modalities: tuple[str, str]) -> Any:
    def pairs(data: Path) -> Iterator[Pair]:
        for patient in sorted((data / folder).glob("*")):
            files = [patient / f"{name}.nii.gz" for name in (degraded, reference)]
            if all(file.exists() for file in files):
                first, second = (read_volume(file) for file in files)
                yield Pair(f"{patient.name} {degraded}", first, second, modalities)

    return pairs


HEADS = _of("heads_real", "ct", "mr", ("ct", "mr"))
LIMBS = _of("ct_pet_mr", "ct", "mr_t1", ("ct", "mr"))
PET = _of("ct_pet_mr", "pet_suv", "ct", ("pet", "ct"))


def mr_on_mr(data: Path) -> Iterator[Pair]:
    """T2 and FLAIR on T1."""
    for degraded in ("t2w", "flair"):
        yield from _of("mr_multi", degraded, "t1w", ("mr", "mr"))(data)


def stripped(data: Path) -> Iterator[Pair]:
    """The same without what lies within 15 mm of the skin: 0 in the degraded volume."""
    for pair in mr_on_mr(data):
        volume = pair.degraded
        body = np.pad(body_mask(volume.array, volume.grid.spacing, "mr"), 1)
        depth = ndimage.distance_transform_edt(body, sampling=volume.grid.spacing)
        inner = depth[1:-1, 1:-1, 1:-1] > _STRIP_MM
        yield pair._replace(degraded=Volume(np.where(inner, volume.array, 0), volume.affine))


def slab(data: Path) -> Iterator[Pair]:
    """Eight slices of the degraded volume, at three heights."""
    for pair in mr_on_mr(data):
        axis = int(np.argmax(pair.degraded.grid.spacing))
        for height in (0.25, 0.5, 0.75):
            volume = piece(pair.degraded, axis, height, _SLAB)
            yield pair._replace(name=f"{pair.name} at {height}", degraded=volume)


def slab_reference(data: Path) -> Iterator[Pair]:
    """Eight middle slices of the reference."""
    for pair in mr_on_mr(data):
        axis = int(np.argmax(pair.reference.grid.spacing))
        yield pair._replace(reference=piece(pair.reference, axis, 0.5, _SLAB))


def slab_upright(data: Path) -> Iterator[Pair]:
    """26 mm of the degraded volume along both axes in the plane of its slices."""
    for pair in mr_on_mr(data):
        spacing = pair.degraded.grid.spacing
        for axis in np.argsort(spacing)[:2]:
            volume = piece(pair.degraded, axis, 0.5, round(_UPRIGHT_MM / spacing[axis]))
            yield pair._replace(name=f"{pair.name} along {axis}", degraded=volume)


def slab_ct(data: Path) -> Iterator[Pair]:
    """Eight of the 16 to 19 slices of the CT of a head, low and high."""
    for pair in HEADS(data):
        axis = int(np.argmax(pair.degraded.grid.spacing))
        for height in (0.35, 0.7):
            volume = piece(pair.degraded, axis, height, _SLAB)
            yield pair._replace(name=f"{pair.name} at {height}", degraded=volume)


def half(data: Path) -> Iterator[Pair]:
    """55 % of the degraded head, the left or the front of it."""
    for pair in mr_on_mr(data):
        shape = pair.degraded.array.shape
        for axis in np.argsort(pair.degraded.grid.spacing)[:2]:
            volume = piece(pair.degraded, axis, 0.0, round(0.55 * shape[axis]))
            yield pair._replace(name=f"{pair.name} along {axis}", degraded=volume)


def piece(volume: Volume, axis: int, height: float, slices: int) -> Volume:
    """Some slices along an array axis; `height` 0 to 1: how much of the rest lies before them."""
    first = round(height * (volume.array.shape[axis] - slices))
    affine = volume.affine.copy()
    affine[:3, 3] += first * affine[:3, axis]
    return Volume(volume.array.take(range(first, first + slices), axis=axis), affine)


def unrelated(data: Path) -> Iterator[Pair]:
    """CT of a limb on MR of a head and the reverse, PET of a limb on both."""
    for head, limb, pet in zip(HEADS(data), LIMBS(data), PET(data), strict=False):
        name = f"{limb.name} {head.name}"
        yield Pair(f"limb on head {name}", limb.degraded, head.reference, ("ct", "mr"))
        yield Pair(f"head on limb {name}", head.degraded, limb.reference, ("ct", "mr"))
        yield Pair(f"MR limb on head {name}", limb.reference, head.reference, ("mr", "mr"))
        yield Pair(f"PET limb on head {name}", pet.degraded, head.degraded, ("pet", "ct"))


GROUPS = {
    "heads": Group("real heads, CT on MR", HEADS, small),
    "limbs": Group("limbs, CT on MR", LIMBS, small),
    "mr": Group("heads, MR on MR", mr_on_mr, small),
    "pet": Group("limbs, PET on CT", PET, small),
    "stripped": Group("heads, stripped MR on MR", stripped, small),
    "slab": Group("heads, slab of 8 slices, MR on MR", slab, small),
    "slab_reference": Group("heads, MR on a slab of 8 slices", slab_reference, small),
    "slab_upright": Group("heads, upright slab of 26 mm, MR on MR", slab_upright, small),
    "slab_ct": Group("real heads, 8 slices of CT on MR", slab_ct, small),
    "half": Group("half heads, MR on MR", half, small),
    "heads_turned": Group("real heads turned by 30-180°", HEADS, turned),
    "mr_turned": Group("heads, MR on MR, turned by 30-180°", mr_on_mr, turned),
    "heads_apart": Group("real heads without overlap", HEADS, apart),
    "limbs_aligned": Group("limbs, CT on MR, aligned", LIMBS, still),
    "unrelated": Group("different regions", unrelated, still, related=False),
}
