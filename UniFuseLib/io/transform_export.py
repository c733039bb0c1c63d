"""The deformation of a result in the files of other programs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from UniFuseLib.errors import InputError, OutputError
from UniFuseLib.io import field_formats, linear_formats
from UniFuseLib.io.linear_transform import write_itk_matrix
from UniFuseLib.io.output_folder import disk_advice
from UniFuseLib.io.paths import expanded, shown
from UniFuseLib.spatial.coarser import beyond_affine, coarser, difference

if TYPE_CHECKING:
    from pathlib import Path

    from UniFuseLib.spatial.coarser import FieldError
    from UniFuseLib.spatial.field import DisplacementField
    from UniFuseLib.spatial.transform import Transform

# A result is linear where no voxel is farther from the affine map: float32 of 300 mm is exact to
# 3e-5 mm, and twelve parameters from 20 000 such numbers to less
LINEAR_MM = 1e-3


@dataclass(frozen=True)
class Program:
    """What a program reads, and how it is told to.

    Attributes:
        title: its name.
        fields: endings of files that hold a field.
        matrices: endings of files that hold a linear transform.
        apply_field: the command that resamples the degraded volume, `{file}` stands for the file.
        apply_matrix: likewise for a linear transform.
    """

    title: str
    fields: tuple[str, ...]
    matrices: tuple[str, ...]
    apply_field: str
    apply_matrix: str

    @property
    def endings(self) -> tuple[str, ...]:
        """All of them."""
        return (*self.fields, *self.matrices)


_ANTS = "antsApplyTransforms -d 3 -i DEGRADED -r REFERENCE -t {file} -o MOVED.nii.gz"
_ITK = "itk::ResampleImageFilter, SimpleITK.Resample or a transform node in 3D Slicer"
_ELASTIX = "transformix -in DEGRADED -tp {file} -out FOLDER"
_SPM = (
    "SPM > Utils > Deformations > Composition: Deformation Field {file}; "
    "Output: Pullback of DEGRADED (.nii)"
)
_FSL_FIELD = "applywarp --rel -i DEGRADED -r REFERENCE -w {file} -o MOVED.nii.gz"
_FSL = "flirt -applyxfm -init {file} -in DEGRADED -ref REFERENCE -out MOVED.nii.gz"
_FREESURFER_FIELD = (
    "mri_warp_convert --initk {file} --insrcgeom DEGRADED --outm3z WARP.m3z, then "
    "mri_convert -at WARP.m3z DEGRADED MOVED.nii.gz"
)
_FREESURFER = "mri_vol2vol --mov DEGRADED --targ REFERENCE --lta {file} --o MOVED.nii.gz"
_MRTRIX_FIELD = "mrtransform DEGRADED -warp {file} MOVED.nii.gz"
_MRTRIX = "mrtransform DEGRADED -linear {file} -template REFERENCE MOVED.nii.gz"
_ITK_FIELDS = (".nii.gz", ".nii", ".nrrd", ".mha")
_ITK_MATRICES = (".tfm", ".txt", ".h5", ".mat")

PROGRAMS = {
    "ants": Program("ANTs", (".nii.gz", ".nii", ".h5"), _ITK_MATRICES, _ANTS, _ANTS),
    "itk": Program("ITK", (*_ITK_FIELDS, ".h5"), _ITK_MATRICES, _ITK, _ITK),
    "fsl": Program("FSL", (".nii.gz", ".nii"), (".mat",), _FSL_FIELD, _FSL),
    "spm": Program("SPM", (".nii",), (), _SPM, ""),
    "freesurfer": Program(
        "FreeSurfer", (".nii.gz", ".nii"), (".lta",), _FREESURFER_FIELD, _FREESURFER
    ),
    "mrtrix": Program("MRtrix", (".nii.gz", ".nii"), (".txt",), _MRTRIX_FIELD, _MRTRIX),
    "elastix": Program("elastix", (".txt",), (".txt",), _ELASTIX, _ELASTIX),
}


class Exported(NamedTuple):
    """What was written."""

    files: tuple[Path, ...]
    linear: bool  # a matrix, not a field
    beyond_affine: FieldError  # of the result, whichever was written
    spacing: tuple[float, ...]  # mm along d, h, w of the field that was written
    error: FieldError | None  # of a coarser field; None: the result's own voxels
    how: str  # the command of that program


def export_transform(
    transform: Transform, program: str, path: Path | str, field_spacing: float | None = None
) -> Exported:
    """Write X ↦ X + u(X) for a program, which resamples the degraded volume onto the reference.

    The ending of `path` chooses between a field and a linear transform; where it allows both
    (`.h5`, and `.txt` of elastix), a result that is linear becomes a linear transform.

    Args:
        transform: of a result.
        program: a key of `PROGRAMS`.
        path: of the file.
        field_spacing: mm between the voxels of the field, at most; None: the result's own.

    Raises:
        InputError: no such program, a linear file of a result that is not linear, or the degraded
            volume's grid is needed and not known.
        OutputError: an ending that the program does not read, or a place that cannot be written.
        MissingDependencyError: a format of the extra `export`.
    """
    if program not in PROGRAMS:
        raise InputError(f"Unknown program {program!r}. Expected one of {', '.join(PROGRAMS)}.")
    about, path = PROGRAMS[program], expanded(path)
    ending = _ending(about, path)
    beyond = beyond_affine(transform.field)
    linear = beyond.max <= LINEAR_MM and field_spacing is None and ending in about.matrices
    if not linear and ending not in about.fields:
        _refuse_matrix(about, beyond, field_spacing)
    with disk_advice(path):
        if linear:
            _write_matrix(transform, program, path)
            how = about.apply_matrix.format(file=shown(path))
            return Exported((path,), True, beyond, (), None, how)
        field = (
            transform.field if field_spacing is None else coarser(transform.field, field_spacing)
        )
        files = _write_field(transform, field, program, path)
    error = None if field_spacing is None else difference(transform.field, field)
    how = about.apply_field.format(file=shown(path))
    spacing = tuple(float(s) for s in field.grid.spacing)
    return Exported(files, False, beyond, spacing, error, how)


def files_for(program: str, path: Path) -> tuple[Path, ...]:
    """What `export_transform` may write.

    Args:
        program: a key of `PROGRAMS`.
        path: of the file.
    """
    return (path, field_formats.elastix_field(path)) if program == "elastix" else (path,)


def _ending(about: Program, path: Path) -> str:
    name = path.name.lower()
    fitting = [ending for ending in about.endings if name.endswith(ending)]
    if not fitting:
        expected = ", ".join(dict.fromkeys(about.endings))
        raise OutputError(
            f"{about.title} does not read {shown(path.name)}; expected a name that ends in "
            f"{expected}. Choose another name."
        )
    return max(fitting, key=len)


def _refuse_matrix(about: Program, beyond: FieldError, field_spacing: float | None) -> None:
    endings = ", ".join(about.fields)
    if field_spacing is not None:
        raise InputError(
            "A linear transform has no field spacing. Leave --field-spacing out, or choose a name "
            f"that ends in {endings}."
        )
    raise InputError(
        f"The deformation is not linear: up to {beyond.max:.2f} mm from the nearest affine map "
        f"({beyond.mean:.2f} mm on average). Choose a name that ends in {endings}, or fuse with "
        "--align rigid."
    )


def _write_field(
    transform: Transform, field: DisplacementField, program: str, path: Path
) -> tuple[Path, ...]:
    if program == "spm":
        return field_formats.write_spm(field, path)
    if program == "mrtrix":
        return field_formats.write_mrtrix(field, path)
    if program == "elastix":
        return field_formats.write_elastix(field, transform.grid, path)
    if program == "fsl":
        degraded = transform.grid_of("degraded")
        return field_formats.write_fsl(field, transform.grid, degraded, path)
    return field_formats.write_itk(field, path)


def _write_matrix(transform: Transform, program: str, path: Path) -> None:
    matrix = transform.field.affine
    if program == "mrtrix":
        linear_formats.write_mrtrix_matrix(matrix, path)
    elif program == "elastix":
        linear_formats.write_elastix_matrix(matrix, transform.grid, path)
    elif program in ("fsl", "freesurfer"):
        write = linear_formats.write_flirt if program == "fsl" else linear_formats.write_lta
        write(matrix, transform.grid, transform.grid_of("degraded"), path)
    else:
        write_itk_matrix(matrix, path)
