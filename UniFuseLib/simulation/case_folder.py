"""The folder of simulated cases: its writer and its reader side by side.

`DIR/cases.json` names the cases; `DIR/<id>/case.json` describes one and names its files, see
`Case`. File names and the version of the format are known here alone.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

from UniFuseLib.degradation import CLASSES
from UniFuseLib.errors import InputError
from UniFuseLib.io.file_lock import locked
from UniFuseLib.io.json_files import read_json, write_json
from UniFuseLib.io.table_text import is_plain_name
from UniFuseLib.io.typed import check_key, read_json_as, read_json_object
from UniFuseLib.io.volumes import read_displacement, read_volume, write_displacement, write_volume
from UniFuseLib.simulation.case_geometry import check_grids
from UniFuseLib.simulation.groups import GROUPS, STRESS
from UniFuseLib.simulation.tasks import BINS, TASKS

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy as np

    from UniFuseLib.spatial.volume import Volume

VERSION = 1
INDEX, DESCRIPTION = "cases.json", "case.json"

FILES = ("degraded", "reference", "field", "clean_aligned", "clean_misaligned", "body")
LABEL_FILES = ("labels_reference", "labels_degraded")
_TEXTS = ("id", "task", "bin", "class", "degraded_modality", "reference_modality", "files")
# the keys of `case.json` that are read here; others describe how the case was made
_KINDS: dict[str, Any] = {
    **dict.fromkeys(_TEXTS, str),
    "files": dict[str, str],
    "group": str,
    "seed": int,
    "sources": dict[str, str] | None,
    "mean_displacement_mm": float | None,
    "degradation": dict[str, Any] | None,
}


@dataclass(frozen=True)
class _Index:
    """`cases.json`."""

    version: int
    cases: list[str]


@dataclass(frozen=True)
class Case:
    """One degraded scan, its reference, and the truth about both.

    Attributes:
        id: as in `case.json`.
        task: key of `TASKS`.
        bin: key of `BINS`.
        label: the degradation class.
        seed: that the case was made from.
        degraded_modality: `mr`, `ct` or `pet`.
        reference_modality: likewise.
        degraded: on its own grid, in its own units.
        reference: on the reference grid.
        clean_aligned: on the reference grid, in the degraded scan's units.
        clean_misaligned: on the degraded scan's grid, in its units.
        truth: u `(d, h, w, 3)` RAS mm on the reference grid: reference point X belongs to degraded
            point X + u(X).
        body: `(d, h, w)` bool, reference grid.
        labels_reference: integer label map on the reference grid, or None.
        labels_degraded: integer label map on the degraded scan's grid, or None.
        checksum: SHA-256 of `case.json`; changes when the case is regenerated.
        patient: folder of the reference's source file; the id where `case.json` names no source.
        stated_mm: mean displacement inside the body that `case.json` states, or None.
        group: key of `GROUPS`; `case.json` of the stress test names none.
        severity: of the degradation, 0 to 1; None of a clean case.
    """

    id: str
    task: str
    bin: str
    label: str
    seed: int
    degraded_modality: str
    reference_modality: str
    degraded: Volume
    reference: Volume
    clean_aligned: Volume
    clean_misaligned: Volume
    truth: np.ndarray
    body: np.ndarray
    labels_reference: Volume | None
    labels_degraded: Volume | None
    checksum: str
    patient: str
    stated_mm: float | None = None
    group: str = STRESS
    severity: float | None = None


def file_of(name: str) -> str:
    """The file of one of `FILES` or `LABEL_FILES`."""
    return f"{name}.nii.gz"


def write_case(
    folder: Path,
    text: dict[str, Any],
    sources: dict[str, str],
    volumes: Mapping[str, Volume],
    field: np.ndarray,
) -> None:
    """Write one case, `case.json` last.

    Args:
        folder: of this case; exists.
        text: what `case.json` says of the case.
        sources: the case list's own paths and contrasts.
        volumes: by the names of `FILES` and `LABEL_FILES`, without `field`.
        field: u `(d, h, w, 3)` RAS mm on the grid of `volumes["reference"]`.
    """
    for name, volume in volumes.items():
        write_volume(volume, folder / file_of(name))
    write_displacement(field, volumes["reference"].grid, folder / file_of("field"))
    written = {*volumes, "field"}
    files = {name: file_of(name) for name in (*FILES, *LABEL_FILES) if name in written}
    content = {"version": VERSION, **text, "files": files, "sources": sources}
    (folder / DESCRIPTION).write_text(json.dumps(content, indent=1), encoding="utf-8")


def add_to_index(folder: Path, case_id: str) -> None:
    """Name a case in `cases.json`; cases that are there already stay."""
    path = folder / INDEX
    with locked(path.with_name(f".{INDEX}.lock")):  # several runs may fill one folder
        known = read_index(folder) if path.exists() else []
        write_json({"version": VERSION, "cases": list(dict.fromkeys([*known, case_id]))}, path)


def read_index(folder: Path) -> list[str]:
    """The case ids of a folder, in the order of its `cases.json`.

    Raises:
        InputError: no such folder, no `cases.json`, another version, or no case in it.
    """
    path = folder / INDEX
    if not path.is_file():
        raise InputError(
            f"Expected a readable '{path}', found none. "
            "Make cases with 'unifuse simulate ... --output DIR' and give that DIR."
        )
    index = read_json_as(_Index, path)
    if not index.cases or index.version != VERSION:
        raise InputError(f"Expected version {VERSION} and at least one case id in '{path}'.")
    for case_id in index.cases:
        if not is_plain_name(case_id):
            raise InputError(
                f"'{path}': expected case ids of letters, digits, '.', '_' and '-', got "
                f"{case_id!r}. Correct the file, or make the cases again."
            )
    return list(dict.fromkeys(index.cases))


def case_checksum(folder: Path, case_id: str) -> str | None:
    """SHA-256 of `case.json`; None when it cannot be read."""
    try:
        return hashlib.sha256((folder / case_id / DESCRIPTION).read_bytes()).hexdigest()
    except OSError:
        return None


def stated_group(folder: Path, case_id: str) -> str:
    """The group that `case.json` names; the stress test where it names none or cannot be read."""
    text = read_json(folder / case_id / DESCRIPTION)
    return str(text.get("group", STRESS)) if isinstance(text, dict) else STRESS


def load_case(folder: Path, case_id: str) -> Case:
    """One case with all its volumes; geometries agree, the truth itself is not checked.

    Raises:
        InputError: a file is missing or unreadable, or two geometries contradict each other.
    """
    here = folder / case_id
    text = _description(here)
    paths = _paths(here, text["files"])
    truth, field_grid = read_displacement(paths["field"])
    volumes = {name: read_volume(path) for name, path in paths.items() if name != "field"}
    check_grids(here, volumes, field_grid)
    return Case(
        id=text["id"],
        task=text["task"],
        bin=text["bin"],
        label=text["class"],
        seed=int(text.get("seed", 0)),
        degraded_modality=text["degraded_modality"],
        reference_modality=text["reference_modality"],
        degraded=volumes["degraded"],
        reference=volumes["reference"],
        clean_aligned=volumes["clean_aligned"],
        clean_misaligned=volumes["clean_misaligned"],
        truth=truth,
        body=volumes["body"].array > 0,
        labels_reference=volumes.get("labels_reference"),
        labels_degraded=volumes.get("labels_degraded"),
        checksum=case_checksum(folder, case_id) or "",
        patient=_patient(text),
        stated_mm=text.get("mean_displacement_mm"),
        group=text.get("group", STRESS),
        severity=_severity(here / DESCRIPTION, text),
    )


def _severity(path: Path, text: dict[str, Any]) -> float | None:
    degradation = text.get("degradation") or {}
    if "severity" in degradation:
        check_key(path, degradation, "severity", float)
    return degradation.get("severity")


def _patient(text: dict[str, Any]) -> str:
    source = (text.get("sources") or {}).get("reference")
    return str(PurePosixPath(source).parent) if source else str(text["id"])


def _description(here: Path) -> dict[str, Any]:
    path = here / DESCRIPTION
    text = read_json_object(path)
    for key, kind in _KINDS.items():
        if key in text or key in _TEXTS:
            check_key(path, text, key, kind)
    allowed = {"task": tuple(TASKS), "bin": tuple(BINS), "class": CLASSES, "group": tuple(GROUPS)}
    for key, values in allowed.items():
        if key in text and text[key] not in values:
            raise InputError(f"'{path}': expected {key} to be one of {values}, got {text[key]!r}.")
    if text["id"] != here.name:
        raise InputError(f"'{path}' describes case {text['id']!r}; expected {here.name!r}.")
    return text


def _paths(here: Path, files: dict[str, str]) -> dict[str, Path]:
    named = {name: here / files[name] for name in (*FILES, *LABEL_FILES) if name in files}
    outside = [path.name for path in named.values() if path.parent != here]
    if outside:
        raise InputError(f"'{here}': {', '.join(outside)} lies in another folder.")
    absent = [name for name in FILES if name not in named]
    absent += [path.name for path in named.values() if not path.is_file()]
    if absent:
        raise InputError(f"'{here}': missing {', '.join(absent)}.")
    return named
