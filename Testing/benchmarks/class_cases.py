#!/usr/bin/env python3
"""Cases of scans that the classifier has not been fitted to, in any number that is to be had.

    python Testing/benchmarks/class_cases.py DATA SCANS
    unifuse simulate SCANS/cases.csv --data SCANS --output CASES
    python Testing/benchmarks/class_found.py CASES --output OUT
    python Testing/benchmarks/class_figures.py OUT --output docs/results/classes.json

DATA holds `train` and `val`; SCANS gets links to it, and what is made. CTs of head and neck
(OpenKBP) taught the fused volume's head, and no other part of the network; beside each of them
stands MR-like contrast made from it. Those to which the traces were fitted (`class_ct_samples.py`)
are left out, and of those with metal of their own the clean case. Of all other scans only those of
`val` are taken, of every one several draws. Each scan comes clean and degraded, moved by up to
8 mm.
"""

from __future__ import annotations

import argparse
import csv
import sys
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import torch

from UniFuseLib.io.volumes import read_volume, write_volume
from UniFuseLib.preprocessing.body import body_mask
from UniFuseLib.preprocessing.intensity import fit
from UniFuseLib.severity.noise import metal_ml
from UniFuseLib.spatial.volume import Volume
from UniFuseLib.training.data import PackedVolume
from UniFuseLib.training.made_contrast import made_mr

if TYPE_CHECKING:
    from collections.abc import Iterator

_COLUMNS = (
    *("id", "degraded", "reference", "task", "seed", "bin", "class"),
    *("degraded_contrast", "reference_contrast", "misalignment"),
)
_BINS = ("0-3", "3-8")
_FIRST_SEED = 7000
NECKS = "ct_headneck_openkbp/*_ct.nii.gz"
REAL_METAL_ML = 0.02  # voxels of metal in a scan as it came
FITTED = 3  # every third CT of head and neck of `train` is one of the scans of the fit


class Scan(NamedTuple):
    """One scan beside its reference, paths relative to the folder of the table."""

    name: str
    degraded: str
    reference: str
    task: str
    misalignment: str
    draws: int  # of its degradation
    contrasts: tuple[str, str] = ("", "")  # made from a label map
    fitted: bool = False  # to its traces: no case, but it keeps its numbers
    metal: bool = False  # of its own: it is no clean scan


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("data", type=Path)
    parser.add_argument("scans", type=Path)
    args = parser.parse_args()
    args.scans.mkdir(parents=True, exist_ok=True)
    for part in ("train", "val"):
        link = args.scans / part
        if not link.exists():
            link.symlink_to((args.data / part).resolve(), target_is_directory=True)
    scans = [*necks(args.data, args.scans), *others(args.data)]
    lines = list(rows(scans))
    with (args.scans / "cases.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, _COLUMNS)
        writer.writeheader()
        writer.writerows(lines)
    sys.stdout.write(f"{len(lines)} cases of {len(scans)} pairs of scans\n")
    return 0


def necks(data: Path, scans: Path) -> Iterator[Scan]:
    """CTs of head and neck; their MR-like partners are made."""
    fitted = set(sorted((data / "train").glob(NECKS))[::FITTED])
    for number, path in enumerate(sorted(data.glob(f"*/{NECKS}"))):
        name = path.name.removesuffix("_ct.nii.gz")
        made = Path("made") / f"{name}_t1.nii.gz"
        ct = read_volume(path)
        if not (scans / made).exists():
            (scans / made).parent.mkdir(exist_ok=True)
            write_volume(mr_like(ct, number), scans / made)
        pair = _inside(path, data), made.as_posix()
        yield Scan(name, *pair, "ctmr", "head", 1, fitted=path in fitted, metal=has_metal(ct))


def has_metal(ct: Volume) -> bool:
    """In teeth, most often."""
    return bool(metal_ml(ct.array, ct.grid.spacing) > REAL_METAL_ML)


def mr_like(ct: Volume, seed: int) -> Volume:
    """MR-like T1 contrast of a CT, tissue by tissue, on its grid."""
    fitted = fit(ct.array, body_mask(ct.array, ct.grid.spacing, "ct"), "ct")
    unit = torch.from_numpy(np.asarray(fitted.forward(ct.array.astype(np.float32))))
    scan = PackedVolume(unit * 255, ct.grid, "ct", 1.0, fitted)
    made = made_mr(scan, "t1", torch.Generator().manual_seed(seed))
    return Volume(made.codes.numpy(), ct.affine)


def others(data: Path) -> Iterator[Scan]:
    """Scans of validation patients."""
    for folder in sorted(data.glob("val/mr_multi/*")):
        for degraded, reference in (("t2w", "t1w"), ("flair", "t1w"), ("t1w", "t2w")):
            yield _pair(data, folder, degraded, reference, "mr", 8)
    for folder in sorted(data.glob("val/heads_real/*")):
        yield _pair(data, folder, "mr", "ct", "mrct", 8)
    for folder in sorted(data.glob("val/ct_pet_mr/*")):
        yield _pair(data, folder, "mr_t1", "ct", "mrct", 8)
        yield _pair(data, folder, "pet_suv", "ct", "petct", 10)
    for path in sorted(data.glob("val/labels/*.nii.gz")):
        place, name = _inside(path, data), path.name.split(".")[0]
        for contrasts in (("t2", "t1"), ("flair", "t1")):
            yield Scan(f"{name}_{contrasts[0]}", place, place, "mr", "head", 3, contrasts)
        yield Scan(f"{name}_pet", place, place, "petct", "head", 3, ("pet", "ct"))


def _pair(data: Path, folder: Path, degraded: str, reference: str, task: str, draws: int) -> Scan:
    first, second = (_inside(folder / f"{name}.nii.gz", data) for name in (degraded, reference))
    moved = "body" if "ct_pet_mr" in folder.parts else "head"
    return Scan(f"{folder.name}_{degraded}", first, second, task, moved, draws)


def _inside(path: Path, data: Path) -> str:
    return path.relative_to(data).as_posix()


def rows(scans: list[Scan]) -> Iterator[dict[str, object]]:
    """Of each scan one clean case, and as many degraded ones as are to be drawn."""
    seed = _FIRST_SEED
    for scan in scans:
        for draw in range(scan.draws + 1):
            seed += 1
            if scan.fitted or (scan.metal and not draw):
                continue
            yield {
                "id": f"{scan.name}_{draw or 'clean'}",
                "degraded": scan.degraded,
                "reference": scan.reference,
                "task": scan.task,
                "seed": seed,
                "bin": _BINS[seed % len(_BINS)],
                "class": "" if draw else "clean",
                "degraded_contrast": scan.contrasts[0],
                "reference_contrast": scan.contrasts[1],
                "misalignment": scan.misalignment,
            }


if __name__ == "__main__":
    raise SystemExit(main())
