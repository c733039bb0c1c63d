"""How far apart several motions send a place: one quadratic form for the whole space."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from UniFuseLib.spatial.volume import Grid


class Spread(NamedTuple):
    """s²(X) = (X, 1)ᵀ Q (X, 1): mean square distance of where other motions send X, mm².

    All motions are affine, so s² is a quadratic form of the place, whatever their number.
    """

    form: np.ndarray  # Q (4, 4), symmetric

    def at(self, points: np.ndarray) -> np.ndarray:
        """s, `(n,)` mm.

        Args:
            points: X, `(n, 3)` RAS mm.
        """
        places = np.column_stack([points, np.ones(len(points))])
        square = np.einsum("na,ab,nb->n", places, self.form, places)
        return _root(square)

    def on(self, grid: Grid) -> np.ndarray:
        """s at every voxel, `(d, h, w)` float32 mm.

        Args:
            grid: of the result.
        """
        q = grid.affine.T @ self.form @ grid.affine  # of the index (d, h, w, 1)
        d, h, w = np.ogrid[tuple(slice(n) for n in grid.shape)]
        along_d = q[0, 0] * d**2 + 2 * q[0, 3] * d + q[3, 3]
        along_h = q[1, 1] * h**2 + 2 * q[1, 3] * h
        along_w = q[2, 2] * w**2 + 2 * q[2, 3] * w
        mixed = 2 * (q[0, 1] * d * h + q[0, 2] * d * w + q[1, 2] * h * w)
        return _root(mixed + (along_d + (along_h + along_w))).astype(np.float32)

    def with_turns(self, points: np.ndarray, share: float) -> Spread:
        """s² + share² · mean s² · |X - c|² / mean |X - c|²: turns about the centre c of the points.

        A few motions show a few directions; a turn that none of them shows is as likely.

        Args:
            points: `(n, 3)` RAS mm of the body.
            share: of the spread's root mean square.
        """
        centre = points.mean(axis=0)
        from_centre = np.eye(4)  # |X - c|² = (X, 1)ᵀ M (X, 1)
        from_centre[:3, 3] = from_centre[3, :3] = -centre
        from_centre[3, 3] = centre @ centre
        mean_square = float((self.at(points) ** 2).mean())
        distance_square = float(((points - centre) ** 2).sum(axis=1).mean())
        return Spread(self.form + share**2 * mean_square / distance_square * from_centre)


def spread_of(followed: np.ndarray, others: Sequence[np.ndarray]) -> Spread:
    """s²(X) = mean over k of |M_k X - B X|².

    Args:
        followed: B, `(4, 4)` RAS mm.
        others: M_k, `(4, 4)` RAS mm each, at least one.
    """
    differences = np.stack([other[:3] - followed[:3] for other in others])
    return Spread(np.einsum("kia,kib->ab", differences, differences) / len(others))


def _root(square: np.ndarray) -> np.ndarray:
    """√, of what may lie below 0 by the last bit."""
    return np.asarray(np.sqrt(np.maximum(square, 0.0)))
