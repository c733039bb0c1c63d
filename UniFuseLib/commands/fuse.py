"""`unifuse fuse DEGRADED REFERENCE --output DIR`: the main job, from files to files."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from UniFuseLib.commands import fuse_options, guidance, progress
from UniFuseLib.commands.fuse_files import RESULTS, fuse_into
from UniFuseLib.commands.terminal import json_text
from UniFuseLib.degradation import described
from UniFuseLib.errors import (
    NOT_TRUSTED_EXIT_CODE,
    Cancelled,
)
from UniFuseLib.io.output_folder import result_folder
from UniFuseLib.process import uncollected
from UniFuseLib.verdict.words import trust_lines

if TYPE_CHECKING:
    import argparse

    from UniFuseLib.report.report import Report


def add_parser(subparsers: Any) -> None:
    """Describe the command."""
    fuse_options.add_parser(subparsers).set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Run the command."""
    return progress.run(args, _fuse_files)


def _fuse_files(args: argparse.Namespace) -> dict[str, Any]:
    """Read, fuse, write; returns what the last line of `--progress json` says."""
    if args.dry_run:
        from UniFuseLib.commands.cost import dry_run

        dry_run(args)
        return {"done": True, "dry_run": True, "exit_code": 0}
    with uncollected():
        from UniFuseLib.device import check_precision, choose_device
        from UniFuseLib.verdict.judge import check_judged

    check_judged(verdict=not args.no_verdict, uncertainty=args.uncertainty)  # before any work
    check_precision(args.precision)
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
    described_class = described(report.label, report.severity_words, report.dose_fraction)
    found = f"{described_class} ({probability:.0f} %)"
    if not report.class_calibrated:
        found = "Degradation type not stated"
    print(
        f"{found}, mean displacement {report.displacement_mm.mean:.1f} mm: {args.output}",
        file=sys.stderr,
    )
