"""`unifuse fuse --dry-run`, and the same estimate before every run."""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING, Any

from UniFuseLib.commands import dicom, progress
from UniFuseLib.commands.options import log
from UniFuseLib.estimate import CPU_SECONDS, MEMORY_BYTES, Cost, check_memory, estimate
from UniFuseLib.io.file_header import ReadOptions
from UniFuseLib.io.output_folder import real_place
from UniFuseLib.io.volumes import read_grid
from UniFuseLib.process import available_memory, in_bytes

if TYPE_CHECKING:
    import argparse
    from pathlib import Path

    from UniFuseLib.commands.inputs import Inputs


def cost_of(args: argparse.Namespace) -> Cost:
    """Of one run of `unifuse fuse`, from the headers of its inputs.

    Args:
        args: parsed options of the run.

    Raises:
        InputError: an input cannot be used.
        WeightsError: the weights cannot be used.
    """
    options = ReadOptions(args.header, args.assume_orientation)
    degraded = read_grid(args.degraded, dicom.options_of(args, 0), options)
    reference = read_grid(args.reference, dicom.options_of(args, 1), options)
    spacing = args.working_spacing or _spacing_of(args.weights)
    return estimate(
        degraded,
        reference,
        spacing,
        uncertainty=args.uncertainty,
        field_spacing=args.field_spacing,
        uncompressed=args.uncompressed,
    )


def dry_run(args: argparse.Namespace) -> None:
    """Print the estimate; nothing is computed or written.

    Args:
        args: parsed options of the run.

    Raises:
        DeviceError: the memory of this machine is too small, and --exceed-memory was not given.
    """
    cost = cost_of(args)
    available, free = available_memory(), _free_disk(args.output)
    facts = _facts(cost, available, free)
    if args.progress == "json":
        progress.emit({"estimate": facts})
    elif args.json:
        print(json.dumps(facts, indent=2))
    else:
        for line in _lines(cost, available, free):
            log(line)
    if not args.exceed_memory:
        check_memory(cost, available)


def refuse_too_large(args: argparse.Namespace, inputs: Inputs, available: int | None) -> None:
    """Before the work begins: does the memory hold this pair?

    Args:
        args: parsed options of the run.
        inputs: as they were read.
        available: bytes that were left before they were read; None: not known.

    Raises:
        DeviceError: it does not, and --exceed-memory was not given.
    """
    from UniFuseLib.device import choose_device

    if args.exceed_memory or choose_device(args.device).type != "cpu":
        return
    spacing = args.working_spacing or _spacing_of(args.weights)
    check_memory(estimate(inputs.degraded.grid, inputs.reference.grid, spacing), available)


def _spacing_of(weights: Path | None) -> float:
    from UniFuseLib.contract import read_contract
    from UniFuseLib.resources import DEFAULT_WEIGHTS, models_folder

    return read_contract(weights or models_folder() / DEFAULT_WEIGHTS).working_spacing_mm


def _free_disk(output: Path) -> int:
    place = real_place(output)
    while not place.exists():
        place = place.parent
    return shutil.disk_usage(place).free


def _facts(cost: Cost, available: int | None, free: int) -> dict[str, Any]:
    return {
        **cost.size._asdict(),
        "memory_bytes": cost.memory_bytes,
        "memory_within": MEMORY_BYTES.within,
        "memory_available_bytes": available,
        "cpu_seconds": cost.cpu_seconds,
        "cpu_seconds_within": CPU_SECONDS.within,
        "disk_bytes_low": cost.disk.low,
        "disk_bytes_high": cost.disk.high,
        "disk_free_bytes": free,
    }


def _lines(cost: Cost, available: int | None, free: int) -> list[str]:
    size = cost.size
    left = "" if available is None else f"; {in_bytes(available)} are free"
    memory, seconds = round(100 * MEMORY_BYTES.within), round(100 * CPU_SECONDS.within)
    return [
        f"Voxels: {size.reference_voxels / 1e6:.2f} million of the reference, "
        f"{size.degraded_voxels / 1e6:.2f} of the degraded volume, "
        f"{size.working_voxels / 1e6:.2f} of the working grid ({size.working_mm:g} mm).",
        f"Memory: about {in_bytes(cost.memory_bytes)} on the CPU (MR on MR takes up to {memory} % "
        f"less, PET and CT less still){left}.",
        f"Time: about {cost.cpu_seconds:.0f} CPU seconds (within {seconds} % on the machine of "
        "docs/results/cost-model.json; others differ).",
        f"Disk: about {in_bytes(cost.disk.low)} to {in_bytes(cost.disk.high)}; "
        f"{in_bytes(free)} are free.",
    ]
