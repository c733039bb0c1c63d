"""What the affine registration sees of a volume: intensities, body, padding, and what is rigid."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from scipy import ndimage

from UniFuseLib.spatial.resampling import shrink
from UniFuseLib.spatial.volume import Volume

if TYPE_CHECKING:
    from UniFuseLib.preprocessing.intensity import IntensityMap

FINEST_MM = 3.0  # voxels are not averaged to more than this
_BONE_HU = 240.0
# Muscle and skin of a limb lie 3 to 10 mm elsewhere in the next session, its bone does not: how far
# from a bone a voxel counts, and how much beyond (measured on heads and limbs, decision 0045)
_BONE_REACH_MM = 15.0
_FAR_FROM_BONE = 0.1
_CLOSING = 2  # voxels of gaps in a skull that are bridged before what it encloses is filled


class AlignmentVolume(NamedTuple):
    """One side of the registration, on one grid of at least `FINEST_MM` where that is finer."""

    values: Volume  # network intensities; outside the body those of air
    body: np.ndarray  # (d, h, w) bool
    depth_mm: np.ndarray  # (d, h, w) inside the body: to its surface; edges of the grid are none
    padded: np.ndarray  # (d, h, w) bool: constant out to the border, so perhaps not acquired
    modality: str
    rigid_weight: np.ndarray | None  # (d, h, w) 0 to 1: how much a voxel moves with the bones

    def points(self, most: int = 10_000) -> np.ndarray:
        """`(n, 3)` RAS mm of voxels in the body, evenly thinned to about `most`."""
        index = np.argwhere(self.body)
        index = index[:: max(1, len(index) // most)]
        return index @ self.values.affine[:3, :3].T + self.values.affine[:3, 3]


def alignment_volume(
    scalar: Volume, body: np.ndarray, modality: str, intensity: IntensityMap
) -> AlignmentVolume:
    """One side, from a volume in its own units.

    Args:
        scalar: one channel, own units.
        body: bool, same shape; everywhere if there is none.
        modality: `mr`, `ct` or `pet`.
        intensity: to network intensities.
    """
    coarse = shrink(scalar, (FINEST_MM,) * 3)
    inside = _block_means(body if body.any() else np.ones_like(body), scalar)
    lowest = _block_means(scalar.array == scalar.array.min(), scalar)
    values = intensity.forward(coarse.array.astype(np.float32))
    air = float(intensity.forward(np.array([intensity.background(modality)], dtype=np.float32))[0])
    near = ndimage.binary_dilation(inside > 0.01)  # not the couch, nor what holds the head
    solid = inside > 0.5 if (inside > 0.5).any() else inside > 0
    return AlignmentVolume(
        values=Volume(np.where(near, values, np.float32(air)), coarse.affine),
        body=solid,
        depth_mm=_depth(solid, coarse.grid.spacing),
        padded=_connected_to_border(lowest > 0.99),
        modality=modality,
        rigid_weight=_rigid_weight(coarse, solid) if modality == "ct" else None,
    )


def _block_means(mask: np.ndarray, scalar: Volume) -> np.ndarray:
    """The part of each block of voxels that lies in the mask."""
    return shrink(Volume(mask.astype(np.float32), scalar.affine), (FINEST_MM,) * 3).array


def _depth(body: np.ndarray, spacing: np.ndarray) -> np.ndarray:
    """mm to the nearest voxel outside; a body that fills the grid is deep everywhere."""
    if body.all():
        return np.full(body.shape, np.float32(1e3))
    return np.asarray(ndimage.distance_transform_edt(body, sampling=spacing), dtype=np.float32)


def _connected_to_border(mask: np.ndarray) -> np.ndarray:
    labels, _ = ndimage.label(np.pad(mask, 1, constant_values=True))
    return np.asarray(labels == labels[0, 0, 0])[1:-1, 1:-1, 1:-1]


def _rigid_weight(ct: Volume, body: np.ndarray) -> np.ndarray | None:
    """1 in bone and in what bone encloses, less with the distance; None without bone.

    A brain moves with its skull: what a bone surrounds in any plane of the array counts as bone.
    """
    bone = (ct.array > _BONE_HU) & body
    if not bone.any():
        return None
    enclosed = _filled(ndimage.binary_closing(np.pad(bone, 3), iterations=_CLOSING))
    distance = ndimage.distance_transform_edt(
        ~(enclosed[3:-3, 3:-3, 3:-3] | bone), sampling=ct.grid.spacing
    )
    near = np.exp(-0.5 * (distance / _BONE_REACH_MM) ** 2)
    return np.asarray(_FAR_FROM_BONE + (1 - _FAR_FROM_BONE) * near, dtype=np.float32)


def _filled(mask: np.ndarray) -> np.ndarray:
    """With what is enclosed in some plane of the array."""
    out = mask.copy()
    for axis in range(3):
        planes = np.moveaxis(out, axis, 0)  # a view: filled in place
        for plane in planes:
            plane[...] = ndimage.binary_fill_holes(plane)
    return out
