"""From traces to one number: a linear fit for each class, stored in the contract of the weights.

value = constant + Σ_i weight_i · clip((trace_i − mean_i) / deviation_i, ±4)
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

Traces = dict[str, float]  # name → value

#: deviations beyond which a trace says no more: a scan unlike all that were fitted
LIMIT = 4.0
_ROUNDED = 1.05  # of a voxel's side


@dataclass(frozen=True)
class TraceHead:
    """The fit of one class.

    Attributes:
        traces: their names, in the order of the numbers below.
        mean: of every trace over the scans of the fit.
        deviation: likewise.
        weight: change of the value with one deviation.
        constant: value of a scan with all traces at their mean.
        voxel_mm: median side of the voxels that it was fitted to or judged on, from and to;
            None: not stated.
    """

    traces: tuple[str, ...]
    mean: tuple[float, ...]
    deviation: tuple[float, ...]
    weight: tuple[float, ...]
    constant: float
    voxel_mm: tuple[float, float] | None = None

    def __call__(self, traces: Traces) -> float:
        """The value of a scan with these traces."""
        values = np.array([traces[name] for name in self.traces])
        scaled = np.clip((values - self.mean) / self.deviation, -LIMIT, LIMIT)
        return float(self.constant + scaled @ np.array(self.weight))

    def is_far(self, traces: Traces) -> bool:
        """Whether a trace lies beyond `LIMIT`, or is NaN: no scan of the fit was like this one."""
        values = np.array([traces[name] for name in self.traces])
        within = np.abs(values - self.mean) <= LIMIT * np.array(self.deviation)
        return not within.all()

    def spans(self, voxel_mm: float) -> bool:
        """Whether scans with voxels of this size were fitted; True where that is not stated."""
        if self.voxel_mm is None:
            return True
        finest, coarsest = self.voxel_mm
        return finest / _ROUNDED <= voxel_mm <= coarsest * _ROUNDED

    def reads(self, traces: Traces) -> bool:
        """Whether all of its traces are there; weights of another version may name others."""
        return set(self.traces) <= set(traces)

    @property
    def fits_together(self) -> bool:
        """Every trace has its numbers, and all of them mean something."""
        columns = (self.mean, self.deviation, self.weight)
        numbers = np.array([value for column in columns for value in column] + [self.constant])
        same = all(len(column) == len(self.traces) for column in columns)
        return same and bool(np.isfinite(numbers).all()) and min(self.deviation, default=1) > 0
