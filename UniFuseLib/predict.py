"""START HERE: two volumes in, fused volume, deformation and degradation class out.

    checks → modality → body, intensity rule → working grid → affine → network, refinement → back to
    the reference grid

Every step is a function of its own file; this one shows their order.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from UniFuseLib import report as figures
from UniFuseLib.checkpoint import Contract, load_model
from UniFuseLib.degradation import CLASSES, contradiction, doubt, given_modality
from UniFuseLib.device import autocast, choose_device, device_name, memory_advice
from UniFuseLib.postprocess import Found, Native, to_reference_grid
from UniFuseLib.preprocessing.checks import check_overlap, from_canonical
from UniFuseLib.preprocessing.intensity import DEFAULT_INTENSITY
from UniFuseLib.preprocessing.prepare import Prepared, Work, image_of, place, prepare, shared_grid
from UniFuseLib.progress import CancelQuestion, Progress, Stages
from UniFuseLib.registration.affine import InitialAlignment, align
from UniFuseLib.registration.bspline_refinement import Manner, Refined, manner_of, steps_for
from UniFuseLib.registration.bspline_refinement import refine as refine_field
from UniFuseLib.spatial.displacement import flow_to_world, jacobian_determinant, warp
from UniFuseLib.spatial.volume import Grid, Volume

Model = Callable[
    ..., Any
]  # (degraded, reference, improve=...) → what `network.unifuse.UniFuseOutput` holds
Improve = Callable[[Tensor], Tensor]
# shares of the running time on two CPU cores, for the progress bar
_SHARES = {
    "Loading the network": 2.0,
    "Checking the volumes": 2.0,
    "Aligning the volumes": 18.0,
    "Running the network": 60.0,
    "Writing onto the reference grid": 14.0,
    "Measuring the result": 4.0,
}


@dataclass(frozen=True)
class FusionResult:
    """What `fuse` returns; all volumes lie on the reference grid.

    Attributes:
        fused: network intensities, about 0 to 1, float32; of an RGB degraded volume colours, uint8.
        restored: degraded volume, restored and aligned, in its own units.
        aligned: degraded volume as it came, aligned: degraded(X + u(X)), in its own units.
        displacement: u `(d, h, w, 3)` float32, RAS mm (R, A, S): reference point X reads degraded
            at X + u(X).
        probabilities: degradation class → probability.
        label: the likeliest class.
        report: what `report.json` holds.
        body: `(d, h, w)` bool, the patient in the reference.
        coverage: `(d, h, w)` bool, where X + u(X) lies in the degraded field of view.
    """

    fused: Volume
    restored: Volume
    aligned: Volume
    displacement: np.ndarray
    probabilities: dict[str, float]
    label: str
    report: dict[str, Any]
    body: np.ndarray
    coverage: np.ndarray


def fuse(
    degraded: Volume,
    reference: Volume,
    *,
    model: Model | None = None,
    contract: Contract | None = None,
    weights: Path | str | None = None,
    device: str = "auto",
    degraded_modality: str = "auto",
    reference_modality: str = "auto",
    working_spacing: float | None = None,
    precision: str = "auto",
    refine: str | int = "auto",
    progress: Progress | None = None,
    cancelled: CancelQuestion | None = None,
) -> FusionResult:
    """Align, restore and fuse `degraded` with `reference`, on the reference grid.

    Args:
        degraded, reference: of one patient; size, spacing, orientation and field of view may
            differ.
        model, contract: a network that is already loaded and what it expects; None loads `weights`.
        weights: safetensors file with its JSON beside it; None takes the shipped ones.
        device: `auto`, `cpu`, `cuda` or `cuda:N`.
        degraded_modality, reference_modality: `auto`, `mr`, `ct` or `pet`.
        working_spacing: mm, isotropic; None takes the contract's.
        precision: `auto` (float32), `float32`, `bfloat16` or `float16`.
        refine: test-time optimisation of the field (`refinement.py`): `off`, `auto` (pairs of
            modalities that gain in
            every misalignment bin: MR on MR, CT on MR), or a number of steps.
        progress: called with (fraction 0 to 1, stage name).
        cancelled: asked between steps; True ends the run.

    Raises:
        InputError, WeightsError, DeviceError: with a sentence for the user.
        Cancelled: `cancelled` answered True.
    """
    stages = Stages(_SHARES, progress, cancelled)
    warnings: list[str] = []
    with torch.no_grad(), memory_advice(target := choose_device(device)):
        with stages.stage("Loading the network"):
            network, agreed = _network(model, contract, weights, target)
        with stages.stage("Checking the volumes"):
            moving = prepare(degraded, "degraded", degraded_modality, agreed, warnings)
            fixed = prepare(reference, "reference", reference_modality, agreed, warnings)
            check_overlap(degraded.grid, reference.grid)
            grid = shared_grid(
                reference.grid, working_spacing or agreed.working_spacing_mm, warnings
            )
            modalities = moving.source.modality, fixed.source.modality
            steps = steps_for(refine, *modalities)
        with stages.stage("Aligning the volumes"):
            start = align(
                image_of(moving), image_of(fixed), lambda fraction: stages.step(0.7 * fraction)
            )
            work = place(moving, fixed, grid, start)
        with stages.stage("Running the network"):
            improve = (
                _Improve(work, steps, manner_of(*modalities), target, stages) if steps else None
            )
            found, read, folds = _run(network, agreed, work, start, target, precision, improve)
            probabilities = given_modality(read, moving.source.modality)
            told = (
                contradiction(read, moving.source.modality),
                doubt(probabilities, agreed.sure_from),
            )
            warnings += [sentence for sentence in told if sentence]
        with stages.stage("Writing onto the reference grid"):
            native = to_reference_grid(moving.source, fixed.source, found)
        with stages.stage("Measuring the result"):
            body = from_canonical(fixed.body, reference.grid)
            measured = _measure(work, found, native, body, folds)
    measured["refinement"] = improve.told() if improve else {"steps": 0}
    report = _report(
        moving,
        fixed,
        start,
        agreed,
        probabilities,
        measured,
        warnings,
        stages,
        target,
        precision,
        grid,
    )
    return _result(native, reference.affine, probabilities, report, body)


def standard_contract() -> Contract:
    """What a bare `model` is taken to expect: the default rules at 1.5 mm."""
    return Contract(
        name="unnamed",
        preset="",
        network={},
        classes=CLASSES,
        working_spacing_mm=1.5,
        intensity=DEFAULT_INTENSITY,
        sha256="",
        license="",
    )


def _network(
    model: Model | None, contract: Contract | None, weights: Path | str | None, device: torch.device
) -> tuple[Model, Contract]:
    if model is None:
        return load_model(None if weights is None else Path(weights), device)
    return model, contract or standard_contract()


class _Improve:
    """Refines the network's field and remembers how far it was followed."""

    def __init__(
        self, work: Work, steps: int, manner: Manner, device: torch.device, stages: Stages
    ) -> None:
        self._volumes = tuple(
            volume.to(device) for volume in (work.degraded, work.reference, work.mask)
        )
        self._steps, self._manner, self._stages = steps, manner, stages
        self._refined: Refined | None = None
        self._cpu_seconds = 0.0

    def __call__(self, flow: Tensor) -> Tensor:
        degraded, reference, mask = self._volumes
        start = time.process_time()
        self._refined = refine_field(
            degraded,
            reference,
            flow,
            mask,
            self._steps,
            self._manner,
            lambda f: self._stages.step(0.5 + 0.4 * f),
        )
        self._cpu_seconds = time.process_time() - start
        return self._refined.flow

    def told(self) -> dict[str, Any]:
        """For the report: steps made, part of the refined field that was followed (None: the
        network's own was kept), relative fall of the residual, cost.
        """
        if self._refined is None or not self._refined.steps:
            return {"steps": 0}
        part, gain = self._refined.part, round(self._refined.gain, 4)
        return {
            "steps": self._refined.steps,
            "followed": None if part is None else round(part, 3),
            "gain": gain,
            "cpu_seconds": round(self._cpu_seconds, 2),
        }


def _run(
    network: Model,
    contract: Contract,
    work: Work,
    start: InitialAlignment,
    device: torch.device,
    precision: str,
    improve: Improve | None,
) -> tuple[Found, dict[str, float], float]:
    """The network's findings, its class probabilities, and % of the body where its flow folds."""
    with autocast(precision, device):
        more = {} if improve is None else {"improve": improve}
        out = network(work.degraded.to(device), work.reference.to(device), **more)
    volumes = (out.fused, out.restored, out.blend, out.kept, out.flow)
    fused, restored, blend, kept, flow = (v.float().cpu() for v in volumes)
    p = torch.softmax(out.logits.float().cpu()[0], dim=0).tolist()
    probabilities = dict(zip(contract.classes, p, strict=True))
    extra = fused.sub_(restored + blend * (work.reference - restored))
    moved = warp(work.degraded, flow)
    folded = (jacobian_determinant(flow)[:, None] <= 0) & work.mask
    folds = 100 * float(folded.sum()) / max(1, int(work.mask.sum()))
    remainder = flow_to_world(flow, work.grid)
    return (
        Found(work.grid, moved, restored, blend, extra, kept, remainder, start.matrix),
        probabilities,
        folds,
    )


def _measure(
    work: Work, found: Found, native: Native, body: np.ndarray, folds: float
) -> dict[str, Any]:
    """Displacement, folds, and the likeness to the reference before, after alignment, and after
    restoration.
    """
    likeness: dict[str, Any] = {
        "measure": "1 - mean |MIND-SSC difference| inside the body; 1 is best"
    }
    information: dict[str, Any] = {
        "measure": "normalised mutual information inside the body; 2 is best"
    }
    steps = {
        "before": work.unaligned,
        "after_affine": work.degraded,
        "after": found.moved,
        "restored": found.restored,
    }
    for name, volume in steps.items():
        likeness[name] = round(figures.structure_agreement(volume, work.reference, work.mask), 5)
        information[name] = round(figures.mutual_information(volume, work.reference, work.mask), 5)
    return {
        "displacement_mm": figures.displacement_statistics(native.displacement, body),
        "folds_percent": round(folds, 4),
        "similarity": likeness,
        "mutual_information": information,
        "coverage_percent": round(
            100 * float(native.coverage[body].mean() if body.any() else native.coverage.mean()), 2
        ),
    }


def _report(
    moving: Prepared,
    fixed: Prepared,
    start: InitialAlignment,
    contract: Contract,
    probabilities: dict[str, float],
    measured: dict[str, Any],
    warnings: list[str],
    stages: Stages,
    device: torch.device,
    precision: str,
    grid: Grid,
) -> dict[str, Any]:
    label = max(probabilities, key=lambda name: probabilities[name])
    return {
        "notice": figures.NOTICE,
        "class": label,
        "probabilities": {name: round(p, 6) for name, p in probabilities.items()},
        "sure_from": contract.sure_from,
        **measured,
        "initial_alignment": {
            "used": start.used,
            "believed": round(start.believed, 3),
            "matrix_ras": np.round(start.matrix, 6).tolist(),
            "similarity_before": round(start.similarity_before, 5),
            "similarity_after": round(start.similarity_after, 5),
            "moved_mm": round(start.moved_mm, 3),
            "confidence_t": round(start.confidence, 2),
        },
        "degraded_modality": moving.source.modality,
        "reference_modality": fixed.source.modality,
        "inputs": {
            "degraded": figures.geometry_of(moving.source.volume),
            "reference": figures.geometry_of(fixed.source.volume),
        },
        "intensity": {
            "degraded": moving.source.intensity.to_json(),
            "reference": fixed.source.intensity.to_json(),
        },
        "working_grid": {"shape": list(grid.shape), "spacing_mm": round(float(grid.spacing[0]), 4)},
        "seconds": {**stages.seconds, "total": round(sum(stages.seconds.values()), 3)},
        "cpu_seconds": {**stages.cpu_seconds, "total": round(sum(stages.cpu_seconds.values()), 3)},
        "peak_memory_mb": figures.peak_memory_mb(),
        "device": device_name(device),
        "precision": precision,
        "weights": {"name": contract.name, "preset": contract.preset, "sha256": contract.sha256},
        "versions": figures.versions(),
        "warnings": warnings,
    }


def _result(
    native: Native,
    affine: np.ndarray,
    probabilities: dict[str, float],
    report: dict[str, Any],
    body: np.ndarray,
) -> FusionResult:
    return FusionResult(
        fused=Volume(native.fused, affine),
        restored=Volume(native.restored, affine),
        aligned=Volume(native.aligned, affine),
        displacement=native.displacement,
        probabilities=probabilities,
        label=report["class"],
        report=report,
        body=body,
        coverage=native.coverage,
    )
