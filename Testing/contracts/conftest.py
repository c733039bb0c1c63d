"""What several contracts share: small case folders with exact truth, and a report."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from Testing.contracts.known_flow import turned_grid, volume_on
from UniFuseLib import write_displacement
from UniFuseLib.evaluation.sampling import pull
from UniFuseLib.preprocessing.intensity import IntensityMap
from UniFuseLib.registration.bspline_refinement import Refined
from UniFuseLib.registration.deformation import Deformed, deform
from UniFuseLib.report.inputs import (
    InputReport,
    InputsReport,
    IntensityReport,
    ModalitiesReport,
    ModalityReport,
)
from UniFuseLib.report.parts import (
    AlignmentReport,
    DisplacementReport,
    RefinementReport,
    RigidPartReport,
    SimilarityReport,
    WeightsReport,
    WorkingGridReport,
)
from UniFuseLib.report.report import Report
from UniFuseLib.simulation.case_folder import add_to_index, write_case
from UniFuseLib.simulation.tasks import PAPER_TASKS, TASKS
from UniFuseLib.spatial.volume import Grid, Volume

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from torch import Tensor

    from UniFuseLib.registration.bspline_pair import RefinementPair

SCALE = {"mr": (0.0, 900.0), "ct": (-900.0, 1900.0), "pet": (0.1, 8.0)}


def frame(shape: tuple[int, int, int], spacing: tuple[float, float, float], turn: float) -> Grid:
    c, s = np.cos(turn), np.sin(turn)
    affine = np.eye(4)
    affine[:3, :3] = np.array([[c, -s, 0], [s, c, 0], [0, 0, 1]])[:, [2, 1, 0]] @ np.diag(spacing)
    affine[:3, 3] = np.array([4.0, -9.0, 2.0]) - affine[:3, :3] @ (np.array(shape) - 1) / 2
    return Grid(shape, affine)


def places(grid: Grid) -> np.ndarray:
    index = np.stack(np.meshgrid(*map(np.arange, grid.shape), indexing="ij"), axis=-1)
    return index @ grid.affine[:3, :3].T + grid.affine[:3, 3]


REFERENCE = frame((13, 15, 17), (2.5, 1.5, 1.2), 0.4)


def _make_case(
    folder: Path, name: str, task: str, shift: np.ndarray, label: str | None = None, seed: int = 0
) -> None:
    """A clean source on a finer grid, moved by a constant `shift` (RAS mm): the truth is exact."""
    here = folder / name
    here.mkdir(parents=True)
    about = TASKS[task]
    reference_grid, degraded_grid = REFERENCE, frame((22, 26, 20), (1.6, 1.3, 1.7), -0.3)
    rng = np.random.default_rng(seed)

    def picture(modality: str) -> Volume:
        big = frame((40, 40, 40), (2.0, 2.0, 2.0), 0.1)
        values = gaussian_filter(rng.random(big.shape), 1.5)
        low, span = SCALE[modality]
        values = (values - values.min()) / np.ptp(values)
        values = low + span * np.clip(2 * values - 0.6, 0, 1)  # some of it air, as in a scan
        return Volume(values.astype(np.float32), big.affine)

    source, other = picture(about.degraded), picture(about.reference)
    aligned = Volume(pull(source, None, reference_grid), reference_grid.affine)
    moved = Volume(
        pull(source, np.zeros((*degraded_grid.shape, 3)) - shift, degraded_grid),
        degraded_grid.affine,
    )
    noise = rng.standard_normal(moved.array.shape).astype(np.float32)
    noisy = Volume(moved.array + 0.04 * SCALE[about.degraded][1] * noise, moved.affine)
    body = np.zeros(reference_grid.shape, np.uint8)
    body[3:-3, 3:-3, 4:-4] = 1
    field = np.zeros((*reference_grid.shape, 3)) + shift
    length = float(np.linalg.norm(shift))
    volumes = {
        "degraded": noisy,
        "reference": Volume(pull(other, None, reference_grid), reference_grid.affine),
        "clean_aligned": aligned,
        "clean_misaligned": moved,
        "body": Volume(body, reference_grid.affine),
    }
    text = {
        "id": name,
        "task": task,
        "bin": "0-3" if length < 3 else "3-8",
        "seed": seed,
        "class": label or about.degradation,
        "degraded_modality": about.degraded,
        "reference_modality": about.reference,
        "mean_displacement_mm": length,
    }
    write_case(here, text, {}, volumes, field)


# case id → its constant displacement, RAS mm; one case per task, in the order of PAPER_TASKS
SHIFTS = {
    "a": np.array([2.0, -3.0, 6.0]),
    "b": np.array([1.0, 2.0, -1.5]),
    "c": np.array([-4.0, 2.0, 4.0]),
}


@pytest.fixture(scope="session")
def make_case() -> Callable[..., None]:
    """(folder, name, task, shift, label, seed) → one case on disk."""
    return _make_case


@pytest.fixture(scope="session")
def shifts() -> dict[str, np.ndarray]:
    return SHIFTS


@pytest.fixture(scope="session")
def reference_frame() -> Grid:
    """The grid of every reference: 13 × 15 × 17 voxels of 2.5 × 1.5 × 1.2 mm, turned."""
    return REFERENCE


@pytest.fixture(scope="session")
def case_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three cases `a`, `b`, `c` of the tasks mr, ctmr, petct. Copy before spoiling."""
    folder = tmp_path_factory.mktemp("cases")
    for seed, (name, task) in enumerate(zip(SHIFTS, PAPER_TASKS, strict=True)):
        _make_case(folder, name, task, SHIFTS[name], seed=seed)
        add_to_index(folder, name)
    return folder


@pytest.fixture
def example_report() -> Report:
    """Of an MR on MR pair that gave no reason for a caution."""
    sides = InputReport((8, 20, 25), (6.0, 3.2, 2.6), "SPL", (0.0, 0.0, 0.0), "float32")
    rule = IntensityMap("percentile", scale=500.0)
    similarity = SimilarityReport("example", before=0.4, after_affine=0.5, after=0.6, restored=0.6)
    return Report(
        label="mr_motion",
        probabilities={"mr_motion": 1.0},
        sure_from=0.0,
        class_calibrated=True,
        displacement_mm=DisplacementReport(mean=3.7, median=3.7, p95=3.7, max=3.7),
        rigid_part=RigidPartReport((), 3.6, 1.2, DisplacementReport(0.8, 0.7, 1.9, 2.6)),
        folds_percent=0.0,
        similarity=similarity,
        mutual_information=similarity,
        coverage_percent=100.0,
        refinement=RefinementReport(),
        initial_alignment=AlignmentReport(False, "none", ()),
        degraded_modality="mr",
        reference_modality="mr",
        modality=ModalitiesReport(ModalityReport("sure", "set"), ModalityReport("sure", "set")),
        inputs=InputsReport(sides, sides),
        intensity=IntensityReport(rule, rule),
        working_grid=WorkingGridReport((30, 46, 40), 1.5),
        seconds={"total": 1.0},
        cpu_seconds={"total": 1.0},
        peak_memory_mb=None,
        device="cpu",
        precision="auto",
        weights=WeightsReport("test", "small", ""),
        warnings=(),
    )


@pytest.fixture
def make_result(
    tmp_path: Path, example_report: Report, reference_frame: Grid, oblique_grid: Grid
) -> Callable[..., Path]:
    """(u, degraded grid, changes of the report) → a folder as `unifuse fuse` writes it.

    Reference: 13 × 15 × 17 voxels; degraded: `oblique_grid`; u: noise of 1 mm.
    """

    def make(u: np.ndarray | None = None, degraded: Grid = oblique_grid, **changes: Any) -> Path:
        folder = tmp_path / "result"
        folder.mkdir(exist_ok=True)
        scan = Volume(np.zeros(degraded.shape, np.int16), degraded.affine)
        reference = Volume(np.zeros(reference_frame.shape, np.float32), reference_frame.affine)
        inputs = InputsReport(InputReport.of(scan), InputReport.of(reference))
        content = replace(example_report, inputs=inputs).to_json()
        content.update(changes)
        if u is None:
            u = np.random.default_rng(0).normal(size=(*reference_frame.shape, 3))
        write_displacement(u, reference_frame, folder / "deformation.nii.gz")
        (folder / "report.json").write_text(json.dumps(content), encoding="utf-8")
        return folder

    return make


@pytest.fixture
def pair() -> tuple[Volume, Volume]:
    """The same body on two oblique anisotropic grids, the second contrast inverted inside the
    body.
    """
    degraded = volume_on(turned_grid((25, 38, 33), (3.3, 2.2, 2.6), 12))
    reference = volume_on(
        turned_grid((28, 34, 37), (2.7, 2.5, 2.1), -7), lambda v: np.where(v > 5, 120 - 0.8 * v, v)
    )
    return degraded, reference


@pytest.fixture
def the_network_is_followed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its flow and class are known here; whether a pair supports the one (`deform`), and whether a
    class was calibrated for such voxels, are other matters.
    """
    monkeypatch.setattr("UniFuseLib.degradation.COARSEST_MM", {})

    def follow(
        compared: RefinementPair,
        predict: Callable[[], Tensor],
        modalities: tuple[str, str],
        steps: int,
        progress: Callable[[float], None],
    ) -> Deformed:
        if steps:
            return deform(compared, predict, modalities, steps, progress)
        predicted = predict()
        return Deformed(predicted, "network", Refined(predicted, 0, None, 0))

    monkeypatch.setattr("UniFuseLib.steps.deform", follow)
