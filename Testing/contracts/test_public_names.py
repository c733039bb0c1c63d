"""`from UniFuseLib import ...`: the names that users meet, and the words that they are told."""

from __future__ import annotations

import re
from importlib import import_module
from pathlib import Path

import pytest

import UniFuseLib

ROOT = Path(__file__).resolve().parents[2]
LIBRARY = ROOT / "UniFuseLib"
PROMISED = {"fuse", "read_volume", "write_volume", "load_model", "Volume"}


def test_the_promised_names_are_public() -> None:
    assert set(UniFuseLib.__all__) >= PROMISED


@pytest.mark.parametrize("name", sorted(set(UniFuseLib.__all__) - {"__version__"}))
def test_a_public_name_is_the_object_of_its_module(name: str) -> None:
    public = getattr(UniFuseLib, name)
    assert public.__module__.startswith("UniFuseLib.")
    assert getattr(import_module(public.__module__), name) is public
    assert name in dir(UniFuseLib)


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'blending'"):
        _ = UniFuseLib.blending


def test_the_types_are_shipped() -> None:
    """PEP 561: type checkers read a package's annotations only where this marker lies."""
    assert (LIBRARY / "py.typed").is_file()


def glossary_of_the_documents() -> dict[str, str]:
    """Paper's symbol → our names, of the first table of docs/glossary.md."""
    text = (ROOT / "docs" / "glossary.md").read_text(encoding="utf-8")
    first = text.split("\n\n", 3)[2]
    rows = [[cell.strip() for cell in line.split("|")[1:3]] for line in first.splitlines()[2:]]
    return {symbol: ", ".join(re.findall(r"`(\w+)`", name)) for symbol, name in rows}


def test_docstring_and_document_hold_one_glossary() -> None:
    docstring = UniFuseLib.__doc__ or ""
    rows = glossary_of_the_documents()
    assert len(rows) > 15
    for symbol, names in rows.items():
        for one, name in zip(symbol.split(", "), names.split(", "), strict=False):
            assert re.search(rf"^    .*{re.escape(one)}.*\b{name}\b", docstring, re.MULTILINE), one


def test_every_name_of_the_glossary_is_used_in_the_library() -> None:
    """A name that is changed in the code must change in the glossary."""
    code = "\n".join(
        path.read_text(encoding="utf-8")
        for path in LIBRARY.rglob("*.py")
        if path != LIBRARY / "__init__.py"
    )
    for names in glossary_of_the_documents().values():
        for name in names.split(", "):
            assert re.search(rf"\b{name}\b", code), name
