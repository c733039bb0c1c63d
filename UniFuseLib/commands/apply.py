"""`unifuse apply RESULT FILE... --output FOLDER`: other files of the study, moved likewise."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from UniFuseLib.apply.interpolations import CHOICES
from UniFuseLib.commands.options import add_reading, log
from UniFuseLib.errors import InputError

if TYPE_CHECKING:
    from UniFuseLib.apply.files import Application, ApplyOptions

_EPILOG = """\
images           NIfTI, NRRD, MHA, MGZ, a DICOM folder; scans, time series (4-D), label maps,
                 segmentations of 3D Slicer (.seg.nrrd); written in their own type
points           CSV with columns x, y, z in mm, .fcsv, .mrk.json
surfaces         VTK (legacy PolyData), STL, PLY

The files keep their names; what no writer exists for (DICOM, MGZ) becomes .nii.gz. Either all files
are written or none. docs/transforms.md explains directions and conventions.

exit codes:
  0 done, 2 usage, 3 input, 4 output, 70 unexpected error, 130 stopped
"""


def add_parser(subparsers: Any) -> None:
    """Describe the command."""
    parser = subparsers.add_parser(
        "apply",
        help="move other files of a study with the deformation of a result",
        description="Move each FILE that belongs to the degraded scan onto the reference with the\n"
        "deformation in RESULT, or the other way round.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "result", type=Path, metavar="RESULT", help="folder that unifuse fuse has written"
    )
    parser.add_argument("files", type=Path, nargs="*", metavar="FILE", help="files to move")
    parser.add_argument(
        "--output", "-o", type=Path, required=True, metavar="FOLDER", help="folder for the results"
    )
    parser.add_argument(
        "--to",
        choices=("reference", "degraded"),
        default="reference",
        help="scan that the files are moved to; they belong to the other one (default: reference)",
    )
    parser.add_argument(
        "--interpolation",
        choices=CHOICES,
        default="auto",
        help="of images: linear, bspline (cubic), label (linear for each label, the largest share "
        "wins) or nearest; auto: label for label maps, else linear (default: auto)",
    )
    parser.add_argument(
        "--grid",
        type=Path,
        metavar="IMAGE",
        help="write images onto the voxels of this image (default: those of the scan of --to)",
    )
    parser.add_argument(
        "--points-space",
        choices=("LPS", "RAS"),
        default="LPS",
        help="coordinates of CSV files, and of surfaces that do not state theirs (default: LPS)",
    )
    parser.add_argument(
        "--write-inverse",
        action="store_true",
        help="also write inverse_deformation.nii.gz, on the voxels of the degraded volume",
    )
    add_reading(parser)
    parser.add_argument("--overwrite", action="store_true", help="replace files that are in FOLDER")
    parser.add_argument("--json", action="store_true", help="print what was done as JSON on stdout")
    parser.add_argument("--quiet", action="store_true", help="print only errors and warnings")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Run the command."""
    from UniFuseLib.apply.files import apply_files, output_names
    from UniFuseLib.io.output_folder import result_folder
    from UniFuseLib.result import read_result

    if not args.files and not args.write_inverse:
        raise InputError("Nothing to apply: name at least one FILE, or add --write-inverse.")
    result = read_result(args.result)
    options = _options(args)
    names = output_names(args.files, options)
    inputs = tuple(args.files)
    with result_folder(args.output, names, args.overwrite, inputs) as folder:
        done = apply_files(result, args.files, folder.working, options)
        written = folder.publish()
    _summarise(args, done)
    if args.json:
        print(json.dumps(_content(done, written), indent=2, ensure_ascii=False))
    return 0


def _options(args: argparse.Namespace) -> ApplyOptions:
    from UniFuseLib.apply.files import ApplyOptions
    from UniFuseLib.io.file_header import ReadOptions
    from UniFuseLib.io.image_file import read_image

    reading = ReadOptions(args.header, args.assume_orientation)
    grid = None if args.grid is None else read_image(args.grid, options=reading).grid
    if grid is not None and grid.sheared:
        raise InputError(
            f"The axes of {args.grid} are not perpendicular, and image files cannot store such a "
            "grid. Choose another one for --grid."
        )
    return ApplyOptions(
        to=args.to,
        interpolation=args.interpolation,
        grid=grid,
        space=args.points_space,
        write_inverse=args.write_inverse,
        reading=reading,
    )


def _summarise(args: argparse.Namespace, done: Application) -> None:
    """On stderr: the direction, a line for each file, the error of the inverse; warnings always."""
    for file in done.files:
        for warning in file.warnings:
            print(f"unifuse: warning: {file.name}: {warning}", file=sys.stderr)
    if args.quiet:
        return
    log(done.direction)
    for file in done.files:
        log(f"{file.name}: {file.treatment}")
    if done.round_trip is not None:
        trip = done.round_trip
        log(
            f"Inverse: a round trip over {trip.points} voxels of the reference misses by "
            f"{trip.mean_mm:.3f} mm (mean), {trip.p95_mm:.3f} mm (95th percentile); "
            f"{100 * trip.share_above_half_mm:.2g} % by more than 0.5 mm."
        )
    log(f"Written to {args.output}")


def _content(done: Application, written: list[Path]) -> dict[str, Any]:
    return {
        "direction": done.direction,
        "files": [str(path) for path in written],
        "treatment": {file.name: file.treatment for file in done.files},
        "warnings": {file.name: list(file.warnings) for file in done.files if file.warnings},
        "round_trip": None if done.round_trip is None else done.round_trip._asdict(),
    }
