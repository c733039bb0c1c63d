#!/usr/bin/env python3
"""How far from the truth the registration before the network ends, on real volumes.

    python Testing/benchmarks/affine_registration.py DATA \\
        --output docs/results/affine-registration.json

DATA holds `heads_real/*/{ct,mr}.nii.gz`, `ct_pet_mr/*/{ct,mr_t1,pet_suv}.nii.gz` and
`mr_multi/*/{t1w,t2w,flair}.nii.gz`, each patient's volumes in one frame. The truth is a rigid
motion that is put into the header of the degraded volume; nothing is resampled. The error is the
mean distance inside the reference's body between where the found and the true motion send a point;
the repeatability is the largest such distance between two starts of one pair.
"""

from __future__ import annotations

import argparse
import itertools
import json
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import torch
from scipy import ndimage
from scipy.spatial.transform import Rotation

from UniFuseLib.io.volumes import read_volume
from UniFuseLib.preprocessing.body import body_mask
from UniFuseLib.preprocessing.intensity import fit
from UniFuseLib.registration.affine import AffineResult, register
from UniFuseLib.registration.affine_parameters import distance_mm, rigid_matrix
from UniFuseLib.registration.alignment_volume import alignment_volume
from UniFuseLib.spatial.axes import canonical
from UniFuseLib.spatial.volume import Volume

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from UniFuseLib.registration.alignment_volume import AlignmentVolume

_POINTS = 4000  # of the body, for errors
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


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("data", type=Path)
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--groups", nargs="+", choices=GROUPS, default=list(GROUPS))
    parser.add_argument("--starts", type=int, default=5, help="motions of each pair")
    parser.add_argument("--most", type=int, default=99, help="pairs of each group")
    args = parser.parse_args()
    torch.set_num_threads(1)
    content = json.loads(args.output.read_text()) if args.output.exists() else {}
    for key in args.groups:
        group = GROUPS[key]
        pairs = itertools.islice(group.pairs(args.data), args.most)
        starts = args.starts if group.motion is not still else 1
        rows = [row for pair in pairs for row in measured(pair, group, starts)]
        content[key] = {"title": group.title, "summary": summary(rows, group), "cases": rows}
        sys.stdout.write(f"{group.title}: {json.dumps(content[key]['summary'])}\n")
        sys.stdout.flush()
        args.output.parent.mkdir(parents=True, exist_ok=True)
        args.output.write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n")
    return 0


def measured(pair: Pair, group: Group, starts: int) -> list[dict[str, Any]]:
    """One row for each start."""
    reference = seen(pair.reference, pair.modalities[1])
    points = reference.points(_POINTS)
    rows, ends = [], []
    for start in range(starts):
        rng = np.random.default_rng([start, *map(ord, pair.name)])
        truth = group.motion(rng, points)
        moved = Volume(pair.degraded.array, truth @ pair.degraded.affine)
        began = time.process_time()
        result = register(seen(moved, pair.modalities[0]), reference)
        seconds = time.process_time() - began
        ends.append(np.linalg.inv(truth) @ result.matrix)
        apart_mm = max(distance_mm(ends[-1], end, points) for end in ends)
        rows.append(
            row(pair.name, truth, result, points, seconds) | {"apart_mm": round(apart_mm, 3)}
        )
    return rows


def seen(volume: Volume, modality: str) -> AlignmentVolume:
    """As `preprocessing.prepare` hands it to the registration."""
    stored = canonical(volume)
    body = body_mask(stored.array, stored.grid.spacing, modality)
    return alignment_volume(stored, body, modality, fit(stored.array, body, modality))


def row(
    name: str, truth: np.ndarray, result: AffineResult, points: np.ndarray, seconds: float
) -> dict[str, Any]:
    """What is kept of one registration."""
    evidence = result.evidence
    return {
        "name": name,
        "before_mm": round(distance_mm(np.eye(4), truth, points), 3),
        "after_mm": round(distance_mm(result.matrix, truth, points), 3),
        "followed": result.followed,
        "sigmas": evidence and round(evidence.chance.sigmas(evidence.score), 2),
        "ratio": evidence and round(evidence.score / evidence.chance.best, 2),
        "cpu_seconds": round(seconds, 2),
    }


def summary(rows: list[dict[str, Any]], group: Group) -> dict[str, Any]:
    """The row of the table."""
    before, after, apart_mm, above, ratio = (
        np.array([row[key] for row in rows])
        for key in ("before_mm", "after_mm", "apart_mm", "sigmas", "ratio")
    )
    kept = sum(not row["followed"] for row in rows)
    common = {
        "cases": len(rows),
        "kept_as_the_files_place_them": kept,
        "sigmas_least": round(float(above.min()), 1),
        "sigmas_most": round(float(above.max()), 1),
        "ratio_least": round(float(ratio.min()), 2),
        "ratio_most": round(float(ratio.max()), 2),
        "cpu_seconds": round(float(np.mean([row["cpu_seconds"] for row in rows])), 2),
    }
    if not group.related:
        return common
    return {
        "before_mm": round(float(before.mean()), 2),
        "median_mm": round(float(np.median(after)), 2),
        "mean_mm": round(float(after.mean()), 2),
        "worst_mm": round(float(after.max()), 2),
        "worse": int((after > before + 0.3).sum()),
        "apart_mm_worst": round(float(apart_mm.max()), 2),
        **common,
    }


if __name__ == "__main__":
    raise SystemExit(main())
