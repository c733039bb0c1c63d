#!/usr/bin/env python3
"""How dense the restored CT shows tissue, bone and small dense structures.

    python Testing/benchmarks/restored_density.py CASES --output rows.jsonl [--ids ID ...]

CASES is a folder that `unifuse simulate` made, of which the degraded CTs count. In the scan's own
frame, beside the reference that the truth aligned: mean difference from the clean scan, HU, where
it has the HU of a range, and in small dense structures: pieces above 150 HU of less than 0.5 ml,
8 mm and more from large ones; and the gain in PSNR inside the body, dB. `scan` is the degraded one,
`without` and `with`: what stands out of its noise, which comes back. One thread.
"""

from __future__ import annotations

import argparse
import json
import sys
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

import numpy as np
import torch
from scipy import ndimage

from UniFuseLib.checkpoint import load_model
from UniFuseLib.evaluation.case_evaluator import case_evaluator
from UniFuseLib.evaluation.cases import read_case
from UniFuseLib.evaluation.own_frame import own_frame_figures, restore_in_place
from UniFuseLib.restoration import correct as step
from UniFuseLib.restoration.dense_structures import DenseStructures

if TYPE_CHECKING:
    from collections.abc import Iterator

    from UniFuseLib.evaluation.own_frame import RestoreInPlace
    from UniFuseLib.restoration.aligned_pair import AlignedPair
    from UniFuseLib.simulation.case_folder import Case
    from UniFuseLib.spatial.volume import Volume

#: HU of the clean scan, from and to
RANGES = {"soft": (-50, 100), "middle": (100, 300), "bone": (300, 600), "dense": (600, 2000)}
_FEW = 50  # voxels; fewer have no mean
_DENSE_HU, _SMALL_MM3, _LARGE_MM3, _APART_MM, _LEAST = 150, 500, 2000, 8, 4


class Kept:
    """A way of restoring, and what it restored last."""

    def __init__(self, restore: RestoreInPlace) -> None:
        self._restore = restore
        self.restored = np.zeros(0)

    def __call__(
        self, degraded: Volume, reference: Volume, modalities: tuple[str, str]
    ) -> np.ndarray:
        self.restored = self._restore(degraded, reference, modalities)
        return self.restored


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("cases", type=Path)
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--ids", nargs="+", help="all degraded CTs if left out")
    args = parser.parse_args()
    torch.set_num_threads(1)
    network, contract = load_model(None, torch.device("cpu"))
    restore = partial(
        restore_in_place, model=network, contract=contract, device=torch.device("cpu")
    )
    folders = sorted(path.parent.name for path in args.cases.glob("*/case.json"))
    with args.output.open("a", encoding="utf-8") as stream:
        for name in args.ids or folders:
            case = read_case(args.cases, name)
            if case.label != "ct_metal_noise":
                continue
            row = json.dumps(row_of(case, restore))
            stream.write(row + "\n")
            stream.flush()
            sys.stdout.write(row + "\n")
            sys.stdout.flush()
    return 0


def row_of(case: Case, restore: RestoreInPlace) -> dict[str, Any]:
    """Densities and gain of one case."""
    clean = case.clean_misaligned.array.astype(np.float32)
    places = places_of(case.clean_misaligned)
    row: dict[str, Any] = {
        "id": case.id,
        "severity": case.severity,
        "clean_small": round(float(clean[places["small"]].mean()), 1)
        if "small" in places
        else None,
        "scan": differences(case.degraded.array, clean, places),
    }
    unit = case_evaluator(case).unit
    for key, wanted in (("without", False), ("with", True)):
        kept = Kept(restore)
        with dense(wanted):
            figures = own_frame_figures(case, kept, unit)
        found = differences(kept.restored, clean, places)
        row[key] = {"gain_db": round(figures.gain_db, 2)} | found
    return row


def differences(
    volume: np.ndarray, clean: np.ndarray, places: dict[str, np.ndarray]
) -> dict[str, float]:
    """Mean difference, HU, by place."""
    return {
        name: round(float((volume - clean)[inside].mean()), 1) for name, inside in places.items()
    }


def places_of(scan: Volume) -> dict[str, np.ndarray]:
    """Voxels of the clean scan by range, and in small dense structures, where there are enough."""
    found = {"small": small_structures(scan)}
    for name, (low, high) in RANGES.items():
        found[name] = (scan.array > low) & (scan.array <= high)
    return {name: inside for name, inside in found.items() if inside.sum() >= _FEW}


def small_structures(scan: Volume) -> np.ndarray:
    """bool, in the volume's shape: calcifications and the like."""
    spacing = scan.grid.spacing
    labels, _ = ndimage.label(scan.array > _DENSE_HU)
    counts = np.bincount(labels.ravel())
    counts[0] = 0
    sizes = counts * np.prod(spacing)
    small = ((counts >= _LEAST) & (sizes < _SMALL_MM3))[labels]
    large = (sizes >= _LARGE_MM3)[labels]
    if large.any():
        small &= ndimage.distance_transform_edt(~large, sampling=spacing) > _APART_MM
    return small


@contextmanager
def dense(wanted: bool) -> Iterator[None]:
    """The step as it is, or without what stands out."""
    if wanted:
        yield
        return

    def nothing(known: AlignedPair, *_: object) -> DenseStructures:
        return DenseStructures(*[torch.zeros_like(known.restored)] * 2)

    with patch.object(step, "dense_structures", nothing):
        yield


if __name__ == "__main__":
    raise SystemExit(main())
