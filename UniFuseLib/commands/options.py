"""What several commands share: values of options, and the log on the terminal."""

from __future__ import annotations

import argparse
import math
import sys

from UniFuseLib.fusion.methods import METHODS, UNIFUSE, check_method


def refinement(text: str) -> str:
    """`--refine` as it stands on the command line."""
    if text not in ("off", "auto") and not text.isdigit():
        raise argparse.ArgumentTypeError(f"expected off, auto or a number of steps, got {text}")
    return text


def add_device(parser: argparse.ArgumentParser) -> None:
    """Where the network runs: `device.choose_device`."""
    parser.add_argument(
        "--device", default="auto", help="auto, cpu, cuda or cuda:N (default: auto)"
    )


def add_fusions(parser: argparse._ActionsContainer) -> None:
    """Further fusion methods that are measured: `other_fusions`."""
    parser.add_argument(
        "--fusion",
        default="",
        metavar="NAMES",
        help="comma-separated fusion methods to measure on the volumes that UniFuse aligned and "
        f"restored, beside its own: {', '.join(name for name in METHODS if name != UNIFUSE)} "
        "(default: none)",
    )


def other_fusions(text: str) -> tuple[str, ...]:
    """The methods of `--fusion`, in the order of `METHODS`; `unifuse` is measured anyway.

    Raises:
        InputError, WeightsError, MissingDependencyError: see `check_method`.
    """
    names = {name.strip() for name in text.split(",") if name.strip()}
    for name in sorted(names):
        check_method(name)
    return tuple(name for name in METHODS if name in names and name != UNIFUSE)


def add_reading(parser: argparse.ArgumentParser) -> None:
    """What to do where a file leaves its geometry open: `io.file_header.ReadOptions`."""
    parser.add_argument(
        "--header",
        choices=("auto", "sform", "qform"),
        default="auto",
        help="which of the two geometries of a NIfTI file to use; auto: the sform where it is set, "
        "else the qform (default: auto)",
    )
    parser.add_argument(
        "--assume-orientation",
        choices=("LPS", "RAS"),
        help="directions in which the voxel axes i, j, k of a file without orientation run: left, "
        "posterior, superior or right, anterior, superior (default: such a file is refused)",
    )


def linear_map(text: str) -> tuple[float, float]:
    """`SLOPE,INTERCEPT`."""
    try:
        slope, intercept = (float(part) for part in text.split(","))
    except ValueError:
        slope = intercept = math.nan
    if not math.isfinite(slope) or not math.isfinite(intercept) or slope == 0:
        raise argparse.ArgumentTypeError(
            f"expected two numbers such as 1,-1024, the first not 0, got {text}"
        )
    return slope, intercept


def count(text: str) -> int:
    """A whole number, at least one."""
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"expected a whole number of at least 1, got {text}")
    return int(text)


def log(text: str) -> None:
    """One line on stderr, at once: stdout is kept for results."""
    print(text, file=sys.stderr, flush=True)
