"""START HERE: two volumes in, fused volume, deformation and degradation class out.

    checks → modality → body, intensity rule → working grid → pose → deformation → network
    → restoration and fusion → correction of what is left → back to the reference grid

Every step is a function of its room, or of `steps.py` where it takes two of them; this file shows
their order.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import torch

from UniFuseLib.checkpoint import load_model
from UniFuseLib.contract import Contract, standard_contract
from UniFuseLib.degraded_reference import reference_doubts
from UniFuseLib.device import autocast, check_precision, choose_device, device_name, memory_advice
from UniFuseLib.fallback import smaller_when_full
from UniFuseLib.fusion.greys import AUTO, greys_of
from UniFuseLib.fusion.methods import UNIFUSE, check_method
from UniFuseLib.fusion_result import FusionResult
from UniFuseLib.postprocess import network_result, to_reference_grid
from UniFuseLib.preprocessing.guidance import Guidance
from UniFuseLib.preprocessing.prepare import prepare_pair
from UniFuseLib.preprocessing.working_pair import working_pair
from UniFuseLib.progress import CancelQuestion, Progress, Stage, Stages
from UniFuseLib.registration.bspline_refinement import steps_for
from UniFuseLib.report.guidance import GuidanceReport
from UniFuseLib.report.measurements import measure
from UniFuseLib.report.parts import RefinementReport, UncertaintyReport
from UniFuseLib.report.report import RunRecord, fusion_report
from UniFuseLib.restoration.choice import check_restoration
from UniFuseLib.restoration.correct import correct
from UniFuseLib.restoration.shipped import shipped_correction
from UniFuseLib.severity.severity import severity_of
from UniFuseLib.spatial.axes import from_canonical
from UniFuseLib.spatial.volume import Volume
from UniFuseLib.steps import (
    NetworkRun,
    classify_pair,
    classify_reference,
    decided,
    deform_pair,
    fuse_by_method,
    restore_degraded,
)
from UniFuseLib.verdict.judge import check_judged
from UniFuseLib.verdict.judged import judge

if TYPE_CHECKING:
    import numpy as np

    from UniFuseLib.preprocessing.guidance import GivenMask
    from UniFuseLib.preprocessing.modality import ModalityEvidence
    from UniFuseLib.preprocessing.working_pair import Align
    from UniFuseLib.restoration.choice import Restoration
    from UniFuseLib.steps import Network

# shares: CPU seconds of the sample pair
_LOADING = Stage("Loading the network", 0.1)
_CHECKING = Stage("Checking the volumes", 0.1)
_ALIGNING = Stage("Aligning the volumes", 2.4)
_REFINING = Stage("Refining the deformation", 1.5)
_REGISTERING = Stage("Running the network", 0.8)
_JUDGING = Stage("Judging the alignment", 1.8)
_FUSING = Stage("Restoring and fusing", 0.8)
_RESAMPLING = Stage("Writing onto the reference grid", 0.4)
_MEASURING = Stage("Measuring the result", 0.3)
_STAGES = (
    _LOADING,
    _CHECKING,
    _ALIGNING,
    _REFINING,
    _REGISTERING,
    _JUDGING,
    _FUSING,
    _RESAMPLING,
    _MEASURING,
)


@smaller_when_full
def fuse(
    degraded: Volume,
    reference: Volume,
    *,
    model: Network | None = None,
    contract: Contract | None = None,
    weights: Path | str | None = None,
    device: str = "auto",
    degraded_modality: str | ModalityEvidence = "auto",
    reference_modality: str | ModalityEvidence = "auto",
    working_spacing: float | None = None,
    precision: str = "auto",
    refine: str | int = "auto",
    align: Align = "deformable",
    initial_transform: np.ndarray | None = None,
    reference_mask: GivenMask = None,
    degraded_mask: GivenMask = None,
    reference_landmarks: np.ndarray | None = None,
    degraded_landmarks: np.ndarray | None = None,
    restored_own: bool = False,
    verdict: bool = True,
    uncertainty: bool = False,
    fusion: str = UNIFUSE,
    ct_window: str = AUTO,
    restoration: Restoration = "auto",
    progress: Progress | None = None,
    cancelled: CancelQuestion | None = None,
) -> FusionResult:
    """Align, restore and fuse `degraded` with `reference`, on the reference grid.

    Args:
        degraded: the volume to restore.
        reference: a clean one of the same patient; size, spacing, orientation and field of view may
            differ.
        model: a network that is already loaded; None loads `weights`.
        contract: what `model` expects; None: the default rules at 1.5 mm.
        weights: safetensors file with its JSON beside it; None takes the shipped ones.
        device: `auto`, `cpu`, `cuda` or `cuda:N`; where a graphics card runs out of memory, the
            network runs in bfloat16, then all of it on the CPU, and the report says so.
        degraded_modality: `auto`, `mr`, `ct` or `pet`, or all that its file says about it.
        reference_modality: likewise.
        working_spacing: mm, isotropic; None takes the contract's.
        precision: `auto` (float32), `float32`, `bfloat16` or `float16`.
        refine: test-time optimisation of the field (`registration/bspline_refinement.py`): `off`,
            `auto` (pairs of modalities that were measured to gain), or the largest number of steps
            of every level.
        align: how far the alignment may go: `deformable`, `affine` or `rigid` (one motion of the
            whole body, neither the network's field nor its refinement), or `none` (the geometry of
            the files, or that of `initial_transform`).
        initial_transform: A `(4, 4)`, RAS point of the reference → RAS point of the degraded
            volume, mm: one more start of the alignment, and part of what is found from there.
        reference_mask: label map on any grid: only where it is above 0 is the reference compared;
            all of the degraded volume is moved. `body`: the body that is found in it.
        degraded_mask: likewise for the degraded volume.
        reference_landmarks: `(n, 3)` RAS mm: the rigid motion onto `degraded_landmarks` is one more
            start, and the report says how far they are apart before and after.
        degraded_landmarks: the same places in the degraded volume, in the same order.
        restored_own: also restore the degraded volume on its own grid, without moving it.
        verdict: judge how far the alignment can be trusted (`verdict/judge.py`).
        uncertainty: also map how far off it may be (`verdict/uncertainty.py`); needs the verdict.
        fusion: what makes the fused volume, one of `fusion.methods.METHODS`; all else is UniFuse's.
        ct_window: HU of a CT that the fused volume shows: `auto`, `wide`, `brain`, `soft-tissue`,
            `bone`, `lung`, or `LEVEL,WIDTH` (`fusion/greys.py`).
        restoration: `auto` also corrects what the network leaves of a degradation
            (`restoration/`), where its class has a correction; `network` does not.
        progress: called with (fraction 0 to 1, title of the stage).
        cancelled: asked between steps; True ends the run.

    Raises:
        InputError, WeightsError, DeviceError, MissingDependencyError: with a sentence for the user.
        Cancelled: `cancelled` answered True.
    """
    stages = Stages(_STAGES, progress, cancelled)
    target = choose_device(device)
    check_precision(precision)
    check_method(fusion)
    check_restoration(restoration)
    check_judged(verdict=verdict, uncertainty=uncertainty)
    modalities = (degraded_modality, reference_modality)
    guidance = Guidance(
        initial_transform, reference_mask, degraded_mask, reference_landmarks, degraded_landmarks
    )
    with torch.no_grad(), memory_advice(target):
        with stages.stage(_LOADING):
            network, agreed = _network(model, contract, weights, target)
            correction = shipped_correction(agreed.sha256, restoration)
        with stages.stage(_CHECKING):
            pair = prepare_pair(degraded, reference, modalities, agreed, working_spacing, guidance)
            steps = steps_for(refine, *pair.modalities)
            greys = greys_of(pair, ct_window)
        with stages.stage(_ALIGNING):
            working = working_pair(pair, align, stages.step)
        seen = NetworkRun(network, pair, working, target, precision)
        with stages.stage(_REFINING):
            deformed = deform_pair(pair, working, target, seen.flow, steps, align, stages.step)
        with stages.stage(_REGISTERING):
            registered = seen.registered()
            of_reference = classify_reference(seen, agreed)
        refinement = RefinementReport.of(deformed, stages.cpu_seconds[_REFINING.title])
        flow = deformed.flow
        del seen, deformed
        with stages.stage(_JUDGING):
            classified = classify_pair(registered.logits, pair, agreed)
            judged = (
                judge(pair, working, flow, classified, uncertainty, stages.step)
                if verdict
                else None
            )
        with stages.stage(_FUSING), autocast(precision, target):
            output = network.fuse(
                registered, flow, greys.base, decided(classified, agreed, registered.logits)
            )
        with stages.stage(_RESAMPLING):
            found = network_result(working, output)
            del registered, output, flow  # their features are the largest tensors of a run
            better = correct(found, pair, working, classified, correction)
            sources = pair.degraded.source, pair.reference.source
            native = to_reference_grid(*sources, found, greys)
            native = fuse_by_method(fusion, native, pair, greys, target)
            own = restore_degraded(pair, found, native.field) if restored_own else None
        with stages.stage(_MEASURING):
            body = from_canonical(pair.reference.body, reference.grid)
            severity = severity_of(pair.degraded, classified, agreed, better)
            measured = measure(working, found, native, reference.grid, body)
            shown = native.coverage & body if body.any() else native.coverage
            doubt = judged and judged.uncertainty
            doubts = None if doubt is None else doubt.on(reference.grid, shown)
    guided = GuidanceReport.of(pair, native.field)
    run = RunRecord(stages.seconds, stages.cpu_seconds, device_name(target), precision)
    return FusionResult(
        fused=Volume(native.fused, reference.affine),
        restored=Volume(native.restored, reference.affine),
        field=native.field,
        scan=pair.degraded.source,
        probabilities=classified.probabilities,
        label=classified.label,
        report=fusion_report(
            pair,
            working,
            agreed,
            classified,
            reference_doubts(of_reference, pair.modalities[1], classified),
            measured,
            refinement,
            guided,
            run,
            judged and judged.verdict,
            UncertaintyReport.of(doubts),
            fusion,
            greys,
            severity,
            better,
        ),
        body=body,
        coverage=native.coverage,
        restored_own=own,
        uncertainty=None if doubts is None else Volume(doubts, reference.affine),
    )


def _network(
    model: Network | None,
    contract: Contract | None,
    weights: Path | str | None,
    device: torch.device,
) -> tuple[Network, Contract]:
    if model is None:
        return load_model(None if weights is None else Path(weights), device)
    return model, contract or standard_contract()
