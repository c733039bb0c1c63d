"""convexAdam with MIND features (Siebert et al. 2021, arXiv 2110.10156), on an isotropic grid."""

from __future__ import annotations

import numpy as np
import torch

from UniFuseLib.evaluation.baselines.dependency import require
from UniFuseLib.evaluation.sampling import pull
from UniFuseLib.spatial.axes import working_grid
from UniFuseLib.spatial.displacement import flow_to_world
from UniFuseLib.spatial.volume import Volume

SPACING_MM = 1.5


def register_convex_adam(moving: Volume, fixed: Volume) -> np.ndarray:
    """convexAdam with its published settings.

    It counts displacements in voxels of one common grid, so both volumes go onto an isotropic
    1.5 mm grid first.

    Args:
        moving: normalised intensities.
        fixed: likewise.

    Returns:
        u `(d, h, w, 3)` RAS mm on the fixed grid.

    Raises:
        MissingDependencyError: convexAdam is not installed.
    """
    module = require("convexAdam.convex_adam_MIND", "convexAdam")
    grid = working_grid(fixed.grid, SPACING_MM)
    flow = module.convex_adam_pt(
        pull(fixed, None, grid, fill=0.0),
        pull(moving, None, grid, fill=0.0),
        dtype=torch.float32,
        device=torch.device("cpu"),
    )
    channels_first = torch.from_numpy(np.moveaxis(flow, -1, 0).copy())[None]
    world = flow_to_world(channels_first, grid)[0].numpy()
    onto_fixed = [pull(Volume(component, grid.affine), None, fixed.grid) for component in world]
    return np.stack(onto_fixed, axis=-1).astype(np.float32)
