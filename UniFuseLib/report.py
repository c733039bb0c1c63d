"""`report.json`: what went in, what was found, what it cost, and how far to trust it.

Plain numbers and sentences. Every key is explained in `docs/report-schema.md`, which a test
compares with the classes below.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, replace
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from UniFuseLib.process import peak_memory_mb
from UniFuseLib.spatial.axes import orientation_code
from UniFuseLib.version import NOTICE, versions

if TYPE_CHECKING:
    from UniFuseLib.contract import Contract
    from UniFuseLib.degradation import Classification
    from UniFuseLib.measurements import Measurements
    from UniFuseLib.preprocessing.intensity import IntensityMap
    from UniFuseLib.preprocessing.modality import ModalityGuess
    from UniFuseLib.preprocessing.prepare import PreparedPair, WorkingPair
    from UniFuseLib.registration.affine import InitialAlignment
    from UniFuseLib.spatial.volume import Grid, Volume

SCHEMA_VERSION = 1


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

    steps: int = 0
    followed: float | None = None
    gain: float | None = None
    cpu_seconds: float | None = None


@dataclass(frozen=True)
class AlignmentReport:
    """The affine that the network started from."""

    used: bool
    believed: float
    matrix_ras: tuple[tuple[float, ...], ...]
    similarity_before: float
    similarity_after: float
    moved_mm: float
    confidence_t: float

    @classmethod
    def of(cls, start: InitialAlignment) -> AlignmentReport:
        matrix = np.round(start.matrix, 6).tolist()
        return cls(
            used=start.used,
            believed=round(start.believed, 3),
            matrix_ras=tuple(tuple(row) for row in matrix),
            similarity_before=round(start.similarity_before, 5),
            similarity_after=round(start.similarity_after, 5),
            moved_mm=round(start.moved_mm, 3),
            confidence_t=round(start.confidence, 2),
        )


@dataclass(frozen=True)
class InputReport:
    """Geometry of an input, array order (d, h, w)."""

    shape: tuple[int, ...]
    spacing_mm: tuple[float, ...]
    orientation: str
    origin_ras_mm: tuple[float, ...]
    dtype: str
    path: str | None = None

    @classmethod
    def of(cls, volume: Volume) -> InputReport:
        grid = volume.grid
        return cls(
            shape=volume.array.shape,
            spacing_mm=tuple(round(float(s), 5) for s in grid.spacing),
            orientation=orientation_code(grid),
            origin_ras_mm=tuple(round(float(v), 4) for v in grid.affine[:3, 3]),
            dtype=str(volume.array.dtype),
        )


@dataclass(frozen=True)
class InputsReport:
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
    shape: tuple[int, ...]
    spacing_mm: float

    @classmethod
    def of(cls, grid: Grid) -> WorkingGridReport:
        return cls(grid.shape, round(float(grid.spacing[0]), 4))


@dataclass(frozen=True)
class WeightsReport:
    name: str
    preset: str
    sha256: str

    @classmethod
    def of(cls, contract: Contract) -> WeightsReport:
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
    versions: dict[str, str] = field(default_factory=versions)
    notice: str = NOTICE
    schema_version: int = SCHEMA_VERSION

    def to_json(self) -> dict[str, Any]:
        """Plain numbers, strings, lists and dicts."""
        values = _lists_for_tuples(asdict(self))
        label = values.pop("label")
        return {"schema_version": values.pop("schema_version"), "class": label, **values}

    def with_warnings(self, before: tuple[str, ...] = (), after: tuple[str, ...] = ()) -> Report:
        """The same with more warnings."""
        return replace(self, warnings=(*before, *self.warnings, *after))

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


class Cost(NamedTuple):
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
    cost: Cost,
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
        degraded_modality=degraded.modality,
        reference_modality=reference.modality,
        modality=ModalitiesReport.of(degraded.guess, reference.guess),
        inputs=InputsReport(InputReport.of(degraded.volume), InputReport.of(reference.volume)),
        intensity=IntensityReport(degraded.intensity, reference.intensity),
        working_grid=WorkingGridReport.of(pair.grid),
        seconds=with_total(cost.seconds),
        cpu_seconds=with_total(cost.cpu_seconds),
        peak_memory_mb=peak_memory_mb(),
        device=cost.device,
        precision=cost.precision,
        weights=WeightsReport.of(contract),
        warnings=(*pair.warnings, *classified.warnings),
    )


def with_total(seconds: dict[str, float]) -> dict[str, float]:
    """The same with their sum as `total`."""
    return {**seconds, "total": round(sum(seconds.values()), 3)}


def _lists_for_tuples(value: Any) -> Any:
    """What comes back from JSON: lists where tuples went in."""
    if isinstance(value, dict):
        return {key: _lists_for_tuples(entry) for key, entry in value.items()}
    if isinstance(value, list | tuple):
        return [_lists_for_tuples(entry) for entry in value]
    return value
