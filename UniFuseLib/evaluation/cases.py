"""Cases whose truth was checked before anything is measured against it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from UniFuseLib.errors import InputError
from UniFuseLib.evaluation.metrics.similarity import correlation
from UniFuseLib.evaluation.sampling import covered, pull
from UniFuseLib.simulation.case_folder import Case, load_case

if TYPE_CHECKING:
    from pathlib import Path

# two interpolations of one clean scan stay above 0.9; a field with a wrong sign or axis seldom
# reaches this
LEAST_AGREEMENT = 0.6


def read_case(folder: Path, case_id: str) -> Case:
    """One case of a folder that `unifuse simulate` made, its true field checked.

    Raises:
        InputError: a file is missing or unreadable, or a geometry contradicts the truth; the
            message names both.
    """
    case = load_case(folder, case_id)
    _check_truth(folder / case_id, case)
    return case


def _check_truth(here: Path, case: Case) -> None:
    """The field is finite, as long as stated, and aligns the clean scan."""
    if not case.body.any():
        raise InputError(f"'{here}': the body mask is empty, so nothing can be measured.")
    if not np.isfinite(case.truth).all():
        raise InputError(f"'{here}': the true field holds NaN or infinity.")
    mean = float(np.linalg.norm(case.truth[case.body], axis=1).mean())
    stated = case.stated_mm
    if stated is not None and abs(mean - stated) > 0.05 + 0.01 * abs(stated):
        raise InputError(
            f"'{here}': the true field moves the body by {mean:.2f} mm on average, "
            f"case.json says {stated:.2f} mm."
        )
    with_truth, without = _agreement(case, case.truth), _agreement(case, None)
    if with_truth < max(without - 0.02, LEAST_AGREEMENT):
        raise InputError(
            f"'{here}': the true field does not bring clean_misaligned onto clean_aligned "
            f"(correlation {with_truth:.3f}, without it {without:.3f}): wrong sign, axes or grid."
        )


def _agreement(case: Case, displacement: np.ndarray | None) -> float:
    """Correlation of the clean scan, pulled through the field, with the aligned clean scan."""
    grid = case.reference.grid
    seen = case.body & covered(case.clean_misaligned.grid, displacement, grid)
    if not seen.any():
        return 0.0
    aligned = pull(case.clean_misaligned, displacement, grid)
    return correlation(aligned, case.clean_aligned.array, seen)
