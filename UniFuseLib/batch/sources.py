"""Pairs from a table, or from a folder with one folder per case."""

from __future__ import annotations

from typing import TYPE_CHECKING

from UniFuseLib.batch.case import Case, LeftOut, Plan, Settings
from UniFuseLib.batch.names import check_name, plain_name
from UniFuseLib.batch.table import NEEDED, Row, read_table
from UniFuseLib.errors import InputError
from UniFuseLib.io.paths import expanded, shown

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    # cells of option columns, and where they stand → settings of the case; raises InputError
    ParseCells = Callable[[Mapping[str, str], str], Settings]

SUFFIXES = (".nii.gz", ".nii", ".nrrd", ".nhdr", ".mha", ".mhd", ".mgz", ".mgh")


def table_plan(path: Path, options: frozenset[str], parse: ParseCells) -> Plan:
    """Cases of a table; relative paths start at the table.

    Args:
        path: CSV or TSV with the columns degraded, reference, perhaps name, and options.
        options: columns that are options of a run.
        parse: cells of these columns → settings.

    Raises:
        InputError: see `table.read_table`; also a name that cannot be a folder's.
    """
    table = read_table(path)
    unknown = sorted({*table.columns} - {*NEEDED, "name", "", *options})
    notes = (
        ()
        if not unknown
        else (f"Columns ignored, since they are not options: {', '.join(unknown)}.",)
    )
    cases, left_out = [], []
    for number, row in enumerate(table.rows, 1):
        where = f"{shown(path.name)}, line {row.line}"
        name = check_name(row.cells.get("name", f"case{number:03d}"), where)
        try:
            cases.append(_case(row, name, path, where, options, parse))
        except InputError as error:
            left_out.append(LeftOut(name, str(error)))
    return Plan(tuple(cases), tuple(left_out), notes)


def folder_plan(folder: Path, settings: Settings) -> Plan:
    """Cases of a folder that holds one folder per case with `degraded.*` and `reference.*`.

    Args:
        folder: of the folders.
        settings: of every case.
    """
    cases, left_out = [], []
    for inside in sorted(path for path in folder.iterdir() if path.is_dir()):
        if inside.name.startswith("."):
            continue
        degraded, reference = (_volume_named(inside, role) for role in NEEDED)
        if degraded is None or reference is None:
            missing = "degraded" if degraded is None else "reference"
            sentence = f"{shown(inside)} holds no volume called {missing}."
            left_out.append(LeftOut(plain_name(inside.name), sentence))
            continue
        name = check_name(inside.name, shown(inside))
        cases.append(Case(name, degraded, reference, settings, shown(inside)))
    return Plan(tuple(cases), tuple(left_out))


def stem_of(path: Path) -> str | None:
    """The name without the suffix of a volume; None for other files."""
    name = path.name
    suffix = next((s for s in SUFFIXES if name.lower().endswith(s)), None)
    return None if suffix is None else name[: -len(suffix)]


def _case(
    row: Row, name: str, path: Path, where: str, options: frozenset[str], parse: ParseCells
) -> Case:
    for role in NEEDED:
        if role not in row.cells:
            raise InputError(f"{where}: no {role}. Fill in a file, or remove the row.")
    degraded, reference = ((path.parent / expanded(row.cells[role])).absolute() for role in NEEDED)
    cells = {column: cell for column, cell in row.cells.items() if column in options}
    return Case(name, degraded, reference, parse(cells, where), where)


def _volume_named(folder: Path, stem: str) -> Path | None:
    """A file, else a DICOM folder."""
    places = [folder / f"{stem}{suffix}" for suffix in SUFFIXES] + [folder / stem]
    return next((place.absolute() for place in places if place.exists()), None)
