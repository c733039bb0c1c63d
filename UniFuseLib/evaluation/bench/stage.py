"""One stage of a pipeline on one case, in a process of its own.

`python -m UniFuseLib.evaluation.bench.stage JOB`: the job's JSON names the case, the stage and the
files that earlier stages left; the answer is written beside them. Only the stage's own work is on
the clock; reading, writing and measuring come before and after it.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from UniFuseLib.errors import InputError
from UniFuseLib.evaluation import baselines
from UniFuseLib.evaluation.baseline_figures import normalised
from UniFuseLib.evaluation.bench.clock import measured
from UniFuseLib.evaluation.bench.job import FIELD, RESTORED, Job, read_job
from UniFuseLib.evaluation.case_evaluator import CaseEvaluator, case_evaluator
from UniFuseLib.evaluation.cases import read_case
from UniFuseLib.evaluation.fuse_call import stated_class
from UniFuseLib.evaluation.sampling import pull
from UniFuseLib.io.json_files import write_json
from UniFuseLib.io.volumes import write_displacement, write_volume
from UniFuseLib.preprocessing.intensity import BACKGROUND
from UniFuseLib.process import keep_freed_memory

if TYPE_CHECKING:
    from UniFuseLib.evaluation.summary import Figures
    from UniFuseLib.simulation.case_folder import Case
    from UniFuseLib.spatial.volume import Volume

ANSWER, FUSED = "stage.json", "fused.nii.gz"


def run_job(job: Job) -> None:
    """Do the stage, write its volumes and `stage.json`."""
    run = {"restore": _restore, "register": _register, "fuse": _fuse, "model": _model}[job.kind]
    case = read_case(Path(job.cases), job.case_id)
    output = Path(job.output)
    output.mkdir(parents=True, exist_ok=True)
    answer = {"key": job.key, "kind": job.kind, "name": job.name, **run(job, case, output)}
    write_json(answer, output / ANSWER)


def _restore(job: Job, case: Case, output: Path) -> Figures:
    restore = baselines.restoration(job.name)
    with measured() as cost:
        restored = restore(case.degraded, case.degraded_modality)
    write_volume(restored, output / RESTORED)
    # what this restoration would reach with a perfect registration
    aligned = _aligned(case, restored, case.truth)
    true_field = case_evaluator(case).restoration(aligned)
    return {"cost": cost.as_dict(), "true_field": true_field}


def _register(job: Job, case: Case, output: Path) -> Figures:
    register = baselines.registration(job.name)
    restored = job.inputs[0].volume()
    moving = normalised(restored, case.degraded_modality)
    fixed = normalised(case.reference, case.reference_modality)
    with measured() as cost:
        displacement = register(moving, fixed)
    write_displacement(displacement, case.reference.grid, output / FIELD)
    evaluator = case_evaluator(case)
    return {
        "cost": cost.as_dict(),
        "before": evaluator.before(),
        "registration": evaluator.registration(displacement),
        "restoration": evaluator.restoration(_aligned(case, restored, displacement)),
    }


def _fuse(job: Job, case: Case, _: Path) -> Figures:
    """One fusion rule after every restoration and registration of this case.

    All pipelines do the same work on volumes of the same size, so the first one's peak memory,
    taken before anything was measured, stands for all.
    """
    found: list[Figures] = []
    peak_mb: float | None = None
    evaluator: CaseEvaluator | None = None
    for source in job.inputs:
        restored, displacement = source.volume(), source.displacement()
        with measured() as cost:
            fused = fuse_aligned(case, job.name, restored, displacement)
        peak_mb = peak_mb or cost.peak_mb
        evaluator = evaluator or case_evaluator(case)
        found.append(
            {
                "restoration": source.restoration,
                "registration": source.registration,
                "cost": {**cost.as_dict(), "peak_mb": peak_mb},
                "fusion": evaluator.fusion(fused),
            }
        )
    return {"pipelines": found}


def fuse_aligned(case: Case, rule: str, restored: Volume, displacement: np.ndarray) -> np.ndarray:
    """A staged pipeline's last step: pull onto the reference grid, normalise, fuse.

    The intensity maps are fitted on what the pipeline has: the restored scan on its own grid, and
    the reference.

    Args:
        case: whose reference is fused.
        rule: name from `baselines.FUSIONS`.
        restored: on its own grid, its own units.
        displacement: u `(d, h, w, 3)` RAS mm on the reference grid.

    Returns:
        `(d, h, w)` normalised intensities on the reference grid.
    """
    moving = normalised(restored, case.degraded_modality)
    aligned = pull(moving, displacement, case.reference.grid, fill=0.0)
    reference = normalised(case.reference, case.reference_modality)
    return baselines.fusion(rule)(aligned, reference.array)


def _model(job: Job, case: Case, output: Path) -> Figures:
    from UniFuseLib.checkpoint import load_model
    from UniFuseLib.device import choose_device
    from UniFuseLib.evaluation.other_fusions import OtherFusions
    from UniFuseLib.fusion.greys import WIDE
    from UniFuseLib.predict import fuse

    weights = Path(job.weights) if job.weights else None
    model, contract = load_model(weights, choose_device(job.device))
    with measured() as cost:
        result = fuse(
            case.degraded,
            case.reference,
            model=model,
            contract=contract,
            device=job.device,
            degraded_modality=case.degraded_modality,
            reference_modality=case.reference_modality,
            refine=job.refine,
            ct_window=WIDE,  # the greys that the metrics are taken on
        )
    write_volume(result.fused, output / FUSED)
    write_volume(result.restored, output / RESTORED)
    write_displacement(result.displacement, case.reference.grid, output / FIELD)
    evaluator = case_evaluator(case)
    others = OtherFusions(job.fusions, contract, choose_device(job.device))
    fusions = others.figures(evaluator, result) if job.fusions else {}
    return {
        "cost": cost.as_dict(),
        "fusions": fusions,
        **_model_figures(evaluator, result),
    }


def _model_figures(evaluator: CaseEvaluator, result: Any) -> Figures:
    return {
        "before": evaluator.before(),
        "registration": evaluator.registration(np.asarray(result.displacement)),
        "restoration": evaluator.restoration(result.restored.array),
        "fusion": evaluator.fusion(result.fused.array),
        **stated_class(result),
    }


def _aligned(case: Case, volume: Volume, displacement: np.ndarray) -> np.ndarray:
    fill = BACKGROUND[case.degraded_modality]
    return pull(volume, displacement, case.reference.grid, fill=fill)


def main() -> int:
    """Entry of the child process."""
    keep_freed_memory()  # as `unifuse fuse` does
    parser = argparse.ArgumentParser(description="one stage of 'unifuse bench', started by it")
    parser.add_argument("job", type=Path)
    path = parser.parse_args().job
    try:
        job = read_job(path)
    except InputError as error:
        parser.error(str(error))
    run_job(job)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
