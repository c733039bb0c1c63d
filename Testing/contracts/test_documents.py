"""Documents that keep their promises: links, file names, pictures, versions, the workflow."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ElementTree
from itertools import pairwise
from pathlib import Path

import pytest

from UniFuseLib.version import __version__

ROOT = Path(__file__).resolve().parents[2]
LIBRARY = ROOT / "UniFuseLib"
PICTURES = ROOT / "docs" / "pictures"
SVG = "{http://www.w3.org/2000/svg}"
LINK = re.compile(r"\]\(([^()\s]+)\)")
CODE = re.compile(r"`([^`\n]+)`")
FILE = re.compile(r"[\w.]+(?:/[\w.]+)*/?")
# what a user's own folder holds, or a run writes: named in documents, never in the repository
RUNS = ("run/", "val/", "train/", "out/", "labels/")


def documents() -> list[Path]:
    skipped = {".venv", "node_modules", "out", "runs", "build", "shared"}
    return [
        path
        for path in sorted(ROOT.rglob("*.md"))
        if not skipped & set(path.relative_to(ROOT).parts)
    ]


def anchors(text: str) -> set[str]:
    """The anchors that GitHub makes of headings."""
    titles = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


@pytest.mark.parametrize("path", documents(), ids=lambda p: p.relative_to(ROOT).as_posix())
def test_links_lead_somewhere(path: Path) -> None:
    for link in LINK.findall(path.read_text(encoding="utf-8")):
        if link.startswith(("http://", "https://")):
            continue
        name, _, anchor = link.partition("#")
        target = (path.parent / name).resolve() if name else path
        assert target.exists(), link
        assert target.is_relative_to(ROOT), link
        assert not anchor or anchor in anchors(target.read_text(encoding="utf-8")), link


def stands_for_a_file(word: str) -> bool:
    """A path in the repository: it starts at one of the repository's own folders."""
    first = word.split("/")[0]
    return "/" in word and FILE.fullmatch(word) is not None and (ROOT / first).is_dir()


@pytest.mark.parametrize("path", documents(), ids=lambda p: p.relative_to(ROOT).as_posix())
def test_files_named_in_documents_exist(path: Path) -> None:
    """`folder/file` of the repository; also bare rooms such as `network/` and files in them."""
    rooms = {folder.name for folder in LIBRARY.iterdir() if folder.is_dir()}
    for word in CODE.findall(path.read_text(encoding="utf-8")):
        if stands_for_a_file(word) and not word.startswith(RUNS):
            assert (ROOT / word).exists(), word
        elif FILE.fullmatch(word) and word.split("/")[0] in rooms and "/" in word:
            assert (LIBRARY / word).exists(), word


@pytest.mark.parametrize("path", documents(), ids=lambda p: p.relative_to(ROOT).as_posix())
def test_commands_in_documents_are_known_to_the_tool(path: Path) -> None:
    from UniFuseLib.cli import COMMANDS

    for command in re.findall(
        r"(?:^|`)unifuse ([a-z]+(?:-[a-z]+)*)", path.read_text("utf-8"), re.MULTILINE
    ):
        assert command in COMMANDS, command


def test_the_readme_and_the_picture_of_the_road_name_every_room() -> None:
    rooms = {path.parent.name for path in LIBRARY.glob("*/__init__.py")}
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert rooms == {room for room in rooms if f"`UniFuseLib/{room}/`" in readme}
    road = (PICTURES / "road.svg").read_text(encoding="utf-8")
    assert rooms - {"commands", "overview"} == {room for room in rooms if f">{room}/" in road}


def test_the_index_lists_every_document() -> None:
    index = ROOT / "docs" / "index.md"
    listed = {(index.parent / link).resolve() for link in LINK.findall(index.read_text("utf-8"))}
    expected = {path for path in documents() if (ROOT / "docs") in path.parents} - {index}
    assert {path.relative_to(ROOT).as_posix() for path in expected - listed} == set()


def drawing(picture: str) -> ElementTree.Element:
    return ElementTree.parse(PICTURES / picture).getroot()  # noqa: S314  a file of ours


def texts(picture: str) -> list[str]:
    """The words of a picture, one entry a text element, in the order of the file."""
    return ["".join(element.itertext()) for element in drawing(picture).iter(f"{SVG}text")]


@pytest.mark.parametrize("picture", ["network.svg", "road.svg"])
def test_files_named_in_a_picture_exist(picture: str) -> None:
    """A bare name after a path lies in its folder: `registration/affine.py · affine_solver.py`."""
    count = 0
    for text in texts(picture):
        folder = LIBRARY
        for word in re.findall(r"[\w/]+(?:\.py|/)(?!\w)", text):
            places = [root / word for root in (folder, LIBRARY, ROOT)]
            found = next((place for place in places if place.exists()), None)
            assert found is not None, word
            folder = found.parent if found.is_file() else folder
            count += 1
    assert count > 8


def test_classes_named_in_the_picture_of_the_network_are_in_the_file_below() -> None:
    words = texts("network.svg")
    pairs = [(a, b) for a, b in pairwise(words) if b.endswith(".py")]
    assert len(pairs) >= 7
    for names, files in pairs:
        code = "".join((LIBRARY / name).read_text("utf-8") for name in files.split(", "))
        for name in names.split(", "):
            assert re.search(rf"^(class|def) {name}\b", code, re.MULTILINE), (name, files)


@pytest.mark.parametrize("picture", ["network.svg", "road.svg"])
def test_a_picture_brings_its_own_background(picture: str) -> None:
    """Pages are light or dark; without a card of its own, dark text would vanish on one of them."""
    root = drawing(picture)
    card = next(root.iter(f"{SVG}rect"))
    size = root.get("viewBox", "").split()[2:]
    assert card.get("class") == "card"
    assert [float(card.get(side, 0)) for side in ("width", "height")] == [
        float(n) - 2 for n in size
    ]


def test_citation_and_changelog_name_the_version() -> None:
    citation = (ROOT / "CITATION.cff").read_text(encoding="utf-8")
    assert re.search(rf"^version: {re.escape(__version__)}$", citation, re.MULTILINE)
    changelog = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    assert re.search(
        rf"^## .*\[{re.escape(__version__)}\] - \d{{4}}-\d\d-\d\d$", changelog, re.MULTILINE
    )
    assert re.search(rf"^\[{re.escape(__version__)}\]: https://", changelog, re.MULTILINE)
    assert re.search(r"^\[Unreleased\]: https://", changelog, re.MULTILINE)


def test_the_workflow_runs_the_script_on_every_system_and_python() -> None:
    workflow = (ROOT / ".github" / "workflows" / "ci.yml").read_text(encoding="utf-8")
    assert "run: .ci/run" in workflow
    for needed in ("ubuntu", "windows", "macos", "timeout-minutes", "cancel-in-progress: true"):
        assert needed in workflow
    least = re.search(
        r'requires-python = ">=(3\.\d+)"', (ROOT / "pyproject.toml").read_text("utf-8")
    )
    pythons = re.findall(r'"(3\.\d+)"', workflow)
    assert least is not None
    assert pythons == ["3.10", "3.11", "3.12", "3.13"]
    assert pythons[0] == least.group(1)
    assert re.search(r"^permissions:\n  contents: read$", workflow, re.MULTILINE)


def test_scripts_keep_their_line_ends_on_every_system() -> None:
    """Git on Windows would give `.ci/run` line ends that bash does not read."""
    assert "* text=auto eol=lf" in (ROOT / ".gitattributes").read_text(encoding="utf-8")
    assert b"\r" not in (ROOT / ".ci" / "run").read_bytes()


def options_of(command: str) -> set[str]:
    """All options of `unifuse COMMAND`."""
    import argparse

    from UniFuseLib.cli import parser

    groups = (a for a in parser()._actions if isinstance(a, argparse._SubParsersAction))
    return set(next(groups).choices[command]._option_string_actions)


@pytest.mark.parametrize("path", documents(), ids=lambda p: p.relative_to(ROOT).as_posix())
def test_options_in_documents_are_known_to_the_tool(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    for line in [*CODE.findall(text), *re.findall(r"^(?: {4})?unifuse .*$", text, re.MULTILINE)]:
        called = re.search(r"\bunifuse ([a-z]+)( .*)?$", line)
        if called is not None:
            used = set(re.findall(r"(--[a-z][\w-]*)", line[called.start() :]))
            assert used <= options_of(called[1]), line


GENERATED = re.compile(r"<!-- begin .*?<!-- end [\w-]+ -->", re.DOTALL)
JARGON = re.compile(r"\b(rivals?|clicked through|anew|by hand|yardsticks?|chains?|(is|are) told)\b")


@pytest.mark.parametrize("path", documents(), ids=lambda p: p.relative_to(ROOT).as_posix())
def test_documents_use_words_that_readers_know(path: Path) -> None:
    """Say baseline or other method, pipeline, manually, again. Generated tables quote figures."""
    text = GENERATED.sub("", CODE.sub("", path.read_text(encoding="utf-8")))
    assert not JARGON.findall(text.lower())


def test_no_command_of_a_figure_names_a_path_of_a_machine() -> None:
    for path in sorted((ROOT / "docs" / "results").glob("*.json")):
        for command in re.findall(r'"command": "([^"]*)"', path.read_text(encoding="utf-8")):
            assert not re.search(r"(^|[\s=])/", command), path.name
