"""Twelve numbers in millimetres for an affine: translation, rotation, stretch, shear."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from scipy.linalg import expm, logm

RIGID, AFFINE = 6, 12  # free generators, in the order of `BASIS`


class Frame(NamedTuple):
    """Where an affine's parameters are measured: X = centre + radius · h."""

    centre: np.ndarray  # (3,) RAS mm
    radius: float  # mm: a turn or stretch of 1 / radius moves the body's edge by about 1 mm


def _basis() -> np.ndarray:
    """`(12, 12)`; columns: translation, rotation, stretch, shear along or about R, A, S; rows: a
    (3, 4) matrix.
    """
    columns = np.zeros((12, 3, 4))
    for n, (i, j) in enumerate(((1, 2), (2, 0), (0, 1))):
        columns[n, n, 3] = 1
        columns[3 + n, [i, j], [j, i]] = -1, 1
        columns[6 + n, n, n] = 1
        columns[9 + n, [i, j], [j, i]] = 1
    return columns.reshape(12, 12).T


BASIS = _basis()


def body_frame(points: np.ndarray) -> Frame:
    """Centre and radius of a body.

    Args:
        points: `(n, 3)` RAS mm inside it.
    """
    centre = points.mean(axis=0)
    deviation = float(np.sqrt(((points - centre) ** 2).sum(axis=1).mean() / 3))
    return Frame(centre, max(1.5 * deviation, 1.0))


def matrix_of(parameters: np.ndarray, frame: Frame) -> np.ndarray:
    """A = centre + exp(Σ_k p_k G_k) (X - centre).

    Args:
        parameters: `(6,)` or `(12,)` mm; six are a rigid motion.
        frame: of the parameters.

    Returns:
        `(4, 4)` RAS mm.
    """
    generator = np.zeros((4, 4))
    generator[:3] = (BASIS[:, : len(parameters)] @ parameters).reshape(3, 4)
    generator[:3, :3] /= frame.radius
    return _about(frame, expm(generator))


def parameters_of(matrix: np.ndarray, frame: Frame) -> np.ndarray:
    """Inverse of `matrix_of`, `(12,)` mm; of turns by less than 180°.

    Args:
        matrix: `(4, 4)` RAS mm.
        frame: of the parameters.
    """
    back = Frame(-frame.centre, frame.radius)
    generator = np.real(logm(_about(back, matrix)))[:3].copy()
    generator[:, :3] *= frame.radius
    return np.linalg.solve(BASIS, generator.ravel())


def rigid_matrix(rotation: np.ndarray, centre: np.ndarray, image: np.ndarray) -> np.ndarray:
    """X → image + R (X - centre), `(4, 4)` RAS mm.

    Args:
        rotation: `(3, 3)`.
        centre: `(3,)` RAS mm, the point that is turned about.
        image: `(3,)` RAS mm, where it goes.
    """
    out = np.eye(4)
    out[:3, :3] = rotation
    out[:3, 3] = image - rotation @ centre
    return out


def distance_mm(one: np.ndarray, other: np.ndarray, points: np.ndarray) -> float:
    """Mean |one X - other X|, mm.

    Args:
        one: `(4, 4)` RAS mm.
        other: `(4, 4)` RAS mm.
        points: `(n, 3)` RAS mm.
    """
    difference = one - other
    moved = points @ difference[:3, :3].T + difference[:3, 3]
    return float(np.linalg.norm(moved, axis=1).mean())


def rotation_degrees(matrix: np.ndarray) -> float:
    """Angle of the nearest rotation, 0 to 180°.

    Args:
        matrix: `(4, 4)` RAS mm, without a reflection.
    """
    left, _, right = np.linalg.svd(matrix[:3, :3])
    cosine = (np.trace(left @ right) - 1) / 2
    return float(np.rad2deg(np.arccos(np.clip(cosine, -1, 1))))


def _about(frame: Frame, matrix: np.ndarray) -> np.ndarray:
    """X → centre + M (X - centre), M affine."""
    out = np.eye(4)
    out[:3, :3] = matrix[:3, :3]
    out[:3, 3] = frame.centre + matrix[:3, 3] - matrix[:3, :3] @ frame.centre
    return out
