#!/usr/bin/env python3
"""What the correction is fitted to: statistics of restored training scans, and their error.

    python Testing/benchmarks/restoration_samples.py PAIRS SAMPLES

PAIRS are those of `restoration_pairs.py`. Of every pair the statistics of some voxels of the body
and their error are kept, in a file of the same name in SAMPLES. Samples that are there already are
kept: a stopped run goes on.
"""

from __future__ import annotations

import argparse
from functools import partial
from pathlib import Path

import numpy as np
import torch
from restoration_pairs import keep
from torch import Tensor

from UniFuseLib.restoration.aligned_pair import AlignedPair
from UniFuseLib.restoration.statistics import statistics, with_prediction

VOXELS = 25_000  # of a sample
#: classes whose reference predicts enough of the restored volume to be worth its time
PREDICTED = ("mr_motion",)
#: classes of which is read what the network took away around a voxel
RESIDUALS = ("pet_low_dose",)


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("pairs", type=Path)
    parser.add_argument("samples", type=Path)
    args = parser.parse_args()
    torch.set_num_threads(1)
    args.samples.mkdir(parents=True, exist_ok=True)
    for source in sorted(args.pairs.glob("*.npz")):
        label, number = source.stem.rsplit("_", 1)
        keep(args.samples / source.name, partial(sample, source, label, int(number)))
    return 0


@torch.no_grad()
def sample(source: Path, label: str, number: int) -> dict[str, np.ndarray]:
    """Statistics and errors of some voxels, and whose they are.

    Args:
        source: a pair.
        label: its class.
        number: of the pair.
    """
    kept = np.load(source)
    volumes = [_volume(kept[name]) for name in AlignedPair._fields[:-1]]
    pair = AlignedPair(*volumes, spacing_mm=float(kept["spacing"]))  # type: ignore[misc]
    truth = _volume(kept["truth"])
    beside = with_prediction(pair) if label in PREDICTED else None
    slabs = statistics(pair, beside, residuals=label in RESIDUALS)
    known = torch.cat([lines for _, slab in slabs for lines in slab])
    error = (truth - pair.restored)[pair.body]
    before = (truth - pair.degraded)[pair.body]
    rng = np.random.default_rng(number)
    chosen = rng.choice(len(error), min(VOXELS, len(error)), replace=False)
    squares = [float(e.square().mean()) for e in (before, error)]
    return {
        "statistics": known[chosen].numpy(),
        "error": error[chosen].numpy(),
        "squares": np.array(squares),  # of all of the body: degraded, restored by the network
        "gain": np.round(10 * np.log10((squares[0] + 1e-12) / (squares[1] + 1e-12)), 2),
        **{name: kept[name] for name in ("patient", "severity", "clean", "prob")},
    }


def _volume(array: np.ndarray) -> Tensor:
    """`(1, 1, d, h, w)`, float32 or bool."""
    return torch.from_numpy(array if array.dtype == bool else array.astype(np.float32))[None, None]


if __name__ == "__main__":
    raise SystemExit(main())
