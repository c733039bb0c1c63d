#!/usr/bin/env python3
"""What an affine found between two modalities errs by: the constants of `affine_shrinkage.py`, and
what they are worth.

    unifuse simulate Testing/cases_calibration.csv --data DATA --output CASES
    python Testing/benchmarks/affine_error.py CASES --output docs/results/affine-error.json

CASES are simulated cases of training patients. Per pair of modalities: the offset (median over
patients) and the deviation (median absolute deviation) of what is found, mm as in
`affine_solver.BASIS`, and the error inside the body before, with what is followed now, and with the
whole affine. `held out` follows the posterior mean whose constants come from the other patients
(ten folds).
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path, PurePosixPath
from typing import Any, NamedTuple

import numpy as np
import torch

from UniFuseLib import affine_belief, initial_alignment
from UniFuseLib.contract import standard_contract
from UniFuseLib.evaluation.cases import read_case
from UniFuseLib.preprocessing.prepare import image_of, prepare
from UniFuseLib.registration.affine_shrinkage import Belief, likely_affine
from UniFuseLib.registration.affine_solver import Frame, Level, matrix_of, parameters_of
from UniFuseLib.simulation.case_folder import read_index

FOLDS = 10
GROUPS = 4  # translations, turns, stretches, shears


class Found(NamedTuple):
    """One case; points are `(n, 3)` RAS mm of the body."""

    pair: str
    patient: str
    bin: str
    frame: Frame
    found: np.ndarray  # (12,) mm
    true: np.ndarray  # (12,) mm: the affine nearest to the true field
    agreement: float
    followed: np.ndarray  # (4, 4)
    points: np.ndarray
    displacement: np.ndarray


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("cases", type=Path)
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--pairs", nargs="+", default=["pet to ct", "ct to mr"])
    args = parser.parse_args()
    cases = [f for case in read_index(args.cases) if (f := find(args.cases, case, args.pairs))]
    table = {pair: summary([case for case in cases if case.pair == pair]) for pair in args.pairs}
    args.output.parent.mkdir(parents=True, exist_ok=True)
    args.output.write_text(json.dumps(table, indent=1) + "\n")
    sys.stdout.write(json.dumps(table, indent=1) + "\n")
    return 0


def find(folder: Path, name: str, pairs: list[str]) -> Found | None:
    """One case aligned; None for another pair, and for synthetic heads, where nothing differs but
    the contrast.
    """
    case = read_case(folder, name)
    pair = f"{case.degraded_modality} to {case.reference_modality}"
    if pair not in pairs or PurePosixPath(case.patient).name == "labels":
        return None
    contract = standard_contract()
    moving, fixed = (
        image_of(prepare(volume, side, modality, contract))
        for volume, side, modality in (
            (case.degraded, "degraded", case.degraded_modality),
            (case.reference, "reference", case.reference_modality),
        )
    )
    seen: list[tuple[Level, np.ndarray, Belief]] = []

    def judge(level: Level, matrix: np.ndarray, *rest: Any) -> Belief:
        seen.append((level, matrix, affine_belief.judge(level, matrix, *rest)))
        return seen[-1][2]

    initial_alignment.judge = judge
    initial_alignment.align(moving, fixed)
    level, matrix, belief = seen[-1]
    index = np.argwhere(case.body)
    index = index[:: max(1, len(index) // 2000)]
    points = index @ case.reference.grid.affine[:3, :3].T + case.reference.grid.affine[:3, 3]
    displacement = case.truth[tuple(index.T)]
    return Found(
        pair,
        case.patient,
        case.bin,
        level.frame,
        parameters_of(matrix, level.frame),
        parameters_of(nearest_affine(points, displacement), level.frame),
        belief.agreement,
        belief.matrix,
        points,
        displacement,
    )


def nearest_affine(points: np.ndarray, displacement: np.ndarray) -> np.ndarray:
    """Least squares over the points, `(4, 4)` RAS mm."""
    with_one = np.c_[points, np.ones(len(points))]
    out = np.eye(4)
    out[:3] += np.linalg.lstsq(with_one, displacement, rcond=None)[0].T
    return out


def constants(cases: list[Found]) -> tuple[np.ndarray, np.ndarray]:
    """Offset of the translations (R, A, S), and deviation of all twelve, mm."""
    error = np.array([case.found - case.true for case in cases])
    patients = np.array([case.patient for case in cases])
    each = np.array(
        [np.median(error[patients == patient, :3], axis=0) for patient in np.unique(patients)]
    )
    offset = np.median(each, axis=0)
    error[:, :3] -= offset
    spread = np.median(np.abs(error).reshape(len(cases), GROUPS, 3), axis=(0, 2)) / 0.6745
    return offset, np.repeat(spread, 3)


def summary(cases: list[Found]) -> dict[str, Any]:
    offset, deviation = constants(cases)
    patients = sorted({case.patient for case in cases})
    rows: dict[str, list[list[float]]] = {}
    for fold in range(FOLDS):
        held = set(patients[fold::FOLDS])
        learned = constants([case for case in cases if case.patient not in held])
        for case in cases:
            if case.patient in held:
                rows.setdefault(case.bin, []).append(errors(case, *learned))
    return {
        "cases": len(cases),
        "patients": len(patients),
        "offset_mm": np.round(offset, 2).tolist(),
        "deviation_mm": np.round(deviation[::3], 2).tolist(),
        "bins": {
            name: {
                "cases": len(rows[name]),
                **dict(
                    zip(
                        ("before", "followed", "whole", "held_out"),
                        np.mean(rows[name], axis=0).round(2),
                        strict=True,
                    )
                ),
                "worst_followed_mm": round(max(row[1] - row[0] for row in rows[name]), 2),
                "worst_held_out_mm": round(max(row[3] - row[0] for row in rows[name]), 2),
            }
            for name in sorted(rows)
        },
    }


def errors(case: Found, offset: np.ndarray, deviation: np.ndarray) -> list[float]:
    """mm inside the body: before, as followed, the whole affine, the posterior mean with these
    constants.
    """
    likely = likely_affine(case.found, offset, deviation, case.frame)
    if case.agreement <= affine_belief.LEAST_PET_T:
        likely = np.eye(4)
    return [
        error(case, matrix)
        for matrix in (np.eye(4), case.followed, matrix_of(case.found, case.frame), likely)
    ]


def error(case: Found, matrix: np.ndarray) -> float:
    moved = case.points @ (matrix[:3, :3] - np.eye(3)).T + matrix[:3, 3]
    return float(np.linalg.norm(moved - case.displacement, axis=1).mean())


if __name__ == "__main__":
    torch.set_grad_enabled(False)
    sys.exit(main())
