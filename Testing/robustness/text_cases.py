"""NRRD, MetaImage, formats without orientation, and paths."""

from __future__ import annotations

import gzip
import os
import zlib
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import SimpleITK as sitk
from model import AFFINE, SIZE, SPACING, VALUES, FileCase
from nifti_cases import LPS, RAS, content, save_raw

from UniFuseLib.io.file_header import ReadOptions

_RAW = VALUES.tobytes()
_FLIP = np.diag([-1.0, -1.0, 1.0])
_LPS_AXES = _FLIP @ AFFINE[:3, :3]
_LPS_ORIGIN = _FLIP @ AFFINE[:3, 3]


def _vector(values: np.ndarray) -> str:
    return "(" + ",".join(f"{v:.9g}" for v in values) + ")"


NRRD = {
    "type": "float",
    "dimension": "3",
    "space": "left-posterior-superior",
    "sizes": " ".join(map(str, SIZE)),
    "space directions": " ".join(_vector(_LPS_AXES[:, axis]) for axis in range(3)),
    "kinds": "domain domain domain",
    "endian": "little",
    "encoding": "raw",
    "space origin": _vector(_LPS_ORIGIN),
}
META = {
    "ObjectType": "Image",
    "NDims": "3",
    "BinaryData": "True",
    "BinaryDataByteOrderMSB": "False",
    "CompressedData": "False",
    "TransformMatrix": " ".join(
        f"{v:.9g}" for axis in range(3) for v in _LPS_AXES[:, axis] / SPACING[axis]
    ),
    "Offset": " ".join(f"{v:.9g}" for v in _LPS_ORIGIN),
    "ElementSpacing": " ".join(map(str, SPACING)),
    "DimSize": " ".join(map(str, SIZE)),
    "ElementType": "MET_FLOAT",
    "ElementDataFile": "LOCAL",
}


def nrrd(folder: Path, data: bytes = _RAW, **fields: str | None) -> Path:
    """An attached header with some fields changed, or left out where None."""
    changed = {key.replace("_", " "): value for key, value in fields.items()}
    lines = {**NRRD, **changed}
    head = "NRRD0005\n" + "".join(f"{k}: {v}\n" for k, v in lines.items() if v is not None)
    return save_raw(folder, "v.nrrd", head.encode() + b"\n" + data)


def meta(folder: Path, data: bytes = _RAW, **fields: str | None) -> Path:
    """Likewise of MetaImage; `ElementDataFile` stays last."""
    lines = {**META, **fields}
    last = lines.pop("ElementDataFile")
    head = "".join(f"{k} = {v}\n" for k, v in lines.items() if v is not None)
    return save_raw(folder, "v.mha", f"{head}ElementDataFile = {last}\n".encode() + data)


def _of(
    make: Any, kind: str, name: str, expected: Any, sentence: str = "", **made: Any
) -> FileCase:
    own = {key: made.pop(key) for key in ("options", "affine", "values") if key in made}
    return FileCase(kind, name, partial(make, **made), expected, sentence, **own)


def _nrrd_cases() -> list[FileCase]:
    one = partial(_of, nrrd, "NRRD")
    none = {"space": None, "space_directions": None, "space_origin": None}
    spaced = {**none, "spacings": " ".join(map(str, SPACING))}
    ras = " ".join(_vector(AFFINE[:3, axis]) for axis in range(3))
    assumed = ReadOptions(assume_orientation="RAS")
    unsized = np.eye(4)
    micro = " ".join(_vector(1000 * _LPS_AXES[:, axis]) for axis in range(3))
    return [
        one("as it should be", "right"),
        one("space RAS", "right", space="RAS", space_directions=ras,
            space_origin=_vector(AFFINE[:3, 3])),
        one("gzip", "right", encoding="gzip", data=gzip.compress(_RAW)),
        one("text", "right", encoding="ascii", data=" ".join(map(str, VALUES.ravel())).encode()),
        one("big-endian", "right", endian="big", data=VALUES.astype(">f4").tobytes()),
        one("byte skip -1", "right", byte_skip="-1", data=b"some bytes" + _RAW),
        one("no space", "refused", "--assume-orientation", space=None),
        one("space of a scanner", "refused", "--assume-orientation", space="scanner-xyz"),
        one("spacings alone", "refused", "--assume-orientation", **spaced),
        one("spacings alone, RAS", "said", "towards right", **spaced, options=assumed, affine=RAS),
        one("nothing at all, RAS", "said", "no voxel size", **none, options=assumed,
            affine=unsized),
        one("NaN spacing, RAS", "said", "no voxel size",
            **{**spaced, "spacings": "0.8 1.3 nan"}, options=assumed,
            affine=np.diag([0.8, 1.3, 1.0, 1.0])),
        one("no origin", "said", "space origin", space_origin=None,
            affine=np.block([[AFFINE[:3, :3], np.zeros((3, 1))], [np.eye(4)[3:]]])),
        one("micrometres", "said", "converted", space_directions=micro,
            space_units='"um" "um" "um"', space_origin=_vector(1000 * _LPS_ORIGIN)),
        one("direction of zero", "refused", "spacing", space_directions="(0,0,0) (0,1,0) (0,0,1)"),
        one("direction of NaN", "refused", "spacing", space_directions="(nan,0,0) (0,1,0) (0,0,1)"),
        one("directions that overflow", "refused", "away|voxels of",
            space_directions="(1e200,0,0) (0,1e200,0) (0,0,1e200)"),
        one("directions of words", "refused", "numbers",
            space_directions="(a,b,c) (0,1,0) (0,0,1)"),
        one("17 axes", "refused", "axes", dimension="17"),
        one("no axis", "refused", "1 whole number above 0", dimension="0"),
        one("sizes below 1", "refused", "whole numbers", sizes="11 9 -7"),
        one("two sizes for three axes", "refused", "3 whole numbers", sizes="11 9"),
        one("sizes of words", "refused", "whole numbers", sizes="a b c"),
        one("claims terabytes", "refused", "truncated", sizes="99999 99999 99999"),
        one("claims terabytes of gzip", "refused", "claims", sizes="99999 99999 99999",
            encoding="gzip", data=gzip.compress(_RAW)),
        one("cut", "refused", "truncated", data=_RAW[:-1]),
        one("gzip cut", "refused", "damaged", encoding="gzip", data=gzip.compress(_RAW)[:-30]),
        one("bzip2 of something else", "refused", "damaged", encoding="bzip2"),
        one("unknown type", "refused", "not supported", type="quaternion"),
        one("unknown encoding", "refused", "not supported", encoding="zip"),
        one("no sizes", "refused", "sizes", sizes=None),
        one("a data file that is not there", "refused", "does not exist", data_file="none.raw"),
        one("a list of data files", "refused", "several files", data_file="LIST"),
        one("time series", "refused", "4-D", dimension="4", sizes="11 9 7 2", kinds=None,
            space_directions=NRRD["space directions"] + " none", data=_RAW * 2),
        one("vectors of floats", "refused", "numbers per voxel", dimension="4", sizes="3 11 9 7",
            kinds="vector domain domain domain",
            space_directions="none " + NRRD["space directions"], data=_RAW * 3),
        FileCase("NRRD", "no end of the header",
                 lambda f: save_raw(f, "v.nrrd", b"NRRD0004\ntype: float\n"), "refused", "no end"),
    ]  # fmt: skip


def _meta_cases() -> list[FileCase]:
    one = partial(_of, meta, "MetaImage")
    return [
        one("as it should be", "right"),
        one("compressed", "right", CompressedData="True", data=zlib.compress(_RAW)),
        one("big-endian", "right", BinaryDataByteOrderMSB="True",
            data=VALUES.astype(">f4").tobytes()),
        one("HeaderSize -1", "right", HeaderSize="-1", data=b"bytes" + _RAW),
        one("no matrix", "refused", "--assume-orientation", TransformMatrix=None),
        one("no matrix, LPS", "said", "towards left", TransformMatrix=None,
            options=ReadOptions(assume_orientation="LPS"), affine=LPS),
        one("no spacing", "said", "1 mm was assumed", ElementSpacing=None,
            affine=np.block([[AFFINE[:3, :3] / SPACING, AFFINE[:3, 3:]], [np.eye(4)[3:]]])),
        one("zero spacing", "refused", "spacing", ElementSpacing="1 1 0"),
        one("NaN spacing", "refused", "spacing", ElementSpacing="1 1 nan"),
        one("100 axes", "refused", "axes", NDims="100"),
        one("no axis", "refused", "1 whole number above 0", NDims="0"),
        one("two sizes for three axes", "refused", "3 whole numbers", DimSize="11 9"),
        one("sizes below 1", "refused", "whole numbers", DimSize="-11 9 7"),
        one("claims terabytes", "refused", "truncated", DimSize="99999 99999 99999"),
        one("claims terabytes compressed", "refused", "claims", DimSize="99999 99999 99999",
            CompressedData="True", data=zlib.compress(_RAW)),
        one("compressed and cut", "refused", "damaged", CompressedData="True",
            data=zlib.compress(_RAW)[:-30]),
        one("unknown type", "refused", "not supported", ElementType="MET_FOO"),
        one("-4 channels", "refused", "1 whole number above 0", ElementNumberOfChannels="-4"),
        one("3 channels of floats", "refused", "numbers per voxel", ElementNumberOfChannels="3",
            data=_RAW * 3),
        one("matrix of words", "refused", "9 numbers", TransformMatrix="a b c"),
        one("singular matrix", "refused", "not give a geom", TransformMatrix="0 0 0 0 0 0 0 0 0"),
        one("cut", "refused", "truncated", data=_RAW[:-1]),
        one("a tube", "refused", "holds a Tube", ObjectType="Tube"),
        one("pattern of files", "refused", "several files", ElementDataFile="v%03d.raw 1 3 1"),
    ]  # fmt: skip


def _itk(folder: Path, name: str) -> Path:
    image = sitk.GetImageFromArray(VALUES.astype(np.int16))
    image.SetSpacing(SPACING)
    sitk.WriteImage(image, str(folder / name))
    return folder / name


def _foreign_cases() -> list[FileCase]:
    cases = []
    sized = {"vtk": RAS, "gipl": RAS, "mrc": RAS, "tif": np.eye(4)}
    for suffix, affine in sized.items():
        make = partial(_itk, name=f"v.{suffix}")
        options = ReadOptions(assume_orientation="RAS")
        values = VALUES.astype(np.int16)
        cases += [
            FileCase("no orientation", suffix, make, "refused", "--assume-orientation"),
            FileCase("no orientation", f"{suffix}, RAS", make, "said", "towards right", options,
                     affine, values),
        ]  # fmt: skip
    damaged = {
        "a picture": ("v.png", b"\x89PNG\r\n\x1a\n" + bytes(40)),
        "GIPL cut": ("v.gipl", bytes(300)),
        "VTK of words": ("v.vtk", b"# vtk DataFile Version 3.0\nx\nBINARY\nDATASET NONE\n"),
        "TIFF cut": ("v.tif", b"II*\0\x08\0\0\0" + bytes(4)),
        "DICOM cut": ("v.dcm", bytes(128) + b"DICM" + b"\x02\0\0\0UL\x04\0"),
        "HDF5 cut": ("v.h5", b"\x89HDF\r\n\x1a\n" + bytes(90)),
    }
    for name, (file, raw) in damaged.items():
        make = partial(save_raw, name=file, raw=raw)
        cases.append(FileCase("damage", name, make, "refused", r"\w{4}"))
    return cases


def _fifo(folder: Path) -> Path:
    os.mkfifo(folder / "v.nii")
    return folder / "v.nii"


def _dangling(folder: Path) -> Path:
    (folder / "v.nii").symlink_to(folder / "gone.nii")
    return folder / "v.nii"


def _latin1(folder: Path, suffix: bytes) -> Path:
    path = Path(os.fsdecode(os.fsencode(folder) + b"/caf\xe9" + suffix))
    made = nrrd(folder) if suffix == b".nrrd" else save_raw(folder, "v.nii", content())
    return made.rename(path)


def _latin1_gipl(folder: Path) -> Path:
    path = Path(os.fsdecode(os.fsencode(folder) + b"/caf\xe9.gipl"))
    return _itk(folder, "v.gipl").rename(path)


def _latin1_dicom(folder: Path) -> Path:
    path = Path(os.fsdecode(os.fsencode(folder) + b"/caf\xe9"))
    path.mkdir()
    (path / "a.dcm").write_bytes(b"no DICOM")
    return path


def _path_cases() -> list[FileCase]:
    kind = "paths"
    return [
        FileCase(kind, "FIFO", _fifo, "refused", "pipe"),
        FileCase(kind, "dangling link", _dangling, "refused", "is a link to"),
        FileCase(kind, "~nobody", lambda f: Path("~no.such.user/v.nii"), "refused", "home folder"),
        FileCase(kind, "a device", lambda f: Path("/dev/null"), "refused", "device"),
        FileCase(kind, "NUL in the name", lambda f: f / "v\0.nii", "refused", "does not exist"),
        FileCase(kind, "file as a folder", lambda f: nrrd(f) / "v.nii", "refused", "not exist"),
        FileCase(kind, "missing", lambda f: f / "v.nii", "refused", "does not exist"),
        FileCase(kind, "empty folder", lambda f: f, "refused", "DICOM"),
        FileCase(kind, "Latin-1 name, NIfTI", partial(_latin1, suffix=b".nii"), "right"),
        FileCase(kind, "Latin-1 name, NRRD", partial(_latin1, suffix=b".nrrd"), "right"),
        FileCase(kind, "Latin-1 name, GIPL", _latin1_gipl, "refused", "--assume-orientation"),
        FileCase(kind, "Latin-1 folder", _latin1_dicom, "refused", "DICOM"),
    ]


CASES = [*_nrrd_cases(), *_meta_cases(), *_foreign_cases(), *_path_cases()]
