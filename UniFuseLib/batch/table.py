"""A table of pairs: text with any common separator → rows of cells."""

from __future__ import annotations

import codecs
import csv
import io
from typing import TYPE_CHECKING, NamedTuple

from UniFuseLib.errors import InputError
from UniFuseLib.io.paths import shown

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

NEEDED = ("degraded", "reference")
_SEPARATORS = (",", ";", "\t", "|")
_BOMS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)


class Row(NamedTuple):
    """One row that is not blank; columns are lower case with `-` for `_` and spaces."""

    line: int  # of the file, from 1
    cells: dict[str, str]  # column → content without blanks around it; empty cells are left out


class Table(NamedTuple):
    columns: tuple[str, ...]
    rows: tuple[Row, ...]


def read_table(path: Path) -> Table:
    """CSV or TSV: the separator is the one that parts `degraded` from `reference` in the header.

    UTF-8 or UTF-16 with a byte order mark; a first line `sep=;` as spreadsheets write it.

    Raises:
        InputError: not text, no header with both columns, a column twice, or a row with more
            cells than the header.
    """
    text = _text(path)
    separator, skipped = _separator(text, path)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True)
    try:
        lines = [(reader.line_num, cells) for cells in reader]
    except csv.Error as error:
        raise InputError(
            f"{shown(path)}, line {reader.line_num}: {error}. Check the quotes of the table."
        ) from error
    lines = [line for line in lines if any(cell.strip() for cell in line[1])][skipped:]
    columns = tuple(column_name(cell) for cell in lines[0][1])
    _check_columns(columns, path)
    return Table(columns, tuple(_rows(columns, lines[1:], path)))


def column_name(text: str) -> str:
    """`Degraded_Modality ` → `degraded-modality`."""
    return "-".join(text.strip().lower().replace("_", " ").replace("-", " ").split())


def _text(path: Path) -> str:
    try:
        content = path.read_bytes()
    except OSError as error:
        raise InputError(f"Cannot read {shown(path)}: {error.strerror}. Check the path.") from error
    encoding = next((name for bom, name in _BOMS if content.startswith(bom)), "utf-8")
    try:
        text = content.decode(encoding)
    except UnicodeDecodeError as error:
        raise InputError(
            f"{shown(path)} is not UTF-8 text. Save the table as CSV UTF-8."
        ) from error
    if "\0" in text:
        raise InputError(f"{shown(path)} is not a text file. Save the table as CSV UTF-8.")
    return text


def _separator(text: str, path: Path) -> tuple[str, int]:
    """The separator, and the number of lines before the header."""
    lines = [line for line in text.splitlines() if line.strip()]
    skipped = int(bool(lines) and lines[0].lower().startswith("sep="))
    header = lines[skipped] if len(lines) > skipped else ""
    for separator in _SEPARATORS:
        cells = next(csv.reader([header], delimiter=separator), [])
        if set(NEEDED) <= {column_name(cell) for cell in cells}:
            return separator, skipped
    raise InputError(
        f"{shown(path)}: expected a first row with the columns degraded and reference, separated "
        f"by comma, semicolon, tab or |, got {header[:80]!r}."
    )


def _check_columns(columns: tuple[str, ...], path: Path) -> None:
    twice = sorted({name for name in columns if name and columns.count(name) > 1})
    if twice:
        raise InputError(
            f"{shown(path)}: the column {', '.join(twice)} is there twice. Remove one of them."
        )


def _rows(
    columns: tuple[str, ...], lines: list[tuple[int, list[str]]], path: Path
) -> Iterator[Row]:
    for line, cells in lines:
        if any(cell.strip() for cell in cells[len(columns) :]):
            raise InputError(
                f"{shown(path)}, line {line}: {len(cells)} cells, but the header has "
                f"{len(columns)}. Put text that holds the separator into quotes."
            )
        filled = zip(columns, (cell.strip() for cell in cells), strict=False)
        yield Row(line, {name: cell for name, cell in filled if name and cell})
