"""One result judged from the pair itself, at 4 to 8 mm: the verdict, and what says where."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from UniFuseLib.verdict.evidence import evidence_of
from UniFuseLib.verdict.judge import Verdict, shipped_judge
from UniFuseLib.verdict.parting import Parting, parting_of
from UniFuseLib.verdict.uncertainty import uncertainty_of

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy as np
    from torch import Tensor

    from UniFuseLib.degradation import Classification
    from UniFuseLib.preprocessing.prepare import PreparedPair
    from UniFuseLib.preprocessing.working_pair import WorkingPair
    from UniFuseLib.spatial.volume import Grid


class Judged(NamedTuple):
    """How far the alignment can be trusted, and how far its variations part."""

    verdict: Verdict
    parting: Parting

    def uncertainty(self, grid: Grid, shown: np.ndarray) -> np.ndarray:
        """mm, `(d, h, w)` float32; 0 where not shown.

        Args:
            grid: of the result.
            shown: `(d, h, w)` bool.
        """
        return uncertainty_of(self.parting, self.verdict).on(grid, shown)


def judge(
    pair: PreparedPair,
    working: WorkingPair,
    flow: Tensor,
    classified: Classification,
    progress: Callable[[float], None],
) -> Judged:
    """The verdict of the release.

    Args:
        pair: the checked inputs.
        working: both on the working grid.
        flow: φ `(1, 3, d, h, w)` voxels, that the result follows.
        classified: the degradation.
        progress: called with the fraction done (0 to 1); may raise to stop.
    """
    parting = parting_of(pair, working, flow, progress)
    evidence = evidence_of(pair, working, flow, classified.probabilities, parting)
    return Judged(shipped_judge()(evidence), parting)
