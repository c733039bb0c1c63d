"""`UniFuseLib.fuse` with a stand-in network whose flow is known: geometry, units, report,
refusals.
"""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest
import SimpleITK as sitk
from scipy import ndimage

from Testing.contracts.known_flow import Network, run, turned_grid, volume_on
from UniFuseLib.contract import standard_contract
from UniFuseLib.errors import InputError
from UniFuseLib.io import volumes as io
from UniFuseLib.registration.affine import AffineResult
from UniFuseLib.registration.deformation import deform
from UniFuseLib.report.parts import RefinementReport
from UniFuseLib.severity.head import TraceHead
from UniFuseLib.spatial.volume import Grid, Volume

if TYPE_CHECKING:
    from pathlib import Path

    from UniFuseLib.preprocessing.intensity import IntensityMap

pytestmark = pytest.mark.usefixtures("the_network_is_followed")


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
    for sure_from, told in ((0.9, False), (1.0, True)):  # the stand-in says 0.999
        contract = replace(standard_contract(), sure_from=sure_from, working_spacing_mm=3.0)
        warnings = run(pair, model=Network(label=1), contract=contract).report.warnings
        assert any("Low confidence: MR motion" in warning for warning in warnings) is told


def test_a_degraded_volume_has_a_severity_and_a_clean_one_has_none(
    pair: tuple[Volume, Volume],
) -> None:
    heads = {
        "mr_motion": TraceHead(("ghost",), (0.0,), (9.0,), (0.0,), 0.7),
        "clean": TraceHead((), (), (), (), 0.7),
    }
    contract = replace(standard_contract(), severity=heads, working_spacing_mm=3.0)
    moved = run(pair, model=Network(label=1), contract=contract).report
    assert (moved.severity, moved.severity_words, moved.dose_fraction) == (0.7, "severe", None)
    clean = run(pair, model=Network(label=0), contract=contract).report
    assert (clean.severity, clean.severity_words, clean.dose_fraction) == (None, None, None)
    narrow = {"mr_motion": replace(heads["mr_motion"], deviation=(1e-3,))}
    for other in ({}, narrow):  # of older weights, and fitted to scans unlike this one
        without = replace(contract, severity=other)
        assert run(pair, model=Network(label=1), contract=without).report.severity is None


def test_traces_of_the_scan_outvote_a_network_that_is_less_sure(
    pair: tuple[Volume, Volume],
) -> None:
    contract = replace(standard_contract(), working_spacing_mm=3.0)
    certain = TraceHead(("ghost",), (0.0,), (9.0,), (0.0,), -30.0)
    outvoted = replace(contract, presence={"mr_motion": certain})
    assert run(pair, model=Network(label=1), contract=contract).label == "mr_motion"
    assert run(pair, model=Network(label=1), contract=outvoted).label == "clean"
    of_another = replace(certain, traces=("trace of another version",))
    narrow = replace(certain, deviation=(1e-3,))  # a scan unlike all that were fitted
    for head in (of_another, narrow):
        without = replace(contract, presence={"mr_motion": head})
        assert run(pair, model=Network(label=1), contract=without).label == "mr_motion"


def test_what_is_restored_follows_the_class_that_counts(pair: tuple[Volume, Volume]) -> None:
    contract = replace(standard_contract(), working_spacing_mm=3.0)
    certain = TraceHead(("ghost",), (0.0,), (9.0,), (0.0,), -30.0)
    outvoted = replace(contract, presence={"mr_motion": certain})
    network = Network(label=1)
    for agreed in (contract, outvoted):
        stated = run(pair, model=network, contract=agreed).probabilities
        expected = [stated[name] for name in agreed.classes]
        assert network.restored_by[-1] == pytest.approx(expected, abs=1e-6)
    assert network.restored_by[0][1] > 0.99  # motion, by the network
    assert network.restored_by[1][0] > 0.99  # clean, by the traces


def test_of_an_mr_as_reference_the_network_alone_decides(pair: tuple[Volume, Volume]) -> None:
    """The probability from which on it is called degraded was measured so (0104)."""
    still = {"mr_motion": TraceHead(("ghost",), (0.0,), (9.0,), (0.0,), -30.0)}
    contract = replace(standard_contract(), working_spacing_mm=3.0, presence=still)
    warnings = run(pair, model=Network(label=0, second_label=1), contract=contract).report.warnings
    assert any("The reference looks degraded itself" in warning for warning in warnings)


def test_a_reference_that_looks_degraded_is_told(pair: tuple[Volume, Volume]) -> None:
    contract = replace(standard_contract(), working_spacing_mm=3.0)

    def told(
        label: int, second_label: int, degraded: Volume = pair[0], spacing: float = 3.0
    ) -> list[str]:
        network = Network(label=label, second_label=second_label)
        options = {"model": network, "contract": contract, "working_spacing": spacing}
        warnings = run((degraded, pair[1]), **options).report.warnings
        return [warning for warning in warnings if warning.startswith("The reference looks")]

    (exchanged,) = told(0, 1)
    assert "(MR motion, 100 %)" in exchanged
    assert "exchange them and fuse again" in exchanged
    (both,) = told(1, 1)
    assert "choose another reference" in both
    assert told(0, 0) == told(1, 0) == []
    assert told(0, 1, spacing=5.0) == []  # nothing was calibrated there
    part = Volume(pair[0].array[: len(pair[0].array) // 2], pair[0].affine)
    assert told(0, 1, part) == []  # what it lacks may be what was taken for motion


def test_at_another_working_spacing_no_class_is_stated(pair: tuple[Volume, Volume]) -> None:
    report = run(pair, model=Network(label=1), working_spacing=5.0).report
    assert not report.class_calibrated
    assert any("calibrated at 1.50 mm only" in warning for warning in report.warnings)
    assert not any("Low confidence" in warning for warning in report.warnings)


@pytest.mark.parametrize(("coarsest", "calibrated"), [(2.0, False), (2.6, True)])
def test_of_coarse_voxels_no_class_is_stated(
    pair: tuple[Volume, Volume],
    monkeypatch: pytest.MonkeyPatch,
    coarsest: float,
    calibrated: bool,
) -> None:
    """The degraded volume has voxels of 3.3 × 2.2 × 2.6 mm, the reference finer ones."""
    monkeypatch.setattr("UniFuseLib.degradation.COARSEST_MM", {"mr": coarsest})
    contract = replace(standard_contract(), working_spacing_mm=3.0)
    report = run(pair, model=Network(label=1), contract=contract).report
    assert report.class_calibrated is calibrated
    sentence = "the degraded volume has voxels of 2.6 mm, and by the network alone the types of MR"
    assert any(sentence in warning for warning in report.warnings) is not calibrated
    assert (report.severity is None) or calibrated


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
    monkeypatch.setattr("UniFuseLib.steps.deform", deform)
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


def test_a_large_field_of_view_is_worked_on_more_coarsely(
    pair: tuple[Volume, Volume], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("UniFuseLib.preprocessing.shared_grid.LARGEST_WORKING_GRID", 5000)
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


def test_a_map_of_the_uncertainty_changes_nothing_else(pair: tuple[Volume, Volume]) -> None:
    """Bit by bit; and it is judged where the degraded volume shows the body, nowhere else."""
    plain = run(pair, model=Network((0.8, -1.5, 1.1)))
    mapped = run(pair, model=Network((0.8, -1.5, 1.1)), uncertainty=True)
    assert plain.uncertainty is None
    assert plain.report.verdict.uncertainty_mm.mean is None
    for name in ("fused", "restored", "aligned"):
        np.testing.assert_array_equal(getattr(mapped, name).array, getattr(plain, name).array)
    np.testing.assert_array_equal(mapped.displacement, plain.displacement)
    before, after = (replace(r.report.verdict, uncertainty_mm=None) for r in (plain, mapped))
    assert before == after

    found = mapped.uncertainty
    assert found is not None
    assert found.grid.same_as(pair[1].grid)
    judged = mapped.body & mapped.coverage
    assert 0 < judged.sum() < judged.size
    np.testing.assert_array_equal(found.array > 0, judged)
    said = mapped.report.verdict.uncertainty_mm
    values = found.array[judged]
    assert said.mean == pytest.approx(values.mean(), abs=1e-3)
    assert said.p95 == pytest.approx(np.percentile(values, 95), abs=1e-3)


@pytest.mark.parametrize(("litres", "looked_at"), [(1e3, True), (1e-3, False)])
def test_variations_are_evidence_up_to_a_field_of_view_whether_mapped_or_not(
    pair: tuple[Volume, Volume], monkeypatch: pytest.MonkeyPatch, litres: float, looked_at: bool
) -> None:
    monkeypatch.setattr("UniFuseLib.verdict.affordable._LARGEST_LITRES", litres)
    plain, mapped = run(pair), run(pair, uncertainty=True)
    for result in (plain, mapped):
        assert (result.report.verdict.evidence["variations_mm"] is not None) == looked_at
    assert mapped.uncertainty is not None
    before, after = (replace(r.report.verdict, uncertainty_mm=None) for r in (plain, mapped))
    assert before == after


def test_a_map_of_the_uncertainty_needs_the_verdict(pair: tuple[Volume, Volume]) -> None:
    with pytest.raises(InputError, match="takes its level from the verdict"):
        run(pair, uncertainty=True, verdict=False)


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


def as_ct(volume: Volume) -> Volume:
    return Volume(volume.array * 11 - 1000, volume.affine)


@pytest.mark.parametrize("fusion", ["unifuse", "average"])
@pytest.mark.parametrize("modalities", [("mr", "ct"), ("ct", "mr")])
def test_the_fused_volume_shows_a_ct_in_its_window_and_the_rest_stays(
    pair: tuple[Volume, Volume], modalities: tuple[str, str], fusion: str
) -> None:
    degraded, reference = (
        as_ct(v) if kind == "ct" else v for v, kind in zip(pair, modalities, strict=True)
    )
    options = {
        "align": "none",
        "fusion": fusion,
        "degraded_modality": modalities[0],
        "reference_modality": modalities[1],
        "verdict": False,
    }
    network = Network()
    wide = run((degraded, reference), model=network, **options)
    bone = run((degraded, reference), model=network, ct_window="bone", **options)
    np.testing.assert_array_equal(wide.restored.array, bone.restored.array)
    greys = bone.report.fused_greys
    assert (greys.ct_window, greys.level_hu, greys.width_hu) == ("bone", 400.0, 1800.0)
    assert wide.report.fused_greys.ct_window == "wide"
    base = "degraded" if modalities == ("mr", "ct") else "reference"
    assert greys.soft_tissue_of == base
    assert network.bases == [base, base]
    intensity = bone.report.intensity

    def shown(volume: np.ndarray, kind: str, rule: IntensityMap) -> np.ndarray:
        return np.clip((volume + 500) / 1800, 0, 1) if kind == "ct" else rule.forward(volume)

    first = shown(bone.restored.array, modalities[0], intensity.degraded)
    second = shown(reference.array, modalities[1], intensity.reference)
    expected = np.where(bone.coverage, (first + second) / 2, second)
    np.testing.assert_allclose(bone.fused.array, expected, atol=2e-3)
    assert np.abs(bone.fused.array - wide.fused.array).max() > 0.05


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
