"""`unifuse export-transform RESULT --for PROGRAM --output FILE`: for other programs."""

from __future__ import annotations

import argparse
import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

from UniFuseLib.commands.options import log

if TYPE_CHECKING:
    from UniFuseLib.io.transform_export import Exported
    from UniFuseLib.result import Result
    from UniFuseLib.spatial.transform import Transform

_PROGRAMS = ("ants", "itk", "fsl", "spm", "freesurfer", "mrtrix", "elastix")
_EPILOG = """\
what FILE may end in:
  ants, itk    .nii.gz, .nii, .h5 (itk also .nrrd, .mha); linear: .tfm, .txt, .h5, .mat
  fsl          .nii.gz, .nii (applywarp --rel); linear: .mat (flirt)
  spm          .nii (y_ deformation field)
  freesurfer   .nii.gz, .nii (mri_warp_convert --initk); linear: .lta
  mrtrix       .nii.gz, .nii (mrtransform -warp); linear: .txt
  elastix      .txt (transformix; a field is written beside it)

A linear file is written where the result is linear (unifuse fuse --align rigid or affine). All
files map places of the reference to places of the degraded volume: the program resamples the
degraded volume onto the reference. docs/transforms.md has an example for each.
"""


def add_parser(subparsers: Any) -> None:
    """Describe the command."""
    parser = subparsers.add_parser(
        "export-transform",
        help="write the deformation of a result for ANTs, ITK, FSL, SPM, FreeSurfer, ...",
        description="Write the deformation of RESULT in the format of another program.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "result", type=Path, metavar="RESULT", help="folder that unifuse fuse has written"
    )
    parser.add_argument(
        "--for", dest="program", choices=_PROGRAMS, required=True, help="program that reads FILE"
    )
    parser.add_argument(
        "--output", "-o", type=Path, required=True, metavar="FILE", help="file to write"
    )
    parser.add_argument(
        "--field-spacing",
        type=_millimetres,
        metavar="MM",
        help="write a coarser field, with voxels of at most this size; the error that this causes "
        "is printed (default: the voxels of the reference)",
    )
    parser.add_argument(
        "--grid",
        type=Path,
        metavar="FILE",
        help="the degraded volume, for fsl and freesurfer, where the result does not say where its "
        "voxels lie, or where it was read from another format than NIfTI",
    )
    parser.add_argument("--overwrite", action="store_true", help="replace FILE if it exists")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Run the command."""
    from UniFuseLib.commands.fuse_files import files_of
    from UniFuseLib.io.output_folder import check_files
    from UniFuseLib.io.transform_export import export_transform, files_for
    from UniFuseLib.result import read_result

    grid = () if args.grid is None else (args.grid,)
    outputs = files_for(args.program, args.output)
    check_files(outputs, args.overwrite, (*grid, *files_of(args.result)))
    result = read_result(args.result)
    transform = _with_grid(result.transform, args.grid)
    if args.program == "fsl":
        _warn_of_other_formats(result, args)
    for sentence in sentences(
        export_transform(transform, args.program, args.output, args.field_spacing)
    ):
        log(sentence)
    return 0


def sentences(done: Exported) -> list[str]:
    """What the user has to know of a file.

    Args:
        done: what was written.
    """
    files = " and ".join(str(file) for file in done.files)
    if done.linear:
        found = [f"Linear transform written: {files}"]
    else:
        spacing = " × ".join(f"{s:.2f}" for s in done.spacing)
        kind = "float64" if done.files[0].suffix == ".h5" else "float32"
        found = [f"Deformation field written ({kind}, voxels of {spacing} mm): {files}"]
    if done.error is not None:
        error = done.error
        found.append(
            f"Error of the coarser field at the voxels of the reference: mean {error.mean:.3f} mm, "
            f"95th percentile {error.p95:.3f} mm, maximum {error.max:.3f} mm"
        )
    found.append(
        "It maps places of the reference to places of the degraded volume. To resample the "
        f"degraded volume onto the reference: {done.how}"
    )
    return found


def _with_grid(transform: Transform, path: Path | None) -> Transform:
    from dataclasses import replace

    from UniFuseLib.io.volumes import read_volume

    if path is None:
        return transform
    return replace(transform, degraded_grid=read_volume(path).grid)


def _warn_of_other_formats(result: Result, args: argparse.Namespace) -> None:
    """FSL counts in the voxels of NIfTI files, which another format may store otherwise."""
    paths = {
        "reference": result.path("reference"),
        "degraded": args.grid or result.path("degraded"),
    }
    for side, path in paths.items():
        if path is not None and not path.name.lower().endswith((".nii", ".nii.gz")):
            log(
                f"unifuse: warning: FSL counts in the voxels of NIfTI files, and the {side} volume "
                f"was read from {path}. Check that a NIfTI file of it has the same voxel order."
            )


def _millimetres(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not 0 < value < 1000:
        raise argparse.ArgumentTypeError(f"expected millimetres between 0 and 1000, got {text}")
    return value
