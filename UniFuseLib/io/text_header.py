"""Lines of text in front of voxels: what NRRD and MetaImage have in common."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import numpy as np

from UniFuseLib.errors import InputError
from UniFuseLib.io.paths import readable_path, shown
from UniFuseLib.io.voxels import damaged, first_bytes

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

LARGEST_HEADER = 1 << 20  # bytes
_NUMBER = re.compile(r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?|[-+]?(?:nan|inf)", re.IGNORECASE)
_WHOLE = re.compile(r"[0-9]{1,18}")  # below 2^63, so that places in a file can be counted in it
MOST_AXES = 16


def header_text(path: Path, ends: Callable[[bytes], int]) -> tuple[str, int]:
    """The header as text, and the number of its bytes.

    Args:
        path: of the file that holds it.
        ends: start of the file → bytes of the header, or -1 where it has no end.

    Raises:
        InputError: the header has no end.
    """
    head = first_bytes(path, LARGEST_HEADER)
    length = ends(head)
    if length < 0:
        raise damaged(path, "its header has no end")
    return head[:length].decode("utf-8", "replace"), length


def numbers(path: Path, key: str, text: str, count: int) -> np.ndarray:
    """`count` numbers of one field, NaN allowed.

    Raises:
        InputError: another count, or something else than numbers.
    """
    found = _NUMBER.findall(text)
    if len(found) != count or _NUMBER.sub("", text).strip(" \t,()\"'"):
        raise InputError(
            f"{shown(path)}: expected {count} numbers in the field '{key}', found '{text[:60]}'. "
            "The header is damaged; export the file again."
        )
    return np.array(found, dtype=np.float64)


def whole_numbers(path: Path, key: str, text: str, count: int) -> tuple[int, ...]:
    """`count` whole numbers of at least one, such as sizes.

    Raises:
        InputError: anything else.
    """
    words = text.split()
    plural = "s" if count > 1 else ""
    if len(words) != count or not all(_WHOLE.fullmatch(word) and int(word) for word in words):
        raise InputError(
            f"{shown(path)}: expected {count} whole number{plural} above 0 in the field '{key}', "
            f"found '{text[:60]}'. The header is damaged; export the file again."
        )
    return tuple(int(w) for w in words)


def axis_count(path: Path, key: str, text: str) -> int:
    """The number of axes.

    Raises:
        InputError: not a whole number from 1 to 16.
    """
    (count,) = whole_numbers(path, key, text, 1)
    if count > MOST_AXES:
        raise InputError(
            f"{shown(path)}: expected 1 to {MOST_AXES} axes in the field '{key}', found {count}. "
            "The header is damaged; export the file again."
        )
    return count


def data_file(path: Path, name: str) -> Path:
    """The file that a detached header names, which lies beside it.

    Raises:
        InputError: a list or pattern of files, or no such file.
    """
    if name.upper().startswith("LIST") or "%" in name:
        raise InputError(
            f"{shown(path)} is spread over several files. Save it as one file and try again."
        )
    return readable_path(path.parent / name)
