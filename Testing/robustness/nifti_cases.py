"""NIfTI, Analyze and MGH: what the header says twice, wrongly, or not at all."""

from __future__ import annotations

import gzip
import struct
from functools import partial
from typing import TYPE_CHECKING, Any

import nibabel as nib
import numpy as np
from model import AFFINE, SIZE, SPACING, VALUES, FileCase

from UniFuseLib.io.file_header import ReadOptions

if TYPE_CHECKING:
    from pathlib import Path

_STORED = VALUES.transpose(2, 1, 0)
_MOVED = AFFINE.copy()
_MOVED[:3, 3] += 0.0, 12.0, -16.0
RAS = np.diag([*SPACING, 1.0])
LPS = np.diag([-1.0, -1.0, 1.0, 1.0]) @ RAS
# name → (offset, format) of NIfTI-1
FIELDS = {
    "dim0": (40, "h"),
    "dim1": (42, "h"),
    "dim4": (48, "h"),
    "intent": (68, "h"),
    "datatype": (70, "h"),
    "bitpix": (72, "h"),
    "qfac": (76, "f"),
    "pixdim1": (80, "f"),
    "pixdim3": (88, "f"),
    "vox_offset": (108, "f"),
    "slope": (112, "f"),
    "inter": (116, "f"),
    "units": (123, "B"),
    "qform_code": (252, "h"),
    "sform_code": (254, "h"),
    "quatern_b": (256, "f"),
    "srow_x1": (284, "f"),
    "srow_x0": (280, "f"),
    "srow_y0": (296, "f"),
    "magic": (344, "4s"),
}


def content(
    sform: np.ndarray | None = AFFINE,
    qform: np.ndarray | None = AFFINE,
    stored: np.ndarray = _STORED,
    kind: type = nib.Nifti1Image,
    **fields: Any,
) -> bytes:
    """The bytes of a file, with single header fields overwritten."""
    image = kind(stored, AFFINE, dtype=stored.dtype)
    image.header.set_xyzt_units("mm")
    image.set_sform(AFFINE if sform is None else sform, 0 if sform is None else 1)
    image.set_qform(AFFINE if qform is None else qform, 0 if qform is None else 1)
    raw = bytearray(image.to_bytes())
    for name, value in fields.items():
        offset, code = FIELDS[name]
        struct.pack_into("<" + code, raw, offset, value)
    return bytes(raw)


def save(folder: Path, raw: bytes, name: str = "v.nii") -> Path:
    path = folder / name
    path.write_bytes(gzip.compress(raw) if name.endswith(".gz") else raw)
    return path


def case(
    about: str, name: str, expected: Any, sentence: str = "", file: str = "v.nii", **made: Any
) -> FileCase:
    """A case of `content`; keys that belong to `FileCase` go there."""
    own = {key: made.pop(key) for key in ("options", "affine", "values") if key in made}
    return FileCase(
        about, name, lambda folder: save(folder, content(**made), file), expected, sentence, **own
    )


def _two_forms() -> list[FileCase]:
    cases = [case("two geometries", "both agree", "right")]
    for codes in ((1, 1), (2, 1), (4, 1), (1, 2), (3, 3)):
        fields = {"sform_code": codes[0], "qform_code": codes[1]}
        cases.append(
            case(
                "two geometries",
                f"sform code {codes[0]}, qform code {codes[1]}, 20 mm apart",
                "said",
                r"20\.0 mm apart; the sform was used.*--header qform",
                qform=_MOVED,
                **fields,
            )
        )
    wanted = ReadOptions(header="qform")
    return [
        *cases,
        case("two geometries", "--header qform", "said", "the qform was used", qform=_MOVED,
             options=wanted, affine=_MOVED),
        case("two geometries", "--header qform without one", "refused", "no usable qform",
             qform=None, options=wanted),
        case("two geometries", "only sform", "right", qform=None),
        case("two geometries", "only qform", "right", sform=None),
        case("two geometries", "sform is singular", "said", "sform .code 1. is not a usable",
             srow_x0=0.0, srow_y0=0.0),
        case("two geometries", "sform is NaN", "said", "is not a usable", srow_x0=np.nan),
        case("two geometries", "sform is astronomic", "said", "is not a usable", srow_x0=1e30),
        case("two geometries", "sform is far away", "refused", "places its voxels",
             sform=AFFINE + np.eye(4)[:, [0]] * [0, 0, 0, 5e6], qform=None),
        case("two geometries", "quaternion is NaN", "said", "qform .code 1. is not a usable",
             quatern_b=np.nan),
        case("two geometries", "quaternion is too long", "said", "qform .code 1. is not a usable",
             quatern_b=3.0),
        case("two geometries", "sform code -3", "said", "code -3", sform_code=-3),
        case("two geometries", "sform code 77", "said", "code 77", sform_code=77),
        case("two geometries", "voxel size of pixdim is another", "said", "pixdim gives voxels",
             qform=None, pixdim3=2.6),
    ]  # fmt: skip


def _nothing() -> list[FileCase]:
    cases = []
    for name, made in {
        "both codes 0": {"sform": None, "qform": None},
        "signature of Analyze": {"magic": b"\0\0\0\0"},
    }.items():
        cases += [
            case("no orientation", f"{name}", "refused", "--assume-orientation", **made),
            case("no orientation", f"{name}, RAS", "said", "towards right, anterior", **made,
                 options=ReadOptions(assume_orientation="RAS"), affine=RAS),
            case("no orientation", f"{name}, LPS", "said", "towards left, posterior", **made,
                 options=ReadOptions(assume_orientation="LPS"), affine=LPS),
        ]  # fmt: skip
    return cases


def _numbers() -> list[FileCase]:
    kind = "odd numbers"
    cases = [
        case(kind, "slope 0", "right", slope=0.0),
        case(kind, "slope NaN", "said", "scaling", slope=np.nan),
        case(kind, "slope infinite", "said", "scaling", slope=np.inf, inter=0.0),
        case(kind, "intercept NaN", "said", "scaling", slope=2.0, inter=np.nan),
        case(kind, "slope 0.5, intercept -3", "right", slope=0.5, inter=-3.0,
             values=VALUES * np.float32(0.5) - 3),
        case(kind, "bitpix is wrong", "said", "bitpix", bitpix=8),
        case(kind, "type is unknown", "refused", "type 77", datatype=77),
        case(kind, "type of 128 bits", "refused", "type 1536", datatype=1536),
        case(kind, "complex numbers", "refused", "complex numbers", datatype=32, bitpix=64,
             stored=np.stack([_STORED, _STORED], axis=-1).reshape(22, 9, 7)),
        case(kind, "no axis", "refused", "dimensions", dim0=0),
        case(kind, "99 axes", "refused", "dimensions", dim0=99),
        case(kind, "an axis of -1", "refused", "dimensions", dim1=-1),
        case(kind, "an axis of 30000", "refused", "truncated", dim1=30000),
    ]  # fmt: skip
    for value in (np.nan, -352.0, -1.0, 12.0, 348.0, 352.5, np.inf):
        cases.append(case(kind, f"vox_offset {value:g}", "refused", "vox_offset", vox_offset=value))
    cases.append(case(kind, "vox_offset 0", "right", vox_offset=0.0))
    cases.append(case(kind, "vox_offset behind the end", "refused", "truncated", vox_offset=1e8))
    for value in (np.nan, np.inf, 0.0):
        made = {"pixdim3": value}
        cases.append(case(kind, f"pixdim {value:g}, sform", "said", "were used", **made))
        alone = case(
            kind, f"pixdim {value:g}, qform alone", "refused", "spacing", sform=None, **made
        )
        cases.append(alone)
    cases.append(case(kind, "pixdim negative, sform", "said", "were used", pixdim3=-2.1))
    cases.append(
        case(kind, "pixdim negative, qform alone", "said", "were used", sform=None, pixdim3=-2.1)
    )
    return cases


def _units() -> list[FileCase]:
    kind = "units"
    cases = []
    for name, code, factor in (("metres", 1, 1e-3), ("micrometres", 3, 1e3)):
        scaled = AFFINE.copy()
        scaled[:3] *= factor
        cases.append(
            case(kind, name, "said", f"{name} were converted", sform=scaled, qform=None, units=code)
        )
        cases.append(
            case(kind, f"{name}, qform", "said", name, sform=None, qform=scaled, units=code)
        )
    return [
        *cases,
        case(kind, "unknown", "right", units=0),
        case(kind, "code 7", "said", "unknown unit", units=7),
        case(kind, "millimetres that claim to be metres", "refused", "xyzt_units", units=1),
    ]


def _shear() -> list[FileCase]:
    kind = "sheared axes"
    last = np.array(SIZE) - 1
    cases = []
    for mm, expected, sentence in ((0.004, "right", ""), (0.05, "said", "made perpendicular"),
                                   (3.0, "said", "not perpendicular")):  # fmt: skip
        sheared = AFFINE.copy()
        sheared[:3, 1] += sheared[:3, 0] / SPACING[0] * mm / last[1]
        about = sheared if mm > 0.1 else None
        name = f"sform sheared by {mm:g} mm"
        cases.append(case(kind, name, expected, sentence, sform=sheared, qform=None, affine=about))
    return cases


def _formats() -> list[FileCase]:
    kind = "versions and types"
    cases = [
        case(kind, "NIfTI-2", "right", kind=nib.Nifti2Image),
        case(kind, "NIfTI-2, gzip", "right", file="v.nii.gz", kind=nib.Nifti2Image),
        case(kind, "gzip", "right", file="v.nii.gz"),
    ]
    for dtype in ("u1", "i1", "i2", "u2", "i4", "u4", "i8", "u8", "f8"):
        stored = (_STORED % 120).astype(dtype)
        values = stored.transpose(2, 1, 0)
        values = values.astype(np.float32) if dtype == "f8" else values
        cases.append(case(kind, f"voxels of {dtype}", "right", stored=stored, values=values))
    broken = VALUES.copy()
    broken[1, 2, 3], broken[4, 5, 6] = np.nan, np.inf
    cases.append(
        case(kind, "NaN stays NaN", "right", stored=broken.transpose(2, 1, 0), values=broken)
    )
    return [*cases, *(FileCase(kind, name, make, "right") for name, make in _MAKERS.items())]


def _misnamed(folder: Path) -> Path:
    (folder / "v.nii").write_bytes(gzip.compress(content()))
    return folder / "v.nii"


def _plain_in_gz(folder: Path) -> Path:
    (folder / "v.nii.gz").write_bytes(content())
    return folder / "v.nii.gz"


def _big_endian(folder: Path) -> Path:
    header = nib.Nifti1Header(endianness=">")
    image = nib.Nifti1Image(_STORED, AFFINE, header)
    image.to_filename(folder / "v.nii")
    return folder / "v.nii"


def _pair(folder: Path, which: str) -> Path:
    nib.Nifti1Pair(_STORED, AFFINE).to_filename(folder / "v.img")
    return folder / which


def _mgh(folder: Path, name: str) -> Path:
    nib.MGHImage(_STORED, AFFINE).to_filename(folder / name)
    return folder / name


_MAKERS = {
    "gzip without its suffix": _misnamed,
    "suffix of gzip without gzip": _plain_in_gz,
    "big-endian": _big_endian,
    "pair, .hdr": partial(_pair, which="v.hdr"),
    "pair, .img": partial(_pair, which="v.img"),
    "MGH": partial(_mgh, name="v.mgh"),
    "MGZ": partial(_mgh, name="v.mgz"),
}


def _damage() -> list[FileCase]:
    kind = "damage"
    raw = content()
    packed = gzip.compress(raw)
    bomb = gzip.compress(content(dim1=30000, dim4=1) + bytes(1000))
    turned = bytearray(packed)
    turned[len(turned) // 2] ^= 0xFF
    contents = {
        "empty": ("v.nii", b""),
        "one byte": ("v.nii", b"\x5c"),
        "half a header": ("v.nii", raw[:200]),
        "header alone": ("v.nii", raw[:352]),
        "one byte short": ("v.nii", raw[:-1]),
        "gzip cut": ("v.nii.gz", packed[:-40]),
        "gzip with a turned byte": ("v.nii.gz", bytes(turned)),
        "gzip header alone": ("v.nii.gz", packed[:8]),
        "claims more than gzip can hold": ("v.nii.gz", bomb),
        "text": ("v.nii", b"hello " * 100),
        "MGZ cut": ("v.mgz", gzip.compress(b"\0\0\0\1" + bytes(90))),
        "MGH with no voxels": ("v.mgh", b"\0\0\0\1" + bytes(400)),
    }
    return [
        FileCase(kind, f"NIfTI, {name}", lambda f, c=c: save_raw(f, *c), "refused", r"\w{4}")
        for name, c in contents.items()
    ]


def save_raw(folder: Path, name: str, raw: bytes) -> Path:
    (folder / name).write_bytes(raw)
    return folder / name


def _trailing(folder: Path) -> Path:
    return save(folder, content() + bytes(500))


def _joined(folder: Path) -> Path:
    raw = content()
    return save_raw(folder, "v.nii.gz", gzip.compress(raw[:700]) + gzip.compress(raw[700:]))


CASES = [
    *_two_forms(),
    *_nothing(),
    *_numbers(),
    *_units(),
    *_shear(),
    *_formats(),
    *_damage(),
    FileCase("damage", "NIfTI, bytes behind the voxels", _trailing, "right"),
    FileCase("damage", "NIfTI, gzip of two members", _joined, "right"),
]
