"""What the affine registration sees of a volume: intensities, body, padding, and what is rigid."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from scipy import ndimage

from UniFuseLib.spatial.holes import filled_in_planes
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
_WHOLLY = 0.99  # of a block of voxels: all of them
_CLOSING = 2  # voxels of gaps in a skull that are bridged before what it encloses is filled


class AlignmentVolume(NamedTuple):
    """One side of the registration, on one grid of at least `FINEST_MM` where that is finer."""

    values: Volume  # network intensities; outside the body those of air
    body: np.ndarray  # (d, h, w) bool
    depth_mm: np.ndarray  # (d, h, w) inside the body: to its surface; edges of the grid are none
    padded: np.ndarray  # (d, h, w) bool: constant out to the border, so perhaps not acquired
    modality: str
    rigid_weight: np.ndarray | None  # (d, h, w) 0 to 1: how much a voxel moves with the bones
    mask: np.ndarray | None = None  # (d, h, w) bool: what the user lets be compared; None: all

    @property
    def compared(self) -> np.ndarray:
        """`(d, h, w)` bool: the body, as far as the user lets it be compared."""
        return self.body if self.mask is None else self.body & self.mask

    def points(self, most: int = 10_000) -> np.ndarray:
        """`(n, 3)` RAS mm of voxels in the body, evenly thinned to about `most`."""
        return _places(self.body, self.values, most)

    def compared_points(self, most: int = 10_000) -> np.ndarray:
        """`points` of what is compared."""
        return _places(self.compared, self.values, most)

    def body_ml(self) -> float:
        """Volume of the body."""
        return self._ml(self.body)

    def seen_ml(self) -> float:
        """Volume of the body, and of the padding in its box: what was stripped had been seen."""
        places = ndimage.find_objects(self.body.astype(np.int8))
        box = places[0]
        stripped = self.padded & (self.modality == "mr")  # around a CT the same is air
        content = self.body | stripped
        return self._ml(content[box])

    def _ml(self, mask: np.ndarray) -> float:
        linear = self.values.grid.linear
        voxel_mm3 = np.abs(np.linalg.det(linear))
        return float(mask.sum() * voxel_mm3 / 1000)


def _places(mask: np.ndarray, values: Volume, most: int) -> np.ndarray:
    grid = values.grid
    index = np.argwhere(mask)
    step = max(1, len(index) // most)
    thinned = index[::step]
    return thinned @ grid.linear.T + grid.origin


def alignment_volume(
    scalar: Volume,
    body: np.ndarray,
    modality: str,
    intensity: IntensityMap,
    mask: np.ndarray | None = None,
) -> AlignmentVolume:
    """One side, from a volume in its own units.

    Args:
        scalar: one channel, own units.
        body: bool, same shape; everywhere if there is none.
        modality: `mr`, `ct` or `pet`.
        intensity: to network intensities.
        mask: bool, same shape, what the user lets be compared; None: all.
    """
    content = body if body.any() else np.ones_like(body)
    coarse = shrink(scalar, (FINEST_MM,) * 3)
    inside = _block_means(content, scalar)
    units = coarse.array.astype(np.float32)
    near = ndimage.binary_dilation(inside > 0.01)  # not the couch, nor what holds the head
    air = _air(modality, intensity)
    values = np.where(near, intensity.forward(units), air)
    solid = inside > 0.5
    if not solid.any():
        solid = inside > 0
    rigid_weight = _rigid_weight(coarse, solid) if modality == "ct" else None
    return AlignmentVolume(
        values=Volume(values, coarse.affine),
        body=solid,
        depth_mm=_depth(solid, coarse.grid.spacing),
        padded=_padded(scalar),
        modality=modality,
        rigid_weight=rigid_weight,
        mask=None if mask is None else _block_means(mask, scalar) > _WHOLLY,
    )


def _air(modality: str, intensity: IntensityMap) -> np.float32:
    """Network intensity of the background."""
    units = np.array([intensity.background(modality)], dtype=np.float32)
    (air,) = intensity.forward(units)
    return np.float32(air)


def _block_means(mask: np.ndarray, scalar: Volume) -> np.ndarray:
    """The part of each block of voxels that lies in the mask."""
    share = shrink(Volume(mask, scalar.affine), (FINEST_MM,) * 3).array
    return np.asarray(share, dtype=np.float32)


def _padded(scalar: Volume) -> np.ndarray:
    """What has the lowest intensity out to the border."""
    lowest = scalar.array == scalar.array.min()
    share = _block_means(lowest, scalar)
    return _connected_to_border(share > _WHOLLY)


def _depth(body: np.ndarray, spacing: np.ndarray) -> np.ndarray:
    """mm to the nearest voxel outside; a body that fills the grid is deep everywhere."""
    if body.all():
        return np.full(body.shape, np.float32(1e3))
    depth = ndimage.distance_transform_edt(body, sampling=spacing)
    return np.asarray(depth, dtype=np.float32)


def _connected_to_border(mask: np.ndarray) -> np.ndarray:
    framed = np.pad(mask, 1, constant_values=True)
    labels, _ = ndimage.label(framed)
    connected = np.asarray(labels == labels[0, 0, 0])
    return connected[1:-1, 1:-1, 1:-1]


def _rigid_weight(ct: Volume, body: np.ndarray) -> np.ndarray | None:
    """1 in bone and in what bone encloses, less with the distance; None without bone.

    A brain moves with its skull: what a bone surrounds in any plane of the array counts as bone.
    """
    bone = (ct.array > _BONE_HU) & body
    if not bone.any():
        return None
    framed = np.pad(bone, 3)
    closed = ndimage.binary_closing(framed, iterations=_CLOSING)
    filled = filled_in_planes(closed)
    enclosed = filled[3:-3, 3:-3, 3:-3]
    soft = ~(enclosed | bone)
    distance = ndimage.distance_transform_edt(soft, sampling=ct.grid.spacing)
    reaches = distance / _BONE_REACH_MM
    near = np.exp(-0.5 * reaches**2)
    weight = _FAR_FROM_BONE + (1 - _FAR_FROM_BONE) * near
    return np.asarray(weight, dtype=np.float32)
