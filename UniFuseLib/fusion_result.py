"""What a fusion gives: volumes, deformation, degradation class and report."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from UniFuseLib.apply.in_memory import apply_to_points, apply_to_volume
from UniFuseLib.pulled_scan import pull_whole
from UniFuseLib.spatial.transform import Transform
from UniFuseLib.spatial.volume import Grid, Volume

if TYPE_CHECKING:
    from UniFuseLib.apply.interpolations import Choice
    from UniFuseLib.preprocessing.prepare import InputVolume
    from UniFuseLib.report.report import Report
    from UniFuseLib.spatial.composed import ComposedField
    from UniFuseLib.spatial.transform import Scan


@dataclass(frozen=True)
class FusionResult:
    """What `fuse` returns; all volumes lie on the reference grid.

    Attributes:
        fused: network intensities, about 0 to 1, float32; of an RGB degraded volume colours, uint8.
        restored: degraded volume, restored and aligned, in its own units; where it is of 16-bit
            integers with a range of 1000 and more, in its own type.
        field: u, computed where it is read; `displacement` is all of it.
        scan: the degraded volume after its repair, on its own grid.
        probabilities: degradation class → probability.
        label: the most probable class.
        report: what `report.json` holds.
        body: `(d, h, w)` bool, the patient in the reference.
        coverage: `(d, h, w)` bool, where X + u(X) lies in the degraded field of view.
        restored_own: degraded volume, restored and not moved, on its own grid and in its own type;
            None where it was not asked for.
        uncertainty: u, float32 mm: 68 % of places lie no farther off; 0 outside the body and the
            degraded field of view; None where it was not asked for.
    """

    fused: Volume
    restored: Volume
    field: ComposedField
    scan: InputVolume
    probabilities: dict[str, float]
    label: str
    report: Report
    body: np.ndarray
    coverage: np.ndarray
    restored_own: Volume | None = None
    uncertainty: Volume | None = None

    @cached_property
    def displacement(self) -> np.ndarray:
        """u `(d, h, w, 3)` float32, RAS mm (R, A, S): reference X reads degraded at X + u(X)."""
        return self.field.whole()

    @cached_property
    def aligned(self) -> Volume:
        """Degraded volume, aligned but not restored: degraded(X + u(X)), in its own units."""
        return Volume(pull_whole(self.scan, self.field), self.fused.affine)

    def with_warnings(self, before: tuple[str, ...]) -> FusionResult:
        """The same with more warnings in its report."""
        return replace(self, report=self.report.with_warnings(before)) if before else self

    @property
    def transform(self) -> Transform:
        """The deformation in both directions."""
        affine = np.array(self.report.inputs.degraded.affine_ras)
        shape = self.report.inputs.degraded.shape
        degraded = Grid((shape[0], shape[1], shape[2]), affine)
        return Transform(self.displacement, self.fused.grid, degraded)

    def apply(
        self,
        volume: Volume,
        to: Scan = "reference",
        interpolation: Choice = "auto",
        grid: Grid | None = None,
    ) -> Volume:
        """A volume of the other scan on the voxels of the scan `to`, as `Result.apply` does.

        Args:
            volume: scan, label map or colours.
            to: the scan whose places are wanted; `volume` belongs to the other one.
            interpolation: `auto`, `linear`, `bspline`, `label` or `nearest`.
            grid: onto which voxels; None: those of the scan `to`.

        Raises:
            InputError: a label map with fractions, or no overlap.
        """
        towards_reference = to == "reference"
        report = self.report
        modality = report.degraded_modality if towards_reference else report.reference_modality
        return apply_to_volume(self.transform, volume, to, modality, interpolation, grid)

    def apply_to_points(self, points: np.ndarray, to: Scan = "reference") -> np.ndarray:
        """Where the same anatomy lies in the scan `to`, `(n, 3)` RAS mm.

        Args:
            points: `(n, 3)` RAS mm in the other scan.
            to: the scan whose places are wanted.

        Raises:
            InputError: the deformation folds at one of them.
        """
        return apply_to_points(self.transform, points, to)
