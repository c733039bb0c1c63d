"""`unifuse fuse DEGRADED REFERENCE --output DIR`: the main job, from files to files."""

from __future__ import annotations

import argparse
import json
import sys
import time
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from UniFuseLib.commands import progress
from UniFuseLib.commands.options import add_reading, linear_map, refinement
from UniFuseLib.degradation import title
from UniFuseLib.errors import (
    UNEXPECTED_EXIT_CODE,
    Cancelled,
    MissingDependencyError,
    OutputError,
    UniFuseError,
)
from UniFuseLib.io.output_folder import ResultFolder, result_folder

if TYPE_CHECKING:
    from collections.abc import Iterator

    from UniFuseLib.commands.inputs import Inputs
    from UniFuseLib.predict import FusionResult
    from UniFuseLib.progress import CancelQuestion, Progress
    from UniFuseLib.report import Report
    from UniFuseLib.spatial.volume import Grid

VOLUMES = ("fused.nii.gz", "restored.nii.gz", "deformation.nii.gz")
RAW_VOLUMES = ("fused.nrrd", "restored.nrrd", "deformation.nrrd")
FILES = (*VOLUMES, "report.json", "overview.png")
_READING, _WRITING = "Reading the files", "Writing the files"
_READ, _COMPUTED = 0.04, 0.90  # fractions of the progress where reading ends and writing begins
_EPILOG = """\
writes into DIR, all on the grid of REFERENCE:
  fused.nii.gz        both volumes in one, intensities about 0 to 1
  restored.nii.gz     DEGRADED, restored and aligned, in its own units
  deformation.nii.gz  ITK displacement field (LPS mm); resample DEGRADED with it to align it
  report.json         degradation class, displacement, folds, similarity, seconds, warnings
  overview.png        one-page summary picture (needs matplotlib)

exit codes: 0 done, 2 usage, 3 input, 4 output, 5 weights, 6 device, 7 missing package, 130 stopped
"""


def add_parser(subparsers: Any) -> None:
    """Describe the command."""
    parser = subparsers.add_parser(
        "fuse",
        help="align, restore and fuse two volumes",
        description="Align DEGRADED with REFERENCE, restore it, and fuse both on the grid of "
        "REFERENCE.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    _add_files(parser)
    _add_computation(parser)
    _add_output(parser)
    progress.add_options(parser)
    parser.set_defaults(run=run)


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


def _add_computation(parser: argparse.ArgumentParser) -> None:
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
    parser.add_argument(
        "--device", default="auto", help="auto, cpu, cuda or cuda:N (default: auto)"
    )
    parser.add_argument(
        "--precision",
        default="auto",
        help="auto (float32), float32, bfloat16 or float16 (default: auto)",
    )
    parser.add_argument(
        "--working-spacing",
        type=_positive,
        metavar="MM",
        help="voxel size of the working grid; larger is faster (default: that of the weights)",
    )
    parser.add_argument(
        "--refine",
        type=refinement,
        default="auto",
        metavar="off|auto|N",
        help="fine-tune the deformation on this pair (test-time optimisation): off, a number of "
        "steps, or auto, for pairs of modalities that were measured to gain (default: auto)",
    )


def _add_output(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true", help="print the report on stdout")
    parser.add_argument(
        "--uncompressed",
        action="store_true",
        help="write raw .nrrd files instead of .nii.gz: larger, but faster to write",
    )
    parser.add_argument("--no-overview", action="store_true", help="do not draw overview.png")


def run(args: argparse.Namespace) -> int:
    """Run the command; `--progress json` ends with a line about its outcome, whatever happens."""
    if args.progress != "json":
        _fuse_files(args)
        return 0
    try:
        summary = _fuse_files(args)
    except UniFuseError as error:
        _emit_failure(str(error), error.exit_code)
        raise
    except KeyboardInterrupt:
        _emit_failure("Stopped; nothing was written.", Cancelled.exit_code)
        raise
    except Exception as error:
        _emit_failure(f"Unexpected error: {error!r}", UNEXPECTED_EXIT_CODE)
        raise
    progress.emit(summary)
    return 0


def _emit_failure(sentence: str, exit_code: int) -> None:
    progress.emit({"done": True, "error": sentence, "exit_code": exit_code})


def _fuse_files(args: argparse.Namespace) -> dict[str, Any]:
    """Read, fuse, write; returns what the last line of `--progress json` says."""
    show = progress.reporter(args)
    inputs = (args.degraded, args.reference)
    with (
        progress.stopped_by(args.cancel_file) as cancelled,
        # volumes of the other suffix would be those of another pair
        result_folder(args.output, (*RAW_VOLUMES, *FILES), args.overwrite, inputs) as folder,
    ):
        report = _into_folder(args, folder, show, cancelled)
        if cancelled():
            raise Cancelled("Stopped on request; nothing was written.")
        files = folder.publish()
    show(1.0, "Done")
    _summarise(args, report)
    return {
        "done": True,
        "output": str(args.output),
        "files": [str(file) for file in files],
        "class": report.label,
        "warnings": list(report.warnings),
        **({"report": report.to_json()} if args.json else {}),
    }


def _into_folder(
    args: argparse.Namespace,
    folder: ResultFolder,
    show: Progress,
    cancelled: CancelQuestion,
) -> Report:
    """Every file of the result, in the working folder; returns the report that lies there."""
    from UniFuseLib.commands.inputs import read_inputs
    from UniFuseLib.io.paths import shown
    from UniFuseLib.process import peak_memory_mb

    clock: dict[str, float] = {}
    show(0.0, _READING)
    with _timed(clock, _READING):
        inputs = read_inputs(args)
    result = _fuse(args, inputs, _within(show, _READ, _COMPUTED), cancelled)
    result = replace(result, report=result.report.with_warnings(before=inputs.warnings))
    show(_COMPUTED, _WRITING)
    with _timed(clock, _WRITING):
        names = RAW_VOLUMES if args.uncompressed else VOLUMES
        _write(result, inputs.reference.grid, folder.working, names)
    missed = () if args.no_overview else _draw(result, inputs, folder)
    report = result.report.with_warnings(after=missed)
    paths = shown(args.degraded), shown(args.reference)
    report = report.with_files(*paths, clock, peak_memory_mb())
    _write_report(report, folder.working / "report.json")
    return report


def _fuse(
    args: argparse.Namespace, inputs: Inputs, show: Progress, cancelled: CancelQuestion
) -> FusionResult:
    from UniFuseLib.predict import fuse

    return fuse(
        inputs.degraded,
        inputs.reference,
        weights=args.weights,
        device=args.device,
        degraded_modality=inputs.modalities[0],
        reference_modality=inputs.modalities[1],
        working_spacing=args.working_spacing,
        precision=args.precision,
        refine=args.refine,
        progress=show,
        cancelled=cancelled,
    )


def _write(result: FusionResult, grid: Grid, folder: Path, names: tuple[str, str, str]) -> None:
    from UniFuseLib.io.volumes import write_displacement, write_volume

    fused, restored, deformation = names
    write_volume(result.fused, folder / fused)
    write_volume(result.restored, folder / restored)
    write_displacement(result.displacement, grid, folder / deformation)


def _draw(result: FusionResult, inputs: Inputs, folder: ResultFolder) -> tuple[str, ...]:
    """Draws the overview; returns a warning where it cannot."""
    path = folder.working / "overview.png"
    try:
        from UniFuseLib.overview import draw_overview

        draw_overview(result, inputs.degraded, inputs.reference, path)
    except (MissingDependencyError, ImportError) as error:
        return (f"{path.name} was not drawn: {error}",)
    return ()


def _write_report(report: Report, path: Path) -> None:
    try:
        path.write_text(_text(report) + "\n", encoding="utf-8")
    except OSError as error:
        raise OutputError(
            f"Cannot write {path.name}: {error.strerror}. No partial results were left."
        ) from error


def _text(report: Report) -> str:
    return json.dumps(report.to_json(), indent=2, ensure_ascii=False)


def _summarise(args: argparse.Namespace, report: Report) -> None:
    """Report on stdout where it is wanted; warnings and one line about the result on stderr."""
    if args.json and args.progress != "json":
        print(_text(report))
    if args.quiet:
        return
    for warning in report.warnings:
        print(f"unifuse: warning: {warning}", file=sys.stderr)
    probability = 100 * report.probabilities[report.label]
    print(
        f"{title(report.label)} ({probability:.0f} %), mean displacement "
        f"{report.displacement_mm.mean:.1f} mm: {args.output}",
        file=sys.stderr,
    )


def _within(show: Progress, start: float, end: float) -> Progress:
    """Progress of a part as progress of the whole."""
    return lambda fraction, stage: show(start + (end - start) * fraction, stage)


@contextmanager
def _timed(clock: dict[str, float], name: str) -> Iterator[None]:
    start = time.perf_counter()
    yield
    clock[name] = round(time.perf_counter() - start, 3)


def _positive(text: str) -> float:
    value = float(text)
    if not 0 < value < 100:
        raise argparse.ArgumentTypeError(f"expected millimetres between 0 and 100, got {text}")
    return value
