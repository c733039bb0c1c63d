"""MetaImage, attached (`.mha`) or detached (`.mhd`). Source: https://itk.org/Wiki/ITK/MetaIO."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import numpy as np

from UniFuseLib.errors import InputError
from UniFuseLib.io.file_header import LPS_TO_RAS, FileHeader
from UniFuseLib.io.paths import shown
from UniFuseLib.io.text_header import axis_count, data_file, header_text, numbers, whole_numbers
from UniFuseLib.io.voxels import VoxelData, damaged

if TYPE_CHECKING:
    from pathlib import Path

SUFFIXES = (".mha", ".mhd")
_TYPES = {
    "MET_CHAR": "i1",
    "MET_UCHAR": "u1",
    "MET_SHORT": "i2",
    "MET_USHORT": "u2",
    "MET_INT": "i4",
    "MET_UINT": "u4",
    "MET_LONG": "i4",  # by MetaIO's own table of sizes, on every system
    "MET_ULONG": "u4",
    "MET_LONG_LONG": "i8",
    "MET_ULONG_LONG": "u8",
    "MET_FLOAT": "f4",
    "MET_DOUBLE": "f8",
}
_MODALITIES = {"MET_MOD_CT": "CT", "MET_MOD_MR": "MR", "MET_MOD_PET": "PT"}
_LAST = re.compile(rb"(?m)^\s*ElementDataFile\s*=\s*([^\r\n]*)\r?\n?")
# a letter names the side that an axis comes from, as (axis, sign) in LPS
_FROM = {"R": (0, 1), "L": (0, -1), "A": (1, 1), "P": (1, -1), "I": (2, 1), "S": (2, -1)}


def is_metaimage(path: Path) -> bool:
    """By its name."""
    return path.name.lower().endswith(SUFFIXES)


def metaimage_file(path: Path) -> FileHeader:
    """The header of a MetaImage file.

    Args:
        path: exists.

    Raises:
        InputError: a field is missing, malformed or not supported.
    """
    text, length = header_text(path, _end_of_header)
    fields = _fields(text)
    for key in ("NDims", "DimSize", "ElementType"):
        if key not in fields:
            raise damaged(path, f"its header lacks the field '{key}'")
    if fields.get("ObjectType", "Image") != "Image":
        raise InputError(f"{shown(path)} holds a {fields['ObjectType']}; expected an image.")
    count = axis_count(path, "NDims", fields["NDims"])
    sizes = whole_numbers(path, "DimSize", fields["DimSize"], count)
    spacing, warnings = _spacing(path, fields, count)
    data = _data(path, fields, sizes, length)
    return FileHeader(
        data=data,
        affine=_affine(path, fields, spacing) if count >= 3 else None,
        spacing=tuple(float(v) for v in spacing[:3]),
        components=data.shape[-1] if len(data.shape) > count else 1,
        modality=_MODALITIES.get(fields.get("Modality", ""), ""),
        warnings=warnings,
        frame_step=float(spacing[3]) if count > 3 else 1.0,
    )


def _end_of_header(head: bytes) -> int:
    found = _LAST.search(head)
    return found.end() if found else -1


def _fields(text: str) -> dict[str, str]:
    lines = (line.partition("=") for line in text.splitlines() if "=" in line)
    return {key.strip(): value.strip() for key, _, value in lines}


def _first(fields: dict[str, str], *names: str) -> str | None:
    return next((fields[name] for name in names if name in fields), None)


def _spacing(path: Path, fields: dict[str, str], count: int) -> tuple[np.ndarray, tuple[str, ...]]:
    """mm along every axis; 1 mm where the file gives none, as MetaImage defines."""
    text = _first(fields, "ElementSpacing", "ElementSize")
    if text is None:
        sentence = f"{shown(path)} gives no voxel size (ElementSpacing); 1 mm was assumed."
        return np.ones(count), (sentence,)
    spacing = np.abs(numbers(path, "ElementSpacing", text, count))
    if not np.isfinite(spacing).all() or spacing.min() <= 0:
        raise InputError(
            f"{shown(path)} gives a voxel spacing that is zero or not a number ({text}). "
            "Repair the header and try again."
        )
    return spacing, ()


def _affine(path: Path, fields: dict[str, str], spacing: np.ndarray) -> np.ndarray | None:
    """Index (i, j, k) → RAS mm; None where nothing says which side is which."""
    axes = _directions(path, fields, len(spacing))
    if axes is None:
        return None
    affine = np.eye(4)
    affine[:3, :3] = axes * spacing[:3]
    offset = _first(fields, "Offset", "Position", "Origin")
    if offset is not None:
        affine[:3, 3] = numbers(path, "Offset", offset, len(spacing))[:3]
    if not np.isfinite(affine).all() or abs(np.linalg.det(axes)) < 1e-3:
        raise damaged(path, "its TransformMatrix or Offset does not give a geometry")
    return LPS_TO_RAS @ affine


def _directions(path: Path, fields: dict[str, str], count: int) -> np.ndarray | None:
    """`(3, 3)` LPS, a column for each axis; from the matrix, else from the letters."""
    text = _first(fields, "TransformMatrix", "Rotation", "Orientation")
    if text is not None:
        matrix = numbers(path, "TransformMatrix", text, count * count).reshape(count, count)
        return matrix[:3, :3].T  # the file's rows are the axes
    letters = fields.get("AnatomicalOrientation", "").upper()[:3]
    if len(letters) < 3 or sorted(_FROM.get(c, (9, 0))[0] for c in letters) != [0, 1, 2]:
        return None
    axes = np.zeros((3, 3))
    for column, letter in enumerate(letters):
        row, sign = _FROM[letter]
        axes[row, column] = sign
    return axes


def _data(path: Path, fields: dict[str, str], sizes: tuple[int, ...], length: int) -> VoxelData:
    kind = _TYPES.get(fields["ElementType"].removesuffix("_ARRAY"))
    if kind is None:
        raise InputError(
            f"{shown(path)} has voxels of type '{fields['ElementType']}', which is not supported. "
            "Save it with integers or floating-point numbers."
        )
    (components,) = whole_numbers(
        path, "ElementNumberOfChannels", fields.get("ElementNumberOfChannels", "1"), 1
    )
    big = _truth(_first(fields, "BinaryDataByteOrderMSB", "ElementByteOrderMSB"))
    dtype = np.dtype((">" if big else "<") + kind)
    shape = sizes[::-1] if components == 1 else (*sizes[::-1], components)
    name = fields.get("ElementDataFile", "")
    local = name.upper() == "LOCAL"
    voxels = path if local else data_file(path, name)
    data = VoxelData(voxels, shape, dtype, length if local else 0)
    if not _truth(fields.get("BinaryData", "True")):
        return data._replace(compression="text")
    if _truth(fields.get("CompressedData")):
        return data._replace(compression="zlib")
    return data._replace(offset=_offset(path, fields, data))


def _offset(path: Path, fields: dict[str, str], data: VoxelData) -> int:
    """`HeaderSize` bytes are skipped; -1: the voxels are the last bytes of the file."""
    text = fields.get("HeaderSize", "0")
    if not re.fullmatch(r"-1|[0-9]{1,18}", text):
        raise damaged(path, f"its HeaderSize is '{text}'")
    if text == "-1":
        return max(data.offset, data.path.stat().st_size - data.bytes)
    return data.offset + int(text)


def _truth(text: str | None) -> bool:
    return (text or "").strip().lower() in ("true", "1")
