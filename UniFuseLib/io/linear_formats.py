"""Linear transforms as FSL, FreeSurfer, MRtrix and elastix read them.

FSL's and FreeSurfer's files are written by nitransforms (decision 0048).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from UniFuseLib.io.elastix_parameters import parameters_of_matrix
from UniFuseLib.io.json_files import write_text
from UniFuseLib.io.optional_packages import of_export

if TYPE_CHECKING:
    from pathlib import Path

    from UniFuseLib.spatial.volume import Grid


def write_flirt(matrix: np.ndarray, reference: Grid, degraded: Grid, path: Path) -> None:
    """FLIRT's matrix: its mm of the degraded volume → of the reference.

    Args:
        matrix: A `(4, 4)`, RAS point of the reference → of the degraded volume.
        reference: as `read_volume` gives it.
        degraded: likewise.
        path: of the file.
    """
    fsl = of_export("nitransforms.io.fsl")
    made = fsl.FSLLinearTransform.from_ras(
        matrix, moving=_image(degraded), reference=_image(reference)
    )
    write_text(made.to_string(), path)


def write_lta(matrix: np.ndarray, reference: Grid, degraded: Grid, path: Path) -> None:
    """FreeSurfer's LTA, RAS to RAS: from the degraded volume (source) to the reference.

    nitransforms names the two volumes the other way round beside this matrix, so that file and
    matrix contradict each other; they are set here.

    Args:
        matrix: A `(4, 4)`, RAS point of the reference → of the degraded volume.
        reference: as `read_volume` gives it.
        degraded: likewise.
        path: of the file.
    """
    lta = of_export("nitransforms.io.lta")
    made = lta.FSLinearTransform.from_ras(matrix)
    for name, grid in (("src", degraded), ("dst", reference)):
        made.structarr[name] = np.asanyarray(lta.VolumeGeometry.from_image(_image(grid)))
    write_text(made.to_string(), path)


def write_mrtrix_matrix(matrix: np.ndarray, path: Path) -> None:
    """A in RAS mm: `mrtransform -linear` maps points of the template to the moving image as well.

    Args:
        matrix: A `(4, 4)`, RAS point of the reference → of the degraded volume.
        path: of the file.
    """
    rows = [" ".join(f"{value:.12g}" for value in row) for row in matrix]
    write_text("\n".join(rows) + "\n", path)


def write_elastix_matrix(matrix: np.ndarray, reference: Grid, path: Path) -> None:
    """Parameters for transformix.

    Args:
        matrix: A `(4, 4)`, RAS point of the reference → of the degraded volume.
        reference: which is resampled onto.
        path: of the file.
    """
    write_text(parameters_of_matrix(matrix, reference), path)


def _image(grid: Grid) -> Any:
    """nibabel's picture of a grid, without voxels of its own."""
    nibabel = of_export("nibabel")
    empty = np.broadcast_to(np.uint8(0), grid.shape[::-1])
    return nibabel.Nifti1Image(empty, grid.affine[:, [2, 1, 0, 3]])
