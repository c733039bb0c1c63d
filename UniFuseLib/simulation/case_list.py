"""The table of cases to make: one row per case, checked without opening a single volume.

Columns (first line): `id,degraded,reference,task,seed,bin`, and if needed `class`, `severity`,
`degraded_contrast`, `reference_contrast`, `labels`, `group`, `misalignment`, `acquisition`. Paths
are relative to the data folder. A contrast (`t1`, `t2`, `flair`, `ct`, `pet`, `random`) says that
the file is a label map of a head, from which the scan is made.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING

from UniFuseLib.errors import InputError
from UniFuseLib.io.table_text import is_plain_name
from UniFuseLib.io.typed import read_csv_rows
from UniFuseLib.simulation.acquisition import ACQUISITIONS
from UniFuseLib.simulation.anatomy import RANGES, UNSCALED
from UniFuseLib.simulation.contrast import STYLES
from UniFuseLib.simulation.groups import GROUPS, STRESS
from UniFuseLib.simulation.tasks import BINS, TASKS

if TYPE_CHECKING:
    from pathlib import Path

    from UniFuseLib.simulation.degrade import DegradationClass

_REQUIRED = ("id", "degraded", "reference", "task", "seed", "bin")


@dataclass(frozen=True)
class Row:
    """One case to make; paths as in the table, relative to the data folder.

    Attributes:
        id: folder name of the case.
        degraded: the scan that will be degraded, or its label map.
        reference: its reference, or its label map.
        task: key of `tasks.TASKS`.
        seed: of everything that is drawn.
        bin: key of `tasks.BINS`.
        label: class of the degradation: the task's own, or `clean`.
        severity: [0, 1]; None draws one from the seed.
        degraded_contrast: empty for a scan, else what to make of the label map.
        reference_contrast: likewise.
        labels: a label map aligned with both scans, for overlap measures; may be empty.
        group: key of `groups.GROUPS`: the row of the tables that counts the case.
        misalignment: key of `anatomy.RANGES`, or `stress`: 12 parameters and an elastic part.
        acquisition: key of `acquisition.ACQUISITIONS`; may be empty.
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
    group: str = STRESS
    misalignment: str = STRESS
    acquisition: str = ""


def read_case_list(path: Path) -> tuple[list[Row], list[str]]:
    """Rows that can be tried, and one sentence for each row that cannot.

    Raises:
        InputError: no such file, not a table, a column is missing or unknown, or no row at all.
    """
    columns, lines = read_csv_rows(path)
    _check_columns(path, columns)
    if not lines:
        raise InputError(
            f"'{path}' has no rows. Expected one line per case below the line of column names."
        )
    return _rows(lines)


def _check_columns(path: Path, columns: list[str]) -> None:
    optional = ["class", *(f.name for f in fields(Row) if f.name not in (*_REQUIRED, "label"))]
    missing = [name for name in _REQUIRED if name not in columns]
    unknown = [name for name in columns if name not in (*_REQUIRED, *optional)]
    if not missing and not unknown:
        return
    text = (
        f"'{path}': expected the columns {', '.join(_REQUIRED)} (optional: {', '.join(optional)})"
    )
    if missing:
        text += f"; missing: {', '.join(missing)}"
    if unknown:
        text += f"; unknown: {', '.join(unknown)}"
    raise InputError(text + ".")


def _rows(lines: list[dict[str, str]]) -> tuple[list[Row], list[str]]:
    rows: dict[str, Row] = {}
    faults: list[str] = []
    for number, line in enumerate(lines, start=2):
        try:
            row = _row(line)
            key = row.id.casefold()  # one folder on Windows and macOS
            if key in rows:
                raise InputError(f"the id {row.id!r} was used before; give every case its own")
            rows[key] = row
        except InputError as error:
            faults.append(f"Line {number} ({line.get('id') or 'no id'}): {error}.")
    return list(rows.values()), faults


def _row(line: dict[str, str]) -> Row:
    _check_line(line)
    label = line.get("class") or TASKS[line["task"]].degradation
    severity = line.get("severity")
    return Row(
        id=line["id"],
        degraded=line["degraded"],
        reference=line["reference"],
        task=line["task"],
        seed=int(_number("seed", line["seed"], 0, 2**31 - 1, whole=True)),
        bin=line["bin"],
        label="clean" if label == "clean" else TASKS[line["task"]].degradation,
        severity=_number("severity", severity, 0, 1, whole=False) if severity else None,
        degraded_contrast=line.get("degraded_contrast", ""),
        reference_contrast=line.get("reference_contrast", ""),
        labels=line.get("labels", ""),
        group=line.get("group") or STRESS,
        misalignment=line.get("misalignment") or STRESS,
        acquisition=line.get("acquisition", ""),
    )


def _check_line(line: dict[str, str]) -> None:
    if not is_plain_name(line["id"]):
        raise InputError(
            "expected an id of letters, digits, '.', '_' and '-' that names a folder on every "
            f"system, got {line['id']!r}"
        )
    _one_of("task", line["task"], tuple(TASKS))
    _one_of("bin", line["bin"], tuple(BINS))
    degradation = TASKS[line["task"]].degradation
    _one_of("class", line.get("class") or degradation, ("clean", degradation))
    for column in ("degraded_contrast", "reference_contrast"):
        _one_of(column, line.get(column, ""), ("", *STYLES))
    _one_of("group", line.get("group", ""), ("", *GROUPS))
    _one_of("misalignment", line.get("misalignment", ""), ("", STRESS, *RANGES))
    _one_of("acquisition", line.get("acquisition", ""), ("", *ACQUISITIONS))
    _check_bin(line)
    _check_acquisition(line)
    for column in ("degraded", "reference"):
        if not line[column]:
            raise InputError(f"expected a path in the column {column!r}, got nothing")


def _check_bin(line: dict[str, str]) -> None:
    """A large turn cannot be scaled to a bin, and the stress test needs a bin with an upper end."""
    kind, name = line.get("misalignment") or STRESS, line["bin"]
    endless = math.isinf(BINS[name][1])
    if kind in UNSCALED and not endless:
        raise InputError(f"expected the bin '>15' beside the misalignment {kind!r}, got {name!r}")
    if kind == STRESS and endless:
        raise InputError(f"expected a bin with an upper end for the stress test, got {name!r}")


def _check_acquisition(line: dict[str, str]) -> None:
    acquisition = line.get("acquisition", "")
    if acquisition and (line.get("misalignment") or STRESS) == STRESS:
        raise InputError(
            f"expected a misalignment of {', '.join(RANGES)} beside the acquisition "
            f"{acquisition!r}, got the stress test"
        )
    if acquisition == "stripped" and not line.get("degraded_contrast"):
        raise InputError("expected a degraded_contrast beside 'stripped': the label map strips it")


def _one_of(column: str, value: str, allowed: tuple[str, ...]) -> None:
    if value not in allowed:
        names = ", ".join(name or "(nothing)" for name in allowed)
        raise InputError(f"expected {column} to be one of {names}, got {value!r}")


def _number(column: str, text: str, low: float, high: float, *, whole: bool) -> float:
    try:
        value = float(int(text)) if whole else float(text)
    except ValueError:
        value = float("nan")
    if not low <= value <= high:
        kind = "a whole number" if whole else "a number"
        raise InputError(f"expected {column} to be {kind} from {low:g} to {high:g}, got {text!r}")
    return value
