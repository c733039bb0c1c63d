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

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parents[1])]

from catalogue import CASES  # noqa: E402  (both folders are on the path only now)
from model import Seen, see  # noqa: E402

_HEAD = """\
# Odd input

    python Testing/robustness/table.py --output docs/results/robustness.md

Every case is a file or a volume that the command generates; `Testing/robustness` runs the same
cases as tests, with the right voxels, positions or modality in each. *right*: read without a
word; *said*: read right, with a sentence in the report; *refused*: exit code 3 with the remedy.
"""


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
    text = f"{_HEAD}\n**{len(CASES)} cases: {summary}.**\n\n{table}\n"
    output.write_text(text, encoding="utf-8")


def _plain(seen: Seen, folder: str) -> str:
    """The sentence without the name of the temporary folder, as a cell of a table."""
    text = re.sub(rf"{re.escape(folder)}/?", "", seen.sentence)
    return " ".join(text.replace("|", "\\|").replace("<", "&lt;").split())


if __name__ == "__main__":
    main()
