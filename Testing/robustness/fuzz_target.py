"""What a fuzzer calls: bytes as a file, read as the command line reads it.

A volume or an `UniFuseError` is an answer; whatever else is raised is a finding.
"""

from __future__ import annotations

import tempfile
import warnings
from functools import cache
from pathlib import Path

from fuzz_seeds import SERIES, dicom_slices

from UniFuseLib.errors import UniFuseError
from UniFuseLib.io.file_header import ReadOptions
from UniFuseLib.io.volumes import read_volume_with_header
from UniFuseLib.preprocessing.checks import check_volume
from UniFuseLib.preprocessing.modality import ModalityEvidence, guess_modality

#: kind of `fuzz_seeds.MAKERS` → name of the file, which decides on the reader
NAMES = {
    "nifti": "v.nii",
    "nrrd": "v.nrrd",
    "mha": "v.mha",
    "mgh": "v.mgh",
    "frames": "v.dcm",
    **{kind: f"{kind}/v.dcm" for kind in SERIES},
}
_ASSUMED = ReadOptions(assume_orientation="RAS")  # files without orientation are read on


def read(data: bytes, kind: str, folder: Path) -> str:
    """Read `data` as a file of `kind`.

    Args:
        data: content of the file.
        kind: key of `NAMES`.
        folder: where the file is written; what was there of this kind is replaced.

    Returns:
        The refusal; empty when a usable volume came out.
    """
    path = folder / NAMES[kind]
    if kind in SERIES:
        _companions(path.parent, kind)
    path.write_bytes(data)
    with warnings.catch_warnings():
        warnings.simplefilter("error", RuntimeWarning)  # arithmetic that nobody judged
        try:
            _use(path.parent if kind in SERIES else path)
        except UniFuseError as error:
            return str(error)
    return ""


def _use(path: Path) -> None:
    volume, header = read_volume_with_header(path, options=_ASSUMED)
    checked = check_volume(volume, "degraded")
    guess_modality(checked.volume, "degraded", ModalityEvidence(stated=header.modality))


def _companions(folder: Path, kind: str) -> None:
    """The other slices of the series that the seed is taken from."""
    if folder.is_dir():
        return
    folder.mkdir()
    for number, content in enumerate(_other_slices(kind)):
        (folder / f"other-{number}.dcm").write_bytes(content)


@cache
def _other_slices(kind: str) -> list[bytes]:
    with tempfile.TemporaryDirectory() as folder:
        first, _, *others = dicom_slices(Path(folder), kind)
    return [first, *others]
