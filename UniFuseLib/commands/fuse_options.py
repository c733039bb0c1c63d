"""What `unifuse fuse` accepts, and its help."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from UniFuseLib.commands import dicom, guidance, progress
from UniFuseLib.commands.options import add_device, add_reading, linear_map, refinement
from UniFuseLib.fusion.methods import METHODS, UNIFUSE
from UniFuseLib.restoration.choice import RESTORATIONS

_EPILOG = """\
writes into DIR, all on the grid of REFERENCE:
  fused.nii.gz        both volumes in one, intensities about 0 to 1
  restored.nii.gz     DEGRADED, restored and aligned, in its own units
  deformation.nii.gz  ITK displacement field (LPS mm); resample DEGRADED with it to align it
  report.json         verdict, degradation class, displacement, folds, seconds, warnings
  overview.png        one-page summary picture (needs matplotlib)

exit codes:
  0 done, 2 usage, 3 input, 4 output, 5 weights, 6 device, 7 missing package,
  8 the verdict is one of --fail-on (the results are there), 70 unexpected error, 130 stopped,
  141 the program that read the output has ended
"""


def add_parser(subparsers: Any) -> argparse.ArgumentParser:
    """The command with all its options."""
    parser: argparse.ArgumentParser = subparsers.add_parser(
        "fuse",
        help="align, restore and fuse two volumes",
        description="Align DEGRADED with REFERENCE, restore it, and fuse both on the grid of "
        "REFERENCE.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    _add_files(parser)
    dicom.add_options(parser)
    guidance.add_options(parser)
    add_computation(parser)
    _add_output(parser)
    progress.add_options(parser)
    return parser


def _add_files(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "degraded",
        type=Path,
        metavar="DEGRADED",
        help="volume to restore: NIfTI, NRRD, MHA, or a folder with one DICOM series",
    )
    parser.add_argument(
        "reference",
        type=Path,
        metavar="REFERENCE",
        help="clean volume of another modality or MR contrast, in any of these formats",
    )
    parser.add_argument(
        "--output", "-o", type=Path, required=True, metavar="DIR", help="folder for the results"
    )
    add_reading(parser)
    parser.add_argument(
        "--overwrite", action="store_true", help="replace results that are already in DIR"
    )


def add_computation(parser: argparse.ArgumentParser) -> None:
    """What a result follows from, besides its files."""
    kinds = ("auto", "mr", "ct", "pet")
    for name in ("degraded", "reference"):
        parser.add_argument(
            f"--{name}-modality",
            choices=kinds,
            default="auto",
            help=f"modality of the {name} volume; auto: from the file or the intensities",
        )
        parser.add_argument(
            f"--{name}-rescale",
            type=linear_map,
            metavar="SLOPE,INTERCEPT",
            help=f"turn the values of the {name} volume into HU or SUV: slope times value plus "
            "intercept, for example 1,-1024 for CT without its offset",
        )
    parser.add_argument(
        "--weights",
        type=Path,
        metavar="FILE",
        help="safetensors file with its JSON contract beside it (default: the shipped weights)",
    )
    add_device(parser)
    parser.add_argument(
        "--precision",
        default="auto",
        help="auto (float32), float32, bfloat16 or float16 (default: auto)",
    )
    parser.add_argument(
        "--working-spacing",
        type=_positive,
        metavar="MM",
        help="voxel size of the working grid; larger is faster and less exact, and the degradation "
        "class was validated at the default alone (default: that of the weights)",
    )
    parser.add_argument(
        "--align",
        choices=("deformable", "affine", "rigid", "none"),
        default="deformable",
        help="how far the alignment may go; affine and rigid move the body as a whole, none keeps "
        "the geometry of the files (default: deformable)",
    )
    parser.add_argument(
        "--fusion",
        choices=METHODS,
        default=UNIFUSE,
        help="what makes fused.nii.gz; alignment and restoration stay the same (default: unifuse)",
    )
    parser.add_argument(
        "--ct-window",
        default="auto",
        metavar="WINDOW",
        help="HU of a CT that fused.nii.gz shows from black to white: brain, soft-tissue, bone, "
        "lung, LEVEL,WIDTH, wide (-1024 to 1600, most of it for soft tissue), or auto, brain where "
        "a CT of a head is fused with PET, else wide (default: auto)",
    )
    parser.add_argument(
        "--restoration",
        choices=RESTORATIONS,
        default="auto",
        help="what restores DEGRADED: auto, the network and a correction of what it leaves, for a "
        "degradation that has one; network, the network alone (default: auto)",
    )
    parser.add_argument(
        "--refine",
        type=refinement,
        default="auto",
        metavar="off|auto|N",
        help="fine-tune the deformation on this pair (test-time optimisation): off, the largest "
        "number of steps of every level, or auto, for pairs of modalities that were measured to "
        "gain (default: auto)",
    )
    parser.add_argument(
        "--exceed-memory",
        action="store_true",
        help="continue even if the estimated memory is more than this machine has free",
    )


def _add_output(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true", help="print the report on stdout")
    parser.add_argument(
        "--dry-run",
        action="store_true",
        help="only estimate memory, time and disk space from the headers; with --json as JSON",
    )
    add_files_made(parser)


def add_files_made(parser: argparse.ArgumentParser) -> None:
    """Which files are written."""
    parser.add_argument(
        "--uncompressed",
        action="store_true",
        help="write raw .nrrd files instead of .nii.gz: larger, but faster to write",
    )
    parser.add_argument(
        "--field-spacing",
        type=_field_spacing,
        default="auto",
        metavar="auto|full|MM",
        help="voxels of deformation.nii.gz: auto, the coarsest that send every voxel of the "
        "reference to the same place within 0.05 mm; full, those of the reference; or at most MM, "
        "with the error in the report (default: auto)",
    )
    parser.add_argument(
        "--restored-own",
        action="store_true",
        help="also write restored_own.nii.gz: DEGRADED restored and not moved, on its own grid and "
        "in its own data type",
    )
    parser.add_argument(
        "--uncertainty",
        action="store_true",
        help="also write uncertainty.nii.gz: how far off the alignment may be at every place, mm; "
        "takes 8 CPU seconds and more where the reference's field of view exceeds 30 litres",
    )
    judging = parser.add_mutually_exclusive_group()
    judging.add_argument(
        "--fail-on",
        choices=("red", "amber"),
        help="end with exit code 8 if the verdict is red, or with amber also if it is amber; the "
        "results are written in any case",
    )
    judging.add_argument(
        "--no-verdict", action="store_true", help="do not judge the alignment: saves 2 to 3 s"
    )
    parser.add_argument("--no-overview", action="store_true", help="do not draw overview.png")


def _field_spacing(text: str) -> float | str:
    return text if text in ("auto", "full") else _positive(text)


def _positive(text: str) -> float:
    value = float(text)
    if not 0 < value < 100:
        raise argparse.ArgumentTypeError(f"expected millimetres between 0 and 100, got {text}")
    return value
