"""Best, median and worst case of the model beside the best pipeline, as pictures of one slice."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from UniFuseLib.evaluation.baseline_figures import normalised
from UniFuseLib.evaluation.bench.method import MODEL, OURS, Method, method_of
from UniFuseLib.evaluation.bench.plots import slices
from UniFuseLib.evaluation.bench.run import pipeline_input, stage_folder
from UniFuseLib.evaluation.bench.stage import FUSED, fuse_aligned
from UniFuseLib.evaluation.bench.verdict import best_pipeline
from UniFuseLib.evaluation.case_evaluator import case_evaluator
from UniFuseLib.evaluation.cases import read_case
from UniFuseLib.evaluation.sampling import pull
from UniFuseLib.evaluation.summary import group_of
from UniFuseLib.io.volumes import read_volume
from UniFuseLib.simulation.groups import STRESS
from UniFuseLib.spatial.axes import working_grid
from UniFuseLib.spatial.resampling import resample
from UniFuseLib.spatial.volume import Volume

if TYPE_CHECKING:
    from pathlib import Path

    from UniFuseLib.evaluation.summary import Figures
    from UniFuseLib.simulation.case_folder import Case

_SPACING_MM = 1.5  # of the pictures


def case_pictures(
    rows: list[Figures], cases: Path, output: Path, task: str
) -> list[tuple[str, str]]:
    """(caption, `<img>`) of the best, the median and the worst case of a task's stress test.

    By the TRE of the model, without it by that of the best pipeline. Panels: reference, degraded
    as its header places it, the clean truth, the model's fused volume, the best pipeline's (where
    it did not fail).

    Args:
        rows: of `bench.json`.
        cases: folder of the cases.
        output: folder of the bench, with the volumes of its stages.
        task: key of `TASKS`.
    """
    by_method = {method_of(row): row for row in rows if task in row["summary"]}
    baselines = {m: row["summary"][task] for m, row in by_method.items() if not m.ours}
    best = best_pipeline(baselines) if baselines else None
    lead = OURS if OURS in by_method else best
    if lead is None:
        return []
    figures = {
        case_id: f
        for case_id, f in by_method[lead]["cases"].items()
        if f["task"] == task and group_of(f) == STRESS
    }
    errors = {case_id: f["tre_mm"] for case_id, f in figures.items()}
    found = []
    for title, case_id in chosen(errors).items():
        shown = [m for m in (OURS, best) if m in by_method and case_id in by_method[m]["cases"]]
        image = slices(_panels(read_case(cases, case_id), output, shown), f"{case_id}: slices")
        before, after = figures[case_id]["tre_before_mm"], errors[case_id]
        caption = f"{title} case of {lead.title}: {case_id}, TRE {before:.2f} → {after:.2f} mm"
        found.append((caption, image))
    return found


def chosen(errors: dict[str, float]) -> dict[str, str]:
    """`{"Best": id, "Median": id, "Worst": id}`, fewer when there are fewer cases."""
    ordered = sorted(errors, key=lambda case_id: (errors[case_id], case_id))
    picks = {"Best": ordered[0], "Median": ordered[len(ordered) // 2], "Worst": ordered[-1]}
    found: dict[str, str] = {}
    for title, case_id in picks.items():
        if case_id not in found.values():
            found[title] = case_id
    return found


def _panels(case: Case, output: Path, methods: list[Method]) -> list[tuple[str, np.ndarray]]:
    evaluator = case_evaluator(case)
    grid = case.reference.grid
    before = pull(normalised(case.degraded, case.degraded_modality), None, grid, fill=0.0)
    volumes = {
        "reference": evaluator.reference,
        "degraded, before": np.clip(before, 0, 1),
        "clean truth": evaluator.clean,
    }
    for method in methods:
        volumes[f"fused: {method.title}"] = _fused(case, output, method)
    body = Volume(case.body.astype(np.float32), grid.affine)
    return [
        (title, _slice(Volume(np.asarray(array, np.float32), grid.affine), body))
        for title, array in volumes.items()
    ]


def _fused(case: Case, output: Path, method: Method) -> np.ndarray:
    if method == OURS:
        return read_volume(stage_folder(output, case.id, MODEL) / FUSED).array
    source = pipeline_input(output, case.id, method.alignment)
    return fuse_aligned(case, method.fusion, source.volume(), source.displacement())


def _slice(volume: Volume, body: Volume) -> np.ndarray:
    """The axial slice through the middle of the body, `(h, w)`.

    Anterior is up, the patient's right on the left.
    """
    grid = working_grid(volume.grid, _SPACING_MM)
    inside = resample(body, grid, 0.0)[0][0, 0].numpy() > 0.5
    planes = np.flatnonzero(inside.any(axis=(1, 2)))
    middle = int(planes[len(planes) // 2]) if planes.size else grid.shape[0] // 2
    return np.clip(resample(volume, grid, 0.0)[0][0, 0, middle].numpy(), 0, 1)
