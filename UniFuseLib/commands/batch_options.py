"""What `unifuse batch` accepts: options of `unifuse fuse`, for all cases or for one by a table."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from UniFuseLib.commands import dicom, fuse_options, guidance, progress
from UniFuseLib.commands.options import add_reading, count
from UniFuseLib.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from UniFuseLib.batch.case import Settings, Task

_TWICE = ("series", "frame-group", "ct-offset", "suv-factor")  # for DEGRADED, then REFERENCE
_YES, _NO = ("yes", "true", "1"), ("no", "false", "0")

_EPILOG = """\
which pairs:
  unifuse batch TABLE -o DIR                 CSV or TSV with the columns degraded and reference;
                                             optional: name, and options of `unifuse fuse` (align,
                                             refine, degraded-modality, ...). Or a folder with one
                                             folder per case that holds degraded.* and reference.*
  unifuse batch --bids ROOT --degraded '*_T2w' --reference '*_T1w' -o DIR
  unifuse batch --degraded 'data/*/t2.nii.gz' --reference 'data/*/t1.nii.gz' -o DIR

writes into DIR:
  NAME/          one folder per case, as `unifuse fuse` writes it, with case.json and thumbnail.png
  summary.csv    one row per case
  summary.html   the same with pictures, to sort and filter

Run the same command again to go on after an interruption: finished cases stay, failed ones are
tried again.

exit codes:
  0 all cases done, 9 some cases failed (see the summary), else as `unifuse fuse`
"""


class _Parser(argparse.ArgumentParser):
    """Its errors are sentences about a row."""

    def error(self, message: str) -> NoReturn:
        raise InputError(message)


def add_parser(subparsers: Any) -> argparse.ArgumentParser:
    """The command with all its options."""
    parser: argparse.ArgumentParser = subparsers.add_parser(
        "batch",
        help="fuse many pairs, and go on where an interrupted batch stopped",
        description="Fuse every pair of a table, a BIDS data set, or two file patterns.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    _add_source(parser)
    parser.add_argument(
        "--output", "-o", type=Path, required=True, metavar="DIR", help="folder for all results"
    )
    _add_finished(parser)
    _add_engine(parser)
    _add_case_options(parser)
    parser.add_argument("--json", action="store_true", help="print the summary on stdout")
    progress.add_options(parser)
    return parser


def settings_of(args: argparse.Namespace) -> Settings:
    """Of every case, from the command line; plain values."""
    names = vars(_case_parser().parse_args([]))
    return _plain({name: getattr(args, name) for name in names})


def option_columns() -> frozenset[str]:
    """Columns of a table that are options."""
    return frozenset(name.replace("_", "-") for name in vars(_case_parser().parse_args([])))


def arguments_of(task: Task) -> argparse.Namespace:
    """What `unifuse fuse` would have parsed for a task."""
    parser = fuse_options.add_parser(argparse.ArgumentParser().add_subparsers())
    files = [task.degraded, task.reference, "--output", str(task.target)]
    args = parser.parse_args([*files, "--quiet", "--progress", "none"])
    paths = _path_options(parser)
    for name, value in task.settings.items():
        read = paths.get(name) if value is not None else None
        setattr(args, name, value if read is None else read(value))
    return args


def with_cells(settings: Settings, folder: Path, cells: Mapping[str, str], where: str) -> Settings:
    """The settings of one row.

    Args:
        settings: of every case.
        folder: where relative paths start.
        cells: column → content.
        where: the row, for sentences.

    Raises:
        InputError: a value that the option does not take.
    """
    if not cells:
        return settings
    if "weights" in cells:
        raise InputError(f"{where}: all cases of a batch share their weights. Use --weights.")
    flags = {name for name, value in vars(_case_parser().parse_args([])).items() if value is False}
    arguments: list[str] = []
    switched: dict[str, bool] = {}
    for column, cell in cells.items():
        name = column.replace("-", "_")
        if name in flags:
            switched[name] = _truth(cell, f"{where}: {column}")
        else:
            values = cell.replace(";", " ").split() if column in _TWICE else [cell]
            arguments += [f"--{column}={value}" for value in values]
    try:
        parsed = vars(_case_parser().parse_args(arguments))
    except InputError as error:
        raise InputError(f"{where}: {error}. Correct the cell.") from error
    chosen = {column.replace("-", "_") for column in cells}
    return {**settings, **_plain({name: parsed[name] for name in chosen}, folder), **switched}


def _case_parser() -> _Parser:
    parser = _Parser(prog="options", add_help=False, allow_abbrev=False)
    _add_case_options(parser)
    return parser


def _add_case_options(parser: argparse.ArgumentParser) -> None:
    add_reading(parser)
    dicom.add_options(parser)
    guidance.add_options(parser)
    fuse_options.add_computation(parser)
    fuse_options.add_files_made(parser)


def _add_source(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "table", nargs="?", type=Path, metavar="TABLE", help="table, or folder of case folders"
    )
    parser.add_argument(
        "--bids", type=Path, metavar="ROOT", help="BIDS data set; needs --degraded and --reference"
    )
    for role in ("degraded", "reference"):
        parser.add_argument(
            f"--{role}",
            metavar="PATTERN",
            help=f"{role} volumes: with --bids a pattern of file names without their extension, "
            "else of paths",
        )


def _add_finished(parser: argparse.ArgumentParser) -> None:
    group = parser.add_mutually_exclusive_group()
    group.add_argument(
        "--redo-changed",
        action="store_true",
        help="compute finished cases again if their files or options have changed",
    )
    group.add_argument(
        "--keep-changed",
        action="store_true",
        help="leave such cases as they are (default: stop and name them)",
    )


def _add_engine(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--jobs",
        type=count,
        metavar="N",
        help="pairs at the same time (default: one per GPU or core, as far as the memory goes); "
        "with --slurm the number of jobs",
    )
    group = parser.add_mutually_exclusive_group()
    group.add_argument(
        "--scheduler", metavar="ADDRESS", help="running Dask scheduler, such as tcp://node1:8786"
    )
    group.add_argument(
        "--slurm",
        type=Path,
        metavar="FILE",
        help="YAML with the keys of dask_jobqueue.SLURMCluster; needs --jobs",
    )


def _path_options(parser: argparse.ArgumentParser) -> dict[str, Callable[[str], Any]]:
    """Options that name files → what reads their text."""
    readers: tuple[Callable[[str], Any], ...] = (Path, guidance.file_or_body)
    actions = parser._actions
    return {action.dest: read for action in actions for read in readers if action.type is read}


def _plain(values: Mapping[str, Any], folder: Path | None = None) -> Settings:
    """As JSON has them; relative paths start at the folder, or where the command was given."""
    start = (folder or Path()).absolute()
    paths = {
        name: str(start / value.expanduser()) if isinstance(value, Path) else value
        for name, value in values.items()
    }
    plain: Settings = json.loads(json.dumps(paths))
    return plain


def _truth(cell: str, where: str) -> bool:
    if cell.lower() in _YES:
        return True
    if cell.lower() in _NO:
        return False
    raise InputError(f"{where}: expected yes or no, got {cell!r}.")
