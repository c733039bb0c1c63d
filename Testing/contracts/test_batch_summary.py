"""The two summaries: nothing in them is a formula or a tag, and a verdict may be missing."""

from __future__ import annotations

import csv
import html.parser
import io
import json
import zlib
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from UniFuseLib.batch.page import page
from UniFuseLib.batch.summary import COLUMNS, SummaryRow, finished_row, write_csv
from UniFuseLib.batch.thumbnail import png

if TYPE_CHECKING:
    from pathlib import Path

EVIL = "<img src=x onerror=alert(1)>\"'&"
REPORT = {
    "class": "mr_motion",
    "probabilities": {"mr_motion": 0.9, "clean": 0.1},
    "displacement_mm": {"mean": 2.5, "p95": 5.0},
    "similarity": {"before": 0.4, "after": 0.7},
    "folds_percent": 0.0,
    "seconds": {"total": 12.5},
    "warnings": ["First.", "Second."],
    "inputs": {"degraded": {"path": "/a.nii"}, "reference": {"path": "/b.nii"}},
}
VERDICT = {"trust": "amber", "expected_error_mm": 2.4, "probability_off_by_3_mm": 0.3}


def row_of(folder: Path, report: Any) -> SummaryRow:
    (folder / "report.json").write_text(json.dumps(report), encoding="utf-8")
    return finished_row("case", folder)


class Tags(html.parser.HTMLParser):
    """Every tag with its attributes, and the text of the cells."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.words.append(data)


def read(text: str) -> Tags:
    tags = Tags()
    tags.feed(text)
    return tags


def test_a_class_that_the_report_does_not_state_is_in_no_row(tmp_path: Path) -> None:
    row = row_of(tmp_path, {**REPORT, "class_calibrated": False})
    assert (row.degradation, row.probability) == ("", None)


def test_a_row_says_what_the_report_says(tmp_path: Path) -> None:
    row = row_of(tmp_path, {**REPORT, "verdict": VERDICT})
    assert (row.trust, row.expected_error_mm, row.probability_off_by_3_mm) == ("amber", 2.4, 0.3)
    assert row.mean_uncertainty_mm is None
    mapped = {**VERDICT, "uncertainty_mm": {"mean": 1.7, "p95": 2.2}}
    assert row_of(tmp_path, {**REPORT, "verdict": mapped}).mean_uncertainty_mm == 1.7
    assert (row.degradation, row.probability) == ("mr_motion", 0.9)
    assert (row.mean_displacement_mm, row.p95_displacement_mm) == (2.5, 5.0)
    assert (row.similarity_before, row.similarity_after, row.seconds) == (0.4, 0.7, 12.5)
    assert row.warnings == "First. Second."
    assert (row.degraded, row.reference) == ("/a.nii", "/b.nii")


@pytest.mark.parametrize("verdict", [{}, {"verdict": None}, {"verdict": "green"}])
def test_a_report_without_a_verdict_has_a_row_all_the_same(
    tmp_path: Path, verdict: dict[str, Any]
) -> None:
    row = row_of(tmp_path, {**REPORT, **verdict})
    assert (row.state, row.trust, row.expected_error_mm) == ("done", "", None)
    assert "mm off" not in page([row], tmp_path)


def test_a_broken_report_is_a_failed_row(tmp_path: Path) -> None:
    (tmp_path / "report.json").write_text("{", encoding="utf-8")
    assert finished_row("case", tmp_path).state == "failed"


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r", "\n"])
def test_no_cell_is_a_formula(tmp_path: Path, start: str) -> None:
    text = f"{start}cmd|' /C calc'!A0"
    row = SummaryRow(text, "failed", text, mean_displacement_mm=-1.5, degraded=text)
    write_csv([row], tmp_path / "summary.csv")
    content = (tmp_path / "summary.csv").read_bytes().decode("utf-8")
    header, cells = csv.reader(io.StringIO(content, newline=""))
    assert tuple(header) == COLUMNS
    found = dict(zip(header, cells, strict=True))
    assert {found["name"], found["sentence"], found["degraded"]} == {f"'{text}"}
    assert found["mean_displacement_mm"] == "-1.5"  # a number stays one


def test_nothing_that_comes_from_files_becomes_a_tag(tmp_path: Path) -> None:
    def tags(text: str) -> list[str]:
        rows = [
            SummaryRow(text, "done", trust=text, degradation=text, warnings=text),
            SummaryRow(text, "failed", text, degraded=text, reference=text),
        ]
        found = read(page(rows, tmp_path / "out"))
        assert any(text in word for word in found.words)
        return [tag for tag, _ in found.tags]

    assert tags(EVIL) == tags("plain")
    assert EVIL not in page([], tmp_path / EVIL.replace("/", ""))


def test_the_page_needs_nothing_from_elsewhere_and_shows_the_thumbnails(tmp_path: Path) -> None:
    folder = tmp_path / "a b#1"
    folder.mkdir()
    (folder / "thumbnail.png").write_bytes(png(np.zeros((4, 4), np.uint8)))
    (folder / "overview.png").touch()
    found = read(page([SummaryRow("a b#1", "done", trust="green")], tmp_path))
    links = [value for _, a in found.tags for key, value in a.items() if key in ("src", "href")]
    assert len(links) == 2
    assert links[0] == "./a%20b%231/overview.png"
    assert (links[1] or "").startswith("data:image/png;base64,")
    marks = [a["class"] for tag, a in found.tags if tag == "span" and "class" in a]
    assert "mark green" in marks


def test_rows_can_be_filtered_by_state_and_verdict(tmp_path: Path) -> None:
    rows = [SummaryRow("a", "done", trust="red"), SummaryRow("b", "failed", "It is broken.")]
    found = read(page(rows, tmp_path))
    kinds = [a["data-kinds"] for tag, a in found.tags if tag == "tr" and "data-kinds" in a]
    assert kinds == ["done red", "failed"]
    options = {a["value"] for tag, a in found.tags if tag == "option"}
    assert options == {"", "done", "failed", "open", "green", "amber", "red"}
    assert "It is broken." in found.words


def test_png_holds_the_picture() -> None:
    grey = np.arange(6, dtype=np.uint8).reshape(2, 3)
    data = png(grey)
    assert data[16:24] == b"\0\0\0\3\0\0\0\2"  # width, height
    start = data.index(b"IDAT") + 4
    lines = zlib.decompressobj().decompress(data[start:])
    assert lines == b"\0\0\1\2\0\3\4\5"
