"""Folders as hospitals hand them out: odd names, discs, archives, damaged files among good ones."""

from __future__ import annotations

import zipfile
from typing import TYPE_CHECKING, Any

import numpy as np
import pydicom
import pytest
from pydicom.fileset import FileSet

from Testing.robustness.dicom_writer import SeriesSpec, noise, rewrite, write_series
from UniFuseLib.errors import InputError, MissingDependencyError
from UniFuseLib.io import dicom_files
from UniFuseLib.io.volumes import read_volume, read_volume_with_header

if TYPE_CHECKING:
    from pathlib import Path

STORED = noise()


@pytest.mark.parametrize("name", ["Müller, Größe 2", "患者 1", "with space", "a'b\"c"])
def test_any_folder_name(tmp_path: Path, name: str) -> None:
    write_series(tmp_path / name, STORED)
    np.testing.assert_array_equal(read_volume(tmp_path / name).array, STORED)


def test_a_compressed_series_in_any_folder(tmp_path: Path) -> None:
    for path in write_series(tmp_path / "Größe 患者", STORED):
        dataset = pydicom.dcmread(path)
        dataset.compress(pydicom.uid.RLELossless)
        dataset.save_as(path)
    np.testing.assert_array_equal(read_volume(tmp_path / "Größe 患者").array, STORED)


def test_files_without_suffix_and_with_strange_ones(tmp_path: Path) -> None:
    for n, path in enumerate(write_series(tmp_path, STORED)):
        path.rename(tmp_path / f"IM{n:04d}{['', '.1', '.IMA'][n % 3]}")
    np.testing.assert_array_equal(read_volume(tmp_path).array, STORED)


def test_files_without_preamble(tmp_path: Path) -> None:
    for path in write_series(tmp_path, STORED):
        dataset = pydicom.dcmread(path)
        bare = pydicom.Dataset(dataset)
        pydicom.dcmwrite(path.with_suffix(""), bare, implicit_vr=True, little_endian=True)
        path.unlink()
    np.testing.assert_array_equal(read_volume(tmp_path).array, STORED)


def test_other_files_in_the_folder_do_not_matter(tmp_path: Path) -> None:
    paths = write_series(tmp_path, STORED)
    (tmp_path / "notes.txt").write_text("nothing")
    (tmp_path / "empty").write_bytes(b"")
    (tmp_path / ".DS_Store").write_bytes(bytes(200))
    (tmp_path / f"._{paths[0].name}").write_bytes(b"\x00\x05\x16\x07" + bytes(200))
    np.testing.assert_array_equal(read_volume(tmp_path).array, STORED)


def test_a_disc_with_a_dicomdir(tmp_path: Path) -> None:
    spec = SeriesSpec(
        tags={
            "PatientID": "1",
            "PatientName": "A",
            "StudyDate": "20200101",
            "StudyTime": "1010",
            "StudyID": "1",
            "AccessionNumber": "",
        }
    )
    disc = FileSet()
    for path in write_series(tmp_path / "in", STORED, spec):
        disc.add(path)
    disc.write(tmp_path / "disc")
    for given in (tmp_path / "disc", tmp_path / "disc" / "DICOMDIR"):
        np.testing.assert_array_equal(read_volume(given).array, STORED)


def test_an_archive_is_refused_in_words(tmp_path: Path) -> None:
    path = write_series(tmp_path / "in", STORED)[0]
    (tmp_path / "out").mkdir()
    with zipfile.ZipFile(tmp_path / "out" / "scan.zip", "w") as archive:
        archive.write(path)
    for given in (tmp_path / "out", tmp_path / "out" / "scan.zip"):
        with pytest.raises(InputError, match="ZIP archive.*Unpack it"):
            read_volume(given)


@pytest.mark.parametrize("size", [0, 140, 400, -20])
def test_a_damaged_file_among_good_ones_is_named(tmp_path: Path, size: int) -> None:
    path = write_series(tmp_path, STORED)[2]
    path.write_bytes(path.read_bytes()[:size])
    with pytest.raises(InputError, match=f"{path.name}.*damaged"):
        read_volume(tmp_path)


def test_a_damaged_compressed_file_is_named(tmp_path: Path) -> None:
    paths = write_series(tmp_path, STORED)
    for path in paths:
        dataset = pydicom.dcmread(path)
        dataset.compress(pydicom.uid.JPEGLSLossless)
        dataset.save_as(path)
    content = paths[2].read_bytes()
    paths[2].write_bytes(content[:-90] + bytes(90))
    with pytest.raises(InputError, match=paths[2].name):
        read_volume(tmp_path)


def test_a_claim_that_the_file_cannot_hold_is_refused(tmp_path: Path) -> None:
    path = write_series(tmp_path, STORED)[0]
    dataset = pydicom.dcmread(path)
    dataset.compress(pydicom.uid.RLELossless)
    dataset.save_as(path)
    for other in tmp_path.iterdir():
        rewrite(other, Rows=65535, Columns=65535)
    with pytest.raises(InputError, match="damaged"):
        read_volume(tmp_path)


def test_a_code_stream_that_claims_another_size_is_refused(tmp_path: Path) -> None:
    path = write_series(tmp_path, STORED)[0]
    dataset = pydicom.dcmread(path)
    dataset.compress(pydicom.uid.JPEGLSLossless)
    dataset.save_as(path)
    content = path.read_bytes()
    header = content.index(b"\xff\xf7")  # length, precision, lines, samples a line
    assert content[header + 5 : header + 9] == bytes((0, 9, 0, 11))
    path.write_bytes(content[: header + 5] + b"\xff\xff\xff\xff" + content[header + 9 :])
    with pytest.raises(InputError, match=r"9 × 11 pixels in the header, \(65535, 65535\)"):
        read_volume(tmp_path)


def test_a_single_slice_by_name_asks_for_the_series(tmp_path: Path) -> None:
    path = write_series(tmp_path, STORED)[0]
    with pytest.raises(InputError, match="whole series"):
        read_volume(path)


def test_without_pydicom_the_remedy_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_series(tmp_path, STORED)

    def refuse(name: str) -> Any:
        raise ImportError(name)

    monkeypatch.setattr(dicom_files.importlib, "import_module", refuse)
    with pytest.raises(MissingDependencyError, match=r"pip install '\.\[dicom\]'"):
        read_volume(tmp_path)


def test_the_header_carries_what_is_compared_but_never_shows_it(tmp_path: Path) -> None:
    tags = {"PatientID": "SECRET-1", "StudyDate": "20200310", "FrameOfReferenceUID": "1.2.3"}
    write_series(tmp_path, STORED, SeriesSpec(tags=tags))
    _, header = read_volume_with_header(tmp_path)
    assert header.identity.patient_id == "SECRET-1"
    assert header.identity.study_date == "20200310"
    assert header.identity.frame_of_reference == "1.2.3"
    for text in (repr(header), str(header.identity), *header.warnings):
        assert "SECRET" not in text
        assert "20200310" not in text
