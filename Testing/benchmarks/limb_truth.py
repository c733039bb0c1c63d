#!/usr/bin/env python3
"""Whether CT and T1 of a limb agree better as they were published or as they are aligned here.

    python Testing/benchmarks/limb_truth.py DATA... --output docs/results/limb-truth.json

DATA hold `ct_pet_mr/*/{ct,mr_t1}.nii.gz`. The CT is moved, then aligned; what is found is compared
with the pose of the files by three figures that the alignment does not look at, along the way from
the one pose to the other. Cortical bone is dark in T1: its mean there is least where bone lies on
bone. Skin is where the body ends. The correlation ratio (Roche et al. 1998, doi 10.1007/BFb0056301)
is the part of the T1's variance that the CT explains.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import torch
from affine_cases import LIMBS, small
from affine_registration import seen
from scipy import ndimage
from scipy.linalg import expm, logm

from UniFuseLib.preprocessing.body import body_mask
from UniFuseLib.registration.affine import register
from UniFuseLib.registration.affine_parameters import distance_mm
from UniFuseLib.spatial.volume import Volume

if TYPE_CHECKING:
    from affine_cases import Pair

_WAY = (0.0, 0.25, 0.5, 0.75, 1.0)  # 0: the pose of the files, 1: what is found
_CORTEX_HU = 300.0
_BINS = np.linspace(-200.0, 600.0, 65)  # HU; a limb's tissues
_EDGE = 3  # voxels of the T1's border, where no skin is looked for
_SKIN_MM = 15.0  # what is farther from the CT's skin is a cut of the T1's field of view
_POINTS = 4000


class Figures(NamedTuple):
    """Of one pose."""

    cortex: float  # mean T1 under the CT's cortical bone, median of the body = 1; less is better
    skin_mm: float  # median distance of the T1's skin from the CT's; less is better
    correlation_ratio: float  # 0 to 1; more is better


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("data", type=Path, nargs="+")
    parser.add_argument("--output", type=Path, required=True)
    args = parser.parse_args()
    torch.set_num_threads(1)
    rows = []
    for folder in args.data:
        for pair in LIMBS(folder):
            rows.append(measured(pair) | {"validation": folder.name == "val"})
            sys.stdout.write(f"{json.dumps(rows[-1])}\n")
            sys.stdout.flush()
    args.output.write_text(json.dumps({"way": _WAY, "limbs": rows}, indent=1) + "\n")
    return 0


def measured(pair: Pair) -> dict[str, Any]:
    """One limb: how far apart both poses are, and the figures on the way."""
    reference = seen(pair.reference, pair.modalities[1])
    points = reference.points(_POINTS)
    truth = small(np.random.default_rng([0, *map(ord, pair.name)]), points)
    moved = Volume(pair.degraded.array, truth @ pair.degraded.affine)
    result = register(seen(moved, pair.modalities[0]), reference)
    found = np.linalg.inv(truth) @ result.matrix  # RAS of the T1 → RAS of the CT as published
    whole = logm(found).real
    way = [figures(pair, expm(part * whole)) for part in _WAY]
    return {
        "name": pair.name.split()[0],
        "apart_mm": round(distance_mm(found, np.eye(4), points), 2),
        "followed": result.followed,
        **{key: [round(getattr(one, key), 4) for one in way] for key in Figures._fields},
    }


def figures(pair: Pair, pose: np.ndarray) -> Figures:
    """How well CT and T1 agree in one pose.

    Args:
        pair: CT and T1.
        pose: `(4, 4)`, RAS point of the T1 → RAS point of the CT, mm.
    """
    ct, mr = pair.degraded, pair.reference
    ct_body = body_mask(ct.array, ct.grid.spacing, "ct")
    mr_body = body_mask(mr.array, mr.grid.spacing, "mr")
    cortex = (ct.array > _CORTEX_HU) & ndimage.binary_erosion(ct_body, iterations=2)
    under = sampled(mr, mr.array, places(ct, cortex), np.linalg.inv(pose))
    return Figures(
        cortex=float(np.nanmean(under) / np.median(mr.array[mr_body])),
        skin_mm=_skin_mm(ct, ct_body, mr, mr_body, pose),
        correlation_ratio=_correlation_ratio(ct, ct_body, mr, mr_body, pose),
    )


def _skin_mm(
    ct: Volume, ct_body: np.ndarray, mr: Volume, mr_body: np.ndarray, pose: np.ndarray
) -> float:
    skin = mr_body & ~ndimage.binary_erosion(mr_body)
    inner = np.zeros_like(skin)
    inner[(slice(_EDGE, -_EDGE),) * 3] = True
    spacing = ct.grid.spacing
    depth = ndimage.distance_transform_edt(ct_body, sampling=spacing)
    height = ndimage.distance_transform_edt(~ct_body, sampling=spacing)
    distance = np.abs(sampled(ct, depth - height, places(mr, skin & inner), pose))
    return float(np.nanmedian(distance[distance < _SKIN_MM]))


def _correlation_ratio(
    ct: Volume, ct_body: np.ndarray, mr: Volume, mr_body: np.ndarray, pose: np.ndarray
) -> float:
    at = places(mr, mr_body)
    hu, inside = sampled(ct, ct.array, at, pose), sampled(ct, ct_body, at, pose)
    both = inside > 0.5
    bins, values = np.digitize(hu[both], _BINS), mr.array[mr_body][both].astype(float)
    count = np.bincount(bins)
    mean = np.bincount(bins, values) / np.maximum(count, 1)
    return float(1 - np.mean((values - mean[bins]) ** 2) / values.var())


def places(volume: Volume, mask: np.ndarray) -> np.ndarray:
    """RAS mm of the voxels in `mask`, `(n, 3)`."""
    points: np.ndarray = np.argwhere(mask) @ volume.affine[:3, :3].T + volume.affine[:3, 3]
    return points


def sampled(volume: Volume, array: np.ndarray, at: np.ndarray, pose: np.ndarray) -> np.ndarray:
    """`array` on the grid of `volume` at the points `pose` sends `at` to; NaN outside of it."""
    to_index = np.linalg.inv(volume.affine) @ pose
    index = at @ to_index[:3, :3].T + to_index[:3, 3]
    values: np.ndarray = ndimage.map_coordinates(
        array.astype(np.float32), index.T, order=1, cval=np.nan
    )
    return values


if __name__ == "__main__":
    raise SystemExit(main())
