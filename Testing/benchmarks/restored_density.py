#!/usr/bin/env python3
"""How dense the restored CT shows soft tissue and bone, with the tones of the scan and without.

    python Testing/benchmarks/restored_density.py CASES --output rows.jsonl [--ids ID ...]

CASES is a folder that `unifuse simulate` made, of which the degraded CTs count. In the scan's own
frame, beside the reference that the truth aligned: mean difference from the clean scan, HU, where
it has the HU of a range, and the gain in PSNR inside the body, dB. `scan` is the degraded one. One
thread.
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

from UniFuseLib.checkpoint import load_model
from UniFuseLib.evaluation.case_evaluator import case_evaluator
from UniFuseLib.evaluation.cases import read_case
from UniFuseLib.evaluation.own_frame import own_frame_figures, restore_in_place
from UniFuseLib.restoration import correct as step

if TYPE_CHECKING:
    from collections.abc import Iterator

    from UniFuseLib.evaluation.own_frame import RestoreInPlace
    from UniFuseLib.simulation.case_folder import Case
    from UniFuseLib.spatial.volume import Volume

#: HU of the clean scan, from and to
RANGES = {"soft": (-50, 100), "middle": (100, 300), "bone": (300, 600), "dense": (600, 2000)}
_FEW = 100  # voxels; fewer have no mean


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
    row: dict[str, Any] = {
        "id": case.id,
        "severity": case.severity,
        "scan": differences(case.degraded.array, clean),
    }
    unit = case_evaluator(case).unit
    for key, tones in (("without", False), ("with", True)):
        kept = Kept(restore)
        with scan_tones(tones):
            figures = own_frame_figures(case, kept, unit)
        row[key] = {"gain_db": round(figures.gain_db, 2)} | differences(kept.restored, clean)
    return row


def differences(volume: np.ndarray, clean: np.ndarray) -> dict[str, float]:
    """HU by range, where enough voxels have it."""
    found = {}
    for name, (low, high) in RANGES.items():
        inside = (clean > low) & (clean <= high)
        if inside.sum() >= _FEW:
            found[name] = round(float((volume - clean)[inside].mean()), 1)
    return found


@contextmanager
def scan_tones(wanted: bool) -> Iterator[None]:
    """The step as it is, or without the tones."""
    if wanted:
        yield
        return
    with patch.object(step, "dense_tones", lambda pair, _: torch.zeros_like(pair.restored)):
        yield


if __name__ == "__main__":
    raise SystemExit(main())
