"""Pairs of files by two glob patterns: what the wildcards stand for is the same in both."""

from __future__ import annotations

import glob
import re
from pathlib import Path
from typing import TYPE_CHECKING

from UniFuseLib.batch.case import Case, LeftOut, Plan, Settings
from UniFuseLib.batch.names import check_name, plain_name
from UniFuseLib.errors import InputError
from UniFuseLib.io.paths import shown

if TYPE_CHECKING:
    from collections.abc import Mapping

Parts = tuple[str, ...]  # what the wildcards of a pattern stand for
_TOKEN = re.compile(r"\*\*/|\*\*|\*|\?|\[!?\]?[^\]]*\]")


def glob_plan(degraded: str, reference: str, settings: Settings) -> Plan:
    """`data/*/t2.nii.gz` and `data/*/t1.nii.gz` → one case for every folder with both.

    Args:
        degraded: pattern of files or DICOM folders; `**` stands for any number of folders.
        reference: likewise, with as many wildcards.
        settings: of every case.

    Raises:
        InputError: wildcards that do not go together, nothing found, or two files for one case.
    """
    count, other = (len(_TOKEN.findall(pattern)) for pattern in (degraded, reference))
    if not count or count != other:
        raise InputError(
            f"Expected as many wildcards in --degraded ({degraded!r} has {count}) as in "
            f"--reference ({reference!r} has {other}), and at least one: files whose "
            "wildcards stand for the same text are paired. Use a table for other names."
        )
    moving, still = _found(degraded, "degraded"), _found(reference, "reference")
    cases = [_case(parts, moving[parts], still, settings) for parts in moving if parts in still]
    left_out = [
        LeftOut(_name(parts), f"{shown(path)}: no reference matches '{reference}' here.")
        for parts, path in moving.items()
        if parts not in still
    ]
    return Plan(tuple(cases), tuple(left_out))


def _case(parts: Parts, degraded: Path, still: Mapping[Parts, Path], settings: Settings) -> Case:
    where = shown(degraded)
    return Case(check_name(_name(parts), where), degraded, still[parts], settings, where)


def _name(parts: Parts) -> str:
    return plain_name("_".join(part.strip("/") for part in parts if part))


def _found(pattern: str, role: str) -> dict[Parts, Path]:
    whole = str(Path(pattern).expanduser())
    regex = re.compile(_regex(whole))
    found: dict[Parts, Path] = {}
    for path in sorted(glob.glob(whole, recursive=True)):  # noqa: PTH207  Path.glob takes no absolute one
        match = regex.fullmatch(path.replace("\\", "/"))
        if match is None:  # `**` that matched a folder only
            continue
        if match.groups() in found:
            raise InputError(
                f"--{role} {pattern}: {shown(path)} and {shown(found[match.groups()])} would be "
                "one case. Use a narrower pattern."
            )
        found[match.groups()] = Path(path).absolute()
    if not found:
        raise InputError(
            f"--{role} {pattern}: no file matches. Put the pattern into quotes, and check its "
            "folder."
        )
    return found


def _regex(pattern: str) -> str:
    """One group for every wildcard."""
    pattern = pattern.replace("\\", "/")
    out, end = "", 0
    for token in _TOKEN.finditer(pattern):
        out += re.escape(pattern[end : token.start()]) + _group(token.group())
        end = token.end()
    return out + re.escape(pattern[end:])


def _group(token: str) -> str:
    kinds = {"**/": "((?:[^/]+/)*)", "**": "(.*)", "*": "([^/]*)", "?": "([^/])"}
    if token in kinds:
        return kinds[token]
    inside = token[1:-1].replace("\\", "\\\\")
    return f"([^{inside[1:]}])" if inside.startswith("!") else f"([{inside}])"
