"""How the cases of a batch ended, and the table `batch.csv` that remembers it."""

from __future__ import annotations

import csv
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from slicer.i18n import tr as _

from .Errors import FusionError
from .Outcome import Ending

_FORMULA = ("=", "+", "-", "@", "\t", "\r")  # what a spreadsheet takes for one
_ENDINGS = {"done": Ending.DONE, "open": Ending.CANCELLED}  # as `unifuse batch` calls a state


@dataclass(frozen=True)
class BatchRow:
    """How one case ended; `ending` is "done", "failed" or "cancelled"."""

    name: str
    ending: str
    message: str
    output: str
    degradation: str = ""
    probability: float = 0.0
    meanDisplacementMm: float = 0.0
    seconds: float = 0.0
    trust: str = ""
    probabilityOffBy3Mm: float | None = None
    reasons: str = ""


COLUMNS = tuple(field.name for field in fields(BatchRow))
_BEFORE_VERDICTS = frozenset(COLUMNS[:8])  # what a table of an earlier release holds


def rowOf(case: Mapping[str, Any], output: Path) -> BatchRow:
    """
    Args:
        case: what `unifuse batch` prints of it: `name`, `state`, `sentence`, `seconds`.
        output: folder of the batch; the report of a finished case is read from it.
    """
    folder = output / case["name"]
    ending = _ENDINGS.get(case["state"], Ending.FAILED)
    report = reportIn(folder) if ending is Ending.DONE else {}
    label = report.get("class", "") if report.get("class_calibrated", True) else ""
    judged = report.get("verdict") or {}
    return BatchRow(
        name=case["name"],
        ending=ending.value,
        message=case.get("sentence") or "",
        output=str(folder),
        degradation=label,
        probability=report.get("probabilities", {}).get(label, 0.0),
        meanDisplacementMm=report.get("displacement_mm", {}).get("mean", 0.0),
        seconds=round(case.get("seconds") or 0.0, 1),
        trust=judged.get("trust") or "",
        probabilityOffBy3Mm=judged.get("probability_off_by_3_mm"),
        reasons=" ".join(judged.get("reasons", [])),
    )


def reportIn(folder: Path) -> dict[str, Any]:
    """report.json of a finished case.

    Args:
        folder: of the case.
    """
    report: dict[str, Any] = json.loads((folder / "report.json").read_text(encoding="utf-8"))
    return report


class BatchTable:
    """`batch.csv`: grows with every case; rows of other cases that it holds already stay.

    Args:
        folder: of the batch.

    Raises:
        FusionError: the file there is another table, which must not be replaced, or the folder
            cannot be used.
    """

    def __init__(self, folder: Path) -> None:
        self.path = folder / "batch.csv"
        try:
            folder.mkdir(parents=True, exist_ok=True)
            self._rows = {row["name"]: row for row in earlierRows(self.path)}
        except OSError as error:
            raise FusionError(
                _("Cannot use the folder {output}: {reason}").format(output=folder, reason=error)
            ) from error

    def add(self, row: BatchRow) -> str:
        """
        Args:
            row: replaces an earlier one of its case.

        Returns:
            Why it could not be written, for example since it is open in another program; "": it
            was. The next row tries again.
        """
        self._rows[row.name] = asdict(row)
        try:
            writeRows(list(self._rows.values()), self.path)
        except OSError as error:
            return _("Cannot write {table}: {reason}").format(table=self.path, reason=error)
        return ""


def earlierRows(path: Path) -> list[dict[str, Any]]:
    """Rows of a `batch.csv`, [] when there is none.

    Raises:
        FusionError: the file is another table, which must not be replaced.
    """
    found = _rowsOfFile(path) if path.exists() else []
    rows = [{title: _text(value) for title, value in row.items()} for row in found]
    if any(not _BEFORE_VERDICTS <= set(row) <= set(COLUMNS) for row in rows):
        raise FusionError(
            _(
                "{path} was not created by UniFuse and will not be overwritten. "
                "Move it, or choose another output folder."
            ).format(path=path)
        )
    return rows


def finishedRows(folder: Path) -> list[BatchRow]:
    """Cases of an earlier session that are still there.

    Args:
        folder: of a batch; [] where it holds none.
    """
    try:
        rows = earlierRows(folder / "batch.csv")
    except (FusionError, OSError):
        return []
    return [_asRow(row, folder) for row in rows if (folder / row["name"] / "report.json").is_file()]


def _asRow(row: Mapping[str, str], folder: Path) -> BatchRow:
    """Of the words alone: figures are read from the report where they are shown."""
    return BatchRow(
        name=row["name"],
        ending=row["ending"],
        message=row["message"],
        output=str(folder / row["name"]),
        degradation=row["degradation"],
        trust=row.get("trust", ""),
        reasons=row.get("reasons", ""),
    )


def writeRows(rows: list[dict[str, Any]], path: Path) -> None:
    """Write `batch.csv`; text that a spreadsheet would take for a formula gets an apostrophe."""
    temporary = path.with_name(f".{path.name}.part")
    with temporary.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, COLUMNS)
        writer.writeheader()
        writer.writerows({title: _cell(value) for title, value in row.items()} for row in rows)
    temporary.replace(path)


def absolute(path: str | Path) -> Path:
    """As the user's working directory sees it: the tool runs in another one."""
    return Path(path).expanduser().absolute()


def _cell(value: Any) -> Any:
    return f"'{value}" if isinstance(value, str) and value.startswith(_FORMULA) else value


def _text(cell: str | None) -> str:
    """What `_cell` wrote."""
    text = cell or ""
    return text[1:] if text[:1] == "'" and text[1:].startswith(_FORMULA) else text


def _rowsOfFile(path: Path) -> list[dict[str, str]]:
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            return list(csv.DictReader(file))
    except UnicodeDecodeError as error:
        raise FusionError(
            _("{path} is not UTF-8 text. Save the table as CSV UTF-8.").format(path=path)
        ) from error
