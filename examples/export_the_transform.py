#!/usr/bin/env python3
"""Write the deformation of a result for other programs: python examples/export_the_transform.py
RESULT FOLDER

RESULT is a folder that `unifuse fuse` has filled. FOLDER gets one file for each program, and one
coarser field for ANTs with the error that this makes.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from UniFuseLib import export_transform, read_result

FILES = {
    "ants": "ants.nii.gz",
    "itk": "itk.h5",
    "fsl": "fsl.nii.gz",
    "spm": "y_spm.nii",
    "freesurfer": "freesurfer.nii.gz",
    "mrtrix": "mrtrix.nii.gz",
    "elastix": "elastix.txt",
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("result", type=Path)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--field-spacing", type=float, default=5.0, help="mm, of the coarser field")
    args = parser.parse_args()

    transform = read_result(args.result).transform
    args.folder.mkdir(parents=True, exist_ok=True)
    for program, name in FILES.items():
        done = export_transform(transform, program, args.folder / name)
        print(f"{program}: {done.how}")

    path = args.folder / "coarse.nii.gz"
    coarse = export_transform(transform, "ants", path, args.field_spacing)
    if coarse.error is not None:
        print(f"{path.name}: mean error {coarse.error.mean:.3f} mm, at most {coarse.error.max:.3f}")


if __name__ == "__main__":
    main()
