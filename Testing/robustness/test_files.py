"""Every odd file is read right, read with a word about it, or refused with the remedy."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from catalogue import CASES
from model import see

if TYPE_CHECKING:
    from pathlib import Path

    from model import FileCase, VolumeCase


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.kind}-{case.name}")
def test_case(case: FileCase | VolumeCase, tmp_path: Path) -> None:
    seen = see(case, tmp_path)
    assert seen.outcome == case.expected, seen.sentence
    assert re.search(case.sentence, seen.sentence, re.DOTALL)


def test_names_are_unique() -> None:
    names = [(case.kind, case.name) for case in CASES]
    assert len(names) == len(set(names)) >= 200
