"""What moves beyond the pose, from where: error of simulated cases after the pose alone, with the
network's field, and refined from rest and from that field.

    python Testing/benchmarks/field_accuracy.py CASES --output fields.jsonl [--ids ID ...]

CASES is a folder that `unifuse simulate` made. Mean error inside the body, mm; `residual`: of the
descriptors, relative to that after the pose alone, at the same points; `moved_mm`: mean length
inside the body of the field refined from rest. One thread.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from scipy.ndimage import map_coordinates

from UniFuseLib.checkpoint import load_model
from UniFuseLib.evaluation.cases import read_case
from UniFuseLib.preprocessing.prepare import prepare_pair
from UniFuseLib.preprocessing.working_pair import working_pair
from UniFuseLib.registration.bspline_pair import RefinementPair, Side
from UniFuseLib.registration.bspline_refinement import AUTO_STEPS, policy_of, refine
from UniFuseLib.registration.deformation import deform, gain_of
from UniFuseLib.spatial.displacement import flow_to_world

if TYPE_CHECKING:
    from torch import Tensor

    from UniFuseLib.preprocessing.working_pair import WorkingPair
    from UniFuseLib.simulation.case_folder import Case

_POINTS = 30_000  # of the body


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("cases", type=Path)
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--ids", nargs="+", help="all if left out")
    args = parser.parse_args()
    torch.set_num_threads(1)
    network, contract = load_model(None, torch.device("cpu"))
    folders = sorted(path.parent for path in args.cases.glob("*/case.json"))
    with args.output.open("a", encoding="utf-8") as stream, torch.no_grad():
        for folder in folders:
            if args.ids and folder.name not in args.ids:
                continue
            text = json.loads((folder / "case.json").read_text(encoding="utf-8"))
            modalities = text["degraded_modality"], text["reference_modality"]
            case = read_case(args.cases, folder.name)
            pair = prepare_pair(case.degraded, case.reference, modalities, contract, None)
            working = working_pair(pair, "deformable", lambda _: None)
            predicted = network.register(working.degraded, working.reference).flow
            row = {"id": folder.name, **measured(case, working, predicted, modalities)}
            stream.write(json.dumps(row) + "\n")
            stream.flush()
            sys.stdout.write(json.dumps(row) + "\n")
    return 0


def measured(
    case: Case, working: WorkingPair, predicted: Tensor, modalities: tuple[str, str]
) -> dict[str, Any]:
    """One row."""
    compared = RefinementPair(
        Side(working.degraded, working.degraded_acquired),
        Side(working.reference, working.reference_acquired),
        working.mask,
        float(working.grid.spacing[0]),
    )
    policy = policy_of(*modalities)
    rest = torch.zeros_like(predicted)
    followed = deform(compared, lambda: predicted, modalities, AUTO_STEPS)
    fields = {
        "pose": rest,
        "network": predicted,
        "refined": refine(compared, rest, AUTO_STEPS, policy).flow,
        "network_refined": refine(compared, predicted, AUTO_STEPS, policy).flow,
        "followed": followed.flow,
    }
    errors = {name: error_mm(case, working, flow) for name, flow in fields.items()}
    residual = {
        name: round(-gain_of(compared, flow, rest).gain, 4)
        for name, flow in fields.items()
        if name != "pose"
    }
    lengths = fields["refined"].norm(dim=1, keepdim=True)[working.mask] * compared.spacing
    return {
        "start": followed.start,
        "error_mm": errors,
        "residual": residual,
        "moved_mm": round(float(lengths.mean()), 3),
    }


def error_mm(case: Case, working: WorkingPair, flow: Tensor) -> float:
    """Mean |A(X + v(X)) - X - u(X)| over points X of the body, u the truth."""
    inside = np.argwhere(case.body)
    random = np.random.default_rng(0)
    chosen = inside[random.choice(len(inside), min(len(inside), _POINTS), replace=False)]
    points = _apply(case.reference.grid.affine, chosen)
    index = _apply(np.linalg.inv(working.grid.affine), points).T
    displacement = flow_to_world(flow, working.grid)[0].numpy()
    v = np.stack([map_coordinates(axis, index, order=1, mode="nearest") for axis in displacement])
    found = _apply(working.alignment.matrix, points + v.T) - points
    return round(float(np.linalg.norm(found - case.truth[tuple(chosen.T)], axis=1).mean()), 3)


def _apply(matrix: np.ndarray, points: np.ndarray) -> np.ndarray:
    moved: np.ndarray = points @ matrix[:3, :3].T + matrix[:3, 3]
    return moved


if __name__ == "__main__":
    raise SystemExit(main())
