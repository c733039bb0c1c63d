"""How close the restored output comes to the clean, aligned source."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from UniFuseLib.evaluation.metrics.similarity import mean_squared_error, psnr_of, ssim

if TYPE_CHECKING:
    import numpy as np


class RestorationFigures(NamedTuple):
    """Restored output against I_D inside the body, and what was gained over the untreated input."""

    psnr_db: float
    ssim: float
    degraded_psnr_db: float  # of the degraded scan pulled through the TRUE field
    degraded_ssim: float
    gain_db: float  # psnr_db - degraded_psnr_db
    gain_ssim: float


def restoration_figures(
    restored: np.ndarray, clean: np.ndarray, degraded: np.ndarray, mask: np.ndarray
) -> RestorationFigures:
    """PSNR = 10 log10(1 / mse(restored, I_D)) dB and SSIM, and the same of `degraded` for the gain.

    The comparison input is aligned by the true field, so the gain is what restoration adds beyond a
    perfect registration: an output that is sharp but misplaced loses here.

    Args:
        restored: `(d, h, w)` on [0, 1], reference grid.
        clean: I_D, same grid and unit.
        degraded: same grid and unit, aligned by the TRUE field.
        mask: `(d, h, w)` bool, the body as far as the degraded scan covers it.
    """
    psnr = psnr_of(mean_squared_error(restored, clean, mask))
    before = psnr_of(mean_squared_error(degraded, clean, mask))
    structure, structure_before = ssim(restored, clean, mask), ssim(degraded, clean, mask)
    return RestorationFigures(
        psnr, structure, before, structure_before, psnr - before, structure - structure_before
    )
