"""JSON, TOML and CSV → dataclasses: one reader, whose errors name file, key, expected and found.

Small and of our own, because the runtime inside 3D Slicer has no room for more
(docs/decisions/0061).
"""

from __future__ import annotations

import csv
import dataclasses
import json
import math
import types
from pathlib import Path
from typing import Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

from UniFuseLib.errors import InputError, UniFuseError

try:
    import tomllib
except ModuleNotFoundError:  # Python 3.10
    import tomli as tomllib  # type: ignore[no-redef]

T = TypeVar("T")
LARGEST = 64 << 20  # bytes; nothing that is read here is near it
_NAMES = {
    str: "a text",
    int: "a whole number",
    float: "a number",
    bool: "true or false",
    list: "a list",
    tuple: "a list",
    dict: "an object",
    type(None): "null",
}


class FieldError(Exception):
    """One value that does not fit: its key, what was expected, what was found."""

    def __init__(self, key: str, expected: str, found: str) -> None:
        super().__init__(f"'{key}': expected {expected}, found {found}")
        self.key = key


def read_json_as(kind: type[T], path: Path, error: type[UniFuseError] = InputError) -> T:
    """A JSON file as `kind`.

    Args:
        kind: a dataclass, or any type that `from_plain` knows.
        path: of the file.
        error: class of what is raised.

    Raises:
        UniFuseError: of class `error`: no such file, no JSON in UTF-8, or a value that does not fit.
    """
    return _as(kind, _parsed(path, json.loads, "JSON", error), path, error)


def read_toml_as(kind: type[T], path: Path, error: type[UniFuseError] = InputError) -> T:
    """A TOML file as `kind`; see `read_json_as`."""
    return _as(kind, _parsed(path, tomllib.loads, "TOML", error), path, error)


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
        raise InputError(f"'{path}': '{key}': expected {_named(kind)}, found nothing.")
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


def from_plain(kind: Any, value: Any, key: str = "") -> Any:
    """Plain JSON values as `kind`: a dataclass, a builtin, or a list, dict, Literal, union of them.

    Whole numbers pass for numbers; lists become the tuples that a dataclass asks for.

    Args:
        kind: a type or annotation.
        value: what JSON or TOML gave.
        key: where it stands, for the error.

    Raises:
        FieldError: it does not fit.
    """
    if kind is Any:
        return value
    if dataclasses.is_dataclass(kind):
        return _dataclass(kind, value, key)
    origin = get_origin(kind)
    if origin is Literal:
        return _choice(kind, value, key)
    if origin in (Union, types.UnionType):
        return _union(kind, value, key)
    if origin in (list, tuple, dict):
        return _container(origin, get_args(kind), value, key)
    return _simple(kind, value, key)


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
            f"'{path}' is no {name}: {wrong}. Correct the file, or make it again."
        ) from wrong


def _text(path: Path, name: str, error: type[UniFuseError], encoding: str = "utf-8") -> str:
    expected = f"Expected a {name} file at '{path}'"
    try:
        if not path.is_file():
            raise error(f"{expected}, found {'a folder' if path.is_dir() else 'none'}.")
        if path.stat().st_size > LARGEST:
            raise error(f"{expected}, found one of {path.stat().st_size >> 20} MiB.")
        return path.read_text(encoding=encoding)
    except UnicodeDecodeError as wrong:
        raise error(f"Cannot read '{path}': it is no {name} file in UTF-8 ({wrong}).") from wrong
    except (OSError, ValueError) as wrong:
        raise error(f"Cannot read '{path}': {wrong}. {expected}.") from wrong


def _dataclass(kind: Any, value: Any, key: str) -> Any:
    if not isinstance(value, dict):
        raise FieldError(key or "the file", "an object", _found(value))
    hints = get_type_hints(kind)
    fields = {field.name: field for field in dataclasses.fields(kind) if field.init}
    unknown = sorted(set(value) - set(fields))
    if unknown:
        raise FieldError(_at(key, unknown[0]), f"one of {', '.join(sorted(fields))}", "this key")
    for name, field in fields.items():
        if name not in value and _required(field):
            raise FieldError(_at(key, name), _named(hints[name]), "nothing")
    return kind(**{name: from_plain(hints[name], v, _at(key, name)) for name, v in value.items()})


def _required(field: dataclasses.Field[Any]) -> bool:
    missing = dataclasses.MISSING
    return field.default is missing and field.default_factory is missing


def _choice(kind: Any, value: Any, key: str) -> Any:
    if not any(value == choice and type(value) is type(choice) for choice in get_args(kind)):
        raise FieldError(key, _named(kind), _found(value))
    return value


def _union(kind: Any, value: Any, key: str) -> Any:
    for choice in get_args(kind):
        try:
            return from_plain(choice, value, key)
        except FieldError:
            continue
    raise FieldError(key, _named(kind), _found(value))


def _container(origin: Any, inner: tuple[Any, ...], value: Any, key: str) -> Any:
    if origin is dict:
        if not isinstance(value, dict):
            raise FieldError(key or "the file", "an object", _found(value))
        return {name: from_plain(inner[1], v, _at(key, name)) for name, v in value.items()}
    if not isinstance(value, list | tuple):
        raise FieldError(key or "the file", "a list", _found(value))
    if origin is list or (len(inner) == 2 and inner[1] is Ellipsis):
        kinds: tuple[Any, ...] = (inner[0],) * len(value)
    elif len(inner) != len(value):
        raise FieldError(key, f"a list of {len(inner)}", f"{len(value)} values")
    else:
        kinds = inner
    items = [
        from_plain(k, v, f"{key}[{i}]") for i, (k, v) in enumerate(zip(kinds, value, strict=True))
    ]
    return origin(items)


def _simple(kind: Any, value: Any, key: str) -> Any:
    if kind is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value) if abs(value) < 2**53 else _refuse(kind, value, key)
    if kind is float and isinstance(value, float) and not math.isfinite(value):
        return _refuse(kind, value, key)
    if isinstance(value, bool) and kind is not bool:
        return _refuse(kind, value, key)
    if kind is Path and isinstance(value, str):
        return Path(value)
    return value if isinstance(value, kind) else _refuse(kind, value, key)


def _refuse(kind: Any, value: Any, key: str) -> Any:
    raise FieldError(key, _named(kind), _found(value))


def _at(key: str, name: object) -> str:
    return f"{key}.{name}" if key else str(name)


def _named(kind: Any) -> str:
    """A type as a user would call it."""
    if get_origin(kind) is Literal:
        return "one of " + ", ".join(map(repr, get_args(kind)))
    if get_origin(kind) in (Union, types.UnionType):
        return " or ".join(_named(choice) for choice in get_args(kind))
    if dataclasses.is_dataclass(kind):
        return "an object"
    return _NAMES.get(get_origin(kind) or kind, "a text")


def _found(value: Any) -> str:
    text = json.dumps(value, default=str, ensure_ascii=False)
    return text if len(text) <= 60 else f"{text[:57]}..."
