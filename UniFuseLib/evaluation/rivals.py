"""Registrations that people use today, on the very cases that the model is measured on."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import numpy as np

from UniFuseLib.evaluation.baselines import registration
from UniFuseLib.evaluation.metrics import tre_figures
from UniFuseLib.preprocessing.body import body_mask
from UniFuseLib.preprocessing.intensity import fit
from UniFuseLib.spatial.volume import Volume

if TYPE_CHECKING:
    from collections.abc import Sequence

    from UniFuseLib.evaluation.case_evaluator import CaseEvaluator
    from UniFuseLib.evaluation.summary import Figures
    from UniFuseLib.simulation.case_folder import Case


def rival_figures(evaluator: CaseEvaluator, names: Sequence[str]) -> dict[str, Figures]:
    """Registration → `tre_mm`, `cpu_seconds` and `failed`, a reason or None.

    A registration that fails leaves the scan where its header places it, and is measured there.

    Args:
        evaluator: of the case.
        names: keys of `baselines.REGISTRATIONS`.
    """
    return {name: _figures(evaluator.case, name) for name in names}


def _figures(case: Case, name: str) -> Figures:
    register = registration(name)
    moving = normalised(case.degraded, case.degraded_modality)
    fixed = normalised(case.reference, case.reference_modality)
    failed, displacement = None, np.zeros_like(case.truth)
    start = time.process_time()
    try:
        displacement = register(moving, fixed)
    except RuntimeError as error:  # what ITK raises, e.g. where it finds no overlap
        failed = str(error).strip().splitlines()[-1]
    seconds = time.process_time() - start
    tre = tre_figures(displacement, case.truth, case.body)
    return {"tre_mm": tre, "cpu_seconds": seconds, "failed": failed}


def normalised(volume: Volume, modality: str) -> Volume:
    """y = f(x), float32, by the default rule of the modality, fitted inside this volume's body."""
    array = volume.array.astype(np.float32)
    body = body_mask(array, volume.grid.spacing, modality)
    return Volume(fit(array, body, modality).forward(array), volume.affine)
