"""Headers that no case list thinks of: every one gives a volume or a sentence, and soon.

Hypothesis draws them, the same ones in every run. `Testing/fuzz/coverage_guided.py` looks further;
what it found stands below as a case.
"""

from __future__ import annotations

import gzip
import struct
import time
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from fuzz_seeds import SIZE, seeds
from fuzz_target import read
from text_cases import META, NRRD, meta, nrrd

from Testing.robustness.dicom_writer import SeriesSpec, noise, write_series
from UniFuseLib.errors import InputError
from UniFuseLib.io.nifti_header import _NIFTI1
from UniFuseLib.io.volumes import read_volume

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

hypothesis = pytest.importorskip("hypothesis")
st = pytest.importorskip("hypothesis.strategies")

_LONGEST = 10.0  # seconds; a reader that takes longer hangs
_VOXELS = bytes(2 * int(np.prod(SIZE)))
drawn = hypothesis.settings(
    max_examples=250,
    derandomize=True,  # the same headers in every run
    database=None,
    deadline=None,  # `answers` measures; the first read imports
    suppress_health_check=[hypothesis.HealthCheck.function_scoped_fixture],
)

odd_floats = st.sampled_from([0.0, -1.0, 1e-3, 1e38, -1e38, float("nan"), float("inf")])
floats = st.one_of(odd_floats, st.floats(width=32), st.floats(0.125, 8, width=32))
_RANGES = {"h": 2**15, "i": 2**31, "q": 2**63}
words = st.one_of(
    st.sampled_from([*NRRD.values(), *META.values(), "nan", "-1", "0", "1e400", "none", "%03d"]),
    st.lists(st.integers(-5, 99999), min_size=1, max_size=9).map(lambda v: " ".join(map(str, v))),
    st.just("7" * 5000),  # beyond what Python turns into numbers
    st.text(st.characters(blacklist_characters="\n\r", blacklist_categories=["Cs"]), max_size=20),
)


def answers(data: bytes, kind: str, folder: Path) -> None:
    """A volume or a sentence; whatever else is raised fails the test."""
    began = time.monotonic()
    sentence = read(data, kind, folder)
    assert time.monotonic() - began < _LONGEST
    assert sentence == "" or sentence.rstrip().endswith((".", "?", ")"))


def values_of(code: str) -> Any:
    """Odd and plain values of one struct format."""
    letter = code[-1]
    if letter in "fd":
        return floats
    if letter == "B":
        return st.integers(0, 255)
    most = _RANGES[letter]
    return st.one_of(st.integers(-3, 12), st.integers(-most, most - 1))


@st.composite
def nifti_changes(draw: Any) -> list[tuple[int, str, Any]]:
    """(offset, format, value) of a few fields of the header."""
    names = draw(st.lists(st.sampled_from(sorted(_NIFTI1)), min_size=1, max_size=4, unique=True))
    changes = []
    for name in names:
        at, code = _NIFTI1[name]
        letter, count = code[-1], int(code[:-1] or 1)
        index = draw(st.integers(0, count - 1))
        place = at + index * struct.calcsize(letter)
        changes.append((place, letter, draw(values_of(code))))
    return changes


@drawn
@hypothesis.given(changes=nifti_changes(), seed=st.integers(0, 3), big=st.booleans(),
                  packed=st.booleans(), length=st.none() | st.integers(0, 700))  # fmt: skip
def test_nifti(
    tmp_path: Path, changes: list[Any], seed: int, big: bool, packed: bool, length: int | None
) -> None:
    raw = bytearray(seeds("nifti", tmp_path)[seed])
    for place, letter, value in changes:
        struct.pack_into((">" if big else "<") + letter, raw, place, value)
    data = bytes(raw[:length])
    answers(gzip.compress(data) if packed else data, "nifti", tmp_path)


@drawn
@hypothesis.given(
    place=st.integers(0, 90), letter=st.sampled_from("bhi"), value=st.integers(-128, 127)
)
def test_mgh(tmp_path: Path, place: int, letter: str, value: int) -> None:
    raw = bytearray(seeds("mgh", tmp_path)[0])
    struct.pack_into(">" + letter, raw, place, value)
    answers(bytes(raw), "mgh", tmp_path)


def text_changes(fields: dict[str, str], more: tuple[str, ...]) -> Any:
    """Field → new text, or None to leave it out."""
    names = st.sampled_from([*fields, *more])
    return st.dictionaries(names, st.none() | words, min_size=1, max_size=4)


@drawn
@hypothesis.given(
    changes=text_changes(NRRD, ("spacings", "space units", "data file", "byte skip", "line skip")),
    data=st.binary(max_size=300),
)
def test_nrrd(tmp_path: Path, changes: dict[str, str | None], data: bytes) -> None:
    sizes = {"sizes": " ".join(map(str, SIZE)), "type": "short"}
    path = nrrd(tmp_path, data=data + _VOXELS, **{**sizes, **changes})
    answers(path.read_bytes(), "nrrd", tmp_path)


@drawn
@hypothesis.given(
    changes=text_changes(META, ("HeaderSize", "ElementNumberOfChannels", "AnatomicalOrientation")),
    data=st.binary(max_size=300),
)
def test_metaimage(tmp_path: Path, changes: dict[str, str | None], data: bytes) -> None:
    sizes = {"DimSize": " ".join(map(str, SIZE)), "ElementType": "MET_SHORT"}
    fields = {**META, **sizes, **changes}
    fields["ElementDataFile"] = fields["ElementDataFile"] or "LOCAL"
    path = meta(tmp_path, data=data + _VOXELS, **fields)
    answers(path.read_bytes(), "mha", tmp_path)


def _too_many_bits(folder: Path) -> Path:
    write_series(folder / "s", noise(), SeriesSpec().with_tags(BitsStored=19984))
    return folder / "s"


def _kind_that_is_a_number(folder: Path) -> Path:
    spec = SeriesSpec(edit=lambda k, dataset: dataset.add_new("ImageType", "IS", "3"))
    write_series(folder / "s", noise(), spec)
    return folder / "s"


def _text_beyond_its_type(folder: Path) -> Path:
    return nrrd(folder, type="short", encoding="ascii", data=b"7 111111111111111 " * 400)


def _text_that_is_no_whole_number(folder: Path) -> Path:
    return nrrd(folder, type="short", encoding="ascii", data=b"7 1.5 " * 400)


def _size_of_5000_digits(folder: Path) -> Path:
    return nrrd(folder, sizes="11 9 " + "7" * 5000)


def _skip_of_5000_digits(folder: Path) -> Path:
    return meta(folder, HeaderSize="7" * 5000)


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (_too_many_bits, "BitsStored is 19984"),
        (_text_beyond_its_type, "1.11111e.14 is not a value of type int16"),
        (_text_that_is_no_whole_number, "1.5 is not a value of type int16"),
        (_size_of_5000_digits, "whole numbers above 0"),
        (_skip_of_5000_digits, "HeaderSize"),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_findings_are_refused(tmp_path: Path, make: Callable[[Path], Path], sentence: str) -> None:
    with pytest.raises(InputError, match=sentence):
        read_volume(make(tmp_path))


def test_a_kind_of_image_that_is_a_number_is_none(tmp_path: Path) -> None:
    np.testing.assert_array_equal(read_volume(_kind_that_is_a_number(tmp_path)).array, noise())
