"""`UniFuseLib.fuse` with a stand-in network whose flow is known: geometry, units, report,
refusals.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pytest
import SimpleITK as sitk
import torch
from scipy import ndimage
from torch import Tensor

import UniFuseLib
from UniFuseLib.errors import Cancelled, DeviceError, InputError, WeightsError
from UniFuseLib.io import volumes as io
from UniFuseLib.registration.affine import AffineResult
from UniFuseLib.registration.bspline_refinement import Refined
from UniFuseLib.registration.deformation import Deformed, deform
from UniFuseLib.report_parts import RefinementReport
from UniFuseLib.spatial.displacement import warp
from UniFuseLib.spatial.volume import Grid, Volume

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from UniFuseLib.fusion_result import FusionResult
    from UniFuseLib.registration.bspline_problem import RefinementPair


class Registered(NamedTuple):
    flow: Tensor
    logits: Tensor
    degraded: Tensor
    reference: Tensor


class Output(NamedTuple):
    fused: Tensor
    restored: Tensor
    blend: Tensor
    detail_weight: Tensor
    flow: Tensor
    logits: Tensor


@dataclass(frozen=True)
class Network:
    """Moves by a smooth flow of about `voxels`, restores nothing, mixes with a constant weight."""

    voxels: tuple[float, float, float] = (0, 0, 0)
    label: int = 0
    blend: float = 0.5
    detail_weight: float = 1.0

    def register(self, degraded: Tensor, reference: Tensor) -> Registered:
        d, h, w = (torch.cos(torch.linspace(-1, 1, n)) for n in degraded.shape[2:])
        bump = d[:, None, None] * h[None, :, None] * w[None, None, :]
        flow = torch.stack([v * bump for v in self.voxels])[None]
        logits = torch.zeros(1, 4)
        logits[0, self.label] = 8.0
        return Registered(flow, logits, degraded, reference)

    def fuse(self, registered: Registered, flow: Tensor | None = None) -> Output:
        flow = registered.flow if flow is None else flow
        moved = warp(registered.degraded, flow)
        weight = torch.full_like(moved, self.blend)
        fused = moved + weight * (registered.reference - moved)
        detail_weight = torch.full_like(moved, self.detail_weight)
        return Output(fused, moved, weight, detail_weight, flow, registered.logits)


def content(points: np.ndarray) -> np.ndarray:
    """A lopsided body with inner structure, a function of RAS mm; `(..., 3)` → `(...)`, 0 outside,
    about 0..100.
    """
    r, a, s = np.moveaxis(points, -1, 0)
    body = 1 / (1 + np.exp((np.sqrt((r / 30) ** 2 + (a / 36) ** 2 + ((s - 3) / 33) ** 2) - 1) * 14))
    inner = 60 + 20 * np.sin(r / 6 + 1) * np.cos(a / 8) + 20 * np.cos(s / 7 + r / 15)
    return body * inner


def volume_on(grid: Grid, contrast: Callable[[np.ndarray], np.ndarray] = lambda v: v) -> Volume:
    index = np.stack(np.meshgrid(*[np.arange(n) for n in grid.shape], indexing="ij"), axis=-1)
    values = content(index @ grid.affine[:3, :3].T + grid.affine[:3, 3])
    return Volume(contrast(values).astype(np.float32), grid.affine)


def turned_grid(
    shape: tuple[int, int, int], spacing: tuple[float, float, float], degrees: float
) -> Grid:
    c, s = np.cos(np.deg2rad(degrees)), np.sin(np.deg2rad(degrees))
    affine = np.eye(4)
    affine[:3, :3] = np.array([[c, -s, 0], [s, c, 0], [0, 0, 1]]) @ np.array(
        [[0, 0, -1], [0, -1, 0], [1.0, 0, 0]]
    )
    affine[:3, :3] = affine[:3, :3] * spacing
    affine[:3, 3] = -affine[:3, :3] @ ((np.array(shape) - 1) / 2)
    return Grid(shape, affine)


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


def run(pair: tuple[Volume, Volume], **options: object) -> FusionResult:
    """What the network finds, unless `refine` is among the options."""
    settings = {
        "working_spacing": 3.0,
        "degraded_modality": "mr",
        "reference_modality": "mr",
        "refine": "off",
    }
    return UniFuseLib.fuse(*pair, **{"model": Network(), **settings, **options})


@pytest.fixture(autouse=True)
def _the_network_is_followed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its flow is known here; whether a pair supports it is another matter (`deform`)."""

    def follow(
        compared: RefinementPair,
        predicted: Tensor,
        modalities: tuple[str, str],
        steps: int,
        progress: Callable[[float], None],
    ) -> Deformed:
        if steps:
            return deform(compared, predicted, modalities, steps, progress)
        return Deformed(predicted, "network", Refined(predicted, False, None, 0))

    monkeypatch.setattr("UniFuseLib.predict.deform", follow)


def test_everything_lies_on_the_reference_grid(pair: tuple[Volume, Volume]) -> None:
    result = run(pair)
    reference = pair[1]
    for volume in (result.fused, result.restored, result.aligned):
        assert volume.array.shape == reference.array.shape
        assert volume.array.dtype == np.float32
        np.testing.assert_array_equal(volume.affine, reference.affine)
    assert result.displacement.shape == (*reference.array.shape, 3)
    assert result.body.shape == result.coverage.shape == reference.array.shape
    assert all(np.isfinite(v.array).all() for v in (result.fused, result.restored, result.aligned))


def test_simpleitk_reproduces_the_warp_from_the_files(
    tmp_path: Path, pair: tuple[Volume, Volume]
) -> None:
    result = run(pair, model=Network((1.5, -2.0, 1.0)))
    io.write_volume(pair[0], tmp_path / "degraded.nii.gz")
    io.write_displacement(result.displacement, pair[1].grid, tmp_path / "deformation.nii.gz")
    io.write_volume(result.aligned, tmp_path / "aligned.nii.gz")
    field = sitk.ReadImage(str(tmp_path / "deformation.nii.gz"), sitk.sitkVectorFloat64)
    grid = sitk.ReadImage(str(tmp_path / "aligned.nii.gz"))
    transform = sitk.DisplacementFieldTransform(field)
    moved = sitk.Resample(
        sitk.ReadImage(str(tmp_path / "degraded.nii.gz")),
        grid,
        transform,
        sitk.sitkLinear,
        0.0,
        sitk.sitkFloat32,
    )
    difference = np.abs(sitk.GetArrayFromImage(moved) - result.aligned.array)
    assert difference.max() <= 1e-3 * np.ptp(pair[0].array)
    assert np.linalg.norm(result.displacement, axis=-1).max() > 2
    assert result.coverage.mean() < 1


def test_known_flow_becomes_millimetres_in_the_right_direction(pair: tuple[Volume, Volume]) -> None:
    """Along h of the working grid is posterior, turned with the reference by -7°; nothing else
    moves.
    """
    result = run(pair, model=Network((0, 2.0, 0)))
    assert not result.report.initial_alignment.used
    middle = tuple(n // 2 for n in pair[1].array.shape)
    turn = np.deg2rad(-7)
    expected = 2.0 * 3.0 * np.array([np.sin(turn), -np.cos(turn), 0])
    np.testing.assert_allclose(result.displacement[middle], expected, atol=0.05)


def test_affine_and_flow_compose_as_the_network_saw_them(
    pair: tuple[Volume, Volume], monkeypatch: pytest.MonkeyPatch
) -> None:
    """u(X) = A(X + v(X)) - X: sampled once in the scanner's grid, it looks like the two resamplings
    of the network.
    """
    c, s = np.cos(0.6), np.sin(0.6)
    matrix = np.eye(4)
    matrix[:3, :3] = np.array([[c, 0, -s], [0, 1, 0], [s, 0, c]]) * [1.1, 0.9, 1.0]
    matrix[:3, 3] = [4, -3, 5]
    start = AffineResult(matrix, "affine", None, ())
    monkeypatch.setattr("UniFuseLib.preprocessing.working_pair.register", lambda *args: start)
    result = run(pair, model=Network((3.0, -2.0, 2.5), detail_weight=0.0), working_spacing=2.0)
    inside = ndimage.binary_erosion(result.body & result.coverage, iterations=4)
    difference = np.abs(result.restored.array - result.aligned.array)[inside]
    assert inside.sum() > 2000
    assert difference.mean() < 1.2


def oblique_motion() -> np.ndarray:
    c, s = np.cos(0.1), np.sin(0.1)
    matrix = np.eye(4)
    matrix[:3, :3] = np.array([[c, -s, 0], [s, c, 0], [0, 0, 1]]) @ np.diag([1.0, 1.0, 1.02])
    matrix[:3, 3] = [3.0, -2.0, 5.0]
    return matrix


def test_an_initial_transform_alone_is_the_displacement(pair: tuple[Volume, Volume]) -> None:
    """u(X) = A X - X, in RAS mm, and the report keeps A."""
    matrix = oblique_motion()
    result = run(pair, align="none", initial_transform=matrix)
    index = np.moveaxis(np.indices(pair[1].array.shape), 0, -1)
    x = index @ pair[1].grid.linear.T + pair[1].grid.origin
    np.testing.assert_allclose(
        result.displacement, x @ matrix[:3, :3].T + matrix[:3, 3] - x, atol=1e-3
    )
    guidance = result.report.to_json()["guidance"]
    np.testing.assert_allclose(guidance["initial_transform_ras"], matrix, atol=1e-6)
    np.testing.assert_allclose(result.report.initial_alignment.matrix_ras, matrix, atol=1e-6)
    assert result.report.initial_alignment.freedom == "given"


def test_landmarks_are_measured_before_and_after(pair: tuple[Volume, Volume]) -> None:
    matrix = oblique_motion()
    marks = np.array([[10.0, 4, -6], [-12, 8, 3], [5, -14, 9]])
    there = marks @ matrix[:3, :3].T + matrix[:3, 3]
    shift = np.array([0.0, 3.0, 4.0])
    result = run(
        pair,
        align="none",
        initial_transform=matrix,
        reference_landmarks=marks,
        degraded_landmarks=there + shift,
    )
    found = result.report.guidance.landmarks
    before = np.linalg.norm(there + shift - marks, axis=1)
    np.testing.assert_allclose(found.each_before_mm, before, atol=1e-3)
    np.testing.assert_allclose(found.each_after_mm, [5.0] * 3, atol=1e-2)
    assert found.max_after_mm == pytest.approx(5.0, abs=1e-2)


def test_the_network_compares_what_the_masks_hold(pair: tuple[Volume, Volume]) -> None:
    """The field comes from volumes that are air outside both masks, all else from whole ones."""
    calls = []

    class Watched(Network):
        def register(self, degraded: Tensor, reference: Tensor) -> Registered:
            calls.append((degraded, reference))
            voxels = (0.0, 2.0, 0.0) if len(calls) == 2 else (0.0, 0.0, 0.0)
            return Network(voxels).register(degraded, reference)

    def right(volume: Volume) -> Volume:
        index = np.moveaxis(np.indices(volume.array.shape), 0, -1)
        r = (index @ volume.grid.linear.T + volume.grid.origin)[..., 0]
        return Volume((r > 0).astype(np.uint8), volume.affine)

    result = run(pair, model=Watched(), degraded_mask=right(pair[0]))
    (whole, _), (masked, other) = calls
    assert (masked == whole)[masked > 0].all()
    assert ((masked > 0) == (other > 0)).float().mean() > 0.85
    assert 0.3 < (masked > 0).float().sum() / (whole > 0).float().sum() < 0.65
    assert np.linalg.norm(result.displacement, axis=-1).max() > 5  # of the second run
    assert result.coverage.mean() > 0.7  # all is moved
    assert result.report.guidance.degraded_mask_percent == pytest.approx(50, abs=10)
    calls.clear()
    run(pair, model=Watched())
    assert len(calls) == 1


def moved_away(volume: Volume, mm: float) -> Volume:
    affine = volume.affine.copy()
    affine[:3, 3] += [mm, -mm / 2, mm / 3]
    return Volume(volume.array, affine)


def test_none_keeps_the_geometry_of_the_files(pair: tuple[Volume, Volume]) -> None:
    shifted = (moved_away(pair[0], 6.0), pair[1])
    result = run(shifted, model=Network((0, 2.0, 0)), align="none", refine="auto")
    assert np.abs(result.displacement).max() == 0
    assert not result.report.initial_alignment.used
    assert result.report.initial_alignment.score is None
    assert result.report.refinement == RefinementReport()


@pytest.mark.parametrize("align", ["rigid", "affine"])
def test_rigid_and_affine_move_the_body_as_a_whole(pair: tuple[Volume, Volume], align: str) -> None:
    """Neither the network's field nor its refinement."""
    shifted = (moved_away(pair[0], 6.0), pair[1])
    result = run(shifted, model=Network((0, 2.0, 0)), align=align, refine="auto")
    expected = [6.0, -3.0, 2.0]
    np.testing.assert_allclose(result.displacement[result.body].mean(axis=0), expected, atol=0.5)
    used = np.array(result.report.initial_alignment.matrix_ras)
    index = np.stack(np.meshgrid(*[np.arange(n) for n in pair[1].array.shape], indexing="ij"), -1)
    points = index @ pair[1].affine[:3, :3].T + pair[1].affine[:3, 3]
    by_matrix = points @ (used[:3, :3] - np.eye(3)).T + used[:3, 3]
    np.testing.assert_allclose(result.displacement, by_matrix, atol=1e-3)
    assert result.report.refinement == RefinementReport()


def as_large_as_a_head(volume: Volume) -> Volume:
    """A body of 7 cm has too few points at 8 mm to be told from itself turned round."""
    return Volume(volume.array, np.diag([2.0, 2.0, 2.0, 1.0]) @ volume.affine)


def test_volumes_that_do_not_overlap_are_brought_together_with_a_warning(
    pair: tuple[Volume, Volume],
) -> None:
    degraded, reference = (as_large_as_a_head(volume) for volume in pair)
    far = (moved_away(degraded, 400.0), reference)
    result = run(far)
    assert "do not overlap" in result.report.warnings[0]
    assert "against what its file says" in result.report.warnings[1]
    expected = [400.0, -200.0, 400 / 3]
    np.testing.assert_allclose(result.displacement[result.body].mean(axis=0), expected, atol=1.0)
    assert result.coverage[result.body].mean() > 0.9
    with pytest.raises(InputError, match="do not overlap"):
        run(far, align="none")


def test_volumes_that_neither_overlap_nor_agree_are_refused(pair: tuple[Volume, Volume]) -> None:
    noise = np.random.default_rng(2).random(pair[0].array.shape).astype(np.float32)
    far = moved_away(Volume(noise, pair[0].affine), 400.0)
    with pytest.raises(InputError, match="do not overlap.*No pose was found"):
        run((far, pair[1]))


def test_a_clean_aligned_volume_comes_back_in_its_own_units(pair: tuple[Volume, Volume]) -> None:
    result = run(pair)
    expected = volume_on(pair[1].grid).array
    inside = ndimage.binary_erosion(result.body, iterations=2)
    assert np.abs(result.restored.array - expected)[inside].mean() < 2.5
    np.testing.assert_allclose(
        result.restored.array[inside], result.aligned.array[inside], atol=0.2
    )


def test_outside_the_degraded_field_of_view_the_reference_remains(
    pair: tuple[Volume, Volume],
) -> None:
    short = Volume(pair[0].array[8:], Grid((17, 38, 33), pair[0].affine).affine)
    affine = pair[0].affine.copy()
    affine[:3, 3] += affine[:3, 0] * 8
    result = run((Volume(short.array, affine), pair[1]))
    outside = ~result.coverage
    assert outside[result.body].mean() > 0.1
    assert (result.restored.array[outside] == 0).all()
    scale = result.report.intensity.reference.scale
    np.testing.assert_allclose(
        result.fused.array[outside], (pair[1].array / scale)[outside].clip(0, 2), atol=1e-5
    )


def test_reference_detail_finer_than_the_working_grid_survives(pair: tuple[Volume, Volume]) -> None:
    result = run(pair, model=Network(blend=1.0), working_spacing=8.0)
    scale = result.report.intensity.reference.scale
    expected = (pair[1].array / scale).clip(0, 2)
    np.testing.assert_allclose(result.fused.array, expected, atol=1e-3)


def test_the_scans_own_detail_survives_where_the_network_keeps_it(
    pair: tuple[Volume, Volume],
) -> None:
    kept, smoothed = (
        run(pair, model=Network(detail_weight=k), working_spacing=8.0) for k in (1.0, 0.0)
    )
    inside = ndimage.binary_erosion(kept.body & kept.coverage, iterations=3)
    scans = kept.aligned.array[inside]
    np.testing.assert_allclose(kept.restored.array[inside], scans, atol=0.2)
    assert np.abs(smoothed.restored.array[inside] - scans).mean() > 2.0
    assert np.abs(smoothed.fused.array - kept.fused.array)[inside].mean() > 0.005


def test_the_modality_rules_classes_out_and_a_contradiction_is_told(
    pair: tuple[Volume, Volume],
) -> None:
    result = run(pair, model=Network(label=2), degraded_modality="mr")
    assert result.probabilities["ct_metal_noise"] == 0
    assert result.label in ("clean", "mr_motion")
    assert any("CT metal and noise" in warning for warning in result.report.warnings)


def test_a_class_that_is_not_sure_is_told(pair: tuple[Volume, Volume]) -> None:
    from UniFuseLib.contract import standard_contract

    for sure_from, told in ((0.9, False), (1.0, True)):  # the stand-in says 0.999
        contract = replace(standard_contract(), sure_from=sure_from, working_spacing_mm=3.0)
        warnings = run(pair, model=Network(label=1), contract=contract).report.warnings
        assert any("Low confidence: MR motion" in warning for warning in warnings) is told


def test_at_another_working_spacing_no_class_is_stated(pair: tuple[Volume, Volume]) -> None:
    report = run(pair, model=Network(label=1), working_spacing=5.0).report
    assert not report.class_calibrated
    assert any("calibrated at 1.50 mm only" in warning for warning in report.warnings)
    assert not any("Low confidence" in warning for warning in report.warnings)


@pytest.mark.parametrize("which", [0, 1])
def test_storage_order_of_either_input_changes_nothing(
    pair: tuple[Volume, Volume], which: int
) -> None:
    order, flip = (2, 0, 1), 1
    array = np.flip(pair[which].array.transpose(order), flip)
    affine = pair[which].affine[:, [*order, 3]].copy()
    affine[:3, 3] += affine[:3, flip] * (array.shape[flip] - 1)
    affine[:3, flip] *= -1
    stored = [*pair]
    stored[which] = Volume(np.ascontiguousarray(array), affine)
    model = Network((1.0, -0.5, 0.7))
    here, there = run(pair, model=model), run((stored[0], stored[1]), model=model)
    for name in ("fused", "restored", "aligned"):
        expected, got = getattr(here, name).array, getattr(there, name).array
        if which == 1:
            expected = np.flip(expected.transpose(order), flip)
        assert np.abs(got - expected).max() <= 1e-3 * np.ptp(expected)


def test_colours_move_with_the_volume(pair: tuple[Volume, Volume]) -> None:
    grey = pair[0].array / pair[0].array.max()
    colours = (np.stack([255 * grey, 90 * grey, 30 * grey], axis=-1)).astype(np.uint8)
    result = run((Volume(colours, pair[0].affine), pair[1]), degraded_modality="pet")
    assert result.fused.array.dtype == np.uint8
    assert result.fused.array.shape == (*pair[1].array.shape, 3)
    red, green, blue = (
        result.restored.array[result.body][:, c].astype(float).mean() for c in range(3)
    )
    assert red > 2 * green > 2 * blue > 0
    fused = result.fused.array[result.body].astype(float)
    assert fused[:, 0].mean() > fused[:, 2].mean() + 20


def test_report_is_complete_and_plain(pair: tuple[Volume, Volume]) -> None:
    result = run(pair, model=Network((1, 1, 1), label=1))
    report = json.loads(json.dumps(result.report.to_json(), allow_nan=False))
    assert report == result.report.to_json()
    assert report["class"] == "mr_motion"
    assert sum(report["probabilities"].values()) == pytest.approx(1, abs=1e-4)
    assert set(report["displacement_mm"]) == {"mean", "median", "p95", "max"}
    assert report["displacement_mm"]["max"] > 3
    assert report["folds_percent"] == 0
    assert report["similarity"]["before"] <= 1
    assert report["inputs"]["reference"]["orientation"] == "SPL"
    assert report["seconds"]["total"] > 0
    assert report["peak_memory_mb"] > 10
    assert "Research use only" in report["notice"]
    assert {
        "device",
        "weights",
        "versions",
        "warnings",
        "initial_alignment",
        "working_grid",
    } <= set(report)


@pytest.mark.parametrize("choice", ["off", "auto"])
def test_what_the_network_moved_wrongly_is_not_followed(
    pair: tuple[Volume, Volume], choice: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The pair is aligned; a field of 3 mm is wrong, and the volumes say so."""
    monkeypatch.setattr("UniFuseLib.predict.deform", deform)
    result = run(pair, model=Network((0, 2.0, 0)), working_spacing=1.5, refine=choice)
    assert np.linalg.norm(result.displacement[result.body], axis=-1).mean() < 0.3
    assert result.report.refinement.start == "rest"


def test_pairs_that_were_not_measured_to_gain_are_refined_when_asked_alone(
    pair: tuple[Volume, Volume],
) -> None:
    as_pet = {"degraded_modality": "pet", "model": Network((0, 1.0, 0))}
    not_refined = run(pair, refine="auto", **as_pet).report.refinement
    assert not_refined == RefinementReport(start=not_refined.start)
    assert run(pair, refine=2, **as_pet).report.refinement.steps == 2


@pytest.mark.parametrize("axis", [0, 1, 2])
@pytest.mark.parametrize("spacing", [1.0, 2.0, 5.0])
def test_a_thin_slab_is_fused(axis: int, spacing: float) -> None:
    shape, millimetres = [30, 34, 32], [2.4, 2.2, 2.6]
    shape[axis], millimetres[axis] = 4, spacing
    slab = volume_on(turned_grid((shape[0], shape[1], shape[2]), tuple(millimetres), 9))
    whole = volume_on(turned_grid((25, 38, 33), (3.3, 2.2, 2.6), -7))
    for pair in ((whole, slab), (slab, whole)):
        result = run(pair, refine="auto", working_spacing=None if spacing < 5 else 25.0)
        assert np.isfinite(result.displacement).all()


def test_a_fold_is_counted(pair: tuple[Volume, Volume]) -> None:
    assert run(pair, model=Network((0, 30.0, 0))).report.folds_percent > 1


def test_progress_grows_and_names_its_stages(pair: tuple[Volume, Volume]) -> None:
    seen: list[tuple[float, str]] = []
    run(pair, progress=lambda fraction, stage: seen.append((fraction, stage)))
    fractions = [fraction for fraction, _ in seen]
    assert fractions == sorted(fractions)
    assert fractions[0] >= 0
    assert fractions[-1] <= 1
    assert len(dict.fromkeys(stage for _, stage in seen)) >= 5


@pytest.mark.parametrize("at", [1, 4, 9])
def test_cancelling_stops_the_run(pair: tuple[Volume, Volume], at: int) -> None:
    asked: list[int] = []

    def cancelled() -> bool:
        asked.append(1)
        return len(asked) >= at

    with pytest.raises(Cancelled):
        run(pair, cancelled=cancelled)
    assert len(asked) == at


@pytest.mark.parametrize(
    ("options", "error", "sentence"),
    [
        ({"device": "quantum"}, DeviceError, "Unknown device"),
        ({"device": "mps"}, DeviceError, "not supported"),
        ({"device": "cuda:7"}, DeviceError, "not available"),
        ({"precision": "float8"}, InputError, "precision"),
        ({"degraded_modality": "us"}, InputError, "modality"),
        ({"working_spacing": -1.0}, InputError, "working spacing"),
        ({"align": "elastic"}, InputError, "align 'elastic'"),
        ({"model": None, "weights": "/none.safetensors"}, WeightsError, "none.safetensors"),
    ],
)
def test_wrong_options_are_refused(
    pair: tuple[Volume, Volume], options: dict, error: type, sentence: str
) -> None:
    with pytest.raises(error, match=sentence):
        run(pair, **options)


def sheared(volume: Volume) -> Volume:
    shear = np.eye(4)
    shear[0, 1] = 0.1
    return Volume(volume.array, shear @ volume.affine)


def test_a_sheared_reference_is_refused_before_the_work(pair: tuple[Volume, Volume]) -> None:
    """No file can hold results on its grid."""
    stages: list[str] = []
    with pytest.raises(InputError, match="perpendicular"):
        run((pair[0], sheared(pair[1])), progress=lambda _, stage: stages.append(stage))
    assert stages[-1] == "Checking the volumes"
    result = run((sheared(pair[0]), pair[1]))
    assert np.isfinite(result.displacement).all()


def test_a_full_device_gives_advice(pair: tuple[Volume, Volume]) -> None:
    class Greedy(Network):
        def register(self, degraded: Tensor, reference: Tensor) -> Registered:
            raise torch.cuda.OutOfMemoryError("CUDA out of memory")

    with pytest.raises(DeviceError, match="working-spacing"):
        run(pair, model=Greedy())


def test_a_large_field_of_view_is_worked_on_more_coarsely(
    pair: tuple[Volume, Volume], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("UniFuseLib.preprocessing.prepare.LARGEST_WORKING_GRID", 5000)
    report = run(pair).report
    assert report.working_grid.spacing_mm > 4
    assert "Large reference field of view" in report.warnings[0]


def test_inputs_are_not_changed(pair: tuple[Volume, Volume]) -> None:
    before = [v.array.copy() for v in pair]
    run(pair, model=Network((1, 1, 1)))
    for volume, array in zip(pair, before, strict=True):
        np.testing.assert_array_equal(volume.array, array)


def test_apply_gives_the_aligned_volume_again(pair: tuple[Volume, Volume]) -> None:
    """One map for the result and for whatever follows it, in both directions."""
    degraded, reference = pair
    result = run(pair, model=Network((0.8, -1.5, 1.1)), restored_own=True)
    moved = result.apply(degraded, interpolation="linear")
    assert moved.grid.same_as(reference.grid)
    np.testing.assert_allclose(moved.array, result.aligned.array, atol=0.02)
    back = result.apply(result.aligned, to="degraded", interpolation="linear")
    assert back.grid.same_as(degraded.grid)
    body = degraded.array > 20
    assert np.abs(back.array - degraded.array)[body].mean() < 4  # of about 100: two interpolations
    own = result.restored_own
    assert own is not None
    np.testing.assert_allclose(
        own.array, degraded.array, atol=0.05
    )  # this network restores nothing


def test_restored_own_reads_the_network_at_the_place_of_each_voxel(
    pair: tuple[Volume, Volume],
) -> None:
    """Without detail, all of the volume comes from the working grid, through the inverse."""
    degraded, _ = pair
    result = run(pair, model=Network((0.8, -1.5, 1.1), detail_weight=0.0), restored_own=True)
    own = result.restored_own
    assert own is not None
    body = degraded.array > 20
    assert not np.array_equal(own.array, degraded.array)
    assert np.abs(own.array - degraded.array)[body].mean() < 4


@pytest.mark.parametrize("fusion", ["average", "maximum"])
def test_another_fusion_method_changes_the_fused_volume_alone(
    pair: tuple[Volume, Volume], fusion: str
) -> None:
    """Restored and reference, each by its own intensity rule, meet on the reference grid."""
    plain, other = run(pair, align="none"), run(pair, align="none", fusion=fusion)
    np.testing.assert_array_equal(plain.restored.array, other.restored.array)
    np.testing.assert_array_equal(plain.displacement, other.displacement)
    report = other.report
    assert (plain.report.fusion_method, report.fusion_method) == ("unifuse", fusion)
    first = report.intensity.degraded.forward(plain.restored.array)
    second = report.intensity.reference.forward(pair[1].array)
    rule = {"average": (first + second) / 2, "maximum": np.maximum(first, second)}[fusion]
    expected = np.where(plain.coverage, rule, second)
    np.testing.assert_allclose(other.fused.array, expected, atol=1e-5)
    assert not plain.coverage.all()
    assert np.abs(plain.fused.array - other.fused.array).max() > 0.05 or fusion == "average"


def test_slices_are_cut_along_the_thick_axis(
    pair: tuple[Volume, Volume], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The reference has 2.7, 2.5 and 2.1 mm along its axes of 28, 34 and 37 voxels."""
    seen = []

    def recording(a: np.ndarray, b: np.ndarray) -> np.ndarray:
        seen.append(a.shape)
        return b

    monkeypatch.setattr("UniFuseLib.fusion.on_reference.volume_fusion", lambda *_: recording)
    result = run(pair, fusion="maximum")
    turned = Volume(np.moveaxis(pair[1].array, 0, 2), pair[1].affine[:, [1, 2, 0, 3]])
    run((pair[0], turned), fusion="maximum")
    assert seen == [(28, 34, 37), (28, 34, 37)]
    second = result.report.intensity.reference.forward(pair[1].array)
    np.testing.assert_allclose(result.fused.array, second, atol=1e-6)


def test_a_fusion_method_that_cannot_be_used_is_refused_before_the_work(
    pair: tuple[Volume, Volume], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("UniFuseLib.fusion.dmfnet_weights.models_folder", lambda: tmp_path)
    with pytest.raises(WeightsError, match="trained weights"):
        run(pair, fusion="dmfnet")
    with pytest.raises(InputError, match="Unknown fusion method"):
        run(pair, fusion="median")
