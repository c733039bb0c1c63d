"""The part of `report.json` about what the user gave before the alignment."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from UniFuseLib.registration.landmarks import apart_mm
from UniFuseLib.spatial.field import DisplacementField

if TYPE_CHECKING:
    from UniFuseLib.preprocessing.guidance import LandmarkPairs
    from UniFuseLib.preprocessing.prepare import PreparedPair, PreparedVolume
    from UniFuseLib.spatial.composed import ComposedField


@dataclass(frozen=True)
class LandmarksReport:
    """Distances between the landmarks of both volumes; empty where none were given."""

    count: int = 0
    fit_mm: float | None = None
    outside: int = 0
    mean_before_mm: float | None = None
    mean_after_mm: float | None = None
    max_before_mm: float | None = None
    max_after_mm: float | None = None
    each_before_mm: tuple[float, ...] = ()
    each_after_mm: tuple[float, ...] = ()

    @classmethod
    def of(
        cls, pairs: LandmarkPairs, moving: DisplacementField, fit_mm: float | None
    ) -> LandmarksReport:
        """|X - Y| and |X + u(X) - Y| of every pair.

        Args:
            pairs: X of the reference, Y of the degraded volume.
            moving: u of the result.
            fit_mm: see `guidance.GivenPoses`.
        """
        before = apart_mm(pairs.reference, pairs.degraded)
        after = apart_mm(moving.moved(pairs.reference), pairs.degraded)
        return cls(
            count=len(before),
            fit_mm=None if fit_mm is None else round(fit_mm, 3),
            outside=int((~moving.holds(pairs.reference)).sum()),
            mean_before_mm=round(float(before.mean()), 3),
            mean_after_mm=round(float(after.mean()), 3),
            max_before_mm=round(float(before.max()), 3),
            max_after_mm=round(float(after.max()), 3),
            each_before_mm=tuple(before.round(3).tolist()),
            each_after_mm=tuple(after.round(3).tolist()),
        )


@dataclass(frozen=True)
class GuidanceReport:
    """What the user gave; None where nothing. Paths are known where files were read."""

    initial_transform_ras: tuple[tuple[float, ...], ...] | None = None
    initial_transform_path: str | None = None
    reference_mask_percent: float | None = None
    reference_mask_path: str | None = None
    degraded_mask_percent: float | None = None
    degraded_mask_path: str | None = None
    landmarks: LandmarksReport = field(default_factory=LandmarksReport)
    reference_landmarks_path: str | None = None
    degraded_landmarks_path: str | None = None

    @classmethod
    def of(cls, pair: PreparedPair, field: ComposedField) -> GuidanceReport:
        """Of one run.

        Args:
            pair: the inputs and what was said of them.
            field: u on the reference's grid.
        """
        matrix = pair.guidance.initial_transform
        pairs = pair.guidance.landmarks
        landmarks = LandmarksReport()
        if pairs is not None:
            moving = DisplacementField(field.whole(), field.grid)
            landmarks = LandmarksReport.of(pairs, moving, pair.given.landmark_fit_mm)
        return cls(
            initial_transform_ras=None if matrix is None else _rows(matrix),
            reference_mask_percent=_masked_percent(pair.reference),
            degraded_mask_percent=_masked_percent(pair.degraded),
            landmarks=landmarks,
        )

    @property
    def warnings(self) -> tuple[str, ...]:
        """What the landmarks say against the result."""
        marks = self.landmarks
        found = []
        if marks.outside:
            found.append(
                f"{marks.outside} of {marks.count} landmarks lie outside the reference's field of "
                "view; they were moved like its border."
            )
        before, after = marks.mean_before_mm, marks.mean_after_mm
        if before is not None and after is not None and after > before:
            found.append(
                f"The landmarks are farther apart after the alignment ({after:.1f} mm on average) "
                f"than before ({before:.1f} mm). Check their order, and the alignment."
            )
        return tuple(found)


def _rows(matrix: np.ndarray) -> tuple[tuple[float, ...], ...]:
    return tuple(tuple(row) for row in np.round(matrix, 6).tolist())


def _masked_percent(one: PreparedVolume) -> float | None:
    """% of the body that is compared; None without a mask."""
    if one.mask is None:
        return None
    judged = one.mask[one.body] if one.body.any() else one.mask
    return round(100 * float(judged.mean()), 2)
