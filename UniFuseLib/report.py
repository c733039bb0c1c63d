"""`report.json`: what went in, what was found, what it cost, and how far to trust it.

Plain numbers and sentences. Every key is explained in `docs/report-schema.md`, which a test
compares with the classes below.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field, replace
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from UniFuseLib.guidance_report import GuidanceReport
from UniFuseLib.process import peak_memory_mb
from UniFuseLib.spatial.axes import orientation_code
from UniFuseLib.version import NOTICE, versions

if TYPE_CHECKING:
    from UniFuseLib.contract import Contract
    from UniFuseLib.degradation import Classification
    from UniFuseLib.measurements import Measurements
    from UniFuseLib.preprocessing.intensity import IntensityMap
    from UniFuseLib.preprocessing.modality import ModalityGuess
    from UniFuseLib.preprocessing.prepare import PreparedPair
    from UniFuseLib.preprocessing.working_pair import WorkingPair
    from UniFuseLib.registration.affine import AffineResult
    from UniFuseLib.registration.deformation import Deformed
    from UniFuseLib.spatial.volume import Grid, Volume
    from UniFuseLib.verdict.judge import Verdict

SCHEMA_VERSION = 2


@dataclass(frozen=True)
class DisplacementReport:
    """‖u‖ inside the body, mm."""

    mean: float
    median: float
    p95: float
    max: float


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
class VerdictReport:
    """How far to trust the alignment; None where it was not judged."""

    trust: str | None = None
    probability_off_by_3_mm: float | None = None
    expected_error_mm: float | None = None
    interval_mm: tuple[float, float] | None = None
    reasons: tuple[str, ...] = ()
    evidence: dict[str, float | None] = field(default_factory=dict)

    @classmethod
    def of(cls, verdict: Verdict | None) -> VerdictReport:
        return cls() if verdict is None else cls(**asdict(verdict))


@dataclass(frozen=True)
class InputReport:
    """Geometry of an input, array order (d, h, w)."""

    shape: tuple[int, ...]
    spacing_mm: tuple[float, ...]
    orientation: str
    origin_ras_mm: tuple[float, ...]
    dtype: str
    path: str | None = None
    affine_ras: tuple[tuple[float, ...], ...] | None = None

    @classmethod
    def of(cls, volume: Volume) -> InputReport:
        """Without a path, which a volume does not know."""
        grid = volume.grid
        return cls(
            shape=volume.array.shape,
            spacing_mm=tuple(round(float(s), 5) for s in grid.spacing),
            orientation=orientation_code(grid),
            origin_ras_mm=tuple(round(float(v), 4) for v in grid.affine[:3, 3]),
            dtype=str(volume.array.dtype),
            affine_ras=tuple(tuple(row) for row in np.round(grid.affine, 9).tolist()),
        )


@dataclass(frozen=True)
class InputsReport:
    """Both inputs."""

    degraded: InputReport
    reference: InputReport


@dataclass(frozen=True)
class ModalityReport:
    """How the modality of an input was found."""

    confidence: str
    reason: str


@dataclass(frozen=True)
class ModalitiesReport:
    degraded: ModalityReport
    reference: ModalityReport

    @classmethod
    def of(cls, degraded: ModalityGuess, reference: ModalityGuess) -> ModalitiesReport:
        found = (ModalityReport(guess.confidence, guess.reason) for guess in (degraded, reference))
        return cls(*found)


@dataclass(frozen=True)
class IntensityReport:
    """The rules that turned own units into network intensities."""

    degraded: IntensityMap
    reference: IntensityMap


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
class WeightsReport:
    """Which weights made the result."""

    name: str
    preset: str
    sha256: str

    @classmethod
    def of(cls, contract: Contract) -> WeightsReport:
        """What identifies them."""
        return cls(contract.name, contract.preset, contract.sha256)


@dataclass(frozen=True)
class Report:
    """Everything that is known about one fusion; `to_json` is the content of `report.json`.

    `label` is called `class` there. Shape, unit and meaning of every key: docs/report-schema.md.
    """

    label: str
    probabilities: dict[str, float]
    sure_from: float
    displacement_mm: DisplacementReport
    folds_percent: float
    similarity: SimilarityReport
    mutual_information: SimilarityReport
    coverage_percent: float
    refinement: RefinementReport
    initial_alignment: AlignmentReport
    degraded_modality: str
    reference_modality: str
    modality: ModalitiesReport
    inputs: InputsReport
    intensity: IntensityReport
    working_grid: WorkingGridReport
    seconds: dict[str, float]
    cpu_seconds: dict[str, float]
    peak_memory_mb: float | None
    device: str
    precision: str
    weights: WeightsReport
    warnings: tuple[str, ...]
    guidance: GuidanceReport = field(default_factory=GuidanceReport)
    verdict: VerdictReport = field(default_factory=VerdictReport)
    fusion_method: str = "unifuse"
    versions: dict[str, str] = field(default_factory=versions)
    notice: str = NOTICE
    schema_version: int = SCHEMA_VERSION

    def to_json(self) -> dict[str, Any]:
        """Plain numbers, strings, lists and dicts."""
        values = json.loads(json.dumps(asdict(self)))  # lists for tuples
        label = values.pop("label")
        first = {"schema_version": values.pop("schema_version"), "verdict": values.pop("verdict")}
        return {**first, "class": label, **values}

    def with_warnings(self, before: tuple[str, ...] = (), after: tuple[str, ...] = ()) -> Report:
        """The same with more warnings."""
        return replace(self, warnings=(*before, *self.warnings, *after))

    def with_doubts(self, differences: tuple[str, ...], two_patients: bool) -> Report:
        """The same with what the files say against one patient and session as reasons.

        Args:
            differences: sentences; a green result without another patient stays without reasons.
            two_patients: a green result becomes amber.
        """
        judged = self.verdict
        trust = "amber" if judged.trust == "green" and two_patients else judged.trust
        if trust in (None, "green"):
            return self
        reasons = (*judged.reasons, *differences)
        return replace(self, verdict=replace(judged, trust=trust, reasons=reasons))

    def with_files(
        self, degraded: str, reference: str, seconds: dict[str, float], peak_mb: float | None
    ) -> Report:
        """The same with what only a run from files to files knows.

        Args:
            degraded: file or folder of the degraded volume.
            reference: of the reference.
            seconds: stage → seconds spent on files.
            peak_mb: largest memory up to now.
        """
        inputs = InputsReport(
            replace(self.inputs.degraded, path=degraded),
            replace(self.inputs.reference, path=reference),
        )
        spent = {title: s for title, s in self.seconds.items() if title != "total"}
        return replace(
            self, inputs=inputs, seconds=with_total({**spent, **seconds}), peak_memory_mb=peak_mb
        )


class RunRecord(NamedTuple):
    """What a run took, and where it ran."""

    seconds: dict[str, float]  # title of the stage → seconds
    cpu_seconds: dict[str, float]  # title of the stage → CPU seconds of all threads
    device: str
    precision: str


def fusion_report(
    pair: PreparedPair,
    working: WorkingPair,
    contract: Contract,
    classified: Classification,
    measured: Measurements,
    refinement: RefinementReport,
    guidance: GuidanceReport,
    run: RunRecord,
    verdict: Verdict | None,
    fusion_method: str = "unifuse",
) -> Report:
    """The report of one run, from what its steps returned."""
    degraded, reference = pair.degraded.source, pair.reference.source
    return Report(
        label=classified.label,
        probabilities={name: round(p, 6) for name, p in classified.probabilities.items()},
        sure_from=contract.sure_from,
        **measured._asdict(),
        refinement=refinement,
        initial_alignment=AlignmentReport.of(working.alignment),
        guidance=guidance,
        degraded_modality=degraded.modality,
        reference_modality=reference.modality,
        modality=ModalitiesReport.of(degraded.guess, reference.guess),
        inputs=InputsReport(InputReport.of(degraded.volume), InputReport.of(reference.volume)),
        intensity=IntensityReport(degraded.intensity, reference.intensity),
        working_grid=WorkingGridReport.of(pair.grid),
        seconds=with_total(run.seconds),
        cpu_seconds=with_total(run.cpu_seconds),
        peak_memory_mb=peak_memory_mb(),
        device=run.device,
        precision=run.precision,
        weights=WeightsReport.of(contract),
        verdict=VerdictReport.of(verdict),
        warnings=(
            *pair.warnings,
            *working.alignment.warnings,
            *guidance.warnings,
            *classified.warnings,
        ),
        fusion_method=fusion_method,
    )


def with_total(seconds: dict[str, float]) -> dict[str, float]:
    """The same with their sum as `total`."""
    return {**seconds, "total": round(sum(seconds.values()), 3)}
