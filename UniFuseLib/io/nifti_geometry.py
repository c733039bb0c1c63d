"""Where the voxels of a NIfTI file are: sform or qform, one rule (docs/decisions/0060)."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from UniFuseLib.errors import InputError
from UniFuseLib.io.paths import shown
from UniFuseLib.spatial.linear import mapped

if TYPE_CHECKING:
    from pathlib import Path

    from UniFuseLib.io.file_header import Form
    from UniFuseLib.io.nifti_header import NiftiHeader

VISIBLE_MM = 0.1  # what two geometries may differ by before it is told
_CODES = range(1, 6)  # scanner, aligned, Talairach, MNI, template
_MM_PER_UNIT = {0: 1.0, 1: 1000.0, 2: 1.0, 3: 0.001}  # unknown, metre, mm, micrometre
_UNIT_NAMES = {1: "metres", 3: "micrometres"}
_LARGEST_VOXEL_MM = 100.0  # no scanner's voxel; a unit that was written wrongly
_BEYOND = 1e9  # no coordinate, in any unit
_ROUNDING = 1e-6  # relative, of float32
_SMALLEST_VOXEL_MM = 1e-4


class Geometry(NamedTuple):
    """What was chosen."""

    affine: np.ndarray | None  # (4, 4): index (i, j, k) → RAS mm; None: the file has no orientation
    spacing: np.ndarray  # (3,) mm along i, j, k
    form: str  # `sform`, `qform` or empty
    warnings: tuple[str, ...]


def geometry(header: NiftiHeader, path: Path, wanted: Form) -> Geometry:
    """The sform where its code is set and it is invertible, else the qform, else nothing.

    Args:
        header: of the file.
        path: for the sentences.
        wanted: a form that the user prefers, or `auto`.

    Raises:
        InputError: the wanted form is not there, or the voxel size is not a positive number.
    """
    unit, warnings = _unit(header, path)
    forms = {"sform": _sform(header), "qform": _qform(header)}
    set_forms = {name: form for name, form in forms.items() if form is not None}
    warnings += _unusable(header, forms, path)
    if wanted != "auto" and wanted not in set_forms:
        raise InputError(
            f"{shown(path)} has no usable {wanted} (code {_code(header, wanted)}). "
            "Leave out --header, or set the code in the file."
        )
    if not set_forms:
        spacing = np.abs(np.array(header.pixdim[1:4], dtype=np.float64)) * unit
        _check_spacing(spacing, path)
        return Geometry(None, spacing, "", warnings)
    name = wanted if wanted != "auto" else "sform" if "sform" in set_forms else "qform"
    affine = set_forms[name].copy()
    affine[:3] *= unit
    spacing = np.linalg.norm(affine[:3, :3], axis=0)
    _check_spacing(spacing, path)
    warnings += _contradictions(header, path, name, set_forms, unit)
    return Geometry(affine, spacing, name, warnings)


def corner_distance(one: np.ndarray, other: np.ndarray, last: np.ndarray) -> float:
    """Largest distance of a corner voxel between two affines, mm.

    Args:
        one: `(4, 4)` index → mm.
        other: likewise.
        last: `(3,)` index of the last voxel along each axis.
    """
    corners = np.stack(np.meshgrid(*[(0.0, n) for n in last], indexing="ij"), -1).reshape(-1, 3)
    return float(np.linalg.norm(mapped(one - other, corners), axis=1).max())


def _code(header: NiftiHeader, name: str) -> int:
    return header.sform_code if name == "sform" else header.qform_code


def _sform(header: NiftiHeader) -> np.ndarray | None:
    """`(4, 4)` in the file's unit; None where it is not set or cannot be inverted."""
    if header.version == 0 or header.sform_code not in _CODES:
        return None
    affine = _usable(np.vstack([header.rows, [0, 0, 0, 1]]))
    if affine is None:
        return None
    # pixdim holds the sizes with all digits of float32, the rows only after a rotation
    lengths = np.linalg.norm(affine[:3, :3], axis=0)
    pixdim = np.array(header.pixdim[1:4], dtype=np.float64)
    if np.allclose(lengths, pixdim, rtol=_ROUNDING, atol=0.0):
        affine[:3, :3] = affine[:3, :3] / lengths * pixdim
    return affine


def _qform(header: NiftiHeader) -> np.ndarray | None:
    """Method 2 of nifti1.h: R(b, c, d) · diag(pixdim) with the third axis times qfac."""
    if header.version == 0 or header.qform_code not in _CODES:
        return None
    b, c, d = np.clip(header.quaternion, -2.0, 2.0)  # beyond 1 it is refused below
    rest = 1.0 - (b * b + c * c + d * d)
    if not rest > -1e-5:  # also NaN; what is only rounded counts as 0
        return None
    a = np.sqrt(max(rest, 0.0))
    turn = np.array(
        [
            [a * a + b * b - c * c - d * d, 2 * (b * c - a * d), 2 * (b * d + a * c)],
            [2 * (b * c + a * d), a * a + c * c - b * b - d * d, 2 * (c * d - a * b)],
            [2 * (b * d - a * c), 2 * (c * d + a * b), a * a + d * d - b * b - c * c],
        ]
    )
    turn /= np.linalg.norm(turn, axis=0)
    turn[:, 2] *= -1.0 if header.pixdim[0] < 0 else 1.0
    affine = np.eye(4)
    with np.errstate(invalid="ignore"):  # sizes that are not numbers are refused below
        affine[:3, :3] = turn * np.abs(header.pixdim[1:4])
    affine[:3, 3] = header.shift
    return _usable(affine)


def _usable(affine: np.ndarray) -> np.ndarray | None:
    if not np.isfinite(affine).all() or np.abs(affine).max() > _BEYOND:
        return None
    size = np.linalg.norm(affine[:3, :3], axis=0)
    if size.min() <= 0 or abs(np.linalg.det(affine[:3, :3] / size)) < 1e-3:
        return None
    return affine


def _unit(header: NiftiHeader, path: Path) -> tuple[float, tuple[str, ...]]:
    """mm per unit of the file."""
    code = header.units & 7 if header.version else 0
    unit = _MM_PER_UNIT.get(code)
    if unit is None:
        sentence = f"{shown(path)}: unknown unit of length (code {code}); millimetres were assumed."
        return 1.0, (sentence,)
    if unit == 1:
        return 1.0, ()
    return unit, (f"{shown(path)}: its {_UNIT_NAMES[code]} were converted to millimetres.",)


def _unusable(
    header: NiftiHeader, forms: dict[str, np.ndarray | None], path: Path
) -> tuple[str, ...]:
    """Forms whose code is set although nothing can be made of them."""
    if header.version == 0:
        return ()
    return tuple(
        f"{shown(path)}: its {name} (code {_code(header, name)}) is not a usable geometry and was "
        "ignored."
        for name, form in forms.items()
        if form is None and _code(header, name) != 0
    )


def _contradictions(
    header: NiftiHeader, path: Path, name: str, forms: dict[str, np.ndarray], unit: float
) -> tuple[str, ...]:
    """Where the header gives two answers."""
    found = []
    if len(forms) == 2:
        apart = corner_distance(forms["sform"], forms["qform"], header.last) * unit
        if apart > VISIBLE_MM:
            other = "qform" if name == "sform" else "sform"
            found.append(
                f"{shown(path)}: sform (code {header.sform_code}) and qform (code "
                f"{header.qform_code}) place its corners up to {apart:.1f} mm apart; the {name} "
                f"was used. Choose with --header {other} if that is wrong."
            )
    pixdim = np.array(header.pixdim[1:4], dtype=np.float64)
    spacing = np.linalg.norm(forms[name][:3, :3], axis=0)
    if not np.isfinite(pixdim).all() or pixdim.min() <= 0 or pixdim.max() > _BEYOND:
        found.append(
            f"{shown(path)}: pixdim gives voxel sizes of {_sizes(pixdim)}; "
            f"{_sizes(spacing * unit)} mm of the {name} were used."
        )
    elif len(forms) == 1 and name == "sform":
        apart = float(np.linalg.norm((pixdim - spacing) * header.last)) * unit
        if apart > VISIBLE_MM:
            found.append(
                f"{shown(path)}: pixdim gives voxels of {_sizes(pixdim * unit)} mm, its sform "
                f"{_sizes(spacing * unit)} mm ({apart:.1f} mm at the corners); the sform was used."
            )
    return tuple(found)


def _check_spacing(spacing: np.ndarray, path: Path) -> None:
    if not np.isfinite(spacing).all() or spacing.min() <= 0:
        raise InputError(
            f"{shown(path)} gives a voxel spacing of {_sizes(spacing)} mm; expected positive "
            "numbers. Repair the header (pixdim) and try again."
        )
    if spacing.max() > _LARGEST_VOXEL_MM or spacing.min() < _SMALLEST_VOXEL_MM:
        raise InputError(
            f"{shown(path)} gives voxels of {_sizes(spacing)} mm, which no scanner has: its unit "
            "of length (xyzt_units) or its spacing is wrong. Repair the header and try again."
        )


def _sizes(spacing: np.ndarray) -> str:
    return " × ".join(f"{s:g}" for s in spacing)
