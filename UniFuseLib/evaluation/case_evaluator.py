"""One case's truth, ready to measure any method with: ours and every rival pass through the same
functions.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from UniFuseLib.evaluation.metrics import (
    AlignmentFigures,
    ErrorFigures,
    FusionFigures,
    RestorationFigures,
    alignment_figures,
    dice,
    folds_percent,
    fusion_figures,
    restoration_figures,
    tre_figures,
)
from UniFuseLib.evaluation.sampling import covered, pull
from UniFuseLib.preprocessing.intensity import BACKGROUND, DEFAULT_INTENSITY, IntensityMap, fit

if TYPE_CHECKING:
    from UniFuseLib.evaluation.cases import Case
    from UniFuseLib.spatial.volume import Volume


class RegistrationFigures(NamedTuple):
    """One displacement field against the truth."""

    tre_mm: ErrorFigures
    folds_percent: float
    dice: float | None  # None without label maps
    alignment: AlignmentFigures


@dataclass(frozen=True)
class Yardstick:
    """Clean sources on [0, 1] and the masks.

    Intensities are normalised by the rules of `intensity.DEFAULT_INTENSITY` (never a method's own),
    fitted on the CLEAN volumes I_D and I_R inside the body and clipped to [0, 1], so no method can
    gain by rescaling.

    Attributes:
        clean, reference: I_D and I_R, `(d, h, w)` on [0, 1], reference grid.
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

    def unit(self, volume: np.ndarray) -> np.ndarray:
        """y = clip(f(x), 0, 1), f fitted on I_D: `(d, h, w)` in the degraded scan's units → [0,
        1].
        """
        return np.clip(self.clean_map.forward(volume.astype(np.float32)), 0, 1)

    def fusion(self, fused: np.ndarray) -> FusionFigures:
        """The six fusion metrics of a fused volume `(d, h, w)` in normalised intensities; clipped
        to [0, 1] first.
        """
        return fusion_figures(np.clip(fused, 0, 1), self.clean, self.reference, self.case.body)

    def restoration(self, restored: np.ndarray) -> RestorationFigures:
        """Figures of a restored and aligned volume `(d, h, w)`, the degraded scan's units,
        reference grid.
        """
        return restoration_figures(self.unit(restored), self.clean, self.degraded, self.seen)

    def registration(self, displacement: np.ndarray) -> RegistrationFigures:
        """Figures of u `(d, h, w, 3)` RAS mm on the reference grid."""
        case, grid = self.case, self.case.reference.grid
        warped = self.unit(self._pull(case.clean_misaligned, displacement))
        return RegistrationFigures(
            tre_figures(displacement, case.truth, case.body),
            folds_percent(displacement, grid, case.body),
            self._dice(displacement),
            alignment_figures(warped, self.clean, self.seen),
        )

    def _pull(self, volume: Volume, displacement: np.ndarray | None) -> np.ndarray:
        fill = BACKGROUND[self.case.degraded_modality]
        return pull(volume, displacement, self.case.reference.grid, fill=fill)

    def _dice(self, displacement: np.ndarray) -> float | None:
        case = self.case
        if case.labels_degraded is None or case.labels_reference is None:
            return None
        warped = pull(
            case.labels_degraded, displacement, case.reference.grid, mode="nearest", fill=0
        )
        return dice(warped.astype(int), case.labels_reference.array.astype(int), self.seen)


def yardstick(case: Case) -> Yardstick:
    """Fit the intensity maps on the clean volumes and align the degraded scan by the truth.

    Raises:
        InputError: the degraded scan covers no voxel of the body, or a clean volume holds nothing
            to normalise.
    """
    from UniFuseLib.errors import InputError

    grid = case.reference.grid
    seen = case.body & covered(case.degraded.grid, case.truth, grid)
    if not seen.any():
        raise InputError(
            f"Case {case.id}: the degraded scan covers no part of the body. Make the case anew."
        )
    clean_map = fit(case.clean_aligned.array, case.body, case.degraded_modality, DEFAULT_INTENSITY)
    reference_map = fit(case.reference.array, case.body, case.reference_modality, DEFAULT_INTENSITY)
    fill = BACKGROUND[case.degraded_modality]

    def unit(volume: np.ndarray, intensity: IntensityMap) -> np.ndarray:
        return np.clip(intensity.forward(volume.astype(np.float32)), 0, 1)

    return Yardstick(
        case=case,
        clean=unit(case.clean_aligned.array, clean_map),
        reference=unit(case.reference.array, reference_map),
        degraded=unit(pull(case.degraded, case.truth, grid, fill=fill), clean_map),
        clean_map=clean_map,
        seen=seen,
    )


def measure(
    stick: Yardstick, fused: np.ndarray, restored: np.ndarray, displacement: np.ndarray
) -> dict[str, Any]:
    """All figures of one method on one case, as they stand in a case's JSON.

    Args:
        fused: `(d, h, w)` normalised intensities, reference grid.
        restored: `(d, h, w)` the degraded scan's units, reference grid.
        displacement: `(d, h, w, 3)` RAS mm, reference grid.
    """
    registration = stick.registration(displacement)
    return {
        "tre_mm": registration.tre_mm,
        "folds_percent": registration.folds_percent,
        "dice": registration.dice,
        "alignment": registration.alignment,
        "restoration": stick.restoration(restored),
        "fusion": stick.fusion(fused),
    }
