"""The six fusion metrics of the paper (Sec. 4.3), for 3-D volumes.

The paper names its metrics but not their conventions, and its figures cannot be reproduced from any
reading of them, so these figures compare methods measured by this file in one run, never with the
printed tables.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from UniFuseLib.evaluation.metrics.similarity import correlation, mean_squared_error, psnr_of, ssim
from UniFuseLib.evaluation.metrics.vif import vif

if TYPE_CHECKING:
    import numpy as np


class FusionFigures(NamedTuple):
    """Fused volume against its two clean, aligned sources, inside the body."""

    mse: float  # mean over both sources; lower is better, all others: higher
    cc: float  # mean over both sources
    psnr: float  # dB
    scd: float  # sum of two correlations, at most 2
    vif: float  # sum over both sources, intensities on 0..255
    ssim: float  # sum over both sources, at most 2
    vif_unit: float  # as vif, on [0, 1] with the same σn² = 2: the paper's magnitudes fit this one


def fusion_figures(
    fused: np.ndarray, clean: np.ndarray, reference: np.ndarray, mask: np.ndarray
) -> FusionFigures:
    """All six metrics of `fused` F against its sources A = `clean` (I_D) and B = `reference` (I_R).

    - Q_mse = (mse(F, A) + mse(F, B)) / 2 (Aslantas & Bendes 2015, paper ref. 1)
    - Q_cc = (r(F, A) + r(F, B)) / 2, Pearson (Meng et al. 1992, paper ref. 23)
    - Q_psnr = 10 log10(1 / Q_mse) dB (paper ref. 12)
    - Q_scd = r(F - B, A) + r(F - A, B), sum of the correlations of differences (paper ref. 1,
      doi 10.1016/j.aeue.2015.09.004)
    - Q_vif = VIF(A → F) + VIF(B → F), see `vif` (paper ref. 9 builds on it); on 0..255 and,
      labelled, on [0, 1]
    - Q_ssim = SSIM(F, A) + SSIM(F, B), see `ssim_map` (paper ref. 31)

    Args:
        fused: F, `(d, h, w)` on [0, 1].
        clean: A, same grid and unit.
        reference: B, same grid and unit.
        mask: `(d, h, w)` bool, the body.
    """
    mse = (mean_squared_error(fused, clean, mask) + mean_squared_error(fused, reference, mask)) / 2
    return FusionFigures(
        mse=mse,
        cc=(correlation(fused, clean, mask) + correlation(fused, reference, mask)) / 2,
        psnr=psnr_of(mse),
        scd=sum_of_correlations_of_differences(fused, clean, reference, mask),
        vif=vif(255 * clean, 255 * fused, mask) + vif(255 * reference, 255 * fused, mask),
        ssim=ssim(fused, clean, mask) + ssim(fused, reference, mask),
        vif_unit=vif(clean, fused, mask) + vif(reference, fused, mask),
    )


def sum_of_correlations_of_differences(
    fused: np.ndarray, a: np.ndarray, b: np.ndarray, mask: np.ndarray | None = None
) -> float:
    """SCD = r(F - B, A) + r(F - A, B) (Aslantas & Bendes 2015).

    2 when each difference is the other source.
    """
    return correlation(fused - b, a, mask) + correlation(fused - a, b, mask)
