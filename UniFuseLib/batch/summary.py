"""One row per case, from what lies in the output folder; `summary.csv`."""

from __future__ import annotations

import csv
import io
from dataclasses import asdict, dataclass, fields
from typing import TYPE_CHECKING, Any, Literal

from UniFuseLib.io.json_files import read_json, write_text

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

State = Literal["done", "failed", "open"]
# cells that a spreadsheet would take for a formula: owasp.org, "CSV Injection"
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")


@dataclass(frozen=True)
class SummaryRow:
    """What a reader of many cases compares; empty or None where nothing is known.

    Attributes:
        name: of the case and its folder.
        state: `done`, `failed`, or `open` where the batch ended before.
        sentence: why it failed.
        trust: verdict of the report: `green`, `amber`, `red`.
        expected_error_mm: of the alignment, as the verdict has it.
        probability_off_by_3_mm: likewise, 0 to 1.
        mean_uncertainty_mm: of its map, where `--uncertainty` was given.
        degradation: the most probable class; empty where the report does not state one.
        probability: of that class, 0 to 1.
        mean_displacement_mm: inside the body.
        p95_displacement_mm: 95th percentile.
        folds_percent: of the body where the field folds.
        similarity_before: to the reference.
        similarity_after: likewise.
        seconds: of the run.
        warnings: of the report, one sentence after the other.
        degraded: path.
        reference: path.
    """

    name: str
    state: State
    sentence: str = ""
    trust: str = ""
    expected_error_mm: float | None = None
    probability_off_by_3_mm: float | None = None
    mean_uncertainty_mm: float | None = None
    degradation: str = ""
    probability: float | None = None
    mean_displacement_mm: float | None = None
    p95_displacement_mm: float | None = None
    folds_percent: float | None = None
    similarity_before: float | None = None
    similarity_after: float | None = None
    seconds: float | None = None
    warnings: str = ""
    degraded: str = ""
    reference: str = ""

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


COLUMNS = tuple(field.name for field in fields(SummaryRow))


def finished_row(name: str, folder: Path) -> SummaryRow:
    """The row of a finished case, from its report.

    Args:
        name: of the case.
        folder: of the case.
    """
    report = read_json(folder / "report.json")
    if not isinstance(report, dict):
        sentence = "report.json cannot be read. Remove the folder and run the batch again."
        return SummaryRow(name, "failed", sentence)
    label = _text(report.get("class")) if report.get("class_calibrated", True) else ""
    verdict = _dict(report.get("verdict"))
    displacement = _dict(report.get("displacement_mm"))
    similarity = _dict(report.get("similarity"))
    inputs = _dict(report.get("inputs"))
    return SummaryRow(
        name=name,
        state="done",
        trust=_text(verdict.get("trust")),
        expected_error_mm=_number(verdict.get("expected_error_mm")),
        probability_off_by_3_mm=_number(verdict.get("probability_off_by_3_mm")),
        mean_uncertainty_mm=_number(_dict(verdict.get("uncertainty_mm")).get("mean")),
        degradation=label,
        probability=_number(_dict(report.get("probabilities")).get(label)),
        mean_displacement_mm=_number(displacement.get("mean")),
        p95_displacement_mm=_number(displacement.get("p95")),
        folds_percent=_number(report.get("folds_percent")),
        similarity_before=_number(similarity.get("before")),
        similarity_after=_number(similarity.get("after")),
        seconds=_number(_dict(report.get("seconds")).get("total")),
        warnings=" ".join(map(_text, report.get("warnings") or ())),
        degraded=_text(_dict(inputs.get("degraded")).get("path")),
        reference=_text(_dict(inputs.get("reference")).get("path")),
    )


def write_csv(rows: Sequence[SummaryRow], path: Path) -> None:
    """`summary.csv`; text that a spreadsheet would compute gets an apostrophe before it.

    Args:
        rows: one per case.
        path: of the file.
    """
    stream = io.StringIO(newline="")
    writer = csv.writer(stream)
    writer.writerow(COLUMNS)
    for row in rows:
        writer.writerow([_cell(value) for value in row.to_json().values()])
    write_text(stream.getvalue(), path)


def _cell(value: str | float | None) -> str:
    if value is None:
        return ""
    if not isinstance(value, str):
        return f"{value:g}"
    return f"'{value}" if value.startswith(_FORMULA) else value


def _dict(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _number(value: object) -> float | None:
    known = isinstance(value, (int, float)) and not isinstance(value, bool)
    return float(value) if known else None  # type: ignore[arg-type]


def _text(value: object) -> str:
    return "" if value is None else str(value)
