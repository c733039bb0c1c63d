"""The table that says which cases to make: one row per case, read and checked without opening a
single volume.

Columns (first line): `id,degraded,reference,task,seed,bin`, and if needed `class`, `severity`,
`degraded_contrast`, `reference_contrast`, `labels`. Paths are relative to the data folder. A
contrast (`t1`, `t2`, `flair`, `ct`, `pet`, `random`) says that the file is a label map of a head,
from which the scan is made.
"""

from __future__ import annotations

import csv
import re
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING

from UniFuseLib.errors import InputError
from UniFuseLib.simulation.contrast import STYLES

if TYPE_CHECKING:
    from pathlib import Path

    from UniFuseLib.simulation.degrade import DegradationClass

#: task: degraded modality, reference modality, class of the degradation
TASKS: dict[str, tuple[str, str, DegradationClass]] = {
    "mr": ("mr", "mr", "mr_motion"),
    "ctmr": ("ct", "mr", "ct_metal_noise"),
    "petct": ("pet", "ct", "pet_low_dose"),
}
#: misalignment bin: mean displacement inside the body, mm
BINS: dict[str, tuple[float, float]] = {"0-3": (0.0, 3.0), "3-8": (3.0, 8.0), "8-15": (8.0, 15.0)}
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
_REQUIRED = ("id", "degraded", "reference", "task", "seed", "bin")


@dataclass(frozen=True)
class Row:
    """One case to make; paths as in the table, relative to the data folder.

    Attributes:
        label: class of the degradation: the task's own, or `clean`.
        severity: [0, 1]; None draws one from the seed.
        degraded_contrast, reference_contrast: empty for a scan, else what to make of the label map.
        labels: a label map aligned with both scans, for overlap measures; may be empty.
    """

    id: str
    degraded: str
    reference: str
    task: str
    seed: int
    bin: str
    label: DegradationClass
    severity: float | None = None
    degraded_contrast: str = ""
    reference_contrast: str = ""
    labels: str = ""


def read_case_list(path: Path) -> tuple[list[Row], list[str]]:
    """Rows that can be tried, and one sentence for each row that cannot.

    Raises:
        InputError: no such file, not a table, a column is missing or unknown, or no row at all.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.DictReader(file)
            columns = [name.strip() for name in reader.fieldnames or []]
            reader.fieldnames = columns
            _check_columns(path, columns)
            lines = [
                {k: (v or "").strip() for k, v in line.items() if isinstance(k, str)}
                for line in reader
            ]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise InputError(
            f"Cannot read the case list '{path}': {error}. Expected a CSV file in UTF-8."
        ) from error
    if not lines:
        raise InputError(
            f"'{path}' has no rows. Expected one line per case below the line of column names."
        )
    return _rows(lines)


def _check_columns(path: Path, columns: list[str]) -> None:
    known = [
        *_REQUIRED,
        "class",
        *(f.name for f in fields(Row) if f.name not in (*_REQUIRED, "label")),
    ]
    missing = [name for name in _REQUIRED if name not in columns]
    unknown = [name for name in columns if name not in known]
    if missing or unknown:
        raise InputError(
            f"'{path}': expected the columns {', '.join(_REQUIRED)} (optional: {', '.join(known[len(_REQUIRED) :])})"
            + (f"; missing: {', '.join(missing)}" if missing else "")
            + (f"; unknown: {', '.join(unknown)}" if unknown else "")
            + "."
        )


def _rows(lines: list[dict[str, str]]) -> tuple[list[Row], list[str]]:
    rows: list[Row] = []
    faults: list[str] = []
    for number, line in enumerate(lines, start=2):
        try:
            row = _row(line)
            if any(row.id == other.id for other in rows):
                raise InputError(f"the id {row.id!r} was used before; give every case its own")
            rows.append(row)
        except InputError as error:
            faults.append(f"Line {number} ({line.get('id') or 'no id'}): {error}.")
    return rows, faults


def _row(line: dict[str, str]) -> Row:
    task, name = line["task"], line["id"]
    if not _NAME.fullmatch(name):
        raise InputError(f"expected an id of letters, digits, '.', '_' and '-', got {name!r}")
    _one_of("task", task, tuple(TASKS))
    _one_of("bin", line["bin"], tuple(BINS))
    label = line.get("class") or TASKS[task][2]
    _one_of("class", label, ("clean", TASKS[task][2]))
    for column in ("degraded_contrast", "reference_contrast"):
        _one_of(column, line.get(column, ""), ("", *STYLES))
    for column in ("degraded", "reference"):
        if not line[column]:
            raise InputError(f"expected a path in the column {column!r}, got nothing")
    return Row(
        id=name,
        degraded=line["degraded"],
        reference=line["reference"],
        task=task,
        seed=int(_number("seed", line["seed"], 0, 2**31 - 1, whole=True)),
        bin=line["bin"],
        label="clean" if label == "clean" else TASKS[task][2],
        severity=_number("severity", line["severity"], 0, 1, whole=False)
        if line.get("severity")
        else None,
        degraded_contrast=line.get("degraded_contrast", ""),
        reference_contrast=line.get("reference_contrast", ""),
        labels=line.get("labels", ""),
    )


def _one_of(column: str, value: str, allowed: tuple[str, ...]) -> None:
    if value not in allowed:
        raise InputError(
            f"expected {column} to be one of {', '.join(a or '(nothing)' for a in allowed)}, got {value!r}"
        )


def _number(column: str, text: str, low: float, high: float, *, whole: bool) -> float:
    try:
        value = float(int(text)) if whole else float(text)
    except ValueError:
        value = float("nan")
    if not low <= value <= high:
        kind = "a whole number" if whole else "a number"
        raise InputError(f"expected {column} to be {kind} from {low:g} to {high:g}, got {text!r}")
    return value
