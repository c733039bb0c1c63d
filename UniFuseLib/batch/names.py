"""Names of case folders: one path component that every file system holds, each only once."""

from __future__ import annotations

import unicodedata
from collections import defaultdict
from typing import TYPE_CHECKING

from UniFuseLib.errors import InputError

if TYPE_CHECKING:
    from UniFuseLib.batch.case import Plan

_FORBIDDEN = set('/\\<>:"|?*')  # Windows; the first one everywhere
_LONGEST_BYTES = 180  # of 255 that file systems allow: room for suffixes
# device names of Windows: learn.microsoft.com, "Naming Files, Paths, and Namespaces"
_DEVICES = {"con", "prn", "aux", "nul"} | {f"{d}{n}" for d in ("com", "lpt") for n in range(1, 10)}
_OWN = {"summary.csv", "summary.html"}


def check_name(name: str, where: str) -> str:
    """The name itself, if a folder of that name stays inside the output folder on every system.

    Args:
        name: one path component.
        where: row or file, for the sentence.

    Raises:
        InputError: it would leave the folder, hide, or not exist on some file system.
    """
    reason = _why_not(name)
    if reason:
        raise InputError(
            f"{where}: {name!r} cannot be the name of a folder: {reason}. Choose another name, "
            "for example of letters, digits, '_' and '-'."
        )
    return name


def plain_name(text: str) -> str:
    """A name for whatever the text is: `a/b c` → `a_b c`."""
    kept = "".join("_" if c in _FORBIDDEN or not c.isprintable() else c for c in text)
    return kept.strip(" .") or "case"


def refuse_collisions(plan: Plan) -> None:
    """Raise InputError where two names are one on some file system (`A` and `a`)."""
    found: dict[str, list[tuple[str, str]]] = defaultdict(list)
    for case in plan.cases:
        found[_key(case.name)].append((case.name, case.where))
    for left_out in plan.left_out:
        found[_key(left_out.name)].append((left_out.name, "a row that is left out"))
    twice = [same for same in found.values() if len(same) > 1]
    if not twice:
        return
    listed = "; ".join(
        f"{same[0][0]!r} ({', '.join(where for _, where in same)})" for same in twice[:5]
    )
    raise InputError(
        f"{len(twice)} names stand for more than one case: {listed}. Names that differ in upper "
        "and lower case only count as one. Give each case its own name."
    )


def _key(name: str) -> str:
    """One for names that macOS or Windows take for the same."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", name).casefold())


def _why_not(name: str) -> str:
    if name.startswith("."):
        return "it starts with a dot"
    if not name or name != name.strip() or name.endswith("."):
        return "it is empty, or starts or ends with a space or a dot"
    if _FORBIDDEN & set(name):
        return f"it holds one of {' '.join(sorted(_FORBIDDEN))}"
    if not name.isprintable():
        return "it holds characters that cannot be printed"
    if len(name.encode("utf-8", "replace")) > _LONGEST_BYTES:
        return f"it is longer than {_LONGEST_BYTES} bytes"
    if name.casefold() in _OWN or name.partition(".")[0].casefold() in _DEVICES:
        return "it is reserved"
    return ""
