"""Strings of the module for translators, as Qt's .ts files.

    python Testing/slicer/translations.py

Writes the template (`UniFuseSlicer_en-US.ts`) anew from the sources, and brings the translations
beside it up to date: what is still in the sources keeps its translation, new strings are marked
unfinished, others go. Contexts are those that `slicer.i18n` looks in.
"""

from __future__ import annotations

import ast
import sys
import xml.etree.ElementTree as ElementTree
from pathlib import Path
from xml.sax.saxutils import escape

MODULE = Path(__file__).resolve().parents[2] / "UniFuseSlicer"
FOLDER = MODULE / "Resources" / "Translations"
TEMPLATE = FOLDER / "UniFuseSlicer_en-US.ts"
Strings = dict[str, dict[str, str]]  # context → source → translation, "" for none


def sources() -> Strings:
    """All strings that the module shows."""
    found: Strings = {"UniFuseSlicer": {}}
    for path in [MODULE / "UniFuseSlicer.py", *sorted((MODULE / "UniFuseSlicerLib").glob("*.py"))]:
        inPackage = (path.parent / "__init__.py").exists()
        context = f"{path.parent.name}.{path.stem}" if inPackage else path.stem
        texts = _inPython(path)
        if texts:
            found.setdefault(context, {}).update(dict.fromkeys(texts, ""))
    found["UniFuseSlicer"].update(dict.fromkeys(_inUi(), ""))
    return found


def read(path: Path) -> Strings:
    """A .ts file.

    Args:
        path: that may not be there.
    """
    found: Strings = {}
    if not path.exists():
        return found
    for context in ElementTree.parse(path).getroot().iter("context"):  # noqa: S314  a file of ours
        texts = found.setdefault(context.findtext("name") or "", {})
        for message in context.iter("message"):
            texts[message.findtext("source") or ""] = message.findtext("translation") or ""
    return found


def write(path: Path, strings: Strings) -> None:
    """
    Args:
        path: `…_<language>-<country>.ts`.
        strings: in the order of the file.
    """
    language = path.stem.rpartition("_")[2].replace("-", "_")
    lines = [
        '<?xml version="1.0" encoding="utf-8"?>',
        "<!DOCTYPE TS>",
        f'<TS version="2.1" language="{language}" sourcelanguage="en_US">',
    ]
    for context, texts in sorted(strings.items()):
        lines += ["<context>", f"    <name>{context}</name>"]
        for source, translation in texts.items():
            state = "" if translation else ' type="unfinished"'
            lines += [
                "    <message>",
                f"        <source>{escape(source)}</source>",
                f"        <translation{state}>{escape(translation)}</translation>",
                "    </message>",
            ]
        lines.append("</context>")
    path.write_text("\n".join([*lines, "</TS>", ""]), encoding="utf-8")


def update(wanted: Strings, known: Strings) -> Strings:
    """The wanted strings with what is known of them, in their context or another one."""
    anywhere = {source: text for texts in known.values() for source, text in texts.items() if text}
    return {
        context: {
            source: known.get(context, {}).get(source) or anywhere.get(source, "")
            for source in texts
        }
        for context, texts in wanted.items()
    }


def main() -> int:
    wanted = sources()
    write(TEMPLATE, wanted)
    for path in sorted(FOLDER.glob("UniFuseSlicer_*.ts")):
        if path != TEMPLATE:
            write(path, update(wanted, read(path)))
    return 0


def _inPython(path: Path) -> list[str]:
    """What `_` is called with, in the order of the file."""
    calls = (n for n in ast.walk(ast.parse(path.read_text("utf-8"))) if isinstance(n, ast.Call))
    found = []
    for call in sorted(calls, key=lambda call: (call.lineno, call.col_offset)):
        isOurs = isinstance(call.func, ast.Name) and call.func.id == "_"
        if isOurs and call.args and isinstance(call.args[0], ast.Constant):
            found.append(str(call.args[0].value))
    return found


def _inUi() -> list[str]:
    root = ElementTree.parse(MODULE / "Resources" / "UI" / "UniFuseSlicer.ui").getroot()  # noqa: S314
    lists = {id(text) for one in root.iter("stringlist") if one.get("notr") for text in one}
    return [
        element.text
        for element in root.iter("string")
        if element.text and element.get("notr") != "true" and id(element) not in lists
    ]


if __name__ == "__main__":
    sys.exit(main())
