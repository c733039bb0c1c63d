"""`case.json`: what a finished case was made from, and how that differs from what is wanted."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from UniFuseLib.io.json_files import plain, read_json
from UniFuseLib.version import __version__

if TYPE_CHECKING:
    from UniFuseLib.batch.case import Case

RECORD = "case.json"
SCHEMA_VERSION = 1
# where it is computed is not part of what is computed
_NOT_COMPARED = {"device", "exceed_memory"}


def record_of(case: Case, weights_sha256: str) -> dict[str, Any]:
    """What the result of a case follows from, as `case.json` will hold it.

    Args:
        case: its files are looked at, not read.
        weights_sha256: of the weights that it will be computed with.
    """
    return {
        "schema_version": SCHEMA_VERSION,
        "name": case.name,
        "degraded": fingerprint(case.degraded),
        "reference": fingerprint(case.reference),
        "settings": plain(case.settings),
        "option_files": _option_files(case),
        "weights_sha256": weights_sha256,
        "unifuse": __version__,
    }


def _option_files(case: Case) -> dict[str, Any]:
    """Fingerprints of masks, transforms and the like; weights are known by their checksum."""
    absolute = {
        name: Path(value)
        for name, value in case.settings.items()
        if name != "weights" and isinstance(value, str) and Path(value).is_absolute()
    }
    return {name: fingerprint(path) for name, path in absolute.items()}


def fingerprint(path: Path) -> dict[str, Any]:
    """Path, bytes and time of the last change (ns) of a file, or of all files of a folder."""
    try:
        files = [p for p in path.rglob("*") if p.is_file()] if path.is_dir() else [path]
        states = [file.stat() for file in files]
    except OSError:  # the run says why
        states = []
    return {
        "path": str(path),
        "files": len(states),
        "bytes": sum(state.st_size for state in states),
        "modified_ns": max((state.st_mtime_ns for state in states), default=0),
    }


def read_record(folder: Path) -> dict[str, Any] | None:
    """Of a finished case; None where no batch has finished one."""
    record = read_json(folder / RECORD)
    return record if isinstance(record, dict) and "settings" in record else None


def differences(found: dict[str, Any], wanted: dict[str, Any]) -> list[str]:
    """In words, how the two would give other results; empty: they would not."""
    before, now = found["settings"], wanted["settings"]
    names = sorted({*before, *now} - _NOT_COMPARED)
    changed = [
        f"{name.replace('_', '-')} was {_words(before.get(name))}, now {_words(now.get(name))}"
        for name in names
        if before.get(name, _unknown(now.get(name))) != now.get(name)
    ]
    for role in ("degraded", "reference"):
        # an input that was archived since leaves its result as it is
        if wanted[role]["files"] and found.get(role) != wanted[role]:
            changed.append(f"the {role} file is another one, or was changed")
    for name, file in wanted["option_files"].items():
        if file["files"] and found.get("option_files", {}).get(name) != file:
            changed.append(f"the file of {name.replace('_', '-')} was changed")
    if found.get("weights_sha256") != wanted["weights_sha256"]:
        changed.append("other weights")
    return changed


def _unknown(now: Any) -> bool | None:
    """What a record of an earlier version that does not know an option stands for."""
    return False if now is False else None


def _words(value: Any) -> str:
    return "not given" if value is None else str(value)
