"""`unifuse fuse DEGRADED REFERENCE --output DIR`: the main job, from files to files."""

from __future__ import annotations

import json
import sys
import time
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any, NamedTuple

from UniFuseLib.commands import fuse_options, guidance, progress
from UniFuseLib.commands.terminal import json_text
from UniFuseLib.degradation import title
from UniFuseLib.errors import (
    NOT_TRUSTED_EXIT_CODE,
    UNEXPECTED_EXIT_CODE,
    Cancelled,
    InputError,
    OutputError,
    UniFuseError,
)
from UniFuseLib.io.output_folder import ResultFolder, result_folder
from UniFuseLib.verdict.words import trust_lines

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator
    from pathlib import Path

    from UniFuseLib.commands.inputs import Inputs
    from UniFuseLib.contract import Contract
    from UniFuseLib.fusion_result import FusionResult
    from UniFuseLib.predict import Network
    from UniFuseLib.preprocessing.guidance import Guidance
    from UniFuseLib.progress import CancelQuestion, Progress
    from UniFuseLib.report import Report
    from UniFuseLib.spatial.volume import Grid

VOLUMES = ("fused.nii.gz", "restored.nii.gz", "deformation.nii.gz")
RAW_VOLUMES = ("fused.nrrd", "restored.nrrd", "deformation.nrrd")
OWN, RAW_OWN = "restored_own.nii.gz", "restored_own.nrrd"  # with --restored-own
FILES = (*VOLUMES, "report.json", "overview.png")
RESULTS = (
    *RAW_VOLUMES,
    OWN,
    RAW_OWN,
    *FILES,
)  # volumes of the other suffix would be those of another pair
_READING, _WRITING = "Reading the files", "Writing the files"
_READ, _COMPUTED = 0.04, 0.90  # fractions of the progress where reading ends and writing begins


class Written(NamedTuple):
    """What `fuse_into` read, found and wrote."""

    inputs: Inputs
    result: FusionResult
    report: Report  # as it lies in the folder


def add_parser(subparsers: Any) -> None:
    """Describe the command."""
    fuse_options.add_parser(subparsers).set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Run the command; `--progress json` ends with a line about its outcome, whatever happens."""
    if args.progress != "json":
        return _fuse_files(args)["exit_code"]
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
    return int(summary["exit_code"])


def _emit_failure(sentence: str, exit_code: int) -> None:
    progress.emit({"done": True, "error": sentence, "exit_code": exit_code})


def _fuse_files(args: argparse.Namespace) -> dict[str, Any]:
    """Read, fuse, write; returns what the last line of `--progress json` says."""
    if args.dry_run:
        from UniFuseLib.commands.cost import dry_run

        dry_run(args)
        return {"done": True, "dry_run": True, "exit_code": 0}
    from UniFuseLib.device import check_precision, choose_device

    check_precision(args.precision)  # before any work
    choose_device(args.device)
    show = progress.reporter(args)
    inputs = (args.degraded, args.reference, *guidance.files_of(args))
    with (
        progress.stopped_by(args.cancel_file) as cancelled,
        result_folder(args.output, RESULTS, args.overwrite, inputs) as folder,
    ):
        report = fuse_into(folder, args, show, cancelled).report
        if cancelled():
            raise Cancelled("Stopped on request; nothing was written.")
        files = folder.publish()
    show(1.0, "Done")
    _summarise(args, report)
    return {
        "done": True,
        "exit_code": _exit_code(args, report),
        "trust": report.verdict.trust,
        "output": str(args.output),
        "files": [str(file) for file in files],
        "class": report.label,
        "warnings": list(report.warnings),
        **({"report": report.to_json()} if args.json else {}),
    }


def _exit_code(args: argparse.Namespace, report: Report) -> int:
    """0, or that of a verdict which the user asked to fail on."""
    failing = {None: (), "red": ("red",), "amber": ("amber", "red")}[args.fail_on]
    return NOT_TRUSTED_EXIT_CODE if report.verdict.trust in failing else 0


def fuse_into(
    folder: ResultFolder,
    args: argparse.Namespace,
    show: Progress,
    cancelled: CancelQuestion,
    loaded: tuple[Network, Contract] | None = None,
) -> Written:
    """Every file of one result, in the working folder.

    Args:
        folder: not published yet.
        args: parsed options of `unifuse fuse`.
        show: progress of the whole run.
        cancelled: asked between steps.
        loaded: a network and its contract; None loads `args.weights`.

    Raises:
        UniFuseError: see `predict.fuse`, `io.volumes.read_volume` and `io.volumes.write_volume`.
    """
    from UniFuseLib.commands.cost import refuse_too_large
    from UniFuseLib.commands.inputs import read_inputs
    from UniFuseLib.io.paths import shown
    from UniFuseLib.io.volumes import write_volume
    from UniFuseLib.process import available_memory, peak_memory_mb

    clock: dict[str, float] = {}
    show(0.0, _READING)
    left = available_memory()
    with _timed(clock, _READING):
        inputs = read_inputs(args)
        _check_own(args, inputs)
        guided = guidance.read_guidance(args, inputs.reference.grid, inputs.degraded.grid)
    refuse_too_large(args, inputs, left)
    show_fusion = _within(show, _READ, _COMPUTED)
    result = _fuse(args, inputs, guided, show_fusion, cancelled, loaded)
    report = result.report.with_warnings(before=inputs.warnings)
    report = report.with_doubts(inputs.differences, inputs.two_patients)
    result = replace(result, report=report)
    show(_COMPUTED, _WRITING)
    with _timed(clock, _WRITING):
        names = RAW_VOLUMES if args.uncompressed else VOLUMES
        _write(result, inputs.reference.grid, folder.working, names)
        if result.restored_own is not None:
            own = folder.working / (RAW_OWN if args.uncompressed else OWN)
            write_volume(result.restored_own, own)
    missed = () if args.no_overview else _draw(result, inputs, folder)
    report = result.report.with_warnings(after=missed)
    paths = shown(args.degraded), shown(args.reference)
    report = report.with_files(*paths, clock, peak_memory_mb())
    report = guidance.with_files(report, args)
    _write_report(report, folder.working / "report.json")
    return Written(inputs, result, report)


def _check_own(args: argparse.Namespace, inputs: Inputs) -> None:
    """Its file lies on the degraded volume's own grid."""
    if args.restored_own and inputs.degraded.grid.sheared:
        raise InputError(
            f"The axes of {args.degraded} are not perpendicular, and image files cannot store "
            "--restored-own on such a grid. Resample it first: "
            f"unifuse resample {args.degraded} RESAMPLED.nii.gz"
        )


def _fuse(
    args: argparse.Namespace,
    inputs: Inputs,
    guided: Guidance,
    show: Progress,
    cancelled: CancelQuestion,
    loaded: tuple[Network, Contract] | None,
) -> FusionResult:
    from UniFuseLib.predict import fuse

    model, contract = loaded or (None, None)
    return fuse(
        inputs.degraded,
        inputs.reference,
        model=model,
        contract=contract,
        weights=args.weights,
        device=args.device,
        degraded_modality=inputs.modalities[0],
        reference_modality=inputs.modalities[1],
        working_spacing=args.working_spacing,
        precision=args.precision,
        refine=args.refine,
        align=args.align,
        restored_own=args.restored_own,
        initial_transform=guided.initial_transform,
        reference_mask=guided.reference_mask,
        degraded_mask=guided.degraded_mask,
        reference_landmarks=guided.reference_landmarks,
        degraded_landmarks=guided.degraded_landmarks,
        verdict=not args.no_verdict,
        fusion=args.fusion,
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
    """Draws the overview; returns a warning where it cannot, for whatever reason."""
    path = folder.working / "overview.png"
    try:
        from UniFuseLib.overview import draw_overview

        draw_overview(result, inputs.degraded, inputs.reference, path)
    except Exception as error:  # no picture is worth the volumes
        path.unlink(missing_ok=True)
        reason = " ".join(str(error).split()) or type(error).__name__
        return (f"{path.name} was not drawn: {reason}",)
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
        print(json_text(report.to_json(), indent=2))
    if args.quiet:
        return
    for warning in report.warnings:
        print(f"unifuse: warning: {warning}", file=sys.stderr)
    for line in trust_lines(report.verdict):
        print(f"unifuse: {line}", file=sys.stderr)
    probability = 100 * report.probabilities[report.label]
    marks = report.guidance.landmarks
    if marks.count:
        print(
            f"Landmarks: {marks.mean_before_mm:.1f} mm apart before, {marks.mean_after_mm:.1f} mm "
            "after",
            file=sys.stderr,
        )
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
