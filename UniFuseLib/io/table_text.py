"""Text from outside as a name of a folder, or as a cell of a table: never more than that."""

from __future__ import annotations

import re
from html import escape
from typing import Any

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*(?<!\.)")
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")  # owasp.org/www-community/attacks/CSV_Injection
_LONGEST = 200  # characters; file systems hold 255 bytes, and suffixes are added
# names of devices on Windows, whatever their suffix (learn.microsoft.com, "Naming Files")
_DEVICE = re.compile(r"(con|prn|aux|nul|com[0-9]|lpt[0-9])(\..*)?", re.IGNORECASE)


def is_plain_name(text: str) -> bool:
    """True for letters, digits, `.`, `_` and `-` that name one folder on every system."""
    return (
        len(text) <= _LONGEST
        and _NAME.fullmatch(text) is not None
        and _DEVICE.fullmatch(text) is None
    )


def csv_cell(value: Any) -> Any:
    """Text that a spreadsheet would take for a formula, behind an apostrophe; numbers stay."""
    text = value if isinstance(value, str) else None
    return f"'{text}" if text is not None and text.startswith(_FORMULA) else value


def markdown_cell(text: str) -> str:
    """One line without HTML that does not end its cell."""
    return escape(" ".join(text.split()), quote=False).replace("|", "\\|")
