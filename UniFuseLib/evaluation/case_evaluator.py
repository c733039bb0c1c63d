"""One case's truth, ready to measure any method with: ours and every baseline alike."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from UniFuseLib.errors import InputError
from UniFuseLib.evaluation.metrics import (
    AlignmentFigures,
    ErrorFigures,
    FusionFigures,
    RestorationFigures,
    RetentionFigures,
    alignment_figures,
    dice,
    folds_percent,
    fusion_figures,
    restoration_figures,
    retention_figures,
    tre_figures,
)
from UniFuseLib.evaluation.sampling import covered, pull
from UniFuseLib.fusion.greys import base_of
from UniFuseLib.preprocessing.intensity import BACKGROUND, DEFAULT_INTENSITY, IntensityMap, fit

if TYPE_CHECKING:
    from UniFuseLib.simulation.case_folder import Case
    from UniFuseLib.spatial.volume import Volume


class RegistrationFigures(NamedTuple):
    """One displacement field against the truth."""

    tre_mm: ErrorFigures
    folds_percent: float
    dice: float | None  # None without label maps
    alignment: AlignmentFigures


@dataclass(frozen=True)
class CaseEvaluator:
    """Clean sources on [0, 1], the masks, and the measures of one case.

    Intensities are normalised by the rules of `intensity.DEFAULT_INTENSITY` (never a method's own),
    fitted on the CLEAN volumes I_D and I_R inside the body and clipped to [0, 1], so no method can
    gain by rescaling.

    Attributes:
        case: with its truth.
        clean: I_D, `(d, h, w)` on [0, 1], reference grid.
        reference: I_R, likewise.
        degraded: the degraded scan pulled through the TRUE field, same units and grid.
        clean_map: units of the degraded scan → [0, 1].
        seen: body voxels that the degraded scan covers; restoration and Table 6 count only there.
    """

    case: Case
    clean: np.ndarray
    reference: np.ndarray
    degraded: np.ndarray
    clean_map: IntensityMap
    seen: np.ndarray

    def fusion(self, fused: np.ndarray) -> FusionFigures:
        """The fusion metrics of a fused volume.

        Args:
            fused: `(d, h, w)` normalised intensities, reference grid; clipped to [0, 1] first.
        """
        return fusion_figures(np.clip(fused, 0, 1), self.clean, self.reference, self.case.body)

    def retention(self, fused: np.ndarray) -> RetentionFigures:
        """What a fused volume keeps of either source.

        Args:
            fused: as of `fusion`.
        """
        sources = self.clean, self.reference
        base = base_of(self.case.degraded_modality, self.case.reference_modality)
        over, under = sources if base == "reference" else reversed(sources)
        return retention_figures(np.clip(fused, 0, 1), over, under, self.seen)

    def restoration(self, restored: np.ndarray) -> RestorationFigures:
        """The restoration metrics of a restored and aligned volume.

        Args:
            restored: `(d, h, w)` the degraded scan's units, reference grid.
        """
        unit = self.unit(restored)
        return restoration_figures(unit, self.clean, self.degraded, self.seen)

    def unit(self, volume: np.ndarray) -> np.ndarray:
        """The degraded scan's units → [0, 1]."""
        return _unit(volume, self.clean_map)

    def registration(self, displacement: np.ndarray) -> RegistrationFigures:
        """The registration metrics of u `(d, h, w, 3)` RAS mm on the reference grid."""
        case, grid = self.case, self.case.reference.grid
        fill = BACKGROUND[case.degraded_modality]
        warped = pull(case.clean_misaligned, displacement, grid, fill=fill)
        return RegistrationFigures(
            tre_figures(displacement, case.truth, case.body),
            folds_percent(displacement, grid, case.body),
            self._dice(displacement),
            alignment_figures(_unit(warped, self.clean_map), self.clean, self.seen),
        )

    def before(self) -> RegistrationFigures:
        """The registration metrics of the identity: what any method starts from."""
        return self.registration(np.zeros_like(self.case.truth))

    def _dice(self, displacement: np.ndarray) -> float | None:
        moving, fixed = self.case.labels_degraded, self.case.labels_reference
        if moving is None or fixed is None:
            return None
        warped = pull(moving, displacement, self.case.reference.grid, mode="nearest", fill=0)
        return dice(warped.astype(int), fixed.array.astype(int), self.seen)


def case_evaluator(case: Case) -> CaseEvaluator:
    """Fit the intensity maps on the clean volumes and align the degraded scan by the truth.

    Raises:
        InputError: the degraded scan covers no voxel of the body, or a clean volume holds nothing
            to normalise.
    """
    grid = case.reference.grid
    seen = case.body & covered(case.degraded.grid, case.truth, grid)
    if not seen.any():
        raise InputError(
            f"Case {case.id}: the degraded scan covers no part of the body. Regenerate the case."
        )
    clean_map = _clean_map(case.clean_aligned, case.body, case.degraded_modality)
    reference_map = _clean_map(case.reference, case.body, case.reference_modality)
    fill = BACKGROUND[case.degraded_modality]
    return CaseEvaluator(
        case=case,
        clean=_unit(case.clean_aligned.array, clean_map),
        reference=_unit(case.reference.array, reference_map),
        degraded=_unit(pull(case.degraded, case.truth, grid, fill=fill), clean_map),
        clean_map=clean_map,
        seen=seen,
    )


def _clean_map(volume: Volume, body: np.ndarray, modality: str) -> IntensityMap:
    return fit(volume.array, body, modality, DEFAULT_INTENSITY)


def _unit(volume: np.ndarray, intensity: IntensityMap) -> np.ndarray:
    """y = clip(f(x), 0, 1): `(d, h, w)` in the volume's units → [0, 1]."""
    return np.clip(intensity.forward(volume.astype(np.float32)), 0, 1)


def measure(
    evaluator: CaseEvaluator, fused: np.ndarray, restored: np.ndarray, displacement: np.ndarray
) -> dict[str, Any]:
    """All figures of one method on one case, as they stand in a case's JSON.

    Args:
        evaluator: of the case.
        fused: `(d, h, w)` normalised intensities, reference grid.
        restored: `(d, h, w)` the degraded scan's units, reference grid.
        displacement: `(d, h, w, 3)` RAS mm, reference grid.
    """
    registration = evaluator.registration(displacement)
    return {
        "tre_mm": registration.tre_mm,
        "folds_percent": registration.folds_percent,
        "dice": registration.dice,
        "alignment": registration.alignment,
        "restoration": evaluator.restoration(restored),
        "fusion": evaluator.fusion(fused),
        "retention": evaluator.retention(fused),
    }
