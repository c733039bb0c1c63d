"""The motion of the body as a whole in a deformation, so that it can be taken off.

`unifuse fuse` reports it (`rigid_part`, see UniFuseLib/spatial/rigid.py); for results of before it
is fitted here, to fewer voxels.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from .CoarseField import CoarseField, coarseField
from .Ownership import DEGRADED_ROLE, REFERENCE_ROLE
from .Results import DEFORMATION_ROLE, reportOf


class RigidPart(NamedTuple):
    """B, and what is left without it.

    Attributes:
        matrix: B, `(4, 4)` RAS mm of the reference → RAS mm of the degraded volume.
        restMaximum: mm, largest displacement in the body without B.
    """

    matrix: np.ndarray
    restMaximum: float


def rigidPartOf(fused: Any) -> RigidPart:
    """
    Args:
        fused: fused volume of a result.
    """
    reported = reportOf(fused).get("rigid_part")
    if reported:
        return _asReported(reported)
    reference, degraded = (fused.GetNodeReference(role) for role in (REFERENCE_ROLE, DEGRADED_ROLE))
    field = coarseField(fused.GetNodeReference(DEFORMATION_ROLE), reference, degraded)
    return fittedPart(field)


def fittedPart(field: CoarseField) -> RigidPart:
    """The rotation and shift with the least squares (Kabsch 1976, doi 10.1107/S0567739476001873).

    Args:
        field: with its body; all voxels count where that is empty.
    """
    judged = field.shown if field.shown.any() else np.ones_like(field.shown)
    points = field.places[judged]
    images = points + field.displacement[judged]
    centre, image = points.mean(axis=0), images.mean(axis=0)
    left, _, right = np.linalg.svd((images - image).T @ (points - centre))
    signs = np.array([1.0, 1.0, np.sign(np.linalg.det(left @ right))])
    matrix = np.eye(4)
    matrix[:3, :3] = (left * signs) @ right
    matrix[:3, 3] = image - matrix[:3, :3] @ centre
    rest = np.linalg.norm(images - moved(matrix, points), axis=1)
    return RigidPart(matrix, float(rest.max()))


def moved(matrix: np.ndarray, points: np.ndarray) -> np.ndarray:
    """B p.

    Args:
        matrix: B, `(4, 4)`.
        points: `(…, 3)` mm.
    """
    return np.asarray(points @ matrix[:3, :3].T + matrix[:3, 3])


def lengths(field: CoarseField, rigid: np.ndarray | None) -> np.ndarray:
    """|T(X) − X|, or |B⁻¹ T(X) − X| = |T(X) − B X|, `(k, j, i)` mm.

    Args:
        field: T(X) = X + u(X).
        rigid: B, `(4, 4)` RAS mm, the motion to take off; None: none.
    """
    if rigid is None:
        return np.asarray(np.linalg.norm(field.displacement, axis=-1))
    placed = moved(rigid, field.places)
    return np.asarray(np.linalg.norm(field.places + field.displacement - placed, axis=-1))


def _asReported(reported: Mapping[str, Any]) -> RigidPart:
    return RigidPart(np.array(reported["matrix_ras"]), float(reported["deformed_mm"]["max"]))
