"""What is known of one place of the reference: values, displacement, change of volume, uncertainty.

A few voxels and points are read for it, never an array.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from slicer.i18n import tr as _

from .CoarseField import holds
from .Errors import InputNodeError
from .Nodes import deformationImage, matrixOfVolume, worldFromIjk
from .Ownership import DEGRADED_ROLE, REFERENCE_ROLE
from .Resample import Grid
from .Results import DEFORMATION_ROLE, RESTORED_ROLE
from .RigidPart import moved
from .Uncertainty import JUDGED_FROM_MM, uncertaintyOf
from .VolumeFacts import factsOf

_SHORTEST_MM = 0.05  # shown as 0.0
_SMALLEST_PERCENT = 0.5  # shown as 0
_SIDES = (("R", "L"), ("A", "P"), ("S", "I"))
_WITHOUT_DECIMALS = 100  # from this value on


class Place(NamedTuple):
    """Where the anatomy of a place of the reference lies in the degraded volume.

    Attributes:
        displacement: `(3,)` RAS mm from the reference to the degraded volume.
        volumeRatio: det J, volume there / here.
    """

    displacement: np.ndarray
    volumeRatio: float


def placeIn(deformation: Any, point: np.ndarray, volume: Any = None) -> Place | None:
    """
    Args:
        deformation: grid transform node of a result.
        point: X, `(3,)` RAS mm.
        volume: on the voxels of the reference; None: those of the deformation count.

    Returns:
        None outside the field of view of the reference, or where the node is under a transform.
    """
    if deformation.GetParentTransformNode() is not None:
        return None
    field = deformationImage(deformation)
    grid = Grid.ofImage(field.data, field.ijkToRas)
    if volume is not None and volume.GetImageData() is not None:
        grid = Grid.ofImage(volume.GetImageData(), matrixOfVolume(volume))
    if not grid.holds(point[None])[0]:
        return None
    transform = deformation.GetTransformFromParent()
    here = np.array(transform.TransformPoint(point))
    return Place(here - point, _volumeRatio(transform, grid, point))


def linesUnder(fused: Any, point: np.ndarray, rigid: np.ndarray | None = None) -> list[str]:
    """Sentences about one place, at most three; none outside the reference.

    Args:
        fused: fused volume of a result.
        point: X, `(3,)` RAS mm.
        rigid: B, `(4, 4)` RAS mm, the motion to take off the displacement; None: none.
    """
    deformation = fused.GetNodeReference(DEFORMATION_ROLE)
    place = placeIn(deformation, point, fused)
    if place is None:
        return []
    there = point + place.displacement
    seen = holds(fused.GetNodeReference(DEGRADED_ROLE), there, deformation)
    further = [_volume(place.volumeRatio), _uncertainty(fused, point)]
    return [
        _values(fused, point, seen=bool(seen)),
        _displacement(point, there, rigid),
        " · ".join(part for part in further if part),
    ]


def patientWords(vector: np.ndarray) -> str:
    """`3.2 L, 1.1 A`: towards right or left, anterior or posterior, superior or inferior.

    Args:
        vector: `(3,)` RAS mm.
    """
    parts = [
        f"{abs(component):.1f} {sides[int(component < 0)]}"
        for component, sides in zip(vector, _SIDES, strict=True)
        if abs(component) >= _SHORTEST_MM
    ]
    return ", ".join(parts)


def _values(fused: Any, point: np.ndarray, *, seen: bool) -> str:
    reference, restored = (fused.GetNodeReference(role) for role in (REFERENCE_ROLE, RESTORED_ROLE))
    here = _("Reference {value}").format(value=_valueText(reference, point))
    if not seen:
        return _("{reference} · outside the degraded field of view").format(reference=here)
    return _("{reference} · restored {value}").format(
        reference=here, value=_valueText(restored, point)
    )


def _displacement(point: np.ndarray, there: np.ndarray, rigid: np.ndarray | None) -> str:
    end = there if rigid is None else moved(np.linalg.inv(rigid), there)
    vector = end - point
    length = float(np.linalg.norm(vector))
    if length < _SHORTEST_MM:
        same = _("In the degraded volume at the same place")
        return same if rigid is None else _("Not deformed here")
    sentence = (
        _("In the degraded volume {length:.1f} mm away: {words}")
        if rigid is None
        else _("Deformed by {length:.1f} mm: {words}")
    )
    return sentence.format(length=length, words=patientWords(vector))


def _volume(ratio: float) -> str:
    percent = 100 * (ratio - 1)
    if ratio <= 0:
        return _("Folded here")
    if abs(percent) < _SMALLEST_PERCENT:
        return _("Same volume there")
    sentence = (
        _("{percent:.0f} % larger there") if percent > 0 else _("{percent:.0f} % smaller there")
    )
    return sentence.format(percent=abs(percent))


def _uncertainty(fused: Any, point: np.ndarray) -> str:
    value = valueAt(uncertaintyOf(fused), point)
    if not value or value[0] < JUDGED_FROM_MM:
        return ""
    return _("uncertainty {mm:.1f} mm").format(mm=value[0])


def valueAt(volume: Any, point: np.ndarray) -> tuple[float, ...]:
    """Of the nearest voxel, a number per component; empty outside, and where nothing is known.

    Args:
        volume: volume node, or None.
        point: `(3,)` RAS mm.
    """
    data = volume.GetImageData() if volume is not None else None
    if data is None:
        return ()
    try:
        toIjk = np.linalg.inv(worldFromIjk(volume))
    except InputNodeError:  # under a non-linear transform
        return ()
    index = np.rint(moved(toIjk, point)).astype(int)
    if (index < 0).any() or (index >= data.GetDimensions()).any():
        return ()
    i, j, k = index.tolist()
    count = data.GetNumberOfScalarComponents()
    return tuple(data.GetScalarComponentAsDouble(i, j, k, c) for c in range(count))


def _valueText(volume: Any, point: np.ndarray) -> str:
    """`35 HU`; a dash where there is no value."""
    values = valueAt(volume, point)
    if not values:
        return "–"
    text = ", ".join(f"{v:.0f}" if abs(v) >= _WITHOUT_DECIMALS else f"{v:.3g}" for v in values)
    return f"{text} {factsOf(volume).unit}".rstrip()


def _volumeRatio(transform: Any, grid: Grid, point: np.ndarray) -> float:
    """Differences over two voxels, at the border over one, as `Folds.determinant` takes them."""
    axes = grid.ijkToWorld[:3, :3]
    slopes = np.empty((3, 3))
    for n in range(3):
        ends = np.array([point - axes[:, n], point + axes[:, n]])
        inside = grid.holds(ends)
        before, after = (end if ok else point for end, ok in zip(ends, inside, strict=True))
        difference = np.subtract(transform.TransformPoint(after), transform.TransformPoint(before))
        slopes[:, n] = difference / max(1, int(inside.sum()))
    return float(np.linalg.det(slopes) / np.linalg.det(axes))
