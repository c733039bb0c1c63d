"""Twelve numbers in millimetres for an affine: translation, rotation, stretch, shear."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from scipy.linalg import expm, logm

RIGID, AFFINE = 6, 12  # free generators, in the order of `BASIS`


class BodyFrame(NamedTuple):
    """Where an affine's parameters are measured: X = centre + radius · h."""

    centre: np.ndarray  # (3,) RAS mm
    radius: float  # mm: a turn or stretch of 1 / radius moves the body's edge by about 1 mm


def _basis() -> np.ndarray:
    """`(12, 12)`; columns: translation, rotation, stretch, shear along or about R, A, S; rows: a
    (3, 4) matrix.
    """
    columns = np.zeros((12, 3, 4))
    planes = ((1, 2), (2, 0), (0, 1))  # what turns about R, A, S
    for n, (i, j) in enumerate(planes):
        translation, rotation, stretch, shear = columns[n::3]
        translation[n, 3] = 1
        rotation[i, j] = -1
        rotation[j, i] = 1
        stretch[n, n] = 1
        shear[i, j] = 1
        shear[j, i] = 1
    return columns.reshape(12, 12).T


BASIS = _basis()


def body_frame(points: np.ndarray) -> BodyFrame:
    """Centre and radius of a body.

    Args:
        points: `(n, 3)` RAS mm inside it.
    """
    centre = points.mean(axis=0)
    distance = points - centre
    squared_distance = (distance**2).sum(axis=1)
    variance = squared_distance.mean() / 3  # along one axis
    deviation = float(np.sqrt(variance))
    radius = max(1.5 * deviation, 1.0)
    return BodyFrame(centre, radius)


def matrix_of(parameters: np.ndarray, frame: BodyFrame) -> np.ndarray:
    """A = centre + exp(Σ_k p_k G_k) (X - centre).

    Args:
        parameters: `(6,)` or `(12,)` mm; six are a rigid motion.
        frame: of the parameters.

    Returns:
        `(4, 4)` RAS mm.
    """
    basis = BASIS[:, : len(parameters)]
    rows = (basis @ parameters).reshape(3, 4)
    generator = np.zeros((4, 4))
    generator[:3] = rows
    generator[:3, :3] /= frame.radius
    motion = expm(generator)
    return _about(frame, motion)


def parameters_of(matrix: np.ndarray, frame: BodyFrame) -> np.ndarray:
    """Inverse of `matrix_of`, `(12,)` mm; of turns by less than 180°.

    Args:
        matrix: `(4, 4)` RAS mm.
        frame: of the parameters.
    """
    back = BodyFrame(-frame.centre, frame.radius)
    centred = _about(back, matrix)
    logarithm = logm(centred)
    generator = np.real(logarithm)[:3].copy()
    generator[:, :3] *= frame.radius
    entries = generator.ravel()
    return np.linalg.solve(BASIS, entries)


def rigid_matrix(rotation: np.ndarray, centre: np.ndarray, image: np.ndarray) -> np.ndarray:
    """X → image + R (X - centre), `(4, 4)` RAS mm.

    Args:
        rotation: `(3, 3)`.
        centre: `(3,)` RAS mm, the point that is turned about.
        image: `(3,)` RAS mm, where it goes.
    """
    turned_centre = rotation @ centre
    translation = image - turned_centre
    return _joined(rotation, translation)


def distance_mm(one: np.ndarray, other: np.ndarray, points: np.ndarray) -> float:
    """Mean |one X - other X|, mm.

    Args:
        one: `(4, 4)` RAS mm.
        other: `(4, 4)` RAS mm.
        points: `(n, 3)` RAS mm.
    """
    difference = one - other
    linear, translation = _parts(difference)
    apart = points @ linear.T + translation
    distance = np.linalg.norm(apart, axis=1)
    return float(distance.mean())


def rotation_degrees(matrix: np.ndarray) -> float:
    """Angle of the nearest rotation, 0 to 180°.

    Args:
        matrix: `(4, 4)` RAS mm, without a reflection.
    """
    linear, _ = _parts(matrix)
    left, _, right = np.linalg.svd(linear)
    rotation = left @ right
    trace = np.trace(rotation)
    cosine = (trace - 1) / 2
    rounded = np.clip(cosine, -1, 1)  # may lie beyond by the last bit
    angle = np.arccos(rounded)
    return float(np.rad2deg(angle))


def _about(frame: BodyFrame, matrix: np.ndarray) -> np.ndarray:
    """X → centre + M (X - centre), M affine."""
    centre = frame.centre
    linear, translation = _parts(matrix)
    turned_centre = linear @ centre
    return _joined(linear, centre + translation - turned_centre)


def _parts(matrix: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Linear part `(3, 3)` and translation `(3,)`."""
    linear = matrix[:3, :3]
    translation = matrix[:3, 3]
    return linear, translation


def _joined(linear: np.ndarray, translation: np.ndarray) -> np.ndarray:
    """Inverse of `_parts`, `(4, 4)`."""
    matrix = np.eye(4)
    matrix[:3, :3] = linear
    matrix[:3, 3] = translation
    return matrix
