"""The parts of `report.json`, each made of what one step returned, rounded as it is reported."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from UniFuseLib.registration.affine_parameters import rotation_degrees

if TYPE_CHECKING:
    from UniFuseLib.contract import Contract
    from UniFuseLib.fusion.greys import Greys
    from UniFuseLib.registration.affine import AffineResult
    from UniFuseLib.registration.deformation import Deformed
    from UniFuseLib.restoration.correct import Corrected
    from UniFuseLib.spatial.rigid import RigidPart
    from UniFuseLib.spatial.stored import StoredField
    from UniFuseLib.spatial.volume import Grid
    from UniFuseLib.verdict.judge import Verdict


@dataclass(frozen=True)
class DisplacementReport:
    """‖u‖ inside the body, mm."""

    mean: float
    median: float
    p95: float
    max: float

    @classmethod
    def of(cls, length: np.ndarray) -> DisplacementReport:
        """Of lengths, `(n,)` mm."""
        return cls(
            mean=round(float(length.mean()), 3),
            median=round(float(np.median(length)), 3),
            p95=round(float(np.percentile(length, 95)), 3),
            max=round(float(length.max()), 3),
        )


@dataclass(frozen=True)
class RigidPartReport:
    """The rigid motion nearest to X → X + u(X) inside the body, and ‖u‖ without it."""

    matrix_ras: tuple[tuple[float, ...], ...]
    moved_mm: float
    rotation_deg: float
    deformed_mm: DisplacementReport

    @classmethod
    def of(cls, found: RigidPart) -> RigidPartReport:
        """Rounded as it is reported."""
        rows = np.round(found.matrix, 6).tolist()
        return cls(
            matrix_ras=tuple(tuple(row) for row in rows),
            moved_mm=round(found.moved_mm, 3),
            rotation_deg=round(rotation_degrees(found.matrix), 2),
            deformed_mm=DisplacementReport.of(found.rest_mm),
        )


@dataclass(frozen=True)
class SimilarityReport:
    """One measure of likeness to the reference, at four points of the road."""

    measure: str
    before: float
    after_affine: float
    after: float
    restored: float


@dataclass(frozen=True)
class RefinementReport:
    """What test-time optimisation did; None where it was not run."""

    start: str = "rest"
    levels: int = 0
    steps: int = 0
    used: bool | None = None
    gain: float | None = None
    confidence_t: float | None = None
    reason: str | None = None
    cpu_seconds: float | None = None

    @classmethod
    def of(cls, deformed: Deformed, cpu_seconds: float) -> RefinementReport:
        refined = deformed.refined
        if refined.held_out is None:
            return cls(start=deformed.start)
        return cls(
            start=deformed.start,
            levels=refined.levels,
            steps=refined.steps,
            used=refined.used,
            gain=round(refined.held_out.gain, 5),
            confidence_t=round(refined.held_out.t, 2),
            reason=refined.reason,
            cpu_seconds=round(cpu_seconds, 2),
        )


@dataclass(frozen=True)
class AlignmentReport:
    """The motion that the network started from; None where nothing was looked for.

    `used`: other than the geometry of the files. Score, chance and spread: at 8 mm.
    """

    used: bool
    freedom: str
    matrix_ras: tuple[tuple[float, ...], ...]
    moved_mm: float | None = None
    rotation_deg: float | None = None
    stretch_percent: float | None = None
    covered: float | None = None
    score: float | None = None
    score_by_chance: float | None = None
    chance_spread: float | None = None
    gain: float | None = None
    starts_agreeing: float | None = None
    runner_up_mm: float | None = None
    runner_up_score: float | None = None

    @classmethod
    def of(cls, found: AffineResult) -> AlignmentReport:
        """Rounded as it is reported."""
        rows = np.round(found.matrix, 6).tolist()
        matrix = tuple(tuple(row) for row in rows)
        evidence = found.evidence
        if evidence is None:
            return cls(found.followed, found.freedom, matrix)
        return cls(
            used=found.followed,
            freedom=found.freedom,
            matrix_ras=matrix,
            moved_mm=round(evidence.moved_mm, 3),
            rotation_deg=round(evidence.rotation_deg, 2),
            stretch_percent=round(evidence.stretch_percent, 2),
            covered=round(evidence.covered, 3),
            score=round(evidence.score, 4),
            score_by_chance=round(evidence.chance.mean, 4),
            chance_spread=round(evidence.chance.spread, 4),
            gain=round(evidence.gain, 4),
            starts_agreeing=round(evidence.starts_agreeing, 3),
            runner_up_mm=round(evidence.runner_up_mm, 3),
            runner_up_score=round(evidence.runner_up_score, 4),
        )


@dataclass(frozen=True)
class UncertaintyReport:
    """u inside the body, mm; None where it was not mapped."""

    mean: float | None = None
    p95: float | None = None

    @classmethod
    def of(cls, uncertainty: np.ndarray | None) -> UncertaintyReport:
        """Of a map, `(d, h, w)` mm, 0 where nothing was judged."""
        if uncertainty is None or not uncertainty.any():
            return cls()
        judged = uncertainty[uncertainty > 0]
        return cls(round(float(judged.mean()), 3), round(float(np.percentile(judged, 95)), 3))


@dataclass(frozen=True)
class VerdictReport:
    """How far to trust the alignment; None where it was not judged."""

    trust: str | None = None
    probability_off_by_3_mm: float | None = None
    expected_error_mm: float | None = None
    interval_mm: tuple[float, float] | None = None
    reasons: tuple[str, ...] = ()
    evidence: dict[str, float | None] = field(default_factory=dict)
    uncertainty_mm: UncertaintyReport = field(default_factory=UncertaintyReport)

    @classmethod
    def of(cls, verdict: Verdict | None, uncertainty: UncertaintyReport) -> VerdictReport:
        """Of a verdict, and of the map where one was made."""
        return cls() if verdict is None else cls(**asdict(verdict), uncertainty_mm=uncertainty)


@dataclass(frozen=True)
class GreysReport:
    """What the fused volume shows: whose soft tissue, and which HU of a CT; None without CT."""

    soft_tissue_of: str = "reference"
    ct_window: str | None = None
    level_hu: float | None = None
    width_hu: float | None = None

    @classmethod
    def of(cls, greys: Greys, modalities: tuple[str, str]) -> GreysReport:
        window = greys.window
        if window is None:
            return cls(greys.base, "wide" if "ct" in modalities else None)
        return cls(greys.base, *window)


@dataclass(frozen=True)
class CorrectionReport:
    """What was added to the network's restored volume; None where nothing was."""

    degradation: str | None = None  # its class
    mean_change: float | None = None  # inside the body, network intensity

    @classmethod
    def of(cls, better: Corrected) -> CorrectionReport:
        """Rounded as it is reported."""
        change = better.mean_change
        return cls(better.label, None if change is None else round(change, 5))


@dataclass(frozen=True)
class WorkingGridReport:
    """The isotropic grid that the network worked on."""

    shape: tuple[int, ...]
    spacing_mm: float

    @classmethod
    def of(cls, grid: Grid) -> WorkingGridReport:
        """Of an isotropic grid."""
        return cls(grid.shape, round(float(grid.spacing[0]), 4))


@dataclass(frozen=True)
class StoredFieldReport:
    """The grid of the deformation's file; None where no file was written."""

    shape: tuple[int, ...] | None = None
    spacing_mm: tuple[float, ...] | None = None
    largest_error_mm: float | None = None

    @classmethod
    def of(cls, kept: StoredField) -> StoredFieldReport:
        """Rounded as it is reported."""
        spacing = tuple(round(float(s), 4) for s in kept.grid.spacing)
        return cls(kept.grid.shape, spacing, round(kept.largest_error_mm, 4))


@dataclass(frozen=True)
class WeightsReport:
    """Which weights made the result."""

    name: str
    preset: str
    sha256: str

    @classmethod
    def of(cls, contract: Contract) -> WeightsReport:
        """What identifies them."""
        return cls(contract.name, contract.preset, contract.sha256)
