#!/usr/bin/env python3
"""Train on your own data, at the size of a toy: python examples/train_on_own_data.py FOLDER

Makes a data set of two patients with T1 and T2 (random blobs instead of anatomy), packs it, trains
the smallest network for a few steps and leaves weights for `unifuse fuse --weights`. Replace
`make_data_set` by your own files in the same layout; docs/training.md describes a real run.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import numpy as np
from scipy.ndimage import gaussian_filter

from UniFuseLib import Volume, write_volume
from UniFuseLib.cli import main as unifuse

SHAPE = (28, 36, 32)  # voxels (d, h, w)
AFFINE = np.diag([2.5, 2.0, 2.2, 1.0])  # array index → RAS mm
CONFIGURATION = """\
name = "toy"
data = "train.pack"         # relative to this file
validation = "validation.pack"
preset = "small"
steps = {steps}
warm_up = 1
spacings_mm = [2.5]
synthetic = 0.0             # this data set has no label maps
validate_every = {steps}
validation_samples = 1
checkpoint_every = {steps}
phases = [{{ until = 1.0, crop = 16, batch = 1 }}]
"""


def make_data_set(root: Path, patients: list[int]) -> None:
    """`root/mr_multi/PATIENT/{t1,t2}.nii.gz`; the volumes of one patient are aligned."""
    for number in patients:
        generator = np.random.default_rng(number)
        tissue = gaussian_filter(generator.normal(size=SHAPE), 2)
        folder = root / "mr_multi" / f"patient_{number}"
        folder.mkdir(parents=True)
        for name, contrast in (("t1", 4000.0), ("t2", -4000.0)):
            signal = np.clip(500 + contrast * tissue, 0, None)
            write_volume(Volume(signal.astype(np.float32), AFFINE), folder / f"{name}.nii.gz")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--steps", type=int, default=4)
    args = parser.parse_args()

    # whole patients on one side: a network is never validated on a patient it has seen
    for side, patients in (("train", [1, 2]), ("validation", [3])):
        make_data_set(args.folder / side, patients)
        packed = str(args.folder / f"{side}.pack")
        if code := unifuse(["pack", str(args.folder / side), "--output", packed]):
            return code
    configuration = args.folder / "toy.toml"
    configuration.write_text(CONFIGURATION.format(steps=args.steps), encoding="utf-8")
    return unifuse(["train", str(configuration), "--output", str(args.folder / "run")])


if __name__ == "__main__":
    sys.exit(main())
