"""One stage of a pipeline on one case, in a process of its own: `python -m
UniFuseLib.evaluation.bench.stage JOB`.

The job's JSON names the case, the stage and the files that earlier stages left; the answer is
written beside them. Only the stage's own work is on the clock; reading, writing and measuring come
before and after it.
"""

from __future__ import annotations

import argparse
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np

from UniFuseLib.evaluation import baselines
from UniFuseLib.evaluation.bench.clock import measured
from UniFuseLib.evaluation.case_evaluator import Yardstick, yardstick
from UniFuseLib.evaluation.cases import Case, read_case
from UniFuseLib.evaluation.sampling import pull
from UniFuseLib.io.json_files import read_json, write_json
from UniFuseLib.io.volumes import read_displacement, read_volume, write_displacement, write_volume
from UniFuseLib.preprocessing.body import body_mask
from UniFuseLib.preprocessing.intensity import BACKGROUND, fit
from UniFuseLib.process import keep_freed_memory
from UniFuseLib.spatial.volume import Volume

Kind = Literal["restore", "register", "fuse", "model"]


@dataclass(frozen=True)
class Job:
    """What a stage is told.

    Attributes:
        kind, name: the stage and the rival's name (`model`: the weights' name).
        cases, case_id: where the case is.
        output: folder for `stage.json` and the stage's volumes.
        inputs: label → folder of an earlier stage; `register` reads one restoration, `fuse` pairs
            `restoration+registration` → the registration's folder.
        restored: restoration name → its folder (`fuse` only).
        key: stands in the answer; `--resume` compares it.
        weights, device, refine: of the model.
    """

    kind: Kind
    name: str
    cases: str
    case_id: str
    output: str
    key: str
    inputs: dict[str, str]
    restored: dict[str, str]
    weights: str | None = None
    device: str = "cpu"
    refine: str = "auto"


def run_job(job: Job) -> None:
    """Do the stage, write its volumes and `stage.json`."""
    case = read_case(Path(job.cases), job.case_id)
    output = Path(job.output)
    output.mkdir(parents=True, exist_ok=True)
    answer = {"restore": _restore, "register": _register, "fuse": _fuse, "model": _model}[job.kind](
        job, case, output
    )
    write_json(
        {"key": job.key, "kind": job.kind, "name": job.name, **answer}, output / "stage.json"
    )


def _restore(job: Job, case: Case, output: Path) -> dict[str, Any]:
    restore = baselines.restoration(job.name)
    with measured() as cost:
        restored = restore(case.degraded, case.degraded_modality)
    write_volume(restored, output / "restored.nii.gz")
    stick = yardstick(case)
    # what this restoration would reach with a perfect registration
    aligned = _pull(case, restored, case.truth)
    return {"cost": cost.as_dict(), "true_field": stick.restoration(aligned)}


def _register(job: Job, case: Case, output: Path) -> dict[str, Any]:
    register = baselines.registration(job.name)
    restored = read_volume(Path(job.inputs["restoration"]) / "restored.nii.gz")
    moving = Volume(normalised(restored, case.degraded_modality), restored.affine)
    fixed = Volume(normalised(case.reference, case.reference_modality), case.reference.affine)
    with measured() as cost:
        displacement = register(moving, fixed)
    write_displacement(displacement, case.reference.grid, output / "field.nii.gz")
    stick = yardstick(case)
    aligned = _pull(case, restored, displacement)
    before = stick.registration(np.zeros_like(case.truth))
    return {
        "cost": cost.as_dict(),
        "before": before,
        "registration": stick.registration(displacement),
        "restoration": stick.restoration(aligned),
    }


def _fuse(job: Job, case: Case, output: Path) -> dict[str, Any]:
    """One fusion rule after every restoration and registration of this case.

    All chains do the same work on volumes of the same size, so the first one's peak memory, taken
    before anything was measured, stands for all.
    """
    chains: dict[str, Any] = {}
    peak: float | None = None
    stick: Yardstick | None = None
    for label, folder in job.inputs.items():
        restored = read_volume(Path(job.restored[label.split("+")[0]]) / "restored.nii.gz")
        displacement, _ = read_displacement(Path(folder) / "field.nii.gz")
        with measured() as cost:
            fused = fuse_aligned(case, job.name, restored, displacement)
        peak = peak or cost.peak_mb
        stick = stick or yardstick(case)
        chains[label] = {"cost": {**cost.as_dict(), "peak_mb": peak}, "fusion": stick.fusion(fused)}
    return {"chains": chains}


def fuse_aligned(case: Case, name: str, restored: Volume, displacement: np.ndarray) -> np.ndarray:
    """The staged chain's last step: pull onto the reference grid, normalise, fuse; `(d, h, w)`.

    The intensity maps are fitted on what the chain has: the restored scan on its own grid, and the
    reference.
    """
    moving = Volume(normalised(restored, case.degraded_modality), restored.affine)
    aligned = pull(moving, displacement, case.reference.grid, fill=0.0)
    return baselines.fusion(name)(aligned, normalised(case.reference, case.reference_modality))


def _model(job: Job, case: Case, output: Path) -> dict[str, Any]:
    from UniFuseLib.checkpoint import load_model
    from UniFuseLib.device import choose_device
    from UniFuseLib.predict import fuse

    model, contract = load_model(
        Path(job.weights) if job.weights else None, choose_device(job.device)
    )
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
        )
    write_volume(result.fused, output / "fused.nii.gz")
    write_volume(result.restored, output / "restored.nii.gz")
    write_displacement(result.displacement, case.reference.grid, output / "field.nii.gz")
    stick = yardstick(case)
    return {"cost": cost.as_dict(), **_model_figures(stick, result)}


def _model_figures(stick: Yardstick, result: Any) -> dict[str, Any]:
    return {
        "before": stick.registration(np.zeros_like(stick.case.truth)),
        "registration": stick.registration(np.asarray(result.displacement)),
        "restoration": stick.restoration(result.restored.array),
        "fusion": stick.fusion(result.fused.array),
        "class_found": result.label,
        "confidence": float(result.probabilities[result.label]),
    }


def normalised(volume: Volume, modality: str) -> np.ndarray:
    """y = f(x), `(d, h, w)` float32, by the default rule of the modality, fitted inside the body of
    this volume.
    """
    array = volume.array.astype(np.float32)
    return fit(array, body_mask(array, volume.grid.spacing, modality), modality).forward(array)


def _pull(case: Case, volume: Volume, displacement: np.ndarray) -> np.ndarray:
    fill = BACKGROUND[case.degraded_modality]
    return pull(volume, displacement, case.reference.grid, fill=fill)


def write_job(job: Job, path: Path) -> None:
    """Store a job for `python -m UniFuseLib.evaluation.bench.stage`."""
    write_json(asdict(job), path)


def main() -> int:
    """Entry of the child process."""
    keep_freed_memory()  # as `unifuse fuse` does
    parser = argparse.ArgumentParser(description="one stage of 'unifuse bench', started by it")
    parser.add_argument("job", type=Path)
    path = parser.parse_args().job
    content = read_json(path)
    if content is None:
        parser.error(f"cannot read the job {path}")
    run_job(Job(**content))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
