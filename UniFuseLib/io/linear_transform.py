"""Linear transforms in files ↔ matrices that map RAS points of the reference to the degraded scan.

ITK's files (`.tfm`, `.txt`, `.h5`, and `.mat` of ANTs) map points of the fixed image to points of
the moving one in LPS mm, which is the direction used here. FLIRT's `.mat` maps the other way,
between the scaled voxels of two NIfTI files.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import SimpleITK as sitk

from UniFuseLib.errors import InputError
from UniFuseLib.io.file_header import LPS_TO_RAS
from UniFuseLib.io.paths import named_for_itk, readable_path, shown
from UniFuseLib.io.writing import write_whole
from UniFuseLib.spatial.linear import check_motion

if TYPE_CHECKING:
    from pathlib import Path

    from UniFuseLib.spatial.volume import Grid

_LARGEST_TEXT = 4096  # bytes; sixteen numbers need fewer


def read_linear_transform(path: Path | str, reference: Grid, degraded: Grid) -> np.ndarray:
    """A `(4, 4)`: RAS point of the reference → RAS point of the degraded volume, mm.

    Args:
        path: ITK's `.tfm`, `.txt`, `.h5`, `.mat` of ANTs, or `.mat` of FSL's FLIRT that was
            estimated with `-in DEGRADED -ref REFERENCE`.
        reference: grid of the reference as `read_volume` gives it; for FSL.
        degraded: of the degraded volume; for FSL.

    Raises:
        InputError: missing, no transform, not linear, or one that mirrors or flattens.
    """
    path = readable_path(path)
    numbers = _plain_matrix(path)
    matrix = _from_itk(path) if numbers is None else _from_plain(path, numbers, reference, degraded)
    check_motion(matrix, shown(path))
    return matrix


def is_plain_matrix(path: Path | str) -> bool:
    """Whether a file holds sixteen numbers and nothing else, as FSL writes them.

    Args:
        path: of the file.

    Raises:
        InputError: missing, or no file.
    """
    return _plain_matrix(readable_path(path)) is not None


def flirt_to_ras(flirt: np.ndarray, reference: Grid, degraded: Grid) -> np.ndarray:
    """D F_D⁻¹ M⁻¹ F_R R⁻¹ for the matrix M of `flirt -in DEGRADED -ref REFERENCE -omat`.

    R and D map voxels (i, j, k) to RAS mm, F_R and F_D to FLIRT's mm: voxel times spacing, with i
    counted from the other end where the determinant of the affine is positive (Jenkinson et al.
    2002, doi 10.1006/nimg.2002.1132, and FSL's page on FLIRT).

    Args:
        flirt: M `(4, 4)`, FLIRT's mm of the degraded volume → of the reference.
        reference: array order (k, j, i), as `read_volume` gives it.
        degraded: likewise.
    """
    to_flirt = ras_to_flirt(reference)
    from_flirt = np.linalg.inv(ras_to_flirt(degraded))
    return np.asarray(from_flirt @ np.linalg.inv(flirt) @ to_flirt)


def ras_to_flirt(grid: Grid) -> np.ndarray:
    """F A⁻¹ `(4, 4)`: RAS mm → the mm of FSL's tools on this grid, see `flirt_to_ras`.

    Args:
        grid: array order (k, j, i), as `read_volume` gives it.
    """
    affine = grid.affine[:, [2, 1, 0, 3]]
    scale = np.diag([*grid.spacing[::-1], 1.0])
    if np.linalg.det(affine[:3, :3]) > 0:
        scale[0] = [-scale[0, 0], 0, 0, (grid.shape[2] - 1) * scale[0, 0]]
    return np.asarray(scale @ np.linalg.inv(affine))


def _plain_matrix(path: Path) -> np.ndarray | None:
    """Sixteen numbers and nothing else, `(4, 4)`."""
    try:
        if not path.is_file() or path.stat().st_size > _LARGEST_TEXT:
            return None
        numbers = [float(word) for word in path.read_text(encoding="ascii").split()]
    except (OSError, ValueError):
        return None
    return np.array(numbers).reshape(4, 4) if len(numbers) == 16 else None


def _from_plain(path: Path, numbers: np.ndarray, reference: Grid, degraded: Grid) -> np.ndarray:
    if path.suffix.lower() != ".mat":
        raise InputError(
            f"{shown(path)} holds a bare 4 × 4 matrix, and does not say of which program. Name it "
            ".mat if it is FSL's; else convert it to ITK's .tfm."
        )
    check_motion(numbers, shown(path))
    return flirt_to_ras(numbers, reference, degraded)


def _from_itk(path: Path) -> np.ndarray:
    try:
        with named_for_itk(path) as plain:
            transform = sitk.ReadTransform(str(plain))
    except RuntimeError as error:
        raise InputError(
            f"{shown(path)} is not a transform that can be read. Expected ITK's .tfm, .txt or .h5, "
            ".mat of ANTs, or .mat of FSL."
        ) from error
    if transform.GetDimension() != 3 or not transform.IsLinear():
        raise InputError(
            f"{shown(path)} holds a transform that is not linear ({transform.GetName()}). Expected "
            "a rigid or affine one of three dimensions; the deformation is found by UniFuse."
        )
    lps = np.eye(4)
    lps[:3, 3] = transform.TransformPoint((0.0, 0.0, 0.0))
    for axis, step in enumerate(np.eye(3)):
        lps[:3, axis] = transform.TransformPoint(step.tolist()) - lps[:3, 3]
    return np.asarray(LPS_TO_RAS @ lps @ LPS_TO_RAS)


def write_itk_matrix(matrix: np.ndarray, path: Path) -> None:
    """ITK's affine transform in LPS mm, about the origin.

    Args:
        matrix: A `(4, 4)`, RAS point of the reference → of the degraded volume.
        path: ends in `.tfm`, `.txt`, `.h5`, `.hdf5`, `.mat` or `.xfm`.
    """
    lps = LPS_TO_RAS @ matrix @ LPS_TO_RAS
    transform = sitk.AffineTransform(3)
    transform.SetMatrix(lps[:3, :3].ravel().tolist())
    transform.SetTranslation(lps[:3, 3].tolist())
    write_whole(path, lambda place: sitk.WriteTransform(transform, str(place)))
