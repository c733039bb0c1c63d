#!/usr/bin/env python3
"""Which regions changed: python examples/measure_regions.py RESULT LABELS

RESULT is the folder of `unifuse fuse`; LABELS was drawn on the reference. Prints for every region
how far and where to it lies in the degraded scan, and how its volume differs there; the largest
change comes first. The command `unifuse measure RESULT --labels LABELS` writes all figures.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from UniFuseLib import read_result
from UniFuseLib.apply.regional import measure_regions
from UniFuseLib.io.image_file import read_image


def main() -> None:
    parser = argparse.ArgumentParser(description="Measure a deformation region by region.")
    parser.add_argument("result", type=Path)
    parser.add_argument("labels", type=Path)
    args = parser.parse_args()

    result = read_result(args.result)
    regions = measure_regions(result.transform, read_image(args.labels))
    for row in sorted(regions, key=lambda region: -abs(region.volume_change_percent)):
        change = f"{row.volume_change_percent:+.1f} % of {row.volume_ml:.1f} ml"
        print(
            f"{row.label} {row.name}: {change}, {row.displacement_mean_mm:.1f} mm {row.direction}"
        )


if __name__ == "__main__":
    main()
