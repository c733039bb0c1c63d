"""Displacement fields as ITK, SPM, MRtrix, FSL and elastix read them, always float32.

Every field says for a place X of the reference where the degraded volume is read, Y = X + u(X);
the programs differ in what they store of it:

    ITK, ANTs, FreeSurfer (--initk)   Y - X in LPS mm
    SPM (`y_*.nii`), MRtrix           Y in RAS mm
    FSL (applywarp --rel)             F_D Y - F_R X, see `linear_transform.flirt_to_ras`
    elastix                           ITK's field beside a file of parameters that names it
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import SimpleITK as sitk

from UniFuseLib.io.elastix_parameters import parameters_of_field
from UniFuseLib.io.json_files import write_text
from UniFuseLib.io.linear_transform import ras_to_flirt
from UniFuseLib.io.optional_packages import of_export
from UniFuseLib.io.volumes import to_image, write_displacement
from UniFuseLib.io.writing import write_whole
from UniFuseLib.spatial.linear import mapped

if TYPE_CHECKING:
    from pathlib import Path

    from UniFuseLib.spatial.field import DisplacementField
    from UniFuseLib.spatial.volume import Grid

_VECTOR = 1007  # NIFTI_INTENT_VECTOR
_FNIRT_DISPLACEMENT = 2006  # FSL_FNIRT_DISPLACEMENT_FIELD


def write_itk(field: DisplacementField, path: Path) -> tuple[Path, ...]:
    """A field image, or `.h5` with the field as a transform (float64, as ITK writes it).

    Args:
        field: u on the grid that is written.
        path: ends in .nii, .nii.gz, .nrrd, .mha or .h5.
    """
    if path.suffix.lower() != ".h5":
        write_displacement(field.displacement, field.grid, path)
        return (path,)
    lps = field.displacement.astype(np.float64) * [-1.0, -1.0, 1.0]
    transform = sitk.DisplacementFieldTransform(to_image(lps, field.grid))
    write_whole(path, lambda place: sitk.WriteTransform(transform, str(place)))
    return (path,)


def write_spm(field: DisplacementField, path: Path) -> tuple[Path, ...]:
    """Y in RAS mm, `(i, j, k, 1, 3)`.

    Args:
        field: u on the grid that is written.
        path: ends in .nii.
    """
    places = _voxel_order(_arrival(field))[:, :, :, None, :]
    _write_nifti(places, field.grid, path, _VECTOR, "Mapping")
    return (path,)


def write_mrtrix(field: DisplacementField, path: Path) -> tuple[Path, ...]:
    """Y in RAS mm, `(i, j, k, 3)`: MRtrix's deformation field.

    Args:
        field: u on the grid that is written.
        path: ends in .nii or .nii.gz.
    """
    _write_nifti(_voxel_order(_arrival(field)), field.grid, path, 0, "")
    return (path,)


def write_fsl(
    field: DisplacementField, reference: Grid, degraded: Grid, path: Path
) -> tuple[Path, ...]:
    """F_D Y - F_R X, `(i, j, k, 3)`: a relative warp of FSL.

    Args:
        field: u on the grid that is written, whose corners are those of `reference`.
        reference: R.
        degraded: D.
        path: ends in .nii.gz.
    """
    shape = field.displacement.shape
    there = mapped(ras_to_flirt(degraded), _arrival(field).reshape(-1, 3))
    here = mapped(ras_to_flirt(reference), _places(field.grid).reshape(-1, 3))
    warp = (there - here).reshape(shape)
    _write_nifti(_voxel_order(warp), field.grid, path, _FNIRT_DISPLACEMENT, "")
    return (path,)


def write_elastix(field: DisplacementField, reference: Grid, path: Path) -> tuple[Path, ...]:
    """Parameters for transformix, and the field beside them, which they name by its full path.

    Args:
        field: u on the grid that is written.
        reference: which transformix resamples onto.
        path: ends in .txt.
    """
    beside = elastix_field(path)
    write_displacement(field.displacement, field.grid, beside)
    write_text(parameters_of_field(beside, reference), path)
    return path, beside


def elastix_field(path: Path) -> Path:
    """The file of the field that the parameters in `path` name."""
    return path.absolute().with_name(f"{path.stem}_field.nii.gz")


def _places(grid: Grid) -> np.ndarray:
    """X `(d, h, w, 3)` RAS mm."""
    index = np.moveaxis(np.indices(grid.shape), 0, -1)
    return np.asarray(index @ grid.linear.T + grid.origin)


def _arrival(field: DisplacementField) -> np.ndarray:
    """Y `(d, h, w, 3)` RAS mm."""
    return np.asarray(_places(field.grid) + field.displacement)


def _voxel_order(values: np.ndarray) -> np.ndarray:
    """`(k, j, i, 3)` → `(i, j, k, 3)` float32."""
    return np.asarray(values.transpose(2, 1, 0, 3), dtype=np.float32)


def _write_nifti(values: np.ndarray, grid: Grid, path: Path, intent: int, name: str) -> None:
    nibabel = of_export("nibabel")
    image = nibabel.Nifti1Image(values, grid.affine[:, [2, 1, 0, 3]])
    image.header.set_intent(intent, name=name, allow_unknown=True)
    image.header.set_xyzt_units("mm")
    image.set_sform(image.affine, 1)
    image.set_qform(image.affine, 1)
    write_whole(path, lambda place: nibabel.save(image, place))
