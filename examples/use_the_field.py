#!/usr/bin/env python3
"""Move a label map and points with a deformation that UniFuse has written.

    python examples/use_the_field.py FOLDER/deformation.nii.gz LABELS MOVED [--points CSV]

LABELS was drawn on the degraded volume; MOVED is the same label map on the grid of the reference.
CSV has a header and the columns r, a, s: points of the reference in RAS mm. For each of them the
script prints where the same anatomy lies in the degraded volume.

The file is an ITK displacement field, so SimpleITK (ITK, 3D Slicer, ANTs) can use it as it is.
"""

from __future__ import annotations

import argparse
import csv
from pathlib import Path

import SimpleITK as sitk

Point = tuple[float, float, float]


def read_transform(path: Path) -> tuple[sitk.DisplacementFieldTransform, sitk.Image]:
    """The deformation, and an image on the grid of the reference.

    The transform maps a point X of the reference to X + u(X) in the degraded volume, in LPS mm. Its
    file may have fewer voxels than the reference, whose grid is that of the volumes beside it.
    """
    field = sitk.ReadImage(str(path), sitk.sitkVectorFloat64)
    grid = sitk.ReadImage(str(path.with_name("fused.nii.gz")))
    return sitk.DisplacementFieldTransform(field), grid  # the transform takes the field's memory


def move_labels(labels: sitk.Image, transform: sitk.Transform, grid: sitk.Image) -> sitk.Image:
    """`labels` of the degraded volume, on the grid of the reference."""
    background = 0
    return sitk.Resample(labels, grid, transform, sitk.sitkNearestNeighbor, background)


def move_point(point: Point, transform: sitk.Transform) -> Point:
    """RAS mm in the reference → RAS mm of the same anatomy in the degraded volume."""
    r, a, s = point
    left, posterior, superior = transform.TransformPoint((-r, -a, s))  # ITK computes in LPS
    return -left, -posterior, superior


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("deformation", type=Path)
    parser.add_argument("labels", type=Path)
    parser.add_argument("moved", type=Path)
    parser.add_argument("--points", type=Path)
    args = parser.parse_args()

    transform, grid = read_transform(args.deformation)
    labels = sitk.ReadImage(str(args.labels))
    sitk.WriteImage(move_labels(labels, transform, grid), str(args.moved))
    if args.points is None:
        return
    with args.points.open(newline="", encoding="utf-8") as stream:
        for row in csv.DictReader(stream):
            point = (float(row["r"]), float(row["a"]), float(row["s"]))
            print(*(f"{value:.2f}" for value in move_point(point, transform)))


if __name__ == "__main__":
    main()
