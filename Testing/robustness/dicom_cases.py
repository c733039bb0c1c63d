"""DICOM series: what must be read right, said, or refused with the remedy.

The details (vendors' SUV, enhanced objects, geometry in mm) are tests of their own, `test_dicom_*`.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
from model import FileCase

from Testing.robustness.dicom_writer import LAYOUT, SeriesSpec, noise, rewrite, write_series
from Testing.robustness.test_dicom_enhanced import write_enhanced
from Testing.robustness.test_dicom_suv import PET

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from pydicom.dataset import Dataset

STORED = noise()
_SPEC = SeriesSpec()
_CT = SeriesSpec(modality="CT", tags={"RescaleSlope": 1, "RescaleIntercept": -1024})


def _slope_of_its_own(k: int, dataset: Dataset) -> None:
    dataset.RescaleSlope, dataset.RescaleIntercept = 2 + k, 0


_SCALED = SeriesSpec(edit=_slope_of_its_own)


def _affine() -> np.ndarray:
    """Index (i, j, k) → RAS mm of `LAYOUT`."""
    between, rows, columns = LAYOUT.spacing
    axes = LAYOUT.axes * [columns, rows, between]
    lps = np.block([[axes, np.array(LAYOUT.origin)[:, None]], [np.eye(4)[3:]]])
    return np.diag([-1.0, -1.0, 1.0, 1.0]) @ lps


def _series(folder: Path, spec: SeriesSpec = _SPEC, stored: np.ndarray = STORED) -> Path:
    write_series(folder / "s", stored, spec)
    return folder / "s"


def _changed(folder: Path, number: int = 2, spec: SeriesSpec = _SPEC, **tags: Any) -> Path:
    """One slice of a series with other tags; None deletes one."""
    paths = write_series(folder / "s", STORED, spec)
    rewrite(paths[number], **tags)
    return folder / "s"


def _without(folder: Path, number: int) -> Path:
    write_series(folder / "s", STORED)[number].unlink()
    return folder / "s"


def _two(folder: Path, **tags: Any) -> Path:
    """Two series in one folder."""
    write_series(folder / "s", STORED)
    write_series(folder / "s", STORED, SeriesSpec(uid="8").with_tags(**tags))
    return folder / "s"


def _with(folder: Path, name: str, content: bytes) -> Path:
    (_series(folder) / name).write_bytes(content)
    return folder / "s"


def _cut(folder: Path) -> Path:
    path = write_series(folder / "s", STORED)[3]
    path.write_bytes(path.read_bytes()[:-40])
    return folder / "s"


def _single(folder: Path) -> Path:
    return write_series(folder / "s", STORED)[0]


def _enhanced(folder: Path) -> Path:
    write_enhanced(folder / "e.dcm", [(k, STORED[k], {}) for k in (3, 0, 5, 1, 4, 2)])
    return folder / "e.dcm"


def _zip(folder: Path) -> Path:
    (folder / "s").mkdir()
    (folder / "s" / "disc.zip").write_bytes(b"PK\x03\x04" + bytes(200))
    return folder / "s"


def _scaled() -> np.ndarray:
    return STORED * (2.0 + np.arange(len(STORED)))[:, None, None]


def _enhanced_values() -> np.ndarray:
    k = np.arange(len(STORED))[:, None, None]
    return STORED * (0.5 + k) + k


def _cases() -> list[FileCase]:
    def one(name: str, make: Callable[[Path], Path], expected: Any, sentence: str = "",
            values: np.ndarray = STORED) -> FileCase:  # fmt: skip
        return FileCase("DICOM", name, make, expected, sentence, affine=_affine(), values=values)

    without_weight = PET.with_tags(PatientWeight=None)
    words = {"SeriesDescription": "other"}
    return [
        one("names in another order than slices", _series, "right"),
        one("slope of every slice", partial(_series, spec=_SCALED), "right", values=_scaled()),
        one("CT in HU", partial(_series, spec=_CT), "right", values=STORED - 1024.0),
        one("enhanced, frames in any order", _enhanced, "right", values=_enhanced_values()),
        one("a text file beside", partial(_with, name="notes.txt", content=b"notes"), "right"),
        one("a hidden file of macOS beside", partial(_with, name="._IM1", content=b"x" * 200),
            "right"),
        one("localiser beside", partial(_two, ImageType=["ORIGINAL", "PRIMARY", "LOCALIZER"]),
            "said", "localiser"),
        one("two series", partial(_two, **words), "refused", "--series"),
        one("a slice is missing", partial(_without, number=3), "refused", "missing|apart"),
        one("a slice without position", partial(_changed, ImagePositionPatient=None), "refused",
            "ImagePositionPatient"),
        one("a slope of 0", partial(_changed, RescaleSlope=0, RescaleIntercept=0), "refused",
            "RescaleSlope"),
        one("a slope in one slice alone", partial(_changed, RescaleSlope=2, RescaleIntercept=0),
            "refused", "no RescaleSlope"),
        one("two patients in one series", partial(_changed, PatientID="other"), "refused",
            "different PatientID"),
        one("BitsStored of thousands", partial(_changed, BitsStored=19984), "refused",
            "BitsStored is"),
        one("a slice of another size", partial(_changed, Rows=3), "refused", r"\w{4}"),
        one("mosaic", partial(_series, spec=_SPEC.with_tags(ImageType=["ORIGINAL", "MOSAIC"])),
            "refused", "dcm2niix"),
        one("palette", partial(_series, spec=_SPEC.with_tags(
            PhotometricInterpretation="PALETTE COLOR")), "refused", "palette"),
        one("PET without weight", partial(_series, spec=without_weight), "refused",
            "PatientWeight"),
        one("pixels cut", _cut, "refused", "damaged"),
        one("one slice", _single, "refused", "2-D image"),
        one("an archive", _zip, "refused", "Unpack"),
    ]  # fmt: skip


CASES = _cases()
