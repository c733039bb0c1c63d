"""`report.json` is what `docs/report-schema.md` says it is."""

from __future__ import annotations

import json
import re
import typing
from dataclasses import FrozenInstanceError, fields, is_dataclass, replace
from pathlib import Path

import pytest

from UniFuseLib.preprocessing.intensity import IntensityMap
from UniFuseLib.report.parts import VerdictReport
from UniFuseLib.report.report import SCHEMA_VERSION, Report, with_total
from UniFuseLib.version import versions

PAGE = Path(__file__).resolve().parents[2] / "docs" / "report-schema.md"
CELL = r"\s*([^|]*?)\s*\|"
ROW = re.compile(rf"^\| `([\w.]+)` \|{CELL}{CELL}{CELL}$", re.MULTILINE)
UNITS = {"mm": "mm", "percent": "%", "seconds": "s", "mb": "MiB"}
TYPES = {str: "string", int: "integer", float: "number", bool: "boolean"}


def documented() -> dict[str, tuple[str, str, str]]:
    """Key → (type, unit, meaning) of the page's table."""
    text = PAGE.read_text(encoding="utf-8")
    return {key: (kind, unit, meaning) for key, kind, unit, meaning in ROW.findall(text)}


def keys_of(cls: type, prefix: str = "") -> dict[str, object]:
    """Every key of the JSON with its Python type, read off the dataclasses."""
    hints = typing.get_type_hints(cls, localns={"IntensityMap": IntensityMap})
    found: dict[str, object] = {}
    for field in fields(cls):
        kind = hints[field.name]
        name = prefix + ("class" if field.name == "label" else field.name)
        if isinstance(kind, type) and is_dataclass(kind):
            found.update(keys_of(kind, f"{name}."))
        else:
            found[name] = kind
    return found


def test_every_key_is_documented_and_no_other() -> None:
    assert set(documented()) == set(keys_of(Report))


def test_every_key_has_its_type_its_unit_and_a_meaning() -> None:
    kinds = keys_of(Report)
    for key, (kind, unit, meaning) in documented().items():
        assert meaning.strip(), key
        expected = TYPES.get(typing.cast("type", kinds[key]))
        assert expected is None or kind == expected, key
        optional = type(None) in typing.get_args(kinds[key])
        assert kind.endswith(" or null") == optional, key
        last = key.split(".")[0 if key.startswith("displacement_mm") else -1].rpartition("_")[2]
        probability = key.endswith("probability_off_by_3_mm")  # its mm are those of the event
        assert probability or last not in UNITS or unit == UNITS[last], key


def test_the_page_is_of_this_version() -> None:
    first = PAGE.read_text(encoding="utf-8").splitlines()[0]
    assert first == f"# `report.json`, schema version {SCHEMA_VERSION}"


def test_json_has_the_keys_of_the_page(example_report: Report) -> None:
    content = example_report.to_json()
    assert content == json.loads(json.dumps(content, allow_nan=False))

    def walk(value: dict, prefix: str = "") -> set[str]:
        keys: set[str] = set()
        for name, entry in value.items():
            key = prefix + name
            nested = isinstance(entry, dict) and key not in documented()
            keys |= walk(entry, f"{key}.") if nested else {key}
        return keys

    assert walk(content) == set(documented())
    assert content["class"] == example_report.label


def test_a_report_is_never_changed_only_followed_by_another(example_report: Report) -> None:
    with pytest.raises(FrozenInstanceError):
        example_report.label = "clean"  # type: ignore[misc]
    report = replace(example_report, warnings=("b",), seconds=with_total({"Reading": 1.0}))
    more = report.with_warnings(before=("a",), after=("c",))
    assert (report.warnings, more.warnings) == (("b",), ("a", "b", "c"))
    whole = report.with_files("d.nii", "r.nii", {"Writing": 2.0}, 12.5)
    assert whole.seconds == {"Reading": 1.0, "Writing": 2.0, "total": 3.0}
    assert (whole.inputs.degraded.path, whole.inputs.reference.path) == ("d.nii", "r.nii")
    assert (report.inputs.degraded.path, whole.peak_memory_mb) == (None, 12.5)


@pytest.mark.parametrize(
    ("trust", "two_patients", "expected", "reasons"),
    [
        ("green", True, "amber", ("Two patients.",)),
        ("green", False, "green", ()),
        ("red", False, "red", ("Mirrored.", "Two patients.")),
        (None, True, None, ()),
    ],
)
def test_what_the_files_say_is_a_doubt(
    example_report: Report,
    trust: str | None,
    two_patients: bool,
    expected: str | None,
    reasons: tuple[str, ...],
) -> None:
    own = ("Mirrored.",) if trust == "red" else ()
    report = replace(example_report, verdict=VerdictReport(trust, reasons=own))
    found = report.with_doubts(("Two patients.",), two_patients).verdict
    assert (found.trust, found.reasons) == (expected, reasons)


def test_versions_name_every_library() -> None:
    import SimpleITK as sitk
    import torch

    found = versions()
    assert found["torch"] == torch.__version__
    assert found["SimpleITK"].startswith(sitk.Version_VersionString().split("-")[0][:3])
