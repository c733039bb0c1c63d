"""Two inputs: patient, day and frame of reference are compared; options find their input."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

import pytest

from Testing.robustness.dicom_writer import ROOT, SeriesSpec, noise, write_series
from UniFuseLib.commands import dicom
from UniFuseLib.errors import InputError
from UniFuseLib.io.dicom_identity import Identity, compare
from UniFuseLib.io.volumes import Header, read_volume_with_header

if TYPE_CHECKING:
    from pathlib import Path

SAME = Identity("P-1", "20200310", "1.2.3")


@pytest.mark.parametrize(
    ("other", "said"),
    [
        (SAME, ()),
        (Identity(), ()),
        (Identity("P-1", "20200421", "1.2.4"), ("different StudyDate (42 days apart)",)),
        (Identity("P-1", "2020", "1.2.3"), ("different StudyDate:",)),
        (Identity("P-1", "20200310", "1.2.4"), ("different FrameOfReferenceUID",)),
    ],
)
def test_what_differs_is_said_without_saying_what_it_is(
    other: Identity, said: tuple[str, ...]
) -> None:
    sentences = compare(SAME, other, allow_different=False)
    assert len(sentences) == len(said)
    for sentence, part in zip(sentences, said, strict=True):
        assert part in sentence
        for secret in ("2020", "1.2.3", "1.2.4", "P-1"):
            assert secret not in sentence


def test_two_patients_are_refused_unless_allowed() -> None:
    other = Identity("P-2", "20200310", "1.2.3")
    with pytest.raises(InputError, match="different PatientID") as refusal:
        compare(SAME, other, allow_different=False)
    assert "P-2" not in str(refusal.value)
    assert "--allow-different-patient" in str(refusal.value)
    sentences = compare(SAME, other, allow_different=True)
    assert "different PatientID" in sentences[0]


def parsed(*argv: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    dicom.add_options(parser)
    return parser.parse_args(argv)


def read_pair(args: argparse.Namespace, first: Path, second: Path) -> tuple[Header, Header]:
    headers = (
        read_volume_with_header(first, dicom.options_of(args, 0))[1],
        read_volume_with_header(second, dicom.options_of(args, 1))[1],
    )
    dicom.check_inputs(args, *headers)
    return headers


def test_one_series_is_for_the_input_that_holds_it(tmp_path: Path) -> None:
    write_series(tmp_path / "a", noise(), SeriesSpec(uid="71"))
    write_series(tmp_path / "a", noise(), SeriesSpec(uid="72"))
    write_series(tmp_path / "b", noise(), SeriesSpec(uid="73"))
    args = parsed("--series", f"{ROOT}72")
    first, second = read_pair(args, tmp_path / "a", tmp_path / "b")
    assert (first.series[0], second.series[0]) == (f"{ROOT}72", f"{ROOT}73")


def test_two_series_of_one_folder(tmp_path: Path) -> None:
    for uid in ("71", "72", "73"):
        write_series(tmp_path, noise(), SeriesSpec(uid=uid))
    args = parsed("--series", f"{ROOT}73", "--series", f"{ROOT}71")
    first, second = read_pair(args, tmp_path, tmp_path)
    assert (first.series[0], second.series[0]) == (f"{ROOT}73", f"{ROOT}71")


def test_one_series_for_both_inputs_is_refused(tmp_path: Path) -> None:
    for uid in ("71", "72"):
        write_series(tmp_path, noise(), SeriesSpec(uid=uid))
    with pytest.raises(InputError, match="both inputs are this series"):
        read_pair(parsed("--series", f"{ROOT}72"), tmp_path, tmp_path)


@pytest.mark.parametrize(
    ("argv", "said"),
    [
        (("--series", "9.9"), "neither input holds this series"),
        (("--frame-group", "2"), "neither input has several groups"),
    ],
)
def test_a_choice_that_meets_no_input_is_refused(
    tmp_path: Path, argv: tuple[str, ...], said: str
) -> None:
    write_series(tmp_path, noise())
    with pytest.raises(InputError, match=said):
        read_pair(parsed(*argv), tmp_path, tmp_path)


def test_three_choices_for_two_inputs_are_refused() -> None:
    args: Any = parsed(*["--series", "1"] * 3)
    with pytest.raises(InputError, match="3 times; expected once or twice"):
        dicom.options_of(args, 0)
