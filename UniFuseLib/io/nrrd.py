"""NRRD, attached or detached. Source: https://teem.sourceforge.net/nrrd/format.html."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from UniFuseLib.errors import InputError
from UniFuseLib.io.file_header import FileHeader
from UniFuseLib.io.paths import shown
from UniFuseLib.io.text_header import axis_count, data_file, header_text, numbers, whole_numbers
from UniFuseLib.io.voxels import Compression, VoxelData, damaged, first_bytes, reading_errors

if TYPE_CHECKING:
    from pathlib import Path

SUFFIXES = (".nrrd", ".nhdr")
_ALIASES = {
    "datafile": "data file",
    "lineskip": "line skip",
    "byteskip": "byte skip",
    "centerings": "centers",
}
_TYPES = {
    "i1": "signed char,int8,int8_t",
    "u1": "uchar,unsigned char,uint8,uint8_t",
    "i2": "short,short int,signed short,signed short int,int16,int16_t",
    "u2": "ushort,unsigned short,unsigned short int,uint16,uint16_t",
    "i4": "int,signed int,int32,int32_t",
    "u4": "uint,unsigned int,uint32,uint32_t",
    "i8": "longlong,long long,long long int,signed long long,signed long long int,int64,int64_t",
    "u8": "ulonglong,unsigned long long,unsigned long long int,uint64,uint64_t",
    "f4": "float",
    "f8": "double",
}
_DTYPES = {name: kind for kind, names in _TYPES.items() for name in names.split(",")}
_ENCODINGS: dict[str, Compression] = {
    "raw": "none",
    "gzip": "gzip",
    "gz": "gzip",
    "bzip2": "bzip2",
    "bz2": "bzip2",
    "txt": "text",
    "text": "text",
    "ascii": "text",
}
# sign of R, A, S where the space names its axes
_SPACES = {
    "right-anterior-superior": (1, 1, 1),
    "ras": (1, 1, 1),
    "left-anterior-superior": (-1, 1, 1),
    "las": (-1, 1, 1),
    "left-posterior-superior": (-1, -1, 1),
    "lps": (-1, -1, 1),
}
_COMPONENT_KINDS = re.compile(r"vector|point|list|color|complex|quaternion|gradient|normal|matrix")
_UNITS_MM = {"mm": 1.0, "cm": 10.0, "m": 1000.0, "um": 1e-3, "µm": 1e-3, "micron": 1e-3}
_END = re.compile(rb"\r?\n\r?\n")
_FIELD = re.compile(r"([^:]+):(=?)[ \t]*(.*)")


class _Axes(NamedTuple):
    """The axes of the file, fastest first."""

    sizes: tuple[int, ...]
    components: bool  # the fastest one counts components of a voxel
    listed: bool  # these are frames or layers

    @property
    def space(self) -> slice:
        return slice(1, 4) if self.components else slice(0, 3)


def is_nrrd(path: Path) -> bool:
    """By its name, or its first bytes."""
    return path.name.lower().endswith(SUFFIXES) or first_bytes(path, 4) == b"NRRD"


def nrrd_file(path: Path) -> FileHeader:
    """The header of an NRRD file.

    Args:
        path: exists.

    Raises:
        InputError: a field is missing, malformed or not supported.
    """
    fields, pairs, length = _fields(path)
    axes = _axes(path, fields)
    affine, spacing, warnings = _geometry(path, fields, axes)
    says_labels = any(re.fullmatch(r"Segment\d+_ID", key) for key in pairs)
    return FileHeader(
        data=_data(path, fields, axes, length),
        affine=affine,
        spacing=spacing,
        components=axes.sizes[0] if axes.components else 1,
        modality=pairs.get("modality", "") or pairs.get("DICOM.0008_0060", ""),
        units=pairs.get("units", ""),
        says_labels=says_labels,
        warnings=warnings,
        frames_first=axes.components and axes.listed,
        pairs=pairs,
    )


def _fields(path: Path) -> tuple[dict[str, str], dict[str, str], int]:
    """Fields, key/value pairs, bytes of the header."""
    text, length = header_text(path, _end_of_header)
    first, *lines = text.splitlines()
    if not re.fullmatch(r"NRRD000[1-5]", first.strip()):
        raise damaged(path, "it does not begin with NRRD0001 to NRRD0005")
    fields: dict[str, str] = {}
    pairs: dict[str, str] = {}
    for line in lines:
        found = _FIELD.fullmatch(line)
        if line.startswith("#") or not found:
            continue
        key, equals, value = found.groups()
        if equals:
            pairs[key.strip()] = value.strip()
        else:
            name = key.strip().lower()
            fields[_ALIASES.get(name, name)] = value.strip()
    for key in ("dimension", "type", "sizes", "encoding"):
        if key not in fields:
            raise damaged(path, f"its header lacks the field '{key}'")
    return fields, pairs, length


def _end_of_header(head: bytes) -> int:
    """Behind the first empty line; a detached header may end with the file."""
    found = _END.search(head)
    if found:
        return found.end()
    return len(head) if re.search(rb"(?im)^data ?file:", head) else -1


def _axes(path: Path, fields: dict[str, str]) -> _Axes:
    count = axis_count(path, "dimension", fields["dimension"])
    sizes = whole_numbers(path, "sizes", fields["sizes"], count)
    kinds = [kind.lower() for kind in fields.get("kinds", "").split()]
    first = fields.get("space directions", "").startswith("none")
    first |= bool(kinds) and _COMPONENT_KINDS.search(kinds[0]) is not None
    return _Axes(sizes, first and count == 4, kinds[:1] == ["list"])


def _geometry(
    path: Path, fields: dict[str, str], axes: _Axes
) -> tuple[np.ndarray | None, tuple[float, ...], tuple[str, ...]]:
    """(index (i, j, k) → RAS mm or None, mm along i, j, k, warnings)."""
    unit, warnings = _unit(path, fields)
    if len(axes.sizes) < 3:
        return None, (float("nan"),) * 3, ()
    if "space directions" not in fields:
        return None, _spacings(path, fields, axes, unit), warnings
    directions = _directions(path, fields["space directions"], axes) * unit
    with np.errstate(over="ignore", invalid="ignore"):
        lengths = np.linalg.norm(directions, axis=0)
    if not np.isfinite(directions).all() or lengths.min() <= 0:
        raise InputError(
            f"{shown(path)} gives a voxel spacing that is zero or not a number "
            f"('space directions: {fields['space directions']}'). Repair the header and try again."
        )
    signs = _SPACES.get(fields.get("space", "").lower().removesuffix("-time"))
    spacing = tuple(float(v) for v in lengths)
    if signs is None:
        return None, spacing, warnings
    affine = np.eye(4)
    affine[:3, :3] = directions
    origin = fields.get("space origin")
    if origin is None:
        warnings += (f"{shown(path)} has no 'space origin'; its first voxel was put at 0, 0, 0.",)
    else:
        affine[:3, 3] = numbers(path, "space origin", origin, 3) * unit
    affine[:3] *= np.array(signs)[:, None]
    return affine, spacing, warnings


def _directions(path: Path, text: str, axes: _Axes) -> np.ndarray:
    """`(3, 3)`, a column for each axis in space."""
    found = re.findall(r"none|\([^)]*\)", text)
    vectors = [entry for entry in found if entry != "none"]
    if len(found) != len(axes.sizes) or len(vectors) < 3:
        raise damaged(path, f"its 'space directions' do not fit its axes: {text[:80]}")
    return np.stack([numbers(path, "space directions", v, 3) for v in vectors[:3]], axis=1)


def _spacings(path: Path, fields: dict[str, str], axes: _Axes, unit: float) -> tuple[float, ...]:
    """mm along i, j, k, of a file without directions; NaN where a size is not known."""
    if "spacings" not in fields:
        return (float("nan"),) * 3
    found = numbers(path, "spacings", fields["spacings"], len(axes.sizes)) * unit
    spacing = [float(value) for value in found[axes.space]]
    if any(value == 0 or np.isinf(value) for value in spacing):
        raise InputError(
            f"{shown(path)} gives a voxel spacing that is zero or not a number "
            f"({fields['spacings']}). Repair the header and try again."
        )
    return tuple(abs(value) for value in spacing)


def _unit(path: Path, fields: dict[str, str]) -> tuple[float, tuple[str, ...]]:
    """mm per unit of length."""
    text = fields.get("space units", "") or fields.get("units", "")
    named = {word.lower() for word in re.findall(r'"([^"]*)"', text) if word}
    if not named or named == {"mm"}:
        return 1.0, ()
    if len(named) > 1 or (name := named.pop()) not in _UNITS_MM:
        return 1.0, (f"{shown(path)}: unknown unit of length ({text}); millimetres were assumed.",)
    return _UNITS_MM[name], (f"{shown(path)}: its lengths in {name} were converted to mm.",)


def _data(path: Path, fields: dict[str, str], axes: _Axes, length: int) -> VoxelData:
    kind = _DTYPES.get(fields["type"].lower())
    encoding = _ENCODINGS.get(fields["encoding"].lower())
    if kind is None or encoding is None:
        raise InputError(
            f"{shown(path)} has voxels of type '{fields['type']}' in encoding "
            f"'{fields['encoding']}', which is not supported. Save it as raw or gzip NRRD."
        )
    order = ">" if fields.get("endian", "little").lower() == "big" else "<"
    dtype = np.dtype(order + kind)
    shape = axes.sizes[::-1]
    voxels = data_file(path, fields["data file"]) if "data file" in fields else path
    start = length if voxels == path else 0
    start = _skipped(voxels, fields, start, int(np.prod(shape, dtype=object)) * dtype.itemsize)
    return VoxelData(voxels, shape, dtype, start, encoding)


def _skipped(voxels: Path, fields: dict[str, str], start: int, size: int) -> int:
    """The offset of the first voxel after `line skip` and `byte skip` (-1: count from the end)."""
    lines, skip = fields.get("line skip", "0"), fields.get("byte skip", "0")
    if not re.fullmatch(r"[0-9]{1,18}", lines) or not re.fullmatch(r"-1|[0-9]{1,18}", skip):
        raise damaged(voxels, f"it skips '{lines}' lines and '{skip}' bytes")
    if skip == "-1":
        return max(start, voxels.stat().st_size - size)
    with reading_errors(voxels), voxels.open("rb") as file:
        file.seek(start)
        for _ in range(min(int(lines), 1000)):
            file.readline(1 << 16)
        return file.tell() + int(skip)
