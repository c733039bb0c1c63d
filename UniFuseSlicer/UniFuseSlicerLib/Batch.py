"""Many pairs, one after the other, from a table or a folder, without loading them into the
scene.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from slicer.i18n import tr as _

from .Errors import FusionError
from .Outcome import Ending

# one folder below the output, on every system: no separators, no hidden or special names
_NAME = re.compile(r"[^\W_]([^\x00-\x1f\\/:*?\"<>|]{0,198}[^\x00-\x1f\\/:*?\"<>|. ])?")
_FORMULA = ("=", "+", "-", "@", "\t", "\r")  # what a spreadsheet takes for one
VOLUME_SUFFIXES = (".nii.gz", ".nii", ".nrrd", ".nhdr", ".mha", ".mhd")


@dataclass(frozen=True)
class BatchCase:
    """One pair on disk; `degraded` and `reference` are files or DICOM series folders."""

    name: str
    degraded: Path
    reference: Path


@dataclass(frozen=True)
class BatchRow:
    """How one case ended; `ending` is "done", "failed", "crashed", "failed to start" or
    "cancelled".
    """

    name: str
    ending: str
    message: str
    output: str
    degradation: str = ""
    probability: float = 0.0
    meanDisplacementMm: float = 0.0
    seconds: float = 0.0
    trust: str = ""
    probabilityOffBy3Mm: float | None = None
    reasons: str = ""


COLUMNS = tuple(field.name for field in fields(BatchRow))
_BEFORE_VERDICTS = frozenset(COLUMNS[:8])  # what a table of an earlier release holds


def readCases(source: Any) -> list[BatchCase]:
    """Cases from a CSV file, a folder, or a `vtkMRMLTableNode`.

    A table has the columns `degraded` and `reference` and, if wanted, `name`; relative paths start
    at the table. A folder holds one folder per case, each with `degraded.*` and `reference.*` (a
    file, or a DICOM folder).

    Raises:
        FusionError: no cases, a missing column, or two cases with one name.
    """
    if hasattr(source, "GetTable"):
        cases = [_caseFromRow(row, Path.cwd(), n) for n, row in enumerate(_rowsOfNode(source), 1)]
    elif absolute(source).is_dir():
        cases = list(_casesInFolder(absolute(source)))
    elif absolute(source).is_file():
        rows = _rowsOfFile(absolute(source))
        cases = [_caseFromRow(row, absolute(source).parent, n) for n, row in enumerate(rows, 1)]
    else:
        raise FusionError(
            _("{source} does not exist. Choose a CSV table or a folder.").format(source=source)
        )
    if not cases:
        raise FusionError(
            _(
                "No case found in {source}. Expected a table with the columns degraded and "
                "reference, or a folder with one folder per case that holds degraded.* and "
                "reference.*."
            ).format(source=source)
        )
    names = [case.name for case in cases]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise FusionError(
            _("Two cases are called {names}. Give each case its own name.").format(
                names=", ".join(twice)
            )
        )
    return cases


def runCases(
    cases: list[BatchCase],
    output: Path,
    run: Callable[[BatchCase, Path], BatchRow],
    progress: Callable[[str], None],
) -> list[BatchRow]:
    """Run every case into `output/<name>`; one that fails does not stop the others.

    Writes `batch.csv` as it goes; rows of other cases that it holds already stay.
    """
    table = output / "batch.csv"
    try:
        output.mkdir(parents=True, exist_ok=True)
        written = {row["name"]: row for row in earlierRows(table)}
    except OSError as error:
        raise FusionError(
            _("Cannot use the folder {output}: {reason}").format(output=output, reason=error)
        ) from error
    rows: list[BatchRow] = []
    for number, case in enumerate(cases, 1):
        progress(
            _("{number} of {count}: {name}").format(number=number, count=len(cases), name=case.name)
        )
        rows.append(_run(run, case, output / case.name))
        written[case.name] = asdict(rows[-1])
        try:
            writeRows(list(written.values()), table)
        except OSError as error:  # open in another program: the next case tries again
            progress(_("Cannot write {table}: {reason}").format(table=table, reason=error))
    return rows


def _run(run: Callable[[BatchCase, Path], BatchRow], case: BatchCase, folder: Path) -> BatchRow:
    try:
        return run(case, folder)
    except Exception as error:
        return BatchRow(
            case.name, Ending.FAILED.value, f"{type(error).__name__}: {error}", str(folder)
        )


def earlierRows(path: Path) -> list[dict[str, Any]]:
    """Rows of a `batch.csv`, [] when there is none.

    Raises:
        FusionError: the file is another table, which must not be replaced.
    """
    found = list(_rowsOfFile(path)) if path.exists() else []
    rows = [{title: _text(value) for title, value in row.items()} for row in found]
    if any(not _BEFORE_VERDICTS <= set(row) <= set(COLUMNS) for row in rows):
        raise FusionError(
            _(
                "{path} was not created by UniFuse and will not be overwritten. "
                "Move it, or choose another output folder."
            ).format(path=path)
        )
    return rows


def writeRows(rows: list[dict[str, Any]], path: Path) -> None:
    """Write `batch.csv`; text that a spreadsheet would take for a formula gets an apostrophe."""
    temporary = path.with_name(f".{path.name}.part")
    with temporary.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, COLUMNS)
        writer.writeheader()
        writer.writerows({title: _cell(value) for title, value in row.items()} for row in rows)
    temporary.replace(path)


def _cell(value: Any) -> Any:
    return f"'{value}" if isinstance(value, str) and value.startswith(_FORMULA) else value


def _text(cell: str | None) -> str:
    """What `_cell` wrote."""
    text = cell or ""
    return text[1:] if text[:1] == "'" and text[1:].startswith(_FORMULA) else text


def absolute(path: str | Path) -> Path:
    """As the user's working directory sees it: the tool runs in another one."""
    return Path(path).expanduser().absolute()


def _rowsOfFile(path: Path) -> Iterator[dict[str, str]]:
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            yield from csv.DictReader(file)
    except UnicodeDecodeError as error:
        raise FusionError(
            _("{path} is not UTF-8 text. Save the table as CSV UTF-8.").format(path=path)
        ) from error


def _rowsOfNode(node: Any) -> Iterator[dict[str, str]]:
    table = node.GetTable()
    titles = [table.GetColumnName(c) for c in range(table.GetNumberOfColumns())]
    for r in range(table.GetNumberOfRows()):
        yield {title: table.GetValue(r, c).ToString() for c, title in enumerate(titles)}


def _caseFromRow(row: dict[str, str], folder: Path, number: int) -> BatchCase:
    for column in ("degraded", "reference"):
        if not row.get(column):
            raise FusionError(
                _(
                    "Row {number} has no {column}. "
                    "The table needs the columns degraded and reference."
                ).format(number=number, column=column)
            )
    name = (row.get("name") or f"case{number:03d}").strip()
    if not _NAME.fullmatch(name):
        raise FusionError(
            _(
                "Row {number}: {name} cannot be the name of a folder. Use letters, digits, spaces, "
                "'.', '_' and '-'."
            ).format(number=number, name=repr(name))
        )
    return BatchCase(
        name, *(folder / Path(row[role]).expanduser() for role in ("degraded", "reference"))
    )


def _casesInFolder(folder: Path) -> Iterator[BatchCase]:
    for inside in sorted(p for p in folder.iterdir() if p.is_dir()):
        degraded, reference = _volumeNamed(inside, "degraded"), _volumeNamed(inside, "reference")
        if degraded is not None and reference is not None:
            yield BatchCase(inside.name, degraded, reference)


def _volumeNamed(folder: Path, stem: str) -> Path | None:
    for candidate in [folder / f"{stem}{suffix}" for suffix in VOLUME_SUFFIXES] + [folder / stem]:
        if candidate.exists():
            return candidate
    return None
