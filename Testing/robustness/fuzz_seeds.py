"""Small good files of every kind that this library reads itself: what a fuzzer starts from."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
from nifti_cases import content
from text_cases import META, NRRD, meta, nrrd

from Testing.robustness.dicom_writer import SeriesSpec, noise, write_series
from Testing.robustness.test_dicom_enhanced import write_enhanced
from Testing.robustness.test_dicom_suv import PET

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

SIZE = (6, 5, 4)  # voxels along i, j, k: small, so that a run spends its time on headers
_VALUES = np.random.default_rng(8).permutation(120).reshape(SIZE) * 7
_SHORT = _VALUES.astype("<i2")
_RAW = _SHORT.tobytes()
_PLANES = noise((4, 5, 6))
#: DICOM series that the fuzzer changes one slice of
SERIES = {
    "mr": SeriesSpec(),
    "ct": SeriesSpec(modality="CT", tags={"RescaleSlope": 1, "RescaleIntercept": -1024}),
    "pet": PET,
}
_NRRD_SIZES = {"sizes": " ".join(map(str, SIZE)), "type": "short"}
_META_SIZES = {"DimSize": " ".join(map(str, SIZE)), "ElementType": "MET_SHORT"}


def _nifti(folder: Path, **fields: Any) -> bytes:
    return content(stored=_SHORT, **fields)


def _nrrd(folder: Path, data: bytes = _RAW, **fields: str) -> bytes:
    return nrrd(folder, data=data, **{**_NRRD_SIZES, **fields}).read_bytes()


def _meta(folder: Path, data: bytes = _RAW, **fields: str) -> bytes:
    return meta(folder, data=data, **{**_META_SIZES, **fields}).read_bytes()


def _mgh(folder: Path, known: int = 1) -> bytes:
    head = np.array([1, *SIZE, 1, 4, 0], dtype=">i4").tobytes()
    head += np.array([known], dtype=">i2").tobytes()
    spaces = [*(0.8, 1.3, 2.1), *np.eye(3).ravel(), *(4.0, -9.0, 17.0)]
    head += np.array(spaces, dtype=">f4").tobytes()
    return head.ljust(284, b"\0") + _VALUES.astype(">i2").tobytes()


def dicom_slices(folder: Path, kind: str) -> list[bytes]:
    """The four slices of a series of `SERIES`, in the order of space."""
    paths = write_series(folder, _PLANES, SERIES[kind])
    return [path.read_bytes() for path in paths]


def _slice(folder: Path, kind: str) -> bytes:
    return dicom_slices(folder, kind)[1]


def _frames(folder: Path) -> bytes:
    path = folder / "frames.dcm"
    write_enhanced(path, [(k, _PLANES[k], {}) for k in range(len(_PLANES))])
    return path.read_bytes()


#: kind → makers of contents; `frames` is a multi-frame object, those of `SERIES` are single slices
MAKERS: dict[str, list[Callable[[Path], bytes]]] = {
    "nifti": [
        _nifti,
        partial(_nifti, qform=None),
        partial(_nifti, sform=None, slope=2.0),
        partial(_nifti, sform=None, qform=None),
    ],
    "nrrd": [
        _nrrd,
        partial(_nrrd, space_units='"um" "um" "um"'),
        partial(_nrrd, encoding="ascii", data=b"7 1 9 4 " * 30),
    ],
    "mha": [
        _meta,
        partial(_meta, HeaderSize="-1"),
        partial(_meta, ElementType="MET_UCHAR", ElementNumberOfChannels="3", data=_RAW * 2),
    ],
    "mgh": [_mgh, partial(_mgh, known=0)],
    "frames": [_frames],
    **{kind: [partial(_slice, kind=kind)] for kind in SERIES},
}
#: words that a fuzzer puts in at once; headers of the text formats are made of them
WORDS = sorted({*NRRD, *META, *NRRD.values(), *META.values(), "nan", "-1", "1e38", "none", "gzip"})


def seeds(kind: str, folder: Path) -> list[bytes]:
    """Contents of the good files of one kind."""
    return [make(folder) for make in MAKERS[kind]]
