"""What is done to a volume or a pose to make a case of `verdict_cases.py`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from scipy import ndimage
from scipy.spatial.transform import Rotation

from UniFuseLib.registration.affine_parameters import rigid_matrix
from UniFuseLib.simulation.degrade import apply_degradation, sample_degradation, slice_axis
from UniFuseLib.spatial.volume import Volume

if TYPE_CHECKING:
    from verdict_pairs import Draw

_DEGRADED_CLASS = {"mr": "mr_motion", "ct": "ct_metal_noise", "pet": "pet_low_dose"}


def body_points(volume: Volume, modality: str) -> np.ndarray:
    """Roughly the body, for centres and scales: brighter than air."""
    level = -300 if modality == "ct" else 0.1 * np.percentile(volume.array, 98)
    index = np.argwhere(volume.array > level)[::50]
    return index @ volume.grid.linear.T + volume.grid.origin


def rigid(draw: Draw, centre: np.ndarray, degrees: float, mm: float) -> np.ndarray:
    """A turn about any axis and a shift in any direction."""
    rng = draw.rng
    axis, shift = (v / np.linalg.norm(v) for v in rng.normal(size=(2, 3)))
    rotation = Rotation.from_rotvec(np.deg2rad(degrees) * axis).as_matrix()
    return rigid_matrix(rotation, centre, centre + mm * shift)


def deformed(draw: Draw, volume: Volume, fill: float, amplitude: float) -> tuple[Volume, Any]:
    """The volume read through a smooth displacement, and where a point went.

    out(Y) = volume(Y + u(Y)), so what lay at X lies at Y with Y + u(Y) = X.
    """
    rng = draw.rng
    corners = volume.grid.corners()
    low, high = corners.min(0) - 50, corners.max(0) + 50
    pitch = 40.0
    counts = np.ceil((high - low) / pitch).astype(int) + 3
    control = rng.normal(size=(3, *counts))
    control = np.stack([ndimage.gaussian_filter(c, 0.7) for c in control])
    control *= amplitude / np.sqrt((control**2).sum(0)).mean()

    def u(points: np.ndarray) -> np.ndarray:
        places = ((points - low) / pitch).T
        return np.stack(
            [ndimage.map_coordinates(c, places, order=2, mode="nearest") for c in control], axis=1
        )

    index = np.indices(volume.array.shape).reshape(3, -1)
    coarse = [np.linspace(0, n - 1, max(2, n // 4)) for n in volume.array.shape]
    nodes = np.stack(np.meshgrid(*coarse, indexing="ij"), -1).reshape(-1, 3)
    at_nodes = u(nodes @ volume.grid.linear.T + volume.grid.origin)
    at_nodes = at_nodes @ np.linalg.inv(volume.grid.linear).T
    shape = tuple(len(c) for c in coarse)
    scale = [(len(c) - 1) / max(n - 1, 1) for c, n in zip(coarse, volume.array.shape, strict=True)]
    small = index * np.array(scale)[:, None]
    shift = [
        ndimage.map_coordinates(at_nodes[:, k].reshape(shape), small, order=1) for k in range(3)
    ]
    array = ndimage.map_coordinates(
        volume.array.astype(np.float32), index + np.stack(shift), order=1, cval=fill
    ).reshape(volume.array.shape)

    def where(points: np.ndarray) -> np.ndarray:
        there = points.copy()
        for _ in range(15):
            there = points - u(there)
        return there

    if np.issubdtype(volume.array.dtype, np.integer):
        array = array.round()
    return Volume(array.astype(volume.array.dtype), volume.affine), where


def slab(draw: Draw, volume: Volume, share: float, axis: int | None = None) -> Volume:
    """A part of the volume along one axis."""
    axis = int(draw.rng.integers(3)) if axis is None else axis
    n = volume.array.shape[axis]
    count = max(5, round(share * n))
    first = int(draw.rng.integers(max(1, n - count + 1)))
    affine = volume.affine.copy()
    affine[:3, 3] += first * affine[:3, axis]
    return Volume(volume.array.take(range(first, min(n, first + count)), axis=axis), affine)


def thick(draw: Draw, volume: Volume) -> Volume:
    """Means over slices of about 6 mm."""
    axis = slice_axis(volume.grid)
    factor = max(2, round(6.0 / float(volume.grid.spacing[axis])))
    n = volume.array.shape[axis] // factor * factor
    moved = np.moveaxis(volume.array.astype(np.float32), axis, 0)[:n]
    mean = moved.reshape(n // factor, factor, *moved.shape[1:]).mean(1)
    affine = volume.affine.copy()
    affine[:3, 3] += (factor - 1) / 2 * affine[:3, axis]
    affine[:3, axis] *= factor
    return Volume(np.moveaxis(mean, 0, axis).round(2), affine)


def stripped(volume: Volume) -> Volume:
    """Without what lies within 14 mm of the outside; 0 there."""
    body = ndimage.gaussian_filter(volume.array.astype(np.float32), 1) > 0.1 * np.percentile(
        volume.array, 98
    )
    body = np.pad(ndimage.binary_fill_holes(ndimage.binary_closing(body, iterations=2)), 1)
    depth = ndimage.distance_transform_edt(body, sampling=volume.grid.spacing)[1:-1, 1:-1, 1:-1]
    return Volume(np.where(depth > 14, volume.array, 0), volume.affine)


def degraded_by(draw: Draw, volume: Volume, modality: str, severity: float) -> Volume:
    """The simulated degradation of its modality."""
    axis = slice_axis(volume.grid)
    spacing = tuple(float(s) for s in volume.grid.spacing)
    tensor = torch.from_numpy(volume.array.astype(np.float32))
    generator = draw.torch()
    parameters = sample_degradation(
        _DEGRADED_CLASS[modality], generator, tensor, spacing, severity, axis
    )
    array = apply_degradation(tensor, spacing, parameters, axis).numpy()
    return Volume(array, volume.affine)


def mirrored(volume: Volume) -> Volume:
    """Left and right exchanged: the array along its most lateral axis, under the same header."""
    axis = int(np.abs(volume.grid.directions[0]).argmax())
    return Volume(np.flip(volume.array, axis).copy(), volume.affine)


def fill_of(volume: Volume, modality: str) -> float:
    return -1000.0 if modality == "ct" else 0.0


def brought(volume: Volume, modality: str, centre: np.ndarray, draw: Draw) -> Volume:
    """Its middle to the reference's, as two patients in one scanner lie."""
    middle = body_points(volume, modality).mean(axis=0)
    affine = volume.affine.copy()
    affine[:3, 3] += centre - middle + draw.rng.normal(0, 8, 3)
    return Volume(volume.array, affine)


def bottle(draw: Draw, like: Volume, modality: str) -> Volume:
    """A bottle with spheres in it."""
    index = np.indices(like.array.shape).astype(np.float32)
    unit = [(i - (n - 1) / 2) / (n / 2) for i, n in zip(index, like.array.shape, strict=True)]
    values = np.where(unit[1] ** 2 + unit[2] ** 2 < 0.7, 1.0, 0.0)
    for _ in range(8):
        centre, size = draw.rng.uniform(-0.6, 0.6, 3), draw.rng.uniform(0.1, 0.25)
        distance = sum((u - c) ** 2 for u, c in zip(unit, centre, strict=True))
        values = np.where(distance < size**2, draw.rng.uniform(0.2, 2.0), values)
    noise = draw.rng.normal(0, 0.03, values.shape)
    scaled = {
        "ct": 1000 * (values + noise) - 1000,
        "pet": 5 * np.abs(values + noise),
        "mr": np.abs(500 * (values + noise)),
    }
    return Volume(scaled[modality].astype(np.float32).round(2), like.affine)
