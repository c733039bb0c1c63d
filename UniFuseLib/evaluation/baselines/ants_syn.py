"""ANTs SyN: affine, then symmetric diffeomorphic registration, both with mutual information."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from UniFuseLib.evaluation.baselines.dependency import require
from UniFuseLib.evaluation.baselines.itk_bridge import itk_grid, to_ras

if TYPE_CHECKING:
    from UniFuseLib.spatial.volume import Volume

SEED = 1


def register_syn(moving: Volume, fixed: Volume) -> np.ndarray:
    """antspyx' `SyN`: affine, then SyN, with Mattes mutual information.

    Avants et al. 2008, doi 10.1016/j.media.2007.06.004.

    Args:
        moving: normalised intensities.
        fixed: likewise.

    Returns:
        u `(d, h, w, 3)` RAS mm on the fixed grid.

    Raises:
        MissingDependencyError: antspyx is not installed.
    """
    ants = require("ants", "antspyx")
    fixed_image, moving_image = _image(ants, fixed), _image(ants, moving)
    with tempfile.TemporaryDirectory(prefix="unifuse-syn-") as folder:
        found = ants.registration(
            fixed_image,
            moving_image,
            type_of_transform="SyN",
            aff_metric="mattes",
            syn_metric="mattes",
            outprefix=str(Path(folder) / "syn"),
            random_seed=SEED,
        )
        whole = ants.apply_transforms(
            fixed_image, moving_image, found["fwdtransforms"], compose=str(Path(folder) / "whole")
        )
        # (i, j, k, 3) LPS mm → (d, h, w, 3)
        return to_ras(np.moveaxis(ants.image_read(whole).numpy(), (0, 1, 2), (2, 1, 0)))


def _image(ants: Any, volume: Volume) -> Any:
    grid = itk_grid(volume.grid)
    array = np.ascontiguousarray(volume.array.T, dtype=np.float32)
    return ants.from_numpy(
        array,
        origin=grid.origin,
        spacing=grid.spacing,
        direction=grid.direction,
    )
