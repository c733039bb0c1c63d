"""The tables of the documentation say what the measured figures beside them say."""

from __future__ import annotations

import importlib.util
import json
import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from types import ModuleType

ROOT = Path(__file__).resolve().parents[2]
pytestmark = pytest.mark.skipif(
    not (ROOT / "docs" / "make_tables.py").is_file(), reason="the documentation is not here"
)


@pytest.fixture(scope="module")
def tables() -> ModuleType:
    spec = importlib.util.spec_from_file_location("make_tables", ROOT / "docs" / "make_tables.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("page", ["README.md", "docs/model-card.md", "docs/results/README.md"])
def test_generated_blocks_are_what_the_figures_say(tables: ModuleType, page: str) -> None:
    text = (ROOT / page).read_text(encoding="utf-8")
    assert page in tables.PAGES
    assert "<!-- begin registration" in text
    assert tables.updated(text) == text, "run: python docs/make_tables.py"


@pytest.mark.parametrize("page", ["docs/results/trust.md", "docs/results/uncertainty.md"])
def test_tables_of_the_verdict_are_what_its_figures_say(tables: ModuleType, page: str) -> None:
    text = (ROOT / page).read_text(encoding="utf-8")
    assert page in tables.PAGES
    assert tables.updated(text) == text, "run: python docs/make_tables.py"


def test_every_begin_has_its_end_and_every_block_is_shown(tables: ModuleType) -> None:
    text = "".join((ROOT / page).read_text(encoding="utf-8") for page in tables.PAGES)
    begun, ended = re.findall(r"<!-- begin ([\w-]+):", text), re.findall(r"<!-- end ([\w-]+)", text)
    assert begun == ended
    assert set(begun) == set(tables.BLOCKS)


def test_another_figure_makes_another_table(
    tables: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = (ROOT / "README.md").read_text(encoding="utf-8")
    figures = json.loads((tables.RESULTS / "evaluation.json").read_text(encoding="utf-8"))
    figures["bins"]["3-8"]["ctmr"]["tre_mm"]["mean"] = 1.234
    (tmp_path / "evaluation.json").write_text(json.dumps(figures))
    groups = json.loads((tables.RESULTS / "evaluation-groups.json").read_text(encoding="utf-8"))
    groups["groups"]["limb-ctmr"]["tre_mm"]["worst"] = 8.765
    (tmp_path / "evaluation-groups.json").write_text(json.dumps(groups))
    monkeypatch.setattr(tables, "RESULTS", tmp_path)
    changed = tables.updated(page)
    assert "| CT on MR | 3-8 mm | 5 | 5.27 | 1.23 |" in changed
    assert re.search(r"\| limbs, CT on MR \|.* / 8\.7[67] \|", changed)


def test_figures_of_other_weights_are_refused(
    tables: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    contract = json.loads(tables.CONTRACT.read_text(encoding="utf-8"))
    (tmp_path / "unifuse.json").write_text(json.dumps({**contract, "sha256": "other"}))
    monkeypatch.setattr(tables, "CONTRACT", tmp_path / "unifuse.json")
    with pytest.raises(ValueError, match="not of the shipped weights"):
        tables.block("classification")
