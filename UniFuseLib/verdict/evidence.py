"""Everything that is looked at to judge one result, as plain numbers."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
import torch

from UniFuseLib.spatial.displacement import warp
from UniFuseLib.spatial.resampling import resample
from UniFuseLib.spatial.rigid import nearest_rigid
from UniFuseLib.spatial.volume import Grid, Volume, affine_of
from UniFuseLib.verdict.field import field_evidence, images_of
from UniFuseLib.verdict.poses import pose_evidence
from UniFuseLib.verdict.regions import body_overlap, region_evidence

if TYPE_CHECKING:
    from torch import Tensor

    from UniFuseLib.preprocessing.prepare import PreparedPair
    from UniFuseLib.preprocessing.working_pair import WorkingPair
    from UniFuseLib.registration.affine import AffineResult
    from UniFuseLib.verdict.parting import Parting

_POINTS = 2000
_OVERLAP_MM = 4.0


def evidence_of(
    pair: PreparedPair,
    working: WorkingPair,
    flow: Tensor,
    probabilities: dict[str, float],
    parting: Parting | None,
) -> dict[str, float]:
    """Name → value; NaN where it could not be measured.

    Args:
        pair: the checked inputs.
        working: both on the working grid.
        flow: φ `(1, 3, d, h, w)` voxels, that the result follows.
        probabilities: of the degradation classes.
        parting: of the variations of the registration; None: they were not looked at.
    """
    flow = flow.float().cpu()
    degraded, reference = pair.degraded.side, pair.reference.side
    points = reference.points(_POINTS)
    images = images_of(points, working.alignment.matrix, flow, working.grid)
    rigid = nearest_rigid(points, images)
    spacing = float(working.grid.spacing[0])
    overlap = _dice(pair, working)
    with torch.no_grad():
        by_pose = pose_evidence(degraded, reference, rigid)
        aligned = warp(working.degraded, flow)
        by_region = region_evidence(aligned, working.reference, working.mask, spacing, overlap)
        by_field = field_evidence(points, images, rigid, flow, working.mask)
    return {
        **by_pose._asdict(),
        **by_region._asdict(),
        **by_field._asdict(),
        **_of_alignment(working.alignment),
        "variations_mm": math.nan if parting is None else parting.mean_mm,
        "stretch_gain": math.nan if parting is None else parting.stretch.gain,
        "class_entropy": _entropy(probabilities),
        "seen_share": _share(working),
        "pet": float("pet" in pair.modalities),
        "same_modality": float(pair.modalities[0] == pair.modalities[1]),
    }


def _dice(pair: PreparedPair, working: WorkingPair) -> float:
    """Of both bodies, at about 4 mm."""
    degraded, reference = pair.degraded, pair.reference
    moved = np.linalg.inv(working.alignment.matrix) @ degraded.scalar.affine
    step = max(1, round(_OVERLAP_MM / float(working.grid.spacing[0])))
    shape = tuple(-(-n // step) for n in working.grid.shape)
    linear = working.grid.linear * step
    grid = Grid((shape[0], shape[1], shape[2]), affine_of(linear, working.grid.origin))
    a, _ = resample(Volume(degraded.body, moved), grid, 0.0)
    b, _ = resample(Volume(reference.body, reference.scalar.affine), grid, 0.0)
    both = working.degraded_acquired & working.reference_acquired
    return body_overlap(a > 0.5, b > 0.5, both[..., ::step, ::step, ::step])


def _share(working: WorkingPair) -> float:
    """Part of the smaller field of view that the other one covers, by its voxels."""
    both = (working.degraded_acquired & working.reference_acquired).sum()
    return float(both) / max(1.0, float(working.reference_acquired.sum()))


def _of_alignment(found: AffineResult) -> dict[str, float]:
    """What the pose decision knew; NaN where nothing was looked for."""
    evidence = found.evidence
    names = (
        "sigmas",
        "gain",
        "starts_agreeing",
        "runner_up_mm",
        "moved_mm",
        "rotation_deg",
        "not_followed_mm",
        "stretch_percent",
    )
    if evidence is None:
        return {**dict.fromkeys(names, math.nan), "followed": 0.0, "convincing": math.nan}
    return {
        "sigmas": evidence.chance.sigmas(evidence.score),
        "gain": evidence.gain,
        "starts_agreeing": evidence.starts_agreeing,
        "runner_up_mm": evidence.runner_up_mm,
        "moved_mm": evidence.moved_mm,
        "rotation_deg": evidence.rotation_deg,
        "not_followed_mm": 0.0 if found.followed else evidence.moved_mm,
        "stretch_percent": evidence.stretch_percent,
        "followed": float(found.followed),
        "convincing": float(evidence.convincing),
    }


def _entropy(probabilities: dict[str, float]) -> float:
    """Of the classes, nats."""
    return -sum(p * math.log(p) for p in probabilities.values() if p > 0)
