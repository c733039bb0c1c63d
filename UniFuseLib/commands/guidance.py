"""Options of `unifuse fuse` that guide the alignment, and the files they name."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from UniFuseLib.errors import InputError

if TYPE_CHECKING:
    import argparse

    from UniFuseLib.preprocessing.guidance import GivenMask, Guidance
    from UniFuseLib.report.report import Report
    from UniFuseLib.spatial.volume import Grid

_FILES = (
    "initial_transform",
    "reference_mask",
    "degraded_mask",
    "reference_landmarks",
    "degraded_landmarks",
)


def add_options(parser: argparse.ArgumentParser) -> None:
    """Describe the options."""
    parser.add_argument(
        "--initial-transform",
        type=Path,
        metavar="FILE",
        help="where DEGRADED lies: a linear transform that maps points of REFERENCE to points of "
        "DEGRADED (ITK .tfm, .txt, .h5; ANTs .mat; FSL .mat). The alignment starts there as well; "
        "with --align none it is used as it is",
    )
    for name in ("reference", "degraded"):
        parser.add_argument(
            f"--{name}-mask",
            type=file_or_body,
            metavar="FILE|body",
            help=f"label map of the {name} volume: the volumes are compared only where it is above "
            f"0; the whole volume is still moved. body: the patient that is found in the {name} "
            "volume, without table, coil and pillow; heads are aligned less well with it (a file "
            "of that name: ./body)",
        )
    for name in ("reference", "degraded"):
        parser.add_argument(
            f"--{name}-landmarks",
            type=Path,
            metavar="FILE",
            help=f"points of the {name} volume (.mrk.json, .fcsv, or CSV with the columns x,y,z in "
            "mm), in the same order as those of the other volume: one more start for the "
            "alignment, and a measure of its result",
        )
    parser.add_argument(
        "--landmarks-space",
        choices=("LPS", "RAS"),
        default="LPS",
        help="coordinates of landmarks in CSV files (default: LPS)",
    )


def file_or_body(text: str) -> Path | Literal["body"]:
    """A mask as it stands on the command line.

    Args:
        text: a path, or `body`.
    """
    return "body" if text == "body" else Path(text)


def files_of(args: argparse.Namespace) -> tuple[Path, ...]:
    """The files that the options name.

    Args:
        args: of the command line.
    """
    named = (getattr(args, name) for name in _FILES)
    return tuple(path for path in named if isinstance(path, Path))


def read_guidance(args: argparse.Namespace, reference: Grid, degraded: Grid) -> Guidance:
    """What the files hold.

    Args:
        args: of the command line.
        reference: grid of the reference.
        degraded: of the degraded volume.

    Raises:
        InputError: a file that cannot be used, or landmarks of one volume alone.
    """
    from UniFuseLib.io.landmarks import read_landmarks
    from UniFuseLib.io.linear_transform import read_linear_transform
    from UniFuseLib.preprocessing.guidance import Guidance

    transform = args.initial_transform
    if transform is not None:
        _check_fsl(args)
    marks = [
        None if path is None else read_landmarks(path, args.landmarks_space)
        for path in (args.reference_landmarks, args.degraded_landmarks)
    ]
    return Guidance(
        initial_transform=(
            None if transform is None else read_linear_transform(transform, reference, degraded)
        ),
        reference_mask=_mask(args.reference_mask),
        degraded_mask=_mask(args.degraded_mask),
        reference_landmarks=marks[0],
        degraded_landmarks=marks[1],
    )


def with_files(report: Report, args: argparse.Namespace) -> Report:
    """The report with the paths of what was read.

    Args:
        report: of the run.
        args: of the command line.
    """
    from UniFuseLib.io.paths import shown

    paths = {name: getattr(args, name) for name in _FILES}
    named: dict[str, Any] = {
        f"{name}_path": shown(path) for name, path in paths.items() if isinstance(path, Path)
    }
    return replace(report, guidance=replace(report.guidance, **named))


def _mask(given: Path | Literal["body"] | None) -> GivenMask:
    from UniFuseLib.io.volumes import read_volume

    return read_volume(given) if isinstance(given, Path) else given


def _check_fsl(args: argparse.Namespace) -> None:
    """FLIRT counts in the voxels of NIfTI files, which another format may store otherwise."""
    from UniFuseLib.io.linear_transform import is_plain_matrix
    from UniFuseLib.io.nifti_header import is_nifti

    if not is_plain_matrix(args.initial_transform):
        return
    for path in (args.reference, args.degraded):
        if path.is_dir() or not is_nifti(path):
            raise InputError(
                f"{args.initial_transform} is a matrix of FSL, which counts in the voxels of two "
                f"NIfTI files, and {path} is not one. Give the NIfTI files that it was made with, "
                "or convert it to ITK's .tfm."
            )
