#!/usr/bin/env python3
"""Fuse with what is known before: python examples/guide_the_alignment.py DEGRADED REFERENCE FOLDER

    [--initial-transform FILE] [--reference-mask FILE] [--reference-landmarks FILE
    --degraded-landmarks FILE]

The transform maps points of REFERENCE to points of DEGRADED. Only what lies in the mask is
compared. Landmarks start the alignment, and their distance before and after is printed.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from UniFuseLib import (
    fuse,
    read_landmarks,
    read_linear_transform,
    read_volume,
    write_displacement,
    write_volume,
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("degraded", type=Path)
    parser.add_argument("reference", type=Path)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--initial-transform", type=Path)
    parser.add_argument("--reference-mask", type=Path)
    parser.add_argument("--reference-landmarks", type=Path)
    parser.add_argument("--degraded-landmarks", type=Path)
    parser.add_argument("--working-spacing", type=float, help="mm; larger is faster")
    args = parser.parse_args()

    degraded = read_volume(args.degraded)
    reference = read_volume(args.reference)
    start, mask, marks = args.initial_transform, args.reference_mask, args.reference_landmarks
    result = fuse(
        degraded,
        reference,
        initial_transform=start and read_linear_transform(start, reference.grid, degraded.grid),
        reference_mask=mask and read_volume(mask),
        reference_landmarks=marks and read_landmarks(marks),
        degraded_landmarks=marks and read_landmarks(args.degraded_landmarks),
        working_spacing=args.working_spacing,
    )

    args.folder.mkdir(parents=True, exist_ok=True)
    write_volume(result.fused, args.folder / "fused.nii.gz")
    write_displacement(result.displacement, reference.grid, args.folder / "deformation.nii.gz")
    print(f"Alignment: {result.report.initial_alignment.freedom}")
    landmarks = result.report.guidance.landmarks
    if landmarks.count:
        print(
            f"Landmarks: {landmarks.mean_before_mm} mm before, {landmarks.mean_after_mm} mm after"
        )


if __name__ == "__main__":
    main()
