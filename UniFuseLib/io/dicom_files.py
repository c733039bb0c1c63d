"""Which DICOM images lie at a path: told by content, since names and suffixes are anything."""

from __future__ import annotations

import contextlib
import importlib
import struct
import warnings
from typing import TYPE_CHECKING, NamedTuple

from UniFuseLib.errors import InputError, MissingDependencyError, UniFuseError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from pydicom.dataset import FileDataset

_ZIP = b"PK\x03\x04"
_MAGIC = b"DICM"
_PREAMBLE = 128  # bytes before the magic word (PS3.10, 7.1)
_FIRST_GROUPS = (0x0002, 0x0008)  # what a file without preamble starts with
_ALWAYS = (
    "Rows", "Columns", "NumberOfFrames", "Modality", "SeriesInstanceUID", "SeriesNumber",
    "SeriesDescription", "ImageType",
)  # fmt: skip
_SUFFIXES = (".dcm", ".dicom", ".ima")


class DicomFile(NamedTuple):
    """One file and what it says before its pixels."""

    path: Path
    header: FileDataset


def is_dicom_file(path: Path) -> bool:
    """True when `path` starts as DICOM does, with or without preamble, or is named as DICOM."""
    start = _start(path)
    if start[_PREAMBLE : _PREAMBLE + len(_MAGIC)] == _MAGIC:
        return True
    if path.suffix.lower() in _SUFFIXES or path.name.upper() == "DICOMDIR":
        return True
    return _starts_without_preamble(start)


def refuse_archive(path: Path) -> None:
    """Raise InputError when `path` is a ZIP file."""
    if _start(path).startswith(_ZIP):
        raise InputError(
            f"{path} is a ZIP archive. Unpack it and give the folder with the DICOM series."
        )


def find_dicom(path: Path) -> list[DicomFile]:
    """Headers of the DICOM objects of a file, of a folder, or of all folders below it.

    Folders below are searched where the folder itself holds no image, as on a disc with a DICOMDIR.

    Raises:
        InputError: nothing there is DICOM, or a file is damaged (it is named).
        MissingDependencyError: pydicom is not installed.
    """
    require_pydicom("Reading")
    folder = path.parent if path.name.upper() == "DICOMDIR" else path
    if folder.is_file():
        return _read_all([folder])
    with _listing(folder):
        found = _read_all(_visible_files(folder))
        if not any("Rows" in file.header for file in found):
            found = _read_all([p for p in _tree(folder) if p.parent != folder]) + found
    if not found:
        raise InputError(_nothing_found(folder))
    return found


@contextlib.contextmanager
def quiet_pydicom() -> Iterator[None]:
    """Odd values are judged where they are used, in sentences; pydicom's own warnings are not."""
    from pydicom import config

    with warnings.catch_warnings(), config.disable_value_validation():
        warnings.simplefilter("ignore")
        yield


@contextlib.contextmanager
def damage_named(path: Path) -> Iterator[None]:
    """What pydicom and NumPy raise on damaged bytes is of many types; all become one sentence."""
    try:
        yield
    except UniFuseError:
        raise
    except Exception as error:
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise damaged(path, reason) from error


def damaged(path: Path, reason: str) -> InputError:
    """For a file that cannot be what it says it is."""
    return InputError(
        f"{path} is a damaged DICOM file ({reason}). Copy or export it again, or remove it from "
        "the folder if it does not belong to the series."
    )


def require_pydicom(doing: str) -> None:
    """
    Args:
        doing: `Reading` or `Writing`, for the sentence.

    Raises:
        MissingDependencyError: pydicom is not installed.
    """
    try:
        importlib.import_module("pydicom")
    except ImportError as error:
        raise MissingDependencyError(
            f"{doing} DICOM needs the package pydicom. Install it with: pip install '.[dicom]' in "
            "the repository's folder, or convert the series to NIfTI."
        ) from error


@contextlib.contextmanager
def _listing(folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise InputError(
            f"Cannot list {folder}: {error.strerror}. Check the path and its permission."
        ) from error


def _visible_files(folder: Path) -> list[Path]:
    """Sorted; without names that start with a dot, such as macOS's `._IM0001`."""
    return sorted(p for p in folder.iterdir() if p.is_file() and not p.name.startswith("."))


def _tree(folder: Path) -> list[Path]:
    """The same for this folder and all below."""
    paths = (p for p in folder.rglob("*") if p.is_file() and not p.name.startswith("."))
    return sorted(paths)


def _read_all(paths: list[Path]) -> list[DicomFile]:
    with quiet_pydicom():
        read = [_read(path) for path in paths if is_dicom_file(path)]
    return [file for file in read if file is not None]


def _read(path: Path) -> DicomFile | None:
    """None for a DICOMDIR, which only lists other files."""
    from pydicom import dcmread

    with damage_named(path):
        header = dcmread(path, stop_before_pixels=True, force=True)
        broken = _is_broken(header)
    if path.name.upper() == "DICOMDIR" or "DirectoryRecordSequence" in header:
        return None
    if broken:
        raise damaged(path, "its header is incomplete")
    return DicomFile(path, header)


def _is_broken(header: FileDataset) -> bool:
    """True for an image without size, and for what says neither size nor kind.

    Values that are looked at in any case are turned into numbers and strings here, so that damaged
    bytes are met where the file can be named.
    """
    for keyword in _ALWAYS:
        header.get(keyword)
    kind = header.get("SOPClassUID")
    is_image = kind is None or "Image Storage" in kind.name
    return is_image and not header.get("Rows")


def _start(path: Path) -> bytes:
    """The first bytes; none of what is not a regular file, which may never end."""
    if not path.is_file():
        return b""
    try:
        with path.open("rb") as file:
            return file.read(_PREAMBLE + len(_MAGIC))
    except OSError as error:
        raise InputError(
            f"Cannot read {path}: {error.strerror}. Check the path and its permission."
        ) from error


def _starts_without_preamble(start: bytes) -> bool:
    """Group and element of the first tag, little endian, as in files older than DICOM's Part 10."""
    if len(start) < _PREAMBLE:
        return False
    group, element = struct.unpack_from("<HH", start)
    length = struct.unpack_from("<I", start, 4)[0]
    explicit = start[4:6].isalpha() and start[4:6].isupper()
    return group in _FIRST_GROUPS and element <= 0x0100 and (explicit or length <= 0x0100)


def _nothing_found(folder: Path) -> str:
    archives = [p.name for p in _visible_files(folder) if _start(p).startswith(_ZIP)]
    if archives:
        return (
            f"{folder} holds no DICOM images but a ZIP archive ({archives[0]}). Unpack it and give "
            "the folder with the DICOM series."
        )
    return (
        f"{folder} holds no DICOM series. Expected the files of one series, or the path of a file."
    )
