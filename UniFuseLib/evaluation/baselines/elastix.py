"""itk-elastix: rigid, then B-splines, mutual information."""

from __future__ import annotations

import tempfile
from typing import TYPE_CHECKING, Any

import numpy as np

from UniFuseLib.evaluation.baselines.dependency import require
from UniFuseLib.evaluation.baselines.itk_bridge import itk_grid, to_ras

if TYPE_CHECKING:
    from UniFuseLib.spatial.volume import Volume

_CONTROL_MM = 20.0  # finest distance of control points
_RESOLUTIONS = 3
# elastix' default weight of 1 tears volumes apart that are cut tightly around a limb (errors of
# 40 mm)
_BENDING = 1000.0


def register_elastix(moving: Volume, fixed: Volume) -> np.ndarray:
    """Rigid, then B-splines every 20 mm with a bending penalty.

    elastix' default parameter maps (Mattes mutual information, adaptive stochastic gradient
    descent; Klein et al. 2010, doi 10.1109/TMI.2009.2035616) except for the numbers above, tuned on
    simulated validation cases. One thread: with more, itk-elastix is known to crash.

    Args:
        moving: normalised intensities.
        fixed: likewise.

    Returns:
        u `(d, h, w, 3)` RAS mm on the fixed grid.

    Raises:
        MissingDependencyError: itk-elastix is not installed.
    """
    itk = require("itk", "itk-elastix")
    parameters = itk.ParameterObject.New()
    parameters.AddParameterMap(parameters.GetDefaultParameterMap("rigid", _RESOLUTIONS))
    spline = parameters.GetDefaultParameterMap("bspline", _RESOLUTIONS, _CONTROL_MM)
    spline["Metric1Weight"] = [str(_BENDING)]
    spline["MaximumNumberOfIterations"] = ["200"]
    parameters.AddParameterMap(spline)
    moving_image = _image(itk, moving)
    _, found = itk.elastix_registration_method(
        _image(itk, fixed),
        moving_image,
        parameter_object=parameters,
        number_of_threads=1,
        log_to_console=False,
    )
    # transformix also leaves the field as a file
    with tempfile.TemporaryDirectory(prefix="unifuse-elastix-") as folder:
        field = itk.transformix_deformation_field(moving_image, found, output_directory=folder)
        return to_ras(itk.array_from_image(field))


def _image(itk: Any, volume: Volume) -> Any:
    grid = itk_grid(volume.grid)
    image = itk.image_from_array(np.ascontiguousarray(volume.array, dtype=np.float32))
    image.SetSpacing(grid.spacing)
    image.SetOrigin(grid.origin)
    image.SetDirection(itk.matrix_from_array(np.ascontiguousarray(grid.direction)))
    return image
