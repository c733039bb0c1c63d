#!/usr/bin/env python3
"""How far the variations of a registration part, beside its true error, on cases with known truth.

    python Testing/benchmarks/uncertainty_cases.py --pack PACK --cases FOLDER FOLDER \\
        --output docs/results/uncertainty-rows.jsonl --seconds 3000

PACK comes from `verdict_pack.py`, its cases are those of `verdict_cases.py`; a FOLDER comes from
`unifuse simulate`. A row is written when its case is done, and done cases are not done again.
"""

from __future__ import annotations

import argparse
import itertools
import json
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import torch
from verdict_kinds import make
from verdict_model import FEATURES
from verdict_pairs import Pack

from UniFuseLib.checkpoint import load_model
from UniFuseLib.errors import InputError
from UniFuseLib.evaluation.cases import read_case
from UniFuseLib.evaluation.sampling import covered
from UniFuseLib.preprocessing.prepare import prepare_pair
from UniFuseLib.preprocessing.working_pair import working_pair
from UniFuseLib.registration.bspline_refinement import steps_for
from UniFuseLib.spatial.rigid import nearest_rigid
from UniFuseLib.steps import classify_pair, deform_pair
from UniFuseLib.verdict.ensemble import other_poses
from UniFuseLib.verdict.evidence import evidence_of
from UniFuseLib.verdict.field import images_of
from UniFuseLib.verdict.judge import shipped_judge
from UniFuseLib.verdict.parting import affordable, parting_of
from UniFuseLib.verdict.spread import spread_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from UniFuseLib.registration.alignment_volume import AlignmentVolume
    from UniFuseLib.spatial.volume import Volume

_WORKING_MM, _VOXELS = 2.0, 1.5e6  # as in `verdict_cases.py`
_POINTS, _SHOWN = 3000, 100  # places that are looked at, and of them in a row
_LEAST = 50
_UNRELATED_EVERY = 5  # of the cases without a truth


class Truth(NamedTuple):
    """Places of the body that the degraded volume shows, and where they truly lie in it."""

    points: np.ndarray  # (n, 3) RAS mm
    images: np.ndarray | None  # (n, 3) RAS mm; None: no pose is right


class Pair(NamedTuple):
    """What a case gives."""

    name: str
    degraded: Volume
    reference: Volume
    modalities: tuple[str, str]
    spacing: float | None
    align: str
    about: dict[str, Any]
    truth: Callable[[AlignmentVolume], Truth]  # of the reference


class Road(NamedTuple):
    """What `predict.fuse` has found before it maps the uncertainty."""

    degraded: AlignmentVolume
    reference: AlignmentVolume
    images: np.ndarray  # (n, 3) RAS mm: where the result sends the places of the truth
    truth: Truth
    evidence: dict[str, float]


def road_of(pair: Pair, network: Any, contract: Any) -> Road:
    """As `predict.fuse` goes it."""
    prepared = prepare_pair(pair.degraded, pair.reference, pair.modalities, contract, pair.spacing)
    working = working_pair(prepared, pair.align)  # type: ignore[arg-type]
    registered = network.register(working.degraded, working.reference)
    steps = steps_for("auto", *prepared.modalities)
    flow = deform_pair(prepared, working, registered.flow, steps, "deformable", lambda _: None).flow
    classified = classify_pair(registered.logits, prepared, contract)
    parting = (
        parting_of(prepared, working, flow) if affordable(prepared.reference.scalar.grid) else None
    )
    evidence = evidence_of(prepared, working, flow, classified.probabilities, parting)
    degraded = prepared.degraded.side
    reference = prepared.reference.side
    truth = pair.truth(reference)
    images = images_of(truth.points, working.alignment.matrix, flow, working.grid)
    return Road(degraded, reference, images, truth, evidence)


def row_of(road: Road) -> dict[str, Any]:
    """Spread, true error and distance from the centre at some places, and the verdict."""
    points = road.truth.points
    followed = nearest_rigid(points, road.images)
    began = time.process_time()
    others = other_poses(road.degraded, road.reference, followed)
    spent = time.process_time() - began
    verdict = shipped_judge()(road.evidence)
    chosen = np.linspace(0, len(points) - 1, min(_SHOWN, len(points))).astype(int)
    shown = points[chosen]
    row = {
        "trust": verdict.trust,
        "expected_error_mm": verdict.expected_error_mm,
        "evidence": {name: road.evidence.get(name) for name in FEATURES},
        "ensemble_cpu_s": round(spent, 2),
        "spread_mm": _plain(spread_of(followed, others).at(shown)),
        "distance_mm": _plain(np.linalg.norm(shown - points.mean(axis=0), axis=1), 1),
    }
    if road.truth.images is None:
        return row
    error = np.linalg.norm(road.images - road.truth.images, axis=1)
    return {
        **row,
        "mean_error_mm": round(float(error.mean()), 3),
        "error_mm": _plain(error[chosen]),
    }


def _plain(values: np.ndarray, digits: int = 2) -> list[float]:
    return [round(float(value), digits) for value in values]


def pack_pairs(folder: Path, rows: Path, done: set[str]) -> Iterator[Pair]:
    """The cases of `verdict_cases.py` whose pose was not displaced on purpose.

    Args:
        folder: of the pack.
        rows: of `verdict_cases.py`: which of its cases can be aligned.
        done: names that are left out.
    """
    pack = Pack(folder)
    known = [json.loads(line) for line in rows.read_text(encoding="utf-8").splitlines()]
    related = [row for row in known if row["error_mm"] is not None and row["kind"] != "displaced"]
    unrelated = [row for row in known if row["error_mm"] is None][::_UNRELATED_EVERY]
    for row in (*related, *unrelated):
        if (name := f"pack {row['number']}") in done:
            continue
        case, about = make(pack, row["number"])
        extent_mm = np.array(case.reference.grid.shape) * case.reference.grid.spacing
        spacing = max(_WORKING_MM, float((extent_mm.prod() / _VOXELS) ** (1 / 3)))
        patients = sorted({about["patient"], about["patient_degraded"]})
        yield Pair(
            name,
            case.degraded,
            case.reference,
            case.modalities,
            spacing,
            case.align,
            {"kind": about["kind"], "group": about["group"], "patients": patients},
            _pack_truth(case),
        )


def _pack_truth(case: Any) -> Callable[[AlignmentVolume], Truth]:
    def truth(reference: AlignmentVolume) -> Truth:
        points = reference.points(_POINTS)
        if case.truth is None:
            return Truth(points, None)
        images = case.truth(points)
        index = np.linalg.solve(case.degraded.affine, np.c_[images, np.ones(len(images))].T)[:3].T
        size = np.array(case.degraded.array.shape)
        held = ((index > -0.5) & (index < size - 0.5)).all(axis=1)
        return Truth(points[held], images[held])

    return truth


def folder_pairs(folder: Path, done: set[str]) -> Iterator[Pair]:
    """The cases of a folder of `unifuse simulate`.

    Args:
        folder: with `cases.json`.
        done: names that are left out.
    """
    names = json.loads((folder / "cases.json").read_text(encoding="utf-8"))["cases"]
    for name in (name for name in names if name not in done):
        case = read_case(folder, name)
        grid = case.reference.grid
        seen = case.body & covered(case.degraded.grid, case.truth, grid)
        index = np.argwhere(seen)
        index = index[:: max(1, len(index) // _POINTS)]
        points = index @ grid.linear.T + grid.origin
        found = Truth(points, points + case.truth[tuple(index.T)].astype(float))
        yield Pair(
            name,
            case.degraded,
            case.reference,
            (case.degraded_modality, case.reference_modality),
            None,
            "deformable",
            {"kind": "case", "group": case.group, "patients": [case.patient.split("_study")[0]]},
            lambda _, found=found: found,  # type: ignore[misc]
        )


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--pack", type=Path)
    parser.add_argument("--trust-rows", type=Path, default=Path("docs/results/trust-rows.jsonl"))
    parser.add_argument("--cases", type=Path, nargs="*", default=[])
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--seconds", type=float, default=3e6, help="no case begins later")
    args = parser.parse_args()
    until = time.time() + args.seconds
    torch.set_num_threads(1)
    network, contract = load_model(None, torch.device("cpu"))
    done = names_of(args.output)
    sources = [folder_pairs(folder, done) for folder in args.cases]
    if args.pack:
        sources.append(pack_pairs(args.pack, args.trust_rows, done))
    for pair in itertools.chain(*sources):
        if time.time() > until:
            break
        try:
            with torch.no_grad():
                road = road_of(pair, network, contract)
                found = row_of(road) if len(road.images) >= _LEAST else {"refused": "no overlap"}
        except InputError as error:
            found = {"refused": str(error)}
        modalities = " on ".join(pair.modalities)
        write_row(args.output, {"name": pair.name, **pair.about, "modalities": modalities, **found})
    sys.stdout.write(f"{len(names_of(args.output))} rows in {args.output}\n")
    return 0


def names_of(output: Path) -> set[str]:
    """Cases whose rows are written."""
    if not output.exists():
        return set()
    return {json.loads(line)["name"] for line in output.read_text(encoding="utf-8").splitlines()}


def write_row(output: Path, row: dict[str, Any]) -> None:
    """One line more."""
    with output.open("a", encoding="utf-8") as file:
        file.write(json.dumps(row) + "\n")


if __name__ == "__main__":
    raise SystemExit(main())
