"""Whether the volumes would agree better if one of them had another size: no patient changes so.

A wrong voxel size, a lost gantry tilt and another patient's head are no rigid motion. Where twelve
parameters raise the agreement far beyond the best rigid pose, one of them is likely, however well
the volumes fit.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from UniFuseLib.registration.affine import STRETCH_TO_TELL

if TYPE_CHECKING:
    from UniFuseLib.verdict.ensemble import End

# Of the score. 77 good results of 37 patients gain at most 0.12 where both are MR (bent by several
# mm), else 0.21 (a head whose voxel size is assumed, bent); the next ones 0.05 and 0.18
_LEAST_GAIN_ALIKE, _LEAST_GAIN = 0.15, 0.25
# The same at the finest spacing, of a CT and an MR: slices that are too thick in the header cost
# next to no score there, for a pose counts by how much of the bones it covers, and 3.9 % were found
# of 10 at 5 mm. (percent, gain): five heads with true voxel sizes stay below one of each, their
# heads with one side 10 % off reach both of one in 53 of 60 cases (docs/results/robustness.md)
_CLEAR = ((7.0, 0.04), (5.0, 0.2))
_ALONG = ("from side to side", "from front to back", "from head to foot")  # R, A, S


class Stretch(NamedTuple):
    """The largest stretch of the motion of twelve parameters."""

    gain: float  # of the score beyond the best rigid motion
    percent: float  # of the degraded volume against the reference, either sign
    axis: int  # of the patient that it lies closest to: R, A, S

    def doubts(self, modalities: tuple[str, str]) -> tuple[str, ...]:
        """A sentence where it is clear; empty else.

        Args:
            modalities: (of the degraded volume, of the reference).
        """
        least = _LEAST_GAIN_ALIKE if modalities[0] == modalities[1] else _LEAST_GAIN
        return self._said() if self._reaches(STRETCH_TO_TELL, least) else ()

    def finest_doubts(self) -> tuple[str, ...]:
        """The same at the finest spacing, where the percent of a CT and an MR can be believed."""
        return self._said() if any(self._reaches(*least) for least in _CLEAR) else ()

    def _reaches(self, percent: float, gain: float) -> bool:
        return abs(self.percent) > percent and self.gain >= gain

    def _said(self) -> tuple[str, ...]:
        size = "larger" if self.percent > 0 else "smaller"
        return (
            f"The volumes agree {100 * self.gain:.0f} % better if the degraded one is taken to be "
            f"{abs(self.percent):.0f} % {size} {_ALONG[self.axis]}: check the voxel sizes and the "
            "gantry tilt in both headers, and that both show the same patient.",
        )


def stretch_of(end: End) -> Stretch:
    """Of the motion with the most to gain.

    Args:
        end: of a variation.
    """
    _, stretches, directions = np.linalg.svd(end.matrix[:3, :3])
    largest = int(np.abs(np.log(np.maximum(stretches, 1e-6))).argmax())
    axis = int(np.abs(directions[largest]).argmax())
    return Stretch(end.stretch_gain, float(100 * (stretches[largest] - 1)), axis)
