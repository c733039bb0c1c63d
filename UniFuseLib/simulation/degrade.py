"""One door to the degradations: draw by class name, apply whatever was drawn, describe it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from UniFuseLib.degradation import CLASSES, DegradationClass
from UniFuseLib.errors import InputError
from UniFuseLib.simulation.ct_metal import MetalParameters, apply_metal, sample_metal
from UniFuseLib.simulation.mr_motion import MotionParameters, apply_motion, sample_motion
from UniFuseLib.simulation.parameters import Triple, to_json
from UniFuseLib.simulation.pet_low_dose import DoseParameters, apply_low_dose, sample_low_dose

if TYPE_CHECKING:
    import torch
    from torch import Tensor

    from UniFuseLib.spatial.volume import Grid


@dataclass(frozen=True)
class CleanParameters:
    """Nothing happens."""


Parameters = CleanParameters | MotionParameters | MetalParameters | DoseParameters


def sample_degradation(
    label: str,
    generator: torch.Generator,
    volume: Tensor,
    spacing_mm: Triple,
    severity: float | None = None,
    slice_axis: int = 0,
) -> Parameters:
    """Draw the parameters of one degradation of class `label`.

    Args:
        label: of `CLASSES`.
        generator: of all draws.
        volume: `(d, h, w)`, what will be degraded: HU for `ct_metal_noise`, SUV for `pet_low_dose`,
            any unit for MR.
        spacing_mm: along (d, h, w).
        severity: [0, 1]; None draws one.
        slice_axis: array axis across the slices (see `slice_axis`); the others lie in the slice.

    Raises:
        InputError: a class that does not exist.
    """
    if label == "clean":
        return CleanParameters()
    if label == "mr_motion":
        return sample_motion(generator, severity)
    if label == "ct_metal_noise":
        slices = volume.movedim(slice_axis, 0)
        return sample_metal(generator, slices, _moved(spacing_mm, slice_axis), severity)
    if label == "pet_low_dose":
        return sample_low_dose(generator, severity)
    raise InputError(f"Expected a class of {', '.join(CLASSES)}, got {label!r}.")


def apply_degradation(
    volume: Tensor, spacing_mm: Triple, parameters: Parameters, slice_axis: int = 0
) -> Tensor:
    """out = degradation(volume): same parameters, same bytes.

    Args:
        volume: `(d, h, w)` in the unit of its class.
        spacing_mm: along (d, h, w).
        parameters: from `sample_degradation`.
        slice_axis: as there.

    Returns:
        `(d, h, w)`, same unit.
    """
    slices = volume.movedim(slice_axis, 0).contiguous()
    degraded = _apply(slices, _moved(spacing_mm, slice_axis), parameters)
    return degraded.movedim(0, slice_axis).contiguous()


def _apply(slices: Tensor, spacing_mm: Triple, parameters: Parameters) -> Tensor:
    if isinstance(parameters, MotionParameters):
        return apply_motion(slices, spacing_mm, parameters)
    if isinstance(parameters, MetalParameters):
        return apply_metal(slices, spacing_mm, parameters)
    if isinstance(parameters, DoseParameters):
        return apply_low_dose(slices, spacing_mm, parameters)
    return slices.clone()


def slice_axis(grid: Grid) -> int:
    """The array axis closest to the patient's long axis (superior).

    CT, PET and 2-D MR slices lie across it.
    """
    return int(np.abs(grid.directions[2]).argmax())


def class_of(parameters: Parameters) -> DegradationClass:
    """The class whose degradation these parameters describe."""
    return _CLASS_OF[type(parameters)]


def degradation_to_json(parameters: Parameters) -> dict[str, Any]:
    """Plain values, with the class under `class`."""
    return {"class": class_of(parameters), **to_json(parameters)}


_CLASS_OF: dict[type, DegradationClass] = {
    CleanParameters: "clean",
    MotionParameters: "mr_motion",
    MetalParameters: "ct_metal_noise",
    DoseParameters: "pet_low_dose",
}


def _moved(spacing_mm: Triple, axis: int) -> Triple:
    """Spacing in the order that `movedim(axis, 0)` gives."""
    first = spacing_mm[axis]
    rest = [s for k, s in enumerate(spacing_mm) if k != axis]
    return (first, rest[0], rest[1])
