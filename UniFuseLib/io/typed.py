"""JSON, TOML and CSV → dataclasses: one reader, whose errors name file, key, expected and found.

Small and of our own, because the runtime inside 3D Slicer has no room for more
(docs/decisions/0061).
"""

from __future__ import annotations

import csv
import json
from typing import TYPE_CHECKING, Any, TypeVar

from UniFuseLib.errors import InputError, UniFuseError
from UniFuseLib.io.plain_values import FieldError, from_plain, named
from UniFuseLib.process import in_bytes

if TYPE_CHECKING:
    from pathlib import Path

try:
    import tomllib
except ModuleNotFoundError:  # Python 3.10
    import tomli as tomllib  # type: ignore[no-redef]

T = TypeVar("T")
LARGEST = 64 << 20  # bytes; nothing that is read here is near it


def read_json_as(kind: type[T], path: Path, error: type[UniFuseError] = InputError) -> T:
    """A JSON file as `kind`.

    Args:
        kind: a dataclass, or any type that `from_plain` knows.
        path: of the file.
        error: class of what is raised.

    Raises:
        UniFuseError: of class `error`: no such file, no JSON in UTF-8, or a value that does not
            fit.
    """
    return _as(kind, _parsed(path, json.loads, "JSON", error), path, error)


def read_toml(path: Path) -> dict[str, Any]:
    """A TOML file as it is.

    Raises:
        InputError: no such file, or no TOML in UTF-8.
    """
    content: dict[str, Any] = _parsed(path, tomllib.loads, "TOML", InputError)
    return content


def read_json_object(path: Path, error: type[UniFuseError] = InputError) -> dict[str, Any]:
    """A JSON file that holds an object, as it is.

    Args:
        path: of the file.
        error: class of what is raised.

    Raises:
        UniFuseError: of class `error`: no such file, no JSON in UTF-8, or no object.
    """
    return read_json_as(dict[str, Any], path, error)


def check_key(path: Path, content: dict[str, Any], key: str, kind: Any) -> None:
    """One value of an object that holds more than is read.

    Args:
        path: of the file, for the sentence.
        content: its object.
        key: that must be there.
        kind: as for `from_plain`.

    Raises:
        InputError: the key is missing, or its value does not fit.
    """
    if key not in content:
        raise InputError(f"'{path}': '{key}': expected {named(kind)}, found nothing.")
    _as(kind, content[key], path, InputError, key)


def read_csv_rows(path: Path) -> tuple[list[str], list[dict[str, str]]]:
    """Column names, and each line by column; no spaces around either, empty lines left out.

    Raises:
        InputError: no such file, or no CSV in UTF-8.
    """
    lines = _text(path, "CSV", InputError, "utf-8-sig").splitlines()
    try:
        reader = csv.DictReader(lines)
        columns = [name.strip() for name in reader.fieldnames or []]
        reader.fieldnames = columns
        rows = [
            # values beyond the last column have no name
            {name: (value or "").strip() for name, value in line.items() if isinstance(name, str)}
            for line in reader
        ]
    except csv.Error as error:
        raise InputError(f"Cannot read '{path}': {error}. Expected a CSV file in UTF-8.") from error
    return columns, rows


def _as(kind: Any, content: Any, path: Path, error: type[UniFuseError], key: str = "") -> Any:
    try:
        return from_plain(kind, content, key)
    except FieldError as wrong:
        raise error(f"'{path}': {wrong}. Correct the file, or make it again.") from wrong


def _parsed(path: Path, parse: Any, name: str, error: type[UniFuseError]) -> Any:
    text = _text(path, name, error)
    try:
        return parse(text)
    except (ValueError, RecursionError) as wrong:
        raise error(
            f"'{path}' is not a {name} file: {wrong}. Correct the file, or make it again."
        ) from wrong


def _text(path: Path, name: str, error: type[UniFuseError], encoding: str = "utf-8") -> str:
    expected = f"Expected a {name} file at '{path}'"
    try:
        if not path.is_file():
            raise error(f"{expected}, found {'a folder' if path.is_dir() else 'none'}.")
        if path.stat().st_size > LARGEST:
            raise error(f"{expected}, found one of {in_bytes(path.stat().st_size)}.")
        return path.read_text(encoding=encoding)
    except UnicodeDecodeError as wrong:
        raise error(f"Cannot read '{path}': it is not a {name} file in UTF-8 ({wrong}).") from wrong
    except (OSError, ValueError) as wrong:
        raise error(f"Cannot read '{path}': {wrong}. {expected}.") from wrong
