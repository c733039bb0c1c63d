"""Result files: JSON that is complete under its name or not there at all."""

from __future__ import annotations

import contextlib
import json
import math
import re
import uuid
from typing import TYPE_CHECKING, Any

import numpy as np

from UniFuseLib.errors import OutputError

if TYPE_CHECKING:
    from pathlib import Path

_UNFINISHED = re.compile(r"\..+\.[0-9a-f]{32}\.part")  # names that `write_text` gives


def write_json(content: Any, path: Path) -> None:
    """Write `content` as JSON through a temporary name in the same folder; the folder is made if
    needed.

    Raises:
        OutputError: the folder cannot be made or written to.
    """
    write_text(to_json_text(content), path)


def write_text(text: str, path: Path) -> None:
    """Write UTF-8 text through a temporary name in the same folder; the folder is made if
    needed.
    """
    temporary = path.with_name(f".{path.name}.{uuid.uuid4().hex}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary.write_text(text, encoding="utf-8")
        temporary.replace(path)
    except OSError as error:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)
        raise OutputError(
            f"Cannot write '{path}': {error.strerror}. Choose a folder with free space that you "
            "may write to."
        ) from error


def remove_unfinished(folder: Path) -> None:
    """Remove what killed runs left of `write_text`, also in the folders below.

    Args:
        folder: that no other run is writing into.
    """
    for path in folder.rglob(".*.part"):
        if _UNFINISHED.fullmatch(path.name) and path.is_file():
            path.unlink(missing_ok=True)


def read_json(path: Path) -> Any | None:
    """The content of a JSON file; None when there is none or it is not JSON (then it has to be made
    again).
    """
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None


def to_json_text(content: Any) -> str:
    """Indented JSON; numbers that are not finite become null."""
    return json.dumps(plain(content), indent=1, allow_nan=False) + "\n"


def plain(content: Any) -> Any:
    """Tuples of figures → dicts, NumPy → Python, NaN and infinity → None, at any depth."""
    if hasattr(content, "_asdict"):
        content = content._asdict()
    if isinstance(content, dict):
        return {str(key): plain(value) for key, value in content.items()}
    if isinstance(content, (list, tuple)):
        return [plain(value) for value in content]
    if isinstance(content, (np.ndarray, np.generic)):
        return plain(content.tolist())
    if isinstance(content, float) and not math.isfinite(content):
        return None
    return content
