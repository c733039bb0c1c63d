"""`report.json`: what went in, what was found, what it cost, and how far to trust it.

Plain numbers and sentences. Every key is explained in `docs/report-schema.md`, which a test
compares with the classes here, in `inputs.py` and in `parts.py`.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field, replace
from typing import TYPE_CHECKING, Any, NamedTuple

from UniFuseLib.io.plain_values import from_plain
from UniFuseLib.process import peak_memory_mb
from UniFuseLib.report.guidance import GuidanceReport
from UniFuseLib.report.inputs import InputReport, InputsReport, IntensityReport, ModalitiesReport
from UniFuseLib.report.parts import (
    AlignmentReport,
    CorrectionReport,
    DisplacementReport,
    GreysReport,
    RefinementReport,
    RigidPartReport,
    SimilarityReport,
    StoredFieldReport,
    UncertaintyReport,
    VerdictReport,
    WeightsReport,
    WorkingGridReport,
)
from UniFuseLib.version import NOTICE, versions

if TYPE_CHECKING:
    from UniFuseLib.contract import Contract
    from UniFuseLib.degradation import Classification
    from UniFuseLib.fusion.greys import Greys
    from UniFuseLib.preprocessing.prepare import PreparedPair
    from UniFuseLib.preprocessing.working_pair import WorkingPair
    from UniFuseLib.report.measurements import Measurements
    from UniFuseLib.restoration.correct import Corrected
    from UniFuseLib.severity.severity import Severity
    from UniFuseLib.verdict.judge import Verdict

SCHEMA_VERSION = 2


@dataclass(frozen=True)
class Report:
    """Everything that is known about one fusion; `to_json` is the content of `report.json`.

    `label` is called `class` there. Shape, unit and meaning of every key: docs/report-schema.md.
    """

    label: str
    probabilities: dict[str, float]
    sure_from: float
    class_calibrated: bool
    displacement_mm: DisplacementReport
    rigid_part: RigidPartReport
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
    severity: float | None = None
    severity_words: str | None = None
    dose_fraction: float | None = None
    fusion_method: str = "unifuse"
    correction: CorrectionReport = field(default_factory=CorrectionReport)
    fused_greys: GreysReport = field(default_factory=GreysReport)
    stored_field: StoredFieldReport = field(default_factory=StoredFieldReport)
    versions: dict[str, str] = field(default_factory=versions)
    notice: str = NOTICE
    schema_version: int = SCHEMA_VERSION

    def to_json(self) -> dict[str, Any]:
        """Plain numbers, strings, lists and dicts."""
        values = json.loads(json.dumps(asdict(self)))  # lists for tuples
        label = values.pop("label")
        first = {"schema_version": values.pop("schema_version"), "verdict": values.pop("verdict")}
        return {**first, "class": label, **values}

    @classmethod
    def from_json(cls, content: dict[str, Any]) -> Report:
        """The report that `to_json` has made; inputs may also have a `name`, which is left out.

        Raises:
            FieldError: another version wrote it.
        """
        inputs = {
            role: {key: value for key, value in found.items() if key != "name"}
            for role, found in content.get("inputs", {}).items()
        }
        values = {key: value for key, value in content.items() if key != "class"}
        known = {**values, "label": content.get("class"), "inputs": inputs}
        report: Report = from_plain(cls, known)
        return report

    def with_warnings(self, before: tuple[str, ...] = (), after: tuple[str, ...] = ()) -> Report:
        """The same with more warnings."""
        return replace(self, warnings=(*before, *self.warnings, *after))

    def with_stored_field(self, kept: StoredFieldReport) -> Report:
        """The same with the grid of the deformation's file."""
        return replace(self, stored_field=kept)

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
    reference_doubts: tuple[str, ...],
    measured: Measurements,
    refinement: RefinementReport,
    guidance: GuidanceReport,
    run: RunRecord,
    verdict: Verdict | None,
    uncertainty: UncertaintyReport,
    fusion_method: str,
    greys: Greys,
    severity: Severity,
    better: Corrected,
) -> Report:
    """The report of one run, from what its steps returned."""
    degraded, reference = pair.degraded.source, pair.reference.source
    return Report(
        label=classified.label,
        probabilities={name: round(p, 6) for name, p in classified.probabilities.items()},
        sure_from=contract.sure_from,
        class_calibrated=classified.calibrated,
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
        verdict=VerdictReport.of(verdict, uncertainty),
        warnings=(
            *pair.warnings,
            *working.alignment.warnings,
            *guidance.warnings,
            *classified.warnings,
            *reference_doubts,
        ),
        severity=severity.value,
        severity_words=severity.words,
        dose_fraction=severity.dose_fraction,
        fusion_method=fusion_method,
        correction=CorrectionReport.of(better),
        fused_greys=GreysReport.of(greys, pair.modalities),
    )


def with_total(seconds: dict[str, float]) -> dict[str, float]:
    """The same with their sum as `total`."""
    return {**seconds, "total": round(sum(seconds.values()), 3)}
