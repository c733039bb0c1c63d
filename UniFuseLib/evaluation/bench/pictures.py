"""Best, median and worst case of our model beside the best staged chain, as pictures of one
slice.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from UniFuseLib.evaluation.bench.figures import slices
from UniFuseLib.evaluation.bench.run import MODEL
from UniFuseLib.evaluation.bench.stage import fuse_aligned, normalised
from UniFuseLib.evaluation.bench.verdict import best_chain
from UniFuseLib.evaluation.case_evaluator import yardstick
from UniFuseLib.evaluation.cases import Case, read_case
from UniFuseLib.evaluation.sampling import pull
from UniFuseLib.io.volumes import read_displacement, read_volume
from UniFuseLib.spatial.axes import working_grid
from UniFuseLib.spatial.resampling import resample
from UniFuseLib.spatial.volume import Volume

if TYPE_CHECKING:
    from pathlib import Path

Figures = dict[str, Any]


def case_pictures(
    rows: list[Figures], cases: Path, output: Path, task: str
) -> list[tuple[str, str]]:
    """(caption, `<img>`) of the best, the median and the worst case of a task by our TRE, or by the
    best chain's.

    Panels: reference, degraded as its header places it, the clean truth, our fused volume, the best
    chain's (where it did not fail).
    """
    by_method = {r["method"]: r for r in rows if task in r["summary"]}
    rivals = {m: r["summary"][task] for m, r in by_method.items() if m != MODEL}
    chain = best_chain(rivals) if rivals else None
    lead = MODEL if MODEL in by_method else chain
    if lead is None:
        return []
    shown = "UniFuse" if lead == MODEL else lead
    errors = {c: f["tre_mm"] for c, f in by_method[lead]["cases"].items() if f["task"] == task}
    found = []
    for title, case_id in chosen(errors).items():
        case = read_case(cases, case_id)
        beside = chain if chain and case_id in by_method[chain]["cases"] else None
        image = slices(_panels(case, output, MODEL in by_method, beside), f"{case_id}: slices")
        before = by_method[lead]["cases"][case_id]["tre_before_mm"]
        found.append(
            (
                f"{title} case of {shown}: {case_id}, TRE {before:.2f} → {errors[case_id]:.2f} mm",
                image,
            )
        )
    return found


def chosen(errors: dict[str, float]) -> dict[str, str]:
    """`{"Best": id, "Median": id, "Worst": id}`, fewer when there are fewer cases."""
    ordered = sorted(errors, key=lambda c: (errors[c], c))
    picks = {"Best": ordered[0], "Median": ordered[len(ordered) // 2], "Worst": ordered[-1]}
    seen: dict[str, str] = {}
    for title, case_id in picks.items():
        if case_id not in seen.values():
            seen[title] = case_id
    return seen


def _panels(
    case: Case, output: Path, ours: bool, chain: str | None
) -> list[tuple[str, np.ndarray]]:
    stick = yardstick(case)
    affine = case.reference.affine
    before = np.clip(normalised(case.degraded, case.degraded_modality), 0, 1)
    volumes = {
        "reference": stick.reference,
        "degraded, before": pull(
            Volume(before, case.degraded.affine), None, case.reference.grid, fill=0.0
        ),
        "clean truth": stick.clean,
    }
    folder = output / "stages" / case.id
    if ours:
        volumes["fused: UniFuse"] = read_volume(folder / MODEL / "fused.nii.gz").array
    if chain is not None:
        restoration, registration, fusion = chain.split("+")
        restored = read_volume(folder / "restore" / restoration / "restored.nii.gz")
        field, _ = read_displacement(
            folder / "register" / f"{restoration}+{registration}" / "field.nii.gz"
        )
        volumes[f"fused: {chain}"] = fuse_aligned(case, fusion, restored, field)
    body = Volume(case.body.astype(np.float32), affine)
    return [
        (title, _slice(Volume(np.asarray(v, np.float32), affine), body))
        for title, v in volumes.items()
    ]


def _slice(volume: Volume, body: Volume) -> np.ndarray:
    """The axial slice through the middle of the body: `(h, w)`, anterior up, the patient's right on
    the left.
    """
    grid = working_grid(volume.grid, 1.5)
    inside = resample(body, grid, 0.0)[0][0, 0].numpy() > 0.5
    planes = np.flatnonzero(inside.any(axis=(1, 2)))
    middle = int(planes[len(planes) // 2]) if planes.size else grid.shape[0] // 2
    return np.clip(resample(volume, grid, 0.0)[0][0, 0, middle].numpy(), 0, 1)
