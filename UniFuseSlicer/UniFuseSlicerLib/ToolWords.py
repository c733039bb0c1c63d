"""Sentences of the fusion tool in the words and the language of the panel.

The tool and its `report.json` speak English, and name options of the command line. What a reader is
likely to meet is recognised here and said in Slicer's language, with the same numbers and names;
any other sentence stays as it is.
"""

from __future__ import annotations

import re
from functools import cache

from slicer.i18n import tr as _

from .ToolTexts import texts

_OPTION = re.compile(r" \(--[a-z][^)]*\)")  # such as " (--working-spacing 2.5)"
_PLACE = re.compile(r"\{(\w+)\}")
_SENTENCE_END = re.compile(r"(?<=\.) (?=[A-Z0-9])")


def panelWords(text: str) -> str:
    """
    Args:
        text: of the tool: a sentence, several of them, or the title of a stage.
    """
    whole = _OPTION.sub("", text)
    said = _said(whole)
    if said is not None:
        return said
    sentences = _SENTENCE_END.split(whole)
    return " ".join(_said(sentence) or sentence for sentence in sentences)


def _said(text: str) -> str | None:
    for number, pattern in enumerate(_patterns()):
        found = pattern.fullmatch(text)
        if found:
            values = {name: _said(value) or value for name, value in found.groupdict().items()}
            return texts(_)[number].format(**values)
    return None


@cache
def _patterns() -> tuple[re.Pattern[str], ...]:
    return tuple(re.compile(_expression(template), re.DOTALL) for template in texts(str))


def _expression(template: str) -> str:
    """No place holds the end of a sentence; one that is named again holds the same."""
    parts, known = _PLACE.split(template), set[str]()
    within = f"(?:(?!{_SENTENCE_END.pattern}).)+?"
    for n in range(1, len(parts), 2):
        name = parts[n]
        parts[n] = f"(?P={name})" if name in known else f"(?P<{name}>{within})"
        known.add(name)
    parts[::2] = map(re.escape, parts[::2])
    return "".join(parts)
