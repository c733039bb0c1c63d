#!/usr/bin/env python3
"""A CT of 512 × 512 × 400 voxels and its PET, made of one patient of the training data.

    python Testing/benchmarks/large_pair.py DATA --output FOLDER

The patient is enlarged until the body is 400 mm long, lies in a field of view of 500 mm filled up
with air, and gets noise on every voxel, as a scanner's CT has. The PET keeps its own voxels,
enlarged likewise, and is turned and shifted in its header. A size between is made with `--size`.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import numpy as np
import SimpleITK as sitk

PATIENT = "train/ct_pet_mr/STS_020"
SIZE = (512, 512, 400)  # voxels along x, y, z
FIELD_MM = 500.0  # along x and y
LENGTH_MM = 400.0  # along z
NOISE_HU = 15.0
AIR_HU = -1000.0
TURN_DEGREES = 2.0
SHIFT_MM = (6.0, -4.0, 5.0)


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("data", type=Path)
    parser.add_argument("--size", type=int, nargs=3, default=SIZE, metavar=("X", "Y", "Z"))
    parser.add_argument("--output", type=Path, required=True)
    args = parser.parse_args()
    args.output.mkdir(parents=True, exist_ok=True)
    folder = args.data / PATIENT
    write_pair(folder / "ct.nii.gz", folder / "pet_suv.nii.gz", args.size, args.output)
    return 0


def write_pair(ct: Path, pet: Path, size: tuple[int, int, int], folder: Path) -> tuple[Path, Path]:
    """`pet.nii.gz` and `ct.nii.gz` in the folder; returns them in this order."""
    body, uptake = sitk.ReadImage(str(ct)), sitk.ReadImage(str(pet))
    scale = LENGTH_MM / (body.GetSize()[2] * body.GetSpacing()[2])
    for image in (body, uptake):
        image.SetSpacing([scale * side for side in image.GetSpacing()])
        image.SetOrigin([scale * place for place in image.GetOrigin()])
    centre = _centre(body)
    paths = folder / "pet.nii.gz", folder / "ct.nii.gz"
    sitk.WriteImage(_moved(uptake, centre), str(paths[0]))
    sitk.WriteImage(_field_of_view(body, size), str(paths[1]))
    return paths


def _centre(image: sitk.Image) -> tuple[float, ...]:
    last = [(n - 1) / 2 for n in image.GetSize()]
    return tuple(image.TransformContinuousIndexToPhysicalPoint(last))


def _moved(image: sitk.Image, centre: tuple[float, ...]) -> sitk.Image:
    """Header turned about a point and shifted."""
    angle = np.deg2rad(TURN_DEGREES)
    pose = sitk.Euler3DTransform(centre, angle, -angle, angle, SHIFT_MM)
    turn = np.array(pose.GetMatrix()).reshape(3, 3)
    direction = turn @ np.array(image.GetDirection()).reshape(3, 3)
    origin = pose.TransformPoint(image.GetOrigin())
    image.SetDirection(direction.ravel().tolist())
    image.SetOrigin(origin)
    return image


def _field_of_view(image: sitk.Image, size: tuple[int, int, int]) -> sitk.Image:
    """int16 on `size` voxels around the body, with noise."""
    spacing = np.array([FIELD_MM, FIELD_MM, LENGTH_MM]) / size
    direction = np.array(image.GetDirection()).reshape(3, 3)
    origin = np.array(_centre(image)) - direction @ (spacing * (np.array(size) - 1) / 2)
    grid = sitk.Image([int(n) for n in size], sitk.sitkInt16)
    grid.SetSpacing(spacing.tolist())
    grid.SetDirection(image.GetDirection())
    grid.SetOrigin(origin.tolist())
    fine = sitk.Resample(image, grid, sitk.Transform(), sitk.sitkLinear, AIR_HU, sitk.sitkInt16)
    values = sitk.GetArrayFromImage(fine)
    random = np.random.default_rng(0)
    for plane in values:
        plane += random.normal(0, NOISE_HU, plane.shape).round().astype(np.int16)
    noisy = sitk.GetImageFromArray(values.clip(-1024, 3071))
    noisy.CopyInformation(grid)
    return noisy


if __name__ == "__main__":
    sys.exit(main())
