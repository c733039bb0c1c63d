"""Linear maps between the places of two scans, `(4, 4)` RAS mm."""

from __future__ import annotations

import numpy as np

from UniFuseLib.errors import InputError

_LEAST_DETERMINANT = 1e-3  # a motion of a patient has 1, one that is near 0 has no inverse


def mapped(matrix: np.ndarray, points: np.ndarray) -> np.ndarray:
    """A X, `(..., 3)`.

    Args:
        matrix: A `(4, 4)`.
        points: X `(..., 3)`.
    """
    return np.asarray(points @ matrix[:3, :3].T + matrix[:3, 3])


def cross_matrix(vector: np.ndarray) -> np.ndarray:
    """[v]× `(3, 3)`: [v]× x = v × x; exp([v]×) turns about v by |v| radians.

    Args:
        vector: `(3,)`.
    """
    x, y, z = vector
    return np.array([[0, -z, y], [z, 0, -x], [-y, x, 0]])


def check_motion(matrix: np.ndarray, name: str) -> None:
    """A matrix that can say where a scan of a patient lies.

    Args:
        matrix: `(4, 4)` mm.
        name: how the sentence calls it.

    Raises:
        InputError: of another shape, without an inverse, or a reflection.
    """
    whole = matrix.shape == (4, 4) and bool(np.isfinite(matrix).all())
    if not whole or not np.allclose(matrix[3], (0, 0, 0, 1)):
        raise InputError(
            f"{name}: expected a 4 × 4 matrix of finite numbers whose last row is 0 0 0 1. Export "
            "the transform again."
        )
    determinant = float(np.linalg.det(matrix[:3, :3]))
    if determinant > _LEAST_DETERMINANT:
        return
    kind = "mirrors the patient" if determinant < -_LEAST_DETERMINANT else "flattens the patient"
    raise InputError(
        f"{name} {kind} (determinant {determinant:.3g}); expected a motion (near 1). Check which "
        "files it was made for."
    )
