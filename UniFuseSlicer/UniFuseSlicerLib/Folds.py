"""Derivatives of x → x + u(x) on its voxels: the local volume ratio, and the cells that fold."""

from __future__ import annotations

import numpy as np

from .Images import Image

_ROWS = 16  # at a time: bounds memory, and repeats little work at the seams
_CORNERS = tuple((i, j, k) for i in (0, 1) for j in (0, 1) for k in (0, 1))


def determinant(field: Image) -> np.ndarray:
    """det ∂(x + u)/∂x by central differences (one-sided at the border), `(k, j, i)` float32.

    As `UniFuseLib.apply.regional.determinant_of` computes it.

    Args:
        field: `array` `(k, j, i, 3)` RAS mm, at least two voxels per axis.
    """
    found = np.empty(field.array.shape[:3], np.float32)
    depth = len(found)
    for first in range(0, depth, _ROWS):
        end = min(first + _ROWS, depth)
        start = max(min(first - 1, depth - 2), 0)
        flow = _flow(field, slice(start, min(end + 1, depth)))
        rows = slice(first - start, end - start)
        columns = [np.gradient(flow, axis=axis)[rows] for axis in range(3)]
        found[first:end] = _determinant(*(np.moveaxis(column, -1, 0) for column in columns))
    return found


def foldedCells(field: Image) -> tuple[np.ndarray, float]:
    """Cells between eight voxels that x → x + u(x) turns inside out at one of their corners.

    Args:
        field: `array` `(k, j, i, 3)` RAS mm.

    Returns:
        Moved centres `(m, 3)` RAS mm, and the largest distance of a moved corner from its centre,
        mm (0 without folds). Differences are taken inside the cell (Liu et al. 2022,
        arXiv:2212.06060).
    """
    cells = [first for k in range(field.array.shape[0] - 1) for first in _foldedIn(field, k)]
    if not cells:
        return np.empty((0, 3)), 0.0
    first = np.array(cells)
    corners = np.stack([_moved(field, first + np.array(corner)) for corner in _CORNERS])
    centres = corners.mean(axis=0)
    return centres, float(np.linalg.norm(corners - centres, axis=-1).max())


def _flow(field: Image, rows: slice) -> np.ndarray:
    """Displacement in voxels, components in array order (k, j, i)."""
    toVoxels = np.linalg.inv(field.ijkToRas[:3, :3]).astype(np.float32)
    return (field.array[rows] @ toVoxels.T)[..., ::-1]


def _foldedIn(field: Image, k: int) -> np.ndarray:
    """`(m, 3)` first corners (k, j, i) of the folded cells between the rows k and k + 1."""
    flow = _flow(field, slice(k, k + 2))
    steps = [np.diff(flow, axis=axis) for axis in range(3)]
    if all(_isDominant(step, axis) for axis, step in enumerate(steps)):
        return np.empty((0, 3), int)
    shape = tuple(n - 1 for n in flow.shape[:3])
    folded = np.zeros(shape, dtype=bool)
    for a, b, c in _CORNERS:
        edges = (
            _edges(steps[0], (0, b, c), shape),
            _edges(steps[1], (a, 0, c), shape),
            _edges(steps[2], (a, b, 0), shape),
        )
        folded |= _determinant(*edges) <= 0
    return np.argwhere(folded) + np.array([k, 0, 0])


def _isDominant(step: np.ndarray, axis: int) -> bool:
    """All columns of I + ∂flow dominated by their diagonal: no determinant can be ≤ 0."""
    others = np.abs(step).sum(axis=-1) - np.abs(step[..., axis])
    return bool((1 + step[..., axis] > others).all())


def _edges(step: np.ndarray, first: tuple[int, int, int], shape: tuple[int, ...]) -> np.ndarray:
    """One edge of every cell, `(3, k, j, i)`."""
    cells = tuple(slice(start, start + n) for start, n in zip(first, shape, strict=True))
    return np.moveaxis(step[cells], -1, 0)


def _determinant(alongK: np.ndarray, alongJ: np.ndarray, alongI: np.ndarray) -> np.ndarray:
    """det(I + [∂k ∂j ∂i]); each column `(3, …)` holds the components (k, j, i) in voxels."""
    (kk, jk, ik), (kj, jj, ij), (ki, ji, ii) = alongK, alongJ, alongI
    kk, jj, ii = kk + 1, jj + 1, ii + 1
    byK = kk * (jj * ii - ji * ij)
    byJ = kj * (jk * ii - ji * ik)
    byI = ki * (jk * ij - jj * ik)
    return byK - byJ + byI


def _moved(field: Image, index: np.ndarray) -> np.ndarray:
    """x + u(x) of voxels (k, j, i), `(n, 3)` RAS mm."""
    places = index[:, ::-1] @ field.ijkToRas[:3, :3].T + field.ijkToRas[:3, 3]
    return places + field.array[tuple(index.T)]
