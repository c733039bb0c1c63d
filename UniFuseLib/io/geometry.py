"""What a file of points or of a surface holds: places in RAS mm, and the file again with others."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

Space = Literal["LPS", "RAS"]
_SIGNS = {"LPS": np.array([-1.0, -1.0, 1.0]), "RAS": np.ones(3)}


@dataclass(frozen=True)
class GeometryFile:
    """One file.

    Attributes:
        points: `(n, 3)` RAS mm.
        name: of point number i, as messages call it.
        space: of the coordinates in the file, stated by it or assumed.
        rebuild: (points, normals) in the file's own space → the bytes of the file with these.
        normals: `(n, 3)` RAS unit vectors of the points, or None where the file has none.
    """

    points: np.ndarray
    name: Callable[[int], str]
    space: Space
    rebuild: Callable[[np.ndarray, np.ndarray | None], bytes]
    normals: np.ndarray | None = None

    def with_points(self, points: np.ndarray, normals: np.ndarray | None = None) -> bytes:
        """The file with other places.

        Args:
            points: `(n, 3)` RAS mm.
            normals: `(n, 3)` RAS, where the file has some.
        """
        signs = _SIGNS[self.space]
        return self.rebuild(points * signs, None if normals is None else normals * signs)


def in_ras(values: np.ndarray, space: Space) -> np.ndarray:
    """`(n, 3)` of a file → RAS mm.

    Args:
        values: `(n, 3)` mm.
        space: of the file.
    """
    return np.asarray(values, dtype=np.float64).reshape(-1, 3) * _SIGNS[space]


def stated_space(text: str, otherwise: Space) -> Space:
    """`SPACE=LPS` or `SPACE=RAS` of a model's header, as 3D Slicer writes it.

    Args:
        text: header or comment.
        otherwise: where it states none.
    """
    upper = text.upper()
    if "SPACE=RAS" in upper:
        return "RAS"
    return "LPS" if "SPACE=LPS" in upper else otherwise
