"""The table of docs/results/robustness.md, from the cases that the tests run.

python Testing/robustness/table.py --output docs/results/robustness.md
"""

from __future__ import annotations

import argparse
import re
import sys
import tempfile
from collections import Counter
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parents[1])]

from catalogue import CASES  # noqa: E402  (both folders are on the path only now)
from model import Seen, see  # noqa: E402

_VERDICTS = {"passed": "holds", "failed": "FAILS", "skipped": "not run here"}
_HEAD = """\
# Odd input

    python Testing/robustness/table.py --output docs/results/robustness.md

Every case is a file or a volume that the command generates; `Testing/robustness` runs the same
cases as tests, with the right voxels, positions or modality in each. *right*: read without a
word; *said*: read right, with a sentence in the report; *refused*: exit code 3 with the remedy.
"""
_BEHAVIOUR = """
## What a run does with files, pipes and series

Each line is a test of `Testing/robustness` with real files and, where a run is stopped, with real
processes. *holds*: it passed when this page was made.
"""
_PAIRS = "\n## Pairs of patients\n"  # what follows was measured elsewhere and stays
# file → what its tests are about
_TESTED = {
    "test_result_folder.py": "result folder",
    "test_command_line.py": "command line",
    "test_simulate_inputs.py": "simulate",
    "test_table_text.py": "names and cells",
    "test_fuzz.py": "drawn headers",
    "test_dicom_files.py": "DICOM files",
    "test_dicom_geometry.py": "DICOM geometry",
    "test_dicom_groups.py": "DICOM groups",
    "test_dicom_enhanced.py": "DICOM, enhanced",
    "test_dicom_values.py": "DICOM values",
    "test_dicom_suv.py": "SUV",
    "test_dicom_pairs.py": "DICOM pairs",
}


def main() -> None:
    """Run every case and write the page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--output", type=Path, required=True)
    output = parser.parse_args().output
    lines, counts = [], Counter[str]()
    for case in CASES:
        with tempfile.TemporaryDirectory() as folder:
            seen = see(case, Path(folder))
            sentence = _plain(seen, folder)
        counts[seen.outcome] += 1
        lines.append(f"| {case.kind} | {case.name} | {seen.outcome} | {sentence} |")
    outcomes = ("right", "said", "refused", "wrong", "silent wrong", "traceback")
    summary = ", ".join(f"{counts[name]} {name}" for name in outcomes)
    table = "\n".join(["| kind | case | outcome | sentence |", "| --- | --- | --- | --- |", *lines])
    pairs = _pairs_of(output)
    text = f"{_HEAD}\n**{len(CASES)} cases: {summary}.**\n\n{table}\n{_behaviour()}{pairs}"
    output.write_text(text, encoding="utf-8")


def _pairs_of(page: Path) -> str:
    """The last part of the page as it is; empty where there is none yet."""
    text = page.read_text(encoding="utf-8") if page.exists() else ""
    _, heading, rest = text.partition(_PAIRS)
    return heading + rest


class _Outcomes:
    """Plugin of pytest: every test that ran, and whether it passed."""

    def __init__(self) -> None:
        self.rows: list[tuple[str, str, str]] = []

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.when != "call" and report.passed:
            return
        file, _, name = report.nodeid.partition("::")
        words = name.removeprefix("test_").replace("_", " ")
        self.rows.append((_TESTED[Path(file).name], words, _VERDICTS[report.outcome]))


def _behaviour() -> str:
    """The second table, from a run of the tests."""
    outcomes = _Outcomes()
    files = [str(HERE / name) for name in _TESTED]
    pytest.main(["-q", "-p", "no:cacheprovider", *files], plugins=[outcomes])
    counts = Counter(verdict for _, _, verdict in outcomes.rows)
    summary = ", ".join(f"{counts[name]} {name}" for name in _VERDICTS.values())
    lines = [f"| {kind} | {_cell(name)} | {verdict} |" for kind, name, verdict in outcomes.rows]
    head = ["| about | case | outcome |", "| --- | --- | --- |"]
    table = "\n".join([*head, *lines])
    return f"{_BEHAVIOUR}\n**{len(lines)} cases: {summary}.**\n\n{table}\n"


def _plain(seen: Seen, folder: str) -> str:
    """The sentence without the name of the temporary folder, as a cell of a table."""
    text = re.sub(rf"{re.escape(folder)}/?", "", seen.sentence)
    return _cell(text)


def _cell(text: str) -> str:
    text = text.encode("utf-8", "replace").decode("utf-8")  # names that are not UTF-8
    return " ".join(text.replace("|", "\\|").replace("<", "&lt;").split())


if __name__ == "__main__":
    main()
