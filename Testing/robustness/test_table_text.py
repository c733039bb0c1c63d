"""Text from outside is a name or a cell, never a path, a formula or a part of a page."""

from __future__ import annotations

import csv
import io

import pytest

from UniFuseLib.evaluation.tables import markdown
from UniFuseLib.io.table_text import csv_cell, is_plain_name


@pytest.mark.parametrize("name", ["a", "case_001", "sub-01.ses-2", "9", "x" * 200])
def test_plain_names(name: str) -> None:
    assert is_plain_name(name)


@pytest.mark.parametrize(
    "name",
    ["", ".", "..", ".x", "a/b", "a\\b", "../a", "/a", "C:", "a.", "a ", "a\n", "=a", "-a", "@a",
     "nul", "COM1.txt", "<b>", "é", "x" * 201],
)  # fmt: skip
def test_names_that_leave_or_cannot_be_made(name: str) -> None:
    assert not is_plain_name(name)


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\n=1"])
def test_a_cell_is_no_formula(text: str) -> None:
    stream = io.StringIO()
    csv.writer(stream).writerow([csv_cell(text)])
    (cell,) = next(csv.reader(io.StringIO(stream.getvalue(), newline="")))
    assert cell == f"'{text}"


@pytest.mark.parametrize("value", ["plain", "a=b", -1.5, 3, None])
def test_other_cells_stay(value: object) -> None:
    assert csv_cell(value) == value


def test_a_cell_of_markdown_stays_one_cell() -> None:
    table = markdown(("a", "b"), [("x|y\nz", "<script>alert(1)</script>")])
    assert table.splitlines()[-1] == "| x\\|y z | &lt;script&gt;alert(1)&lt;/script&gt; |"
