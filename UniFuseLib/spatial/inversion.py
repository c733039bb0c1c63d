"""Y ↦ X with X + u(X) = Y: the inverse of a displacement field, point by point.

A fixed-point iteration, preconditioned by the affine part of the field, finds nearly all points; a
damped Newton iteration finds those in places of strong deformation. Where the field folds, a point
has several X or none: it has no inverse, and this is said of it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Protocol

import numpy as np
from scipy.spatial import cKDTree

if TYPE_CHECKING:
    from UniFuseLib.spatial.field import DisplacementField

TOLERANCE_MM = 1e-3  # of X + u(X) - Y: a hundredth of the 0.1 mm that a round trip may miss
_FIXED_POINT_STEPS = 20  # where the deformation differs by half from its affine part: 5 mm → 5 nm
_NEWTON_STEPS = 40  # halvings of a step included
_LEAST_DETERMINANT = 1e-3  # of the affine part, below which a shift alone starts the iteration
_SAME_MM = 0.05  # two solutions that are nearer than this are one
_STARTS = 4  # folded cells from which another solution is looked for
_BLOCK_POINTS = 1 << 20


class Map(Protocol):
    """X ↦ Y with its derivative."""

    def moved(self, points: np.ndarray) -> np.ndarray:
        """Y of X, both `(n, 3)` RAS mm."""

    def jacobian(self, points: np.ndarray) -> np.ndarray:
        """∂Y/∂X `(n, 3, 3)`."""


class Inverted(NamedTuple):
    """What `invert` found."""

    points: np.ndarray  # X (n, 3) RAS mm; NaN where there is no inverse
    exists: np.ndarray  # (n,) bool: there is one X


def invert(field: DisplacementField, points: np.ndarray) -> Inverted:
    """X with X + u(X) = Y, to `TOLERANCE_MM`.

    A place inside the grid is preferred to one beyond it.

    Args:
        field: X ↦ X + u(X).
        points: Y `(n, 3)` RAS mm.
    """
    points = np.asarray(points, dtype=np.float64)
    found = np.full_like(points, np.nan)
    exists = np.zeros(len(points), dtype=bool)
    for start in range(0, len(points), _BLOCK_POINTS):
        rows = slice(start, start + _BLOCK_POINTS)
        found[rows], exists[rows] = _invert_block(field, points[rows])
    found[~exists] = np.nan
    return Inverted(found, exists)


class _Continued:
    """The field with its affine part going on beyond the grid: X + u(B) + (A - 1)(X - B).

    B is the nearest place of the grid. A turn whose border is only repeated maps places beyond the
    grid onto those inside; this does not, so what is inside is found there.
    """

    def __init__(self, field: DisplacementField, affine: np.ndarray) -> None:
        self._field, self._turn = field, affine[:3, :3] - np.eye(3)

    def moved(self, points: np.ndarray) -> np.ndarray:
        beyond = points - self._field.nearest(points)
        return self._field.moved(points) + beyond @ self._turn.T

    def jacobian(self, points: np.ndarray) -> np.ndarray:
        return self._field.jacobian(points) + self._turn @ self._field.beyond_projection(points)


def _invert_block(field: DisplacementField, targets: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    affine = _start(field.affine)
    continued = _Continued(field, affine)
    first = (targets - affine[:3, 3]) @ np.linalg.inv(affine[:3, :3]).T
    found, solved = _fixed_point(continued, targets, first, affine[:3, :3])
    left = np.flatnonzero(~solved)
    found[left], solved[left] = _newton(continued, targets[left], found[left])
    left = np.flatnonzero((found != field.nearest(found)).any(axis=1))
    found[left], solved[left] = _newton(field, targets[left], found[left])
    folded = _ambiguous(field, targets, found, solved)
    return found, solved & ~folded


def _start(affine: np.ndarray) -> np.ndarray:
    """The affine part of the field, or its shift alone where that part is not a motion."""
    if np.linalg.det(affine[:3, :3]) > _LEAST_DETERMINANT:
        return affine
    shift = np.eye(4)
    shift[:3, 3] = affine[:3, 3]
    return shift


def _fixed_point(
    field: Map, targets: np.ndarray, first: np.ndarray, linear: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """X ← X - A⁻¹ (X + u(X) - Y); the points that did not get there keep where they came."""
    back = np.linalg.inv(linear).T
    found = first.copy()
    solved = np.zeros(len(targets), dtype=bool)
    active = np.arange(len(targets))
    for _ in range(_FIXED_POINT_STEPS):
        residual = field.moved(found[active]) - targets[active]
        done = np.linalg.norm(residual, axis=1) < TOLERANCE_MM
        solved[active[done]] = True
        active, residual = active[~done], residual[~done]
        if not len(active):
            break
        found[active] -= residual @ back
    return found, solved


def _newton(field: Map, targets: np.ndarray, first: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """X ← X - λ J⁻¹ (X + u(X) - Y); λ is halved until the residual falls."""
    found = first.copy()
    residual = field.moved(found) - targets
    size = np.linalg.norm(residual, axis=1)
    damping = np.ones(len(targets))
    for _ in range(_NEWTON_STEPS):
        active = np.flatnonzero(size >= TOLERANCE_MM)
        if not len(active):
            break
        step = _solve(field.jacobian(found[active]), residual[active])
        tried = found[active] - damping[active, None] * step
        new = field.moved(tried) - targets[active]
        smaller = np.linalg.norm(new, axis=1) < size[active]
        better = active[smaller]
        found[better], residual[better] = tried[smaller], new[smaller]
        size[better] = np.linalg.norm(new[smaller], axis=1)
        damping[active] = np.where(smaller, np.minimum(1, 2 * damping[active]), damping[active] / 2)
    return found, size < TOLERANCE_MM


def _solve(jacobian: np.ndarray, residual: np.ndarray) -> np.ndarray:
    """J⁻¹ r; where J has no inverse, r itself."""
    singular = np.abs(np.linalg.det(jacobian)) < 1e-9
    matrix = np.where(singular[:, None, None], np.eye(3), jacobian)
    return np.linalg.solve(matrix, residual[..., None])[..., 0]


def _ambiguous(
    field: DisplacementField, targets: np.ndarray, found: np.ndarray, solved: np.ndarray
) -> np.ndarray:
    """`(n,)` bool: points with another solution.

    Of a field that is a bijection elsewhere, one solution of such a point lies in a folded cell, so
    it is enough to start from those cells.
    """
    several = np.zeros(len(targets), dtype=bool)
    cells = field.folded
    if not len(cells.centres):
        return several
    tree = cKDTree(field.moved(cells.centres))
    distance, nearest = tree.query(targets, k=min(_STARTS, len(cells.centres)))
    distance, nearest = distance.reshape(len(targets), -1), nearest.reshape(len(targets), -1)
    for column in range(nearest.shape[1]):
        near = np.flatnonzero(solved & ~several & (distance[:, column] <= cells.radius_mm))
        other, there = _newton(field, targets[near], cells.centres[nearest[near, column]])
        apart = np.linalg.norm(other - found[near], axis=1) > _SAME_MM
        several[near] = there & apart
    near = np.flatnonzero(solved & (distance[:, 0] <= cells.radius_mm))
    several[near] |= np.linalg.det(field.jacobian(found[near])) <= 0
    return several
