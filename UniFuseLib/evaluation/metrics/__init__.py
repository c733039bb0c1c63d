"""Every figure that the project is judged by, with its formula and source. Start at `fusion.py`.

Conventions of all files: volumes are numpy arrays `(d, h, w)` on [0, 1]; `mask` is a bool array of
the same shape, the body; windows (SSIM, VIF) are in voxels, not in mm.
"""

from UniFuseLib.evaluation.metrics.classification import (
    ECE_BINS,
    calibration_error,
    class_accuracy,
    confusion_matrix,
)
from UniFuseLib.evaluation.metrics.fusion import FusionFigures, fusion_figures
from UniFuseLib.evaluation.metrics.registration import (
    AlignmentFigures,
    ErrorFigures,
    alignment_figures,
    dice,
    folds_percent,
    target_registration_error,
    tre_figures,
)
from UniFuseLib.evaluation.metrics.restoration import RestorationFigures, restoration_figures
from UniFuseLib.evaluation.metrics.retention import RetentionFigures, retention_figures

__all__ = [
    "ECE_BINS",
    "AlignmentFigures",
    "ErrorFigures",
    "FusionFigures",
    "RestorationFigures",
    "RetentionFigures",
    "alignment_figures",
    "calibration_error",
    "class_accuracy",
    "confusion_matrix",
    "dice",
    "folds_percent",
    "fusion_figures",
    "restoration_figures",
    "retention_figures",
    "target_registration_error",
    "tre_figures",
]
