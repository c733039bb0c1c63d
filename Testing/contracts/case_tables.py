"""Tables for `unifuse simulate`."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

HEAD = "id,degraded,reference,task,seed,bin"
ANATOMY = ",class,degraded_contrast,reference_contrast,labels,group,misalignment,acquisition"


def table(path: Path, *rows: str, head: str = HEAD) -> Path:
    """Write a table of cases."""
    path.write_text("\n".join([head, *rows]) + "\n", encoding="utf-8")
    return path
