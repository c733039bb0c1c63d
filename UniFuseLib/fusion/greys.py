"""What the fused volume spends its greys on: whose soft tissue it shows, and which HU of a CT."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from scipy import ndimage

from UniFuseLib.errors import InputError
from UniFuseLib.preprocessing.intensity import IntensityMap

if TYPE_CHECKING:
    from UniFuseLib.network.blend import Base
    from UniFuseLib.preprocessing.prepare import PreparedPair, PreparedVolume

AUTO, WIDE = "auto", "wide"
# level and width in HU: radiopaedia.org/articles/windowing-ct
CT_WINDOWS = {
    "brain": (40.0, 80.0),
    "soft-tissue": (50.0, 400.0),
    "bone": (400.0, 1800.0),
    "lung": (-600.0, 1500.0),
}
NAMES = (AUTO, WIDE, *CT_WINDOWS)
# The more a modality tells soft tissues apart, the higher
_SOFT_TISSUE = {"pet": 0, "ct": 1, "mr": 2}
_LOOKED_AT_MM = 3.0
_BONE_HU = 200.0
_BRAIN_HU = (0.0, 80.0)
_CRANIAL = 0.45  # of the body in an axial slice that bone encloses: a skull; a pelvis less
_HEAD = 0.4  # of the body in such slices


class CtWindow(NamedTuple):
    """The HU that are shown from black to white."""

    name: str  # of `NAMES`, or `own`
    level: float  # HU in the middle
    width: float  # HU from black to white

    def intensity(self) -> IntensityMap:
        """HU → 0 to 1."""
        low, high = self.level - self.width / 2, self.level + self.width / 2
        return IntensityMap("knots", values=(low, high), units=(0.0, 1.0))


class Greys(NamedTuple):
    """How both sources enter the fused volume."""

    base: Base
    degraded: IntensityMap
    reference: IntensityMap
    window: CtWindow | None  # None: no CT, or all that the network reads of it


def greys_of(pair: PreparedPair, ct_window: str = AUTO) -> Greys:
    """Whose soft tissue is shown, in which greys.

    Args:
        pair: the checked inputs.
        ct_window: see `window_of`.

    Raises:
        InputError: a window that does not exist.
    """
    base = base_of(*pair.modalities)
    shown = pair.degraded if base == "degraded" else pair.reference
    window = window_of(ct_window, shown)
    maps = [
        window.intensity() if window and side.source.modality == "ct" else side.source.intensity
        for side in (pair.degraded, pair.reference)
    ]
    return Greys(base, maps[0], maps[1], window if "ct" in pair.modalities else None)


def base_of(degraded_modality: str, reference_modality: str) -> Base:
    """MR gives the soft tissue beside CT, and either of them beside PET; of two alike the
    reference does.
    """
    better = _SOFT_TISSUE[degraded_modality] > _SOFT_TISSUE[reference_modality]
    return "degraded" if better else "reference"


def window_of(choice: str, shown: PreparedVolume) -> CtWindow | None:
    """The window that is meant; None: the greys that the network reads, -1024 to 1600 HU.

    Args:
        choice: one of `NAMES`, or `LEVEL,WIDTH` in HU. `auto` is the brain window where a CT of a
            head gives the soft tissue, else `wide`.
        shown: the volume whose soft tissue is shown.

    Raises:
        InputError: anything else.
    """
    if choice == WIDE:
        return None
    if choice == AUTO:
        is_ct = shown.source.modality == "ct"
        return CtWindow("brain", *CT_WINDOWS["brain"]) if is_ct and shows_head(shown) else None
    if choice in CT_WINDOWS:
        return CtWindow(choice, *CT_WINDOWS[choice])
    return _own(choice)


def _own(choice: str) -> CtWindow:
    try:
        level, width = (float(part) for part in choice.split(","))
    except ValueError:
        level = width = math.nan
    if not math.isfinite(level) or not math.isfinite(width) or width <= 0:
        raise InputError(
            f"Expected the CT window to be {', '.join(NAMES)}, or level and width in HU such as "
            f"40,80, got {choice!r}."
        )
    return CtWindow("own", level, width)


def shows_head(volume: PreparedVolume) -> bool:
    """Whether most of a CT's body lies in axial slices in which a skull encloses brain.

    Args:
        volume: HU, axes as in `spatial.axes.canonical`.
    """
    steps = [max(1, round(_LOOKED_AT_MM / s)) for s in volume.scalar.grid.spacing]
    every = tuple(slice(None, None, step) for step in steps)
    hu, body = volume.scalar.array[every], volume.body[every]
    total = int(body.sum())
    if total == 0:
        return False
    in_slices = body.sum(axis=(1, 2))
    brain = np.array(
        [_enclosed_brain(plane, inside) for plane, inside in zip(hu, body, strict=True)]
    )
    cranial = brain >= _CRANIAL * np.maximum(in_slices, 1)
    return bool(in_slices[cranial].sum() >= _HEAD * total)


def _enclosed_brain(hu: np.ndarray, body: np.ndarray) -> int:
    """Pixels of an axial slice that bone encloses and that have the HU of brain."""
    bone = (hu > _BONE_HU) & body
    closed = ndimage.binary_closing(np.pad(bone, 2), iterations=2)[2:-2, 2:-2]
    enclosed = ndimage.binary_fill_holes(closed) & ~bone
    return int((enclosed & (hu >= _BRAIN_HU[0]) & (hu <= _BRAIN_HU[1])).sum())
