"""JSON, TOML and CSV: values of the right type, or a sentence with file, key, expected, found."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

import pytest

from UniFuseLib.contract import Contract, read_contract, sha256_of, standard_contract
from UniFuseLib.errors import InputError, WeightsError
from UniFuseLib.io.typed import read_csv_rows, read_json_as
from UniFuseLib.simulation.case_folder import read_index
from UniFuseLib.simulation.case_list import read_case_list
from UniFuseLib.training.config import read_config

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True)
class Inner:
    size: int


@dataclass(frozen=True)
class Outer:
    name: str
    rate: float = 0.5
    kind: Literal["a", "b"] = "a"
    pair: tuple[int, str] = (1, "x")
    many: tuple[float, ...] = ()
    maybe: int | None = None
    inner: Inner = field(default_factory=lambda: Inner(1))
    inners: list[Inner] = field(default_factory=list)


def test_plain_values_become_what_is_asked_for(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    content = {"name": "n", "rate": 1, "kind": "b", "pair": [2, "y"], "many": [1, 2.5]}
    path.write_text(json.dumps({**content, "inner": {"size": 3}, "inners": [{"size": 4}]}))
    read = read_json_as(Outer, path)
    expected = Outer("n", 1.0, "b", (2, "y"), (1.0, 2.5), None, Inner(3), [Inner(4)])
    assert read == expected
    assert isinstance(read.rate, float)
    path.write_text('{"name": "n", "maybe": 3, "inner": {"size": 9}}')
    assert read_json_as(Outer, path) == Outer("n", maybe=3, inner=Inner(9))


WRONG = {
    "": "not a JSON file",
    "nothing": "not a JSON file",
    "[" * 100000: "not a JSON file",
    "[]": r"'the file': expected an object, found \[\]",
    "{}": "'name': expected a text, found nothing",
    '{"name": 3}': "'name': expected a text, found 3",
    '{"name": null}': "'name': expected a text, found null",
    '{"name": "n", "speed": 1}': "'speed': expected one of",
    '{"name": "n", "rate": "fast"}': """'rate': expected a number, found "fast\"""",
    '{"name": "n", "rate": true}': "'rate': expected a number, found true",
    '{"name": "n", "rate": NaN}': "'rate': expected a number, found NaN",
    '{"name": "n", "rate": 1e999}': "'rate': expected a number",
    '{"name": "n", "kind": "c"}': """'kind': expected one of 'a', 'b', found "c\"""",
    '{"name": "n", "pair": [1]}': "'pair': expected a list of 2, found 1 values",
    '{"name": "n", "pair": {"a": 1}}': "'pair': expected a list",
    '{"name": "n", "many": [1, "x"]}': r"'many\[1\]': expected a number",
    '{"name": "n", "maybe": 1.5}': "'maybe': expected a whole number or null, found 1.5",
    '{"name": "n", "inner": {"size": "x"}}': r"'inner\.size': expected a whole number",
    '{"name": "n", "inners": [{"size": 1}, {}]}': r"'inners\[1\]\.size': expected a whole number",
}


@pytest.mark.parametrize("text", WRONG, ids=lambda text: text[:40])
def test_a_value_that_does_not_fit_is_named(tmp_path: Path, text: str) -> None:
    path = tmp_path / "a.json"
    path.write_text(text)
    with pytest.raises(InputError, match=WRONG[text]) as caught:
        read_json_as(Outer, path)
    assert str(path) in str(caught.value)


@pytest.mark.parametrize("read", [lambda p: read_json_as(Outer, p), read_csv_rows, read_config])
def test_what_is_no_text_file_is_refused(tmp_path: Path, read: Any) -> None:
    latin, folder = tmp_path / "latin.x", tmp_path / "folder.x"
    latin.write_bytes("id,größe\n".encode("latin-1"))
    folder.mkdir()
    for path in (latin, folder, tmp_path / "none.x"):
        with pytest.raises(InputError, match=re.escape(str(path))):
            read(path)


HEAD: dict[str, Any] = {
    "traces": ["ghost"],
    "mean": [0.0],
    "deviation": [1.0],
    "weight": [0.1],
    "constant": 0.5,
}
CONTRACTS: dict[str, Any] = {
    "classes": [[], ["blurry"], "clean", 3, None, [1]],
    "working_spacing_mm": [0, -1.5, 1e9, "1.5", None, float("nan")],
    "network": [None, [], "small"],
    "intensity": [None, [], {"mr": 3}, {"mr": []}],
    "sha256": [None, 3],
    "sure_from": ["always"],
    "severity": [
        None,
        {"mr_motion": 0.5},
        {"mr_motion": {**HEAD, "weight": []}},
        {"mr_motion": {**HEAD, "deviation": [0.0]}},
        {"mr_motion": {**HEAD, "constant": float("nan")}},
    ],
    "version": ["1", 1.5],
    "unknown": [1],
}


@pytest.mark.parametrize(("key", "value"), [(k, v) for k, vs in CONTRACTS.items() for v in vs])
def test_a_contract_names_the_key_that_is_wrong(tmp_path: Path, key: str, value: Any) -> None:
    weights = tmp_path / "w.safetensors"
    weights.write_bytes(b"tensors")
    good = standard_contract().signed(weights)
    assert good.sha256 == sha256_of(weights)
    content = json.loads(good.to_text())
    weights.with_suffix(".json").write_text(json.dumps({**content, key: value}))
    with pytest.raises(WeightsError, match=f"'{key}"):
        read_contract(weights)
    weights.with_suffix(".json").write_text(json.dumps(content))
    assert isinstance(read_contract(weights), Contract)


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"version": 1, "cases": 3}', '{"cases": ["a"]}'])
def test_an_index_of_cases_that_is_none_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "cases.json").write_text(text)
    with pytest.raises(InputError, match=r"cases\.json"):
        read_index(tmp_path)


@pytest.mark.parametrize("content", [b"", b"\0\0\0", b'id,"\n', b"id\n" + b"x," * 200000])
def test_a_case_list_that_is_none_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "cases.csv").write_bytes(content)
    with pytest.raises(InputError, match=r"cases\.csv"):
        read_case_list(tmp_path / "cases.csv")
