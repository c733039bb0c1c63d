"""One result of `unifuse fuse` as files: read, fuse, write into the working folder."""

from __future__ import annotations

import json
import math
import time
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

from UniFuseLib.commands import guidance
from UniFuseLib.errors import InputError, OutputError

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator
    from pathlib import Path

    from UniFuseLib.commands.inputs import Inputs
    from UniFuseLib.contract import Contract
    from UniFuseLib.fusion_result import FusionResult
    from UniFuseLib.io.output_folder import ResultFolder
    from UniFuseLib.preprocessing.guidance import Guidance
    from UniFuseLib.progress import CancelQuestion, Progress
    from UniFuseLib.report.parts import StoredFieldReport
    from UniFuseLib.report.report import Report
    from UniFuseLib.steps import Network

VOLUMES = ("fused.nii.gz", "restored.nii.gz", "deformation.nii.gz")
RAW_VOLUMES = ("fused.nrrd", "restored.nrrd", "deformation.nrrd")
OWN, RAW_OWN = "restored_own.nii.gz", "restored_own.nrrd"  # with --restored-own
UNCERTAINTY, RAW_UNCERTAINTY = "uncertainty.nii.gz", "uncertainty.nrrd"  # with --uncertainty
FILES = (*VOLUMES, "report.json", "overview.png")
# volumes of the other suffix, left in the folder, would be those of another pair
RESULTS = (*RAW_VOLUMES, OWN, RAW_OWN, UNCERTAINTY, RAW_UNCERTAINTY, *FILES)
_READING, _WRITING = "Reading the files", "Writing the files"
_READ, _COMPUTED = 0.04, 0.90  # fractions of the progress where reading ends and writing begins


def files_of(result: Path) -> tuple[Path, ...]:
    """What `unifuse fuse` may have written there.

    Args:
        result: its output folder.
    """
    return tuple(result / name for name in RESULTS)


class Written(NamedTuple):
    """What `fuse_into` read, found and wrote."""

    inputs: Inputs
    result: FusionResult
    report: Report  # as it lies in the folder


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
    from UniFuseLib.process import (
        available_memory,
        give_back_freed_memory,
        peak_memory_mb,
        spare_memory,
    )

    clock: dict[str, float] = {}
    show(0.0, _READING)
    left = available_memory()
    with _timed(clock, _READING):
        inputs = read_inputs(args)
        _check_own(args, inputs)
        guided = guidance.read_guidance(args, inputs.reference.grid, inputs.degraded.grid)
    refuse_too_large(args, inputs, left)
    least = spare_memory(math.prod(inputs.reference.grid.shape))
    show_fusion = _tidying(_within(show, _READ, _COMPUTED), least)
    result = _fuse(args, inputs, guided, show_fusion, cancelled, loaded)
    report = result.report.with_warnings(before=inputs.warnings)
    report = report.with_doubts(inputs.differences, inputs.two_patients)
    result = replace(result, report=report)
    give_back_freed_memory(least)
    show(_COMPUTED, _WRITING)
    with _timed(clock, _WRITING):
        names = RAW_VOLUMES if args.uncompressed else VOLUMES
        kept = _write(result, folder.working, names, args.field_spacing)
        if result.restored_own is not None:
            own = folder.working / (RAW_OWN if args.uncompressed else OWN)
            write_volume(result.restored_own, own, precision="rounded")
        if result.uncertainty is not None:
            name = RAW_UNCERTAINTY if args.uncompressed else UNCERTAINTY
            write_volume(result.uncertainty, folder.working / name, precision="rounded")
    missed = () if args.no_overview else _draw(result, inputs, folder)
    report = result.report.with_warnings(after=missed).with_stored_field(kept)
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
        uncertainty=args.uncertainty,
        fusion=args.fusion,
        ct_window=args.ct_window,
        restoration=args.restoration,
        progress=show,
        cancelled=cancelled,
    )


def _write(
    result: FusionResult, folder: Path, names: tuple[str, str, str], spacing: float | str
) -> StoredFieldReport:
    """Volumes and deformation; returns how the deformation lies in its file."""
    from UniFuseLib.io.volumes import write_displacement, write_volume
    from UniFuseLib.report.parts import StoredFieldReport
    from UniFuseLib.spatial.stored import stored

    fused, restored, deformation = names
    write_volume(result.fused, folder / fused, precision="scaled")
    write_volume(result.restored, folder / restored, precision="rounded")
    kept = stored(result.field, spacing)
    write_displacement(kept.displacement, kept.grid, folder / deformation)
    return StoredFieldReport.of(kept)


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


def _within(show: Progress, start: float, end: float) -> Progress:
    """Progress of a part as progress of the whole."""
    return lambda fraction, stage: show(start + (end - start) * fraction, stage)


def _tidying(show: Progress, least: int) -> Progress:
    """Progress; where a stage begins, what the one before has freed goes back to the system."""
    from UniFuseLib.process import give_back_freed_memory

    begun: set[str] = set()

    def progress(fraction: float, stage: str) -> None:
        if stage not in begun:
            begun.add(stage)
            give_back_freed_memory(least)
        show(fraction, stage)

    return progress


@contextmanager
def _timed(clock: dict[str, float], name: str) -> Iterator[None]:
    start = time.perf_counter()
    yield
    clock[name] = round(time.perf_counter() - start, 3)
