#!/usr/bin/env python3
"""Fuse two files: python examples/fuse_two_files.py DEGRADED REFERENCE FOLDER

Writes the fused volume, the restored volume and the deformation, all on the grid of REFERENCE.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from UniFuseLib import fuse, read_volume, write_displacement, write_volume


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("degraded", type=Path)
    parser.add_argument("reference", type=Path)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--working-spacing", type=float, help="mm; larger is faster")
    args = parser.parse_args()

    degraded = read_volume(args.degraded)
    reference = read_volume(args.reference)
    result = fuse(degraded, reference, working_spacing=args.working_spacing)

    args.folder.mkdir(parents=True, exist_ok=True)
    write_volume(result.fused, args.folder / "fused.nii.gz")
    write_volume(result.restored, args.folder / "restored.nii.gz")
    write_displacement(result.displacement, reference.grid, args.folder / "deformation.nii.gz")
    print(f"{result.label}: {result.probabilities[result.label]:.0%}")


if __name__ == "__main__":
    main()
