"""How far the variations of a registration part from the result: evidence, and a map's shape."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import torch

from UniFuseLib.spatial.rigid import nearest_rigid
from UniFuseLib.verdict.ensemble import finer_stretch, other_poses
from UniFuseLib.verdict.field import images_of
from UniFuseLib.verdict.spread import Spread, spread_of
from UniFuseLib.verdict.stretch import Stretch, stretch_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import Tensor

    from UniFuseLib.preprocessing.prepare import PreparedPair
    from UniFuseLib.preprocessing.working_pair import WorkingPair

_POINTS = 2000


class Parting(NamedTuple):
    """Of all variations from the rigid motion that is nearest to the result."""

    spread: Spread
    points: np.ndarray  # (n, 3) RAS mm of the body that is judged
    stretch: Stretch
    finer: Stretch | None = None  # at the finest spacing, of a CT and an MR that are no slabs

    def stretch_doubts(self, modalities: tuple[str, str]) -> tuple[str, ...]:
        """A sentence where one of both is clear; empty else.

        Args:
            modalities: (of the degraded volume, of the reference).
        """
        doubts = self.stretch.doubts(modalities)
        return doubts if doubts or self.finer is None else self.finer.finest_doubts()

    @property
    def mean_mm(self) -> float:
        """Root mean square distance inside the body."""
        return float(np.sqrt((self.spread.at(self.points) ** 2).mean()))


def parting_of(
    pair: PreparedPair,
    working: WorkingPair,
    flow: Tensor,
    progress: Callable[[float], None] = lambda _: None,
) -> Parting:
    """Register again, with one thing changed each time (`ensemble.py`).

    Args:
        pair: the checked inputs.
        working: both on the working grid.
        flow: φ `(1, 3, d, h, w)` voxels, that the result follows.
        progress: called with the fraction done (0 to 1); may raise to stop.
    """
    degraded, reference = pair.degraded.side, pair.reference.side
    points = _points(working)
    if len(points) < 4:  # no motion is determined
        points = reference.points(_POINTS)
    images = images_of(points, working.alignment.matrix, flow.float().cpu(), working.grid)
    followed = nearest_rigid(points, images)
    with torch.no_grad():
        others = other_poses(degraded, reference, followed, progress)
        most = max(others, key=lambda other: other.stretch_gain)
        finer = None
        if set(pair.modalities) == {"ct", "mr"}:
            finer = finer_stretch(degraded, reference, followed, most)
    spread = spread_of(followed, [other.matrix for other in others])
    return Parting(spread, points, stretch_of(most), finer and stretch_of(finer))


def _points(working: WorkingPair) -> np.ndarray:
    """`(n, 3)` RAS mm of voxels that are judged, evenly thinned."""
    index = torch.nonzero(working.mask[0, 0])
    thinned = index[:: max(1, len(index) // _POINTS)].double().numpy()
    return thinned @ working.grid.linear.T + working.grid.origin
