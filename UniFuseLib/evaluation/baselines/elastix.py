"""itk-elastix with its own default parameters: rigid, affine, B-splines, mutual information."""

from __future__ import annotations

import tempfile
from typing import Any

import numpy as np

from UniFuseLib.evaluation.baselines.dependency import require
from UniFuseLib.evaluation.baselines.itk_bridge import frame_of, to_ras
from UniFuseLib.volume import Volume

_CONTROL_MM = 12.0  # finest distance of control points
_RESOLUTIONS = 4


def register_elastix(moving: Volume, fixed: Volume) -> np.ndarray:
    """elastix' default parameter maps rigid → affine → bspline: u `(d, h, w, 3)` RAS mm on the fixed grid.

    Klein et al. 2010, doi 10.1109/TMI.2009.2035616. One thread: with more, itk-elastix is known to crash.

    Raises:
        MissingDependencyError: itk-elastix is not installed.
    """
    itk = require("itk", "itk-elastix")
    parameters = itk.ParameterObject.New()
    for name in ("rigid", "affine"):
        parameters.AddParameterMap(parameters.GetDefaultParameterMap(name, _RESOLUTIONS))
    parameters.AddParameterMap(parameters.GetDefaultParameterMap("bspline", _RESOLUTIONS, _CONTROL_MM))
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
    frame = frame_of(volume.grid)
    image = itk.image_from_array(np.ascontiguousarray(volume.array, dtype=np.float32))
    image.SetSpacing(frame.spacing)
    image.SetOrigin(frame.origin)
    image.SetDirection(itk.matrix_from_array(np.ascontiguousarray(frame.direction)))
    return image
