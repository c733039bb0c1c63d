"""`unifuse fuse DEGRADED REFERENCE --output DIR`: the main job, from files to files."""

from __future__ import annotations

import argparse
import json
import sys
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from UniFuseLib.commands import progress
from UniFuseLib.commands.options import refinement
from UniFuseLib.errors import Cancelled, MissingDependencyError, OutputError, UniFuseError
from UniFuseLib.io.output_folder import ResultFolder, result_folder

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from UniFuseLib.predict import FusionResult
    from UniFuseLib.spatial.volume import Volume

VOLUMES = ("fused.nii.gz", "restored.nii.gz", "deformation.nii.gz")
RAW_VOLUMES = ("fused.nrrd", "restored.nrrd", "deformation.nrrd")
FILES = (*VOLUMES, "report.json", "overview.png")
_READ, _COMPUTED = 0.04, 0.90  # fractions of the progress where reading ends and writing begins
_EPILOG = """\
writes into DIR, all on the grid of REFERENCE:
  fused.nii.gz        both volumes in one, intensities about 0 to 1
  restored.nii.gz     DEGRADED, restored and aligned, in its own units
  deformation.nii.gz  ITK displacement field (LPS mm); resampling DEGRADED with it aligns it
  report.json         class and probabilities, displacement, folds, similarity, seconds, memory, warnings
  overview.png        one page to look at (needs matplotlib)

exit codes: 0 done, 2 usage, 3 input, 4 output, 5 weights, 6 device, 7 missing package, 130 stopped
"""


def add_parser(subparsers: Any) -> None:
    """Describe the command."""
    parser = subparsers.add_parser(
        "fuse",
        help="align, restore and fuse two volumes",
        description="Align DEGRADED with REFERENCE, restore it, and fuse both on the grid of REFERENCE.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    kinds = ("auto", "mr", "ct", "pet")
    parser.add_argument(
        "degraded", type=Path, metavar="DEGRADED", help="NIfTI, NRRD, MHA, or a DICOM series folder"
    )
    parser.add_argument(
        "reference", type=Path, metavar="REFERENCE", help="the same, clean, another modality"
    )
    parser.add_argument(
        "--output", "-o", type=Path, required=True, metavar="DIR", help="folder for the results"
    )
    parser.add_argument(
        "--overwrite", action="store_true", help="replace results that are in DIR already"
    )
    parser.add_argument("--degraded-modality", choices=kinds, default="auto", help="default: auto")
    parser.add_argument("--reference-modality", choices=kinds, default="auto", help="default: auto")
    parser.add_argument(
        "--weights", type=Path, metavar="FILE", help="safetensors file with its JSON beside it"
    )
    parser.add_argument(
        "--device", default="auto", help="auto, cpu, cuda or cuda:N (default: auto)"
    )
    parser.add_argument(
        "--precision", default="auto", help="auto (float32), float32, bfloat16 or float16"
    )
    parser.add_argument(
        "--working-spacing",
        type=_positive,
        metavar="MM",
        help="grid of the network; coarser is faster",
    )
    parser.add_argument(
        "--refine",
        type=refinement,
        default="auto",
        metavar="off|auto|N",
        help="steps of test-time optimisation",
    )
    parser.add_argument("--json", action="store_true", help="print the report on stdout")
    parser.add_argument(
        "--uncompressed", action="store_true", help="write raw .nrrd, not .nii.gz: larger, quick"
    )
    parser.add_argument("--no-overview", action="store_true", help="do not draw overview.png")
    progress.add_options(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Run the command; with `--progress json` the last line says how it ended, whatever
    happened.
    """
    if args.progress != "json":
        _fuse_files(args)
        return 0
    try:
        summary = _fuse_files(args)
    except UniFuseError as error:
        progress.emit({"done": True, "error": str(error), "exit_code": error.exit_code})
        raise
    except KeyboardInterrupt:
        progress.emit(
            {
                "done": True,
                "error": "Stopped; nothing was written.",
                "exit_code": Cancelled.exit_code,
            }
        )
        raise
    except Exception as error:
        progress.emit({"done": True, "error": f"Unexpected error: {error!r}", "exit_code": 70})
        raise
    progress.emit(summary)
    return 0


def _fuse_files(args: argparse.Namespace) -> dict[str, Any]:
    """Read, fuse, write; returns what the last line of `--progress json` says."""
    show = progress.reporter(args)
    inputs = (args.degraded, args.reference)
    with (
        progress.stopped_by(args.cancel_file) as cancelled,
        # volumes of the other suffix would be those of another pair
        result_folder(args.output, (*RAW_VOLUMES, *FILES), args.overwrite, inputs) as folder,
    ):
        clock: dict[str, float] = {}
        show(0.0, "Reading the files")
        with _timed(clock, "Reading the files"):
            degraded, reference, hints, warnings = _read(args)
        result = _fuse(args, degraded, reference, hints, _within(show, _READ, _COMPUTED), cancelled)
        show(_COMPUTED, "Writing the files")
        result.report["warnings"][:0] = warnings
        with _timed(clock, "Writing the files"):
            _write(result, reference, folder.working, RAW_VOLUMES if args.uncompressed else VOLUMES)
        if not args.no_overview:
            _draw(result, degraded, reference, folder)
        report = _complete(result.report, args, clock)
        _write_report(report, folder.working / "report.json")
        if cancelled():
            raise Cancelled("Stopped on request; nothing was written.")
        files = folder.publish()
    show(1.0, "Done")
    _tell(args, report)
    return {
        "done": True,
        "output": str(args.output),
        "files": [str(f) for f in files],
        "class": report["class"],
        "warnings": report["warnings"],
        **({"report": report} if args.json else {}),
    }


def _read(args: argparse.Namespace) -> tuple[Volume, Volume, tuple[str, str], list[str]]:
    from UniFuseLib.io.volumes import read_volume_with_header

    degraded, moving = read_volume_with_header(args.degraded)
    reference, fixed = read_volume_with_header(args.reference)
    return (
        degraded,
        reference,
        (moving.modality, fixed.modality),
        [*moving.warnings, *fixed.warnings],
    )


def _fuse(
    args: argparse.Namespace,
    degraded: Volume,
    reference: Volume,
    hints: tuple[str, str],
    show: Callable[[float, str], None],
    cancelled: Callable[[], bool],
) -> FusionResult:
    from UniFuseLib.predict import fuse
    from UniFuseLib.preprocessing.checks import modality_from_header

    return fuse(
        degraded,
        reference,
        weights=args.weights,
        device=args.device,
        degraded_modality=modality_from_header(hints[0])
        if args.degraded_modality == "auto"
        else args.degraded_modality,
        reference_modality=(
            modality_from_header(hints[1])
            if args.reference_modality == "auto"
            else args.reference_modality
        ),
        working_spacing=args.working_spacing,
        precision=args.precision,
        refine=args.refine,
        progress=show,
        cancelled=cancelled,
    )


def _write(
    result: FusionResult, reference: Volume, folder: Path, names: tuple[str, str, str]
) -> None:
    from UniFuseLib.io.volumes import write_displacement, write_volume

    fused, restored, deformation = names
    write_volume(result.fused, folder / fused)
    write_volume(result.restored, folder / restored)
    write_displacement(result.displacement, reference.grid, folder / deformation)


def _draw(result: FusionResult, degraded: Volume, reference: Volume, folder: ResultFolder) -> None:
    try:
        from UniFuseLib.overview import draw_overview

        draw_overview(result, degraded, reference, folder.working / "overview.png")
    except (MissingDependencyError, ImportError) as error:
        result.report["warnings"].append(f"overview.png was not drawn: {error}")


def _complete(
    report: dict[str, Any], args: argparse.Namespace, clock: dict[str, float]
) -> dict[str, Any]:
    """Add what only the command knows: paths, seconds for files, memory to the end."""
    from UniFuseLib.report import peak_memory_mb

    report["inputs"]["degraded"]["path"] = str(args.degraded)
    report["inputs"]["reference"]["path"] = str(args.reference)
    total = report["seconds"].pop("total") + sum(clock.values())
    report["seconds"] = {**report["seconds"], **clock, "total": round(total, 3)}
    report["peak_memory_mb"] = peak_memory_mb()
    return report


def _write_report(report: dict[str, Any], path: Path) -> None:
    try:
        path.write_text(json.dumps(report, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    except OSError as error:
        raise OutputError(
            f"Cannot write {path.name}: {error.strerror}. Nothing was left behind."
        ) from error


def _tell(args: argparse.Namespace, report: dict[str, Any]) -> None:
    if args.json and args.progress != "json":
        print(json.dumps(report, indent=2, ensure_ascii=False))
    if args.quiet:
        return
    for warning in report["warnings"]:
        print(f"unifuse: warning: {warning}", file=sys.stderr)
    probability = 100 * report["probabilities"][report["class"]]
    moved = report["displacement_mm"]["mean"]
    print(
        f"{report['class']} ({probability:.0f} %), moved by {moved:.1f} mm on average: {args.output}",
        file=sys.stderr,
    )


def _within(
    show: Callable[[float, str], None], start: float, end: float
) -> Callable[[float, str], None]:
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
