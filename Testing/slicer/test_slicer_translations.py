"""The template holds every string of the module, the translation every string of the template."""

from __future__ import annotations

import re

import pytest
import translations

GERMAN = translations.FOLDER / "UniFuseSlicer_de-DE.ts"
REMEDY = "run python Testing/slicer/translations.py"


def placeholders(text):
    """As `slicer.i18n.tr` compares them: a translation with others is not shown."""
    return sorted(re.findall(r"(?<!\{)\{([^\{\}]+)\}(?!\})", text))


def test_theTemplateIsThatOfTheSources():
    assert translations.read(translations.TEMPLATE) == translations.sources(), REMEDY


def test_theTranslationIsComplete():
    german = translations.read(GERMAN)
    wanted = translations.sources()
    assert {c: list(texts) for c, texts in german.items()} == {
        c: list(texts) for c, texts in sorted(wanted.items())
    }, REMEDY
    missing = [source for texts in german.values() for source, text in texts.items() if not text]
    assert missing == [], "translate these in UniFuseSlicer_de-DE.ts"


def test_placeholdersAndSpacesAreKept():
    for texts in translations.read(GERMAN).values():
        for source, text in texts.items():
            assert placeholders(source) == placeholders(text), source
            assert source[:1].isspace() == text[:1].isspace(), source
            assert source.count("\n") == text.count("\n"), source


# what README.md says in bold or italics that is not of this panel: Slicer's own words, other
# extensions, names that are put together, beginnings of messages of the tool
_NOT_OURS = (
    "Edit > Application Settings > Modules > Additional module paths",
    "View > Extensions Manager",
    "Extensions Manager > Install from file",
    "Registration > UniFuse",
    "Data Probe",
    "Data",
    "Sequences",
    "Transforms",
    "Vector to Scalar Volume",
    "PyTorch",
    "PyTorch Utils",
    "PETDICOMExtension",
    "Create new",
    "PET on CT",
    "MR on MR",
    "inside the body in this result",
    "… has N values per voxel",
    "… ran out of memory",
    "… fields of view do not overlap",
    "CUDA error: no kernel image",
    "restored",
    "deformation",
    "degraded",
    "reference",
    "Research use only.",
    "Two volumes that do not belong together.",
    "CT on MR, a head.",
    "PET on CT.",
)


def test_theReadmeNamesWhatThePanelShows():
    """Buttons, lists and messages, as they are called in the panel."""
    readme = (translations.MODULE / "README.md").read_text(encoding="utf-8")
    shown = "\n".join(source for texts in translations.sources().values() for source in texts)
    prose = re.sub(r"```.*?```|!\[.*?\]\(.*?\)\n\n\*[^*]+\*", "", readme, flags=re.DOTALL)
    prose = " ".join(prose.split())
    words = re.findall(r"\*\*([^*]+)\*\*|(?<!\*)\*([^*]+)\*(?!\*)", prose)
    unknown = []
    for bold, italic in words:
        phrase = bold or italic
        if phrase in _NOT_OURS:
            continue
        parts = [part for part in re.split(r" > |…", phrase) if part.strip(" .,")]
        unknown += [phrase] if any(part.strip(" .,") not in shown for part in parts) else []
    assert unknown == []


def test_oneSourceHasOneTranslation():
    """The same button is not called by two names."""
    found: dict[str, set[str]] = {}
    for texts in translations.read(GERMAN).values():
        for source, text in texts.items():
            found.setdefault(source, set()).add(text)
    assert {source: texts for source, texts in found.items() if len(texts) > 1} == {}


@pytest.mark.parametrize("text", ["a & b < c", ' %"', "two\n\nlines", "Größe µm → ≤"])
def test_anyTextComesBackFromAFile(tmp_path, text):
    path = tmp_path / "UniFuseSlicer_de-DE.ts"
    translations.write(path, {"UniFuseSlicer": {text: text, "other": ""}})
    assert translations.read(path) == {"UniFuseSlicer": {text: text, "other": ""}}


def test_whatIsKnownIsKept():
    known = {"A": {"Fuse": "Fusionieren", "gone": "weg"}}
    assert translations.update({"A": {"Fuse": ""}, "B": {"Fuse": "", "new": ""}}, known) == {
        "A": {"Fuse": "Fusionieren"},
        "B": {"Fuse": "Fusionieren", "new": ""},
    }
