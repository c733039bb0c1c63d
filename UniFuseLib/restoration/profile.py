"""What the statistics of all voxels of a scan say of the scan: how far ghosts reach into the body.

Each statistic's root mean square and standard deviation over the body, in logarithms. What one
scan alone shows is not told from its anatomy; what its reference leaves unexplained is.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor

if TYPE_CHECKING:
    from UniFuseLib.severity.head import Traces

_LEAST = 1e-4  # network intensity; keeps logarithms finite


class Profile:
    """Sums over the voxels that were seen; none yet."""

    def __init__(self) -> None:
        self._count = 0
        self._sum = self._squares = torch.zeros(())

    def see(self, known: Tensor) -> None:
        """Add voxels.

        Args:
            known: `(n, inputs)` statistics, the same inputs every time.
        """
        wide = known.double()  # float32 squares of one number for all voxels have a deviation
        total, squares = wide.sum(0), wide.square().sum(0)
        self._sum, self._squares = self._sum + total, self._squares + squares
        self._count += len(known)

    def traces(self) -> Traces | None:
        """`rms_00`, `deviation_00`, …, by the number of the statistic; None of no voxel."""
        if not self._count:
            return None
        square = self._squares / self._count
        variance = (square - (self._sum / self._count).square()).clamp(min=0)
        of_kind = {"rms": square.sqrt(), "deviation": variance.sqrt()}
        return {
            f"{kind}_{number:02d}": value
            for kind, values in of_kind.items()
            for number, value in enumerate(torch.log(values + _LEAST).tolist())
        }
