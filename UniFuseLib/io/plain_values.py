"""Plain values of JSON and TOML → dataclasses and tuples, or the key that does not fit."""

from __future__ import annotations

import dataclasses
import json
import math
import types
from pathlib import Path
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

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
            raise FieldError(_at(key, name), named(hints[name]), "nothing")
    return kind(**{name: from_plain(hints[name], v, _at(key, name)) for name, v in value.items()})


def _required(field: dataclasses.Field[Any]) -> bool:
    missing = dataclasses.MISSING
    return field.default is missing and field.default_factory is missing


def _choice(kind: Any, value: Any, key: str) -> Any:
    if not any(value == choice and type(value) is type(choice) for choice in get_args(kind)):
        raise FieldError(key, named(kind), _found(value))
    return value


def _union(kind: Any, value: Any, key: str) -> Any:
    for choice in get_args(kind):
        try:
            return from_plain(choice, value, key)
        except FieldError:
            continue
    raise FieldError(key, named(kind), _found(value))


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
    raise FieldError(key, named(kind), _found(value))


def _at(key: str, name: object) -> str:
    return f"{key}.{name}" if key else str(name)


def named(kind: Any) -> str:
    """A type as a user would call it."""
    if get_origin(kind) is Literal:
        return "one of " + ", ".join(map(repr, get_args(kind)))
    if get_origin(kind) in (Union, types.UnionType):
        return " or ".join(named(choice) for choice in get_args(kind))
    if dataclasses.is_dataclass(kind):
        return "an object"
    return _NAMES.get(get_origin(kind) or kind, "a text")


def _found(value: Any) -> str:
    text = json.dumps(value, default=str, ensure_ascii=False)
    return text if len(text) <= 60 else f"{text[:57]}..."
