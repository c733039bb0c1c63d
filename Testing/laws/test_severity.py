"""How strong a degradation is: filters, traces, heads, words."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch
from scipy import ndimage

from UniFuseLib.contract import read_contract
from UniFuseLib.degradation import DEGRADATION_OF, described, dose_fraction
from UniFuseLib.preprocessing.body import body_mask
from UniFuseLib.resources import DEFAULT_WEIGHTS, models_folder
from UniFuseLib.severity.filters import inside_all, middle, second_difference, spread, step_of
from UniFuseLib.severity.head import TraceHead
from UniFuseLib.severity.motion import ABOVE_NOISE, mr_traces
from UniFuseLib.severity.noise import ct_traces, pet_traces
from UniFuseLib.severity.presence import presence_of
from UniFuseLib.severity.severity import Severity, in_words
from UniFuseLib.severity.traces import measured_sides, traces_of
from UniFuseLib.simulation.mr_motion import apply_motion, sample_motion
from UniFuseLib.simulation.parameters import local_generator
from UniFuseLib.spatial.volume import Volume, affine_of

if TYPE_CHECKING:
    from UniFuseLib.severity.head import Traces

SPACING = (4.0, 1.5, 1.2)
SHAPE = (12, 40, 48)


def places(shape: tuple[int, int, int]) -> np.ndarray:
    """From -1 to 1 along each axis, `(3, d, h, w)`."""
    return np.stack(np.meshgrid(*(np.linspace(-1, 1, n) for n in shape), indexing="ij"))


def phantom(level: float, outside: float, shape: tuple[int, int, int] = SHAPE) -> np.ndarray:
    """An elliptic body through all slices, a little brighter towards one side."""
    _, y, x = places(shape)
    inside = (y / 0.7) ** 2 + (x / 0.8) ** 2 < 1
    return np.where(inside, level * (1 + 0.05 * x), outside).astype(np.float32)


def noise(shape: tuple[int, ...], seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal(shape).astype(np.float32)


def on_grid(array: np.ndarray, spacing: tuple[float, float, float]) -> Volume:
    return Volume(array, affine_of(np.eye(3)[:, ::-1] * spacing, np.zeros(3)))


@pytest.mark.parametrize(("axis", "step"), [(0, 1), (1, 3), (2, 2)])
def test_second_differences_keep_the_deviation_of_noise(axis: int, step: int) -> None:
    white = noise((31, 37, 43))
    found = second_difference(white, axis, step)
    assert found.std() == pytest.approx(1, abs=0.02)
    assert spread(found) == pytest.approx(1, abs=0.02)
    assert found.shape == middle(white, axis, step).shape


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_second_differences_see_the_curvature_of_their_own_axis_alone(axis: int) -> None:
    bowl = np.indices((7, 9, 11))[1].astype(float) ** 2
    found = second_difference(bowl, axis, 2)
    assert np.allclose(found, 2 * 2**2 / np.sqrt(6) if axis == 1 else 0)


def test_all_three_voxels_of_a_difference_lie_inside() -> None:
    mask = np.zeros((7, 9, 11), bool)
    mask[:, 2:7] = True
    found = inside_all(mask, 1, 2)
    assert found.shape == (7, 5, 11)
    assert found[:, 2].all()
    assert found.sum() == 7 * 11


def test_a_distance_becomes_voxels_that_fit_three_times() -> None:
    assert step_of(10, 4, 30) == 2
    assert step_of(10, 40, 30) == 1
    assert step_of(10, 1, 9) == 4


def test_noise_of_ct_is_measured_in_hu() -> None:
    hu = phantom(40, -1000)
    body = hu > -400
    found = [ct_traces(hu + level * noise(SHAPE), SPACING, body) for level in (10.0, 40.0)]
    for name in ("far", "rows", "columns"):
        assert np.exp(found[0][name]) - 1 == pytest.approx(10, rel=0.1), name
        assert np.exp(found[1][name]) - 1 == pytest.approx(40, rel=0.1), name
    assert found[1]["far_fine"] > found[0]["far_fine"] + 1


def test_metal_of_ct_is_measured_in_millilitres() -> None:
    hu = phantom(40, -1000)
    hu[3:6, 10:15, 20:22] = 3000
    found = ct_traces(hu, SPACING, hu > -400)["metal"]
    assert np.exp(found) - 0.01 == pytest.approx(30 * 4.0 * 1.5 * 1.2 / 1000, rel=1e-4)


def test_noise_of_pet_is_relative_to_the_uptake() -> None:
    suv = phantom(2.0, 0.02)
    body = suv > 1
    single, double = (
        pet_traces(scale * (suv + 0.2 * noise(SHAPE)), SPACING, body) for scale in (1.0, 2.0)
    )
    bands = [name for name in single if name.startswith(("far_", "band_"))]
    assert len(bands) == 8
    for name in bands:
        assert double[name] == pytest.approx(single[name], abs=0.02), name
    assert double["uptake"] - single["uptake"] == pytest.approx(np.log(2), abs=1e-3)


def test_differences_of_ct_reach_across_the_slices() -> None:
    wave = np.cos(np.pi * np.arange(SHAPE[0]) / 2)[:, None, None]
    still = np.ones(SHAPE) * np.cos(np.pi * np.arange(SHAPE[2]) / 8)
    body = phantom(1, 0) > 0.5
    waving = ct_traces((40 + 30 * wave * np.ones(SHAPE)).astype(np.float32), SPACING, body)
    staying = ct_traces((40 + 30 * still).astype(np.float32), SPACING, body)
    assert waving["far"] > 2.5
    assert staying["far"] < 1e-3
    assert staying["columns"] > 1


def moved_head(severity: float, seed: int) -> Traces | None:
    array = phantom(100, 0, (10, 56, 64))
    array += 20 * np.cos(np.pi * 6 * places((10, 56, 64))[1]) * (array > 50)
    parameters = replace(sample_motion(local_generator(seed), severity), axis=1)
    moved = apply_motion(torch.from_numpy(array), SPACING, parameters).numpy()
    return traces_of("mr_motion", on_grid(moved, SPACING), body_mask(array, SPACING, "mr"))


@pytest.mark.parametrize(("spacing_mm", "says"), [(2.0, False), (4.0, True)])
def test_of_a_slab_the_ghosts_say_nothing(spacing_mm: float, says: bool) -> None:
    """A few slices of a head: skin that is taken for air would be a ghost."""
    array = phantom(100, 3, (10, 56, 64)) + noise((10, 56, 64)).clip(-2, 2)
    found = mr_traces(array, (spacing_mm, 1.5, 1.2), array > 50)
    assert np.isfinite(found[ABOVE_NOISE]) == says


def still_head() -> Traces:
    array = phantom(100, 0, (10, 56, 64)) + np.abs(noise((10, 56, 64)))
    found = traces_of("mr_motion", on_grid(array, SPACING), body_mask(array, SPACING, "mr"))
    assert found is not None
    return found


def test_motion_leaves_ghosts_along_its_axis() -> None:
    light, strong = ([moved_head(severity, seed) for seed in range(3)] for severity in (0.05, 0.95))
    ghosts = [np.mean([traces["ghost"] for traces in some if traces]) for some in (light, strong)]
    assert ghosts[1] > ghosts[0] + 0.3


def test_noise_around_the_body_is_no_ghost() -> None:
    """Neither white noise nor a filtered one, nor noise that the corners lack."""
    array = phantom(100, 0, (10, 56, 64))
    body = array > 50
    noisy = np.hypot(array + 5 * noise(array.shape), 5 * noise(array.shape, 1))
    filtered = ndimage.gaussian_filter(noisy, (0, 0.8, 0.8))
    cut = np.where(sum(places(array.shape)[1:] ** 2) < 1.5, noisy, 0)
    ghosts = noisy + 20 * np.roll(body, 24, axis=1)
    plain, *of_noise, moved = (
        mr_traces(values.astype(np.float32), SPACING, body)
        for values in (array + 0.01 * noise(array.shape), noisy, filtered, cut, ghosts)
    )
    for found in of_noise:
        assert found["ghost"] > plain["ghost"] + 1
        assert found[ABOVE_NOISE] < -3.5
    assert moved[ABOVE_NOISE] > -3


@pytest.mark.parametrize(("kept", "says"), [(0.0, False), (0.05, False), (0.5, True)])
def test_masked_air_says_nothing_of_ghosts(kept: float, says: bool) -> None:
    array = phantom(100, 3, (10, 56, 64)) + noise((10, 56, 64)).clip(-2, 2)
    body = array > 50
    drawn = np.random.default_rng(2).random(array.shape) < kept
    found = mr_traces(np.where(body | drawn, array, 0), SPACING, body)
    assert np.isfinite(found[ABOVE_NOISE]) == says
    assert np.isfinite(found["ghost"])


def test_the_axes_of_motion_may_be_exchanged() -> None:
    array = phantom(100, 0, (10, 48, 48)) + np.abs(noise((10, 48, 48)))
    body = body_mask(array, (4.0, 1.5, 1.5), "mr")
    turned = np.swapaxes(array, 1, 2), np.swapaxes(body, 1, 2)
    found = traces_of("mr_motion", on_grid(array, (4.0, 1.5, 1.5)), body)
    other = traces_of("mr_motion", on_grid(turned[0], (4.0, 1.5, 1.5)), turned[1])
    assert found == pytest.approx(other)


def test_a_ct_of_fine_voxels_is_looked_at_in_blocks() -> None:
    fine = phantom(40, -1000, (9, 40, 41)) + 30 * noise((9, 40, 41))
    body = body_mask(fine, (0.6, 0.5, 1.2), "ct")
    found = traces_of("ct_metal_noise", on_grid(fine, (0.6, 0.5, 1.2)), body)
    whole = fine[:8].reshape(4, 2, 20, 2, 41).mean(axis=(1, 3))
    inside = body[:8].reshape(4, 2, 20, 2, 41).mean(axis=(1, 3)) > 0.5
    assert found == pytest.approx(ct_traces(whole, (1.2, 1.0, 1.2), inside))
    assert measured_sides("ct_metal_noise", np.array([0.6, 0.5, 1.2])) == (1.2, 1.0, 1.2)
    assert measured_sides("mr_motion", np.array([0.6, 0.5, 1.2])) == (0.6, 0.5, 1.2)


def test_no_traces_without_degradation_or_slices() -> None:
    scan = on_grid(phantom(40, -1000), SPACING)
    assert traces_of("clean", scan, scan.array > -400) is None
    thin = Volume(scan.array[:2], scan.affine)
    assert traces_of("ct_metal_noise", thin, thin.array > -400) is None
    assert traces_of("ct_metal_noise", scan, np.zeros(SHAPE, bool)) is None


def test_a_head_is_linear_between_its_limits() -> None:
    head = TraceHead(("a", "b"), (1.0, 2.0), (2.0, 4.0), (0.1, -0.05), 0.5)
    assert head({"a": 3.0, "b": 2.0, "unused": 9.0}) == pytest.approx(0.6)
    assert head({"a": 1.0, "b": 6.0}) == pytest.approx(0.45)
    assert head({"a": 1e9, "b": 2.0}) == pytest.approx(0.9)  # four deviations at most
    assert head({"a": -1e9, "b": 1e9}) == pytest.approx(-0.1)


@pytest.mark.parametrize(
    "broken",
    [{"mean": (1.0,)}, {"deviation": (1.0, 0.0)}, {"weight": (1.0, float("nan"))}],
)
def test_a_head_knows_when_its_numbers_do_not_fit(broken: dict[str, tuple[float, ...]]) -> None:
    head = TraceHead(("a", "b"), (1.0, 2.0), (2.0, 4.0), (0.1, -0.05), 0.5)
    assert head.fits_together
    assert not replace(head, **broken).fits_together


EVIDENCE = (ABOVE_NOISE, "far_0", "far_1", "far_2", "far_3", "band_0", "band_1", "band_2", "band_3")


def shipped() -> dict[str, TraceHead]:
    return read_contract(models_folder() / DEFAULT_WEIGHTS).presence


def like_the_fit(deviations: float, modality: str = "pet", voxel_mm: float = 3.0) -> Any:
    """A scan as the fit saw them, with so many deviations more noise in a PET, or ghosts."""
    head = shipped()[DEGRADATION_OF[modality]]
    of_each = zip(head.traces, head.mean, head.deviation, strict=True)
    traces = {k: m + (deviations * d if k in EVIDENCE else 0) for k, m, d in of_each}
    source = SimpleNamespace(modality=modality)
    scalar = SimpleNamespace(grid=SimpleNamespace(spacing=np.full(3, voxel_mm)))
    return SimpleNamespace(source=source, traces=traces, scalar=scalar)


def test_noise_and_the_network_both_speak_for_a_low_dose() -> None:
    """By the shipped fit: neither sign is turned, and each of them counts."""
    scans = [like_the_fit(deviations) for deviations in (-1.5, 0.0, 1.5)]
    by_noise = [presence_of(scan, 0.0, shipped()) for scan in scans]
    by_network = [presence_of(scans[1], network, shipped()) for network in (-4.0, 0.0, 4.0)]
    assert None not in (*by_noise, *by_network)
    assert by_noise == sorted(by_noise)  # type: ignore[type-var]
    assert by_network == sorted(by_network)  # type: ignore[type-var]
    assert by_noise[0] < 0 < by_noise[2]  # type: ignore[operator]
    assert by_network[2] - by_network[0] > 1  # type: ignore[operator]


def test_ghosts_and_the_network_both_speak_for_motion() -> None:
    """By the shipped fit: neither sign is turned, and each of them counts."""
    scans = [like_the_fit(deviations, "mr", 1.0) for deviations in (-1.5, 0.0, 1.5)]
    by_ghosts = [presence_of(scan, 0.0, shipped()) for scan in scans]
    by_network = [presence_of(scans[1], network, shipped()) for network in (-4.0, 0.0, 4.0)]
    assert None not in (*by_ghosts, *by_network)
    assert by_ghosts[0] < 0 < by_ghosts[2]  # type: ignore[operator]
    assert by_ghosts[2] - by_ghosts[0] > 1  # type: ignore[operator]
    assert by_network[2] - by_network[0] > 1  # type: ignore[operator]


def test_of_an_mr_with_masked_air_the_network_decides() -> None:
    scan = like_the_fit(0.0, "mr", 1.0)
    assert presence_of(scan, 2.0, shipped()) is not None
    scan.traces[ABOVE_NOISE] = float("nan")
    assert presence_of(scan, 2.0, shipped()) is None


def test_moved_and_still_heads_are_told_apart_by_the_shipped_fit() -> None:
    """The network says nothing here: 0 is an even chance."""
    head = shipped()["mr_motion"]
    for seed in range(3):
        moved, still = (moved_head(0.9, seed), still_head())
        assert moved is not None
        assert head({**moved, "network": 0.0}) > 0 > head({**still, "network": 0.0})


def test_the_network_alone_decides_where_nothing_was_fitted_or_measured() -> None:
    heads, scan = shipped(), like_the_fit(0.0)
    assert presence_of(scan, 2.0, heads) is not None
    alone = {"pet_low_dose": heads["pet_low_dose"]}
    assert presence_of(like_the_fit(0.0, "ct"), 2.0, alone) is None
    assert presence_of(like_the_fit(4.1), 2.0, heads) is None  # unlike all that were fitted
    thin = SimpleNamespace(source=scan.source, traces=None, scalar=scan.scalar)
    assert presence_of(thin, 2.0, heads) is None  # type: ignore[arg-type]
    other = {"pet_low_dose": TraceHead(("of another version",), (0.0,), (1.0,), (1.0,), 0.0)}
    assert presence_of(scan, 2.0, other) is None


def test_a_trace_that_is_no_number_is_unlike_all_that_were_fitted() -> None:
    scan = like_the_fit(0.0)
    scan.traces["uptake"] = float("nan")
    assert shipped()["pet_low_dose"].is_far(scan.traces)
    assert presence_of(scan, 2.0, shipped()) is None


def test_a_pet_below_zero_has_traces_that_are_numbers() -> None:
    """Signed maps and z-scores: their logarithm has no meaning, and is no NaN."""
    traces = pet_traces(phantom(-2.0, -3.0), SPACING, phantom(1, 0) > 0)
    assert np.isfinite(list(traces.values())).all()


@pytest.mark.parametrize(
    ("voxel_mm", "decides"), [(0.9, True), (1.5, True), (2.0, False), (0.4, False)]
)
def test_of_an_mr_the_traces_count_at_the_voxels_of_the_fit(voxel_mm: float, decides: bool) -> None:
    """Beyond 1.5 mm no class is stated of an MR (0097), whatever its air shows."""
    found = presence_of(like_the_fit(0.0, "mr", voxel_mm), 2.0, shipped())
    assert (found is not None) == decides


@pytest.mark.parametrize(
    ("voxel_mm", "decides"), [(0.4, True), (0.94, True), (1.5, True), (5.0, True), (6.0, False)]
)
def test_of_a_ct_the_traces_count_at_the_voxels_of_the_fit(voxel_mm: float, decides: bool) -> None:
    """Finer voxels are averaged; coarser ones have noise that no scan of the fit shows."""
    found = presence_of(like_the_fit(0.0, "ct", voxel_mm), 2.0, shipped())
    assert (found is not None) == decides


def test_a_ct_may_be_judged_by_its_noise_alone() -> None:
    """A patient's own metal does not make a reference a degraded scan."""
    teeth = like_the_fit(0.0, "ct", 2.0)
    teeth.traces["metal"] += 3.0
    plain = like_the_fit(0.0, "ct", 2.0)
    counted = [presence_of(scan, 0.0, shipped()) for scan in (teeth, plain)]
    by_noise = [presence_of(scan, 0.0, shipped(), metal_counts=False) for scan in (teeth, plain)]
    assert None not in (*counted, *by_noise)
    assert counted[0] > counted[1]  # type: ignore[operator]
    assert by_noise[0] == pytest.approx(by_noise[1])


def test_a_small_and_silent_body_is_left_to_the_network() -> None:
    uptake, body = phantom(2.0, 0.0), phantom(1, 0) > 0
    traces = traces_of("pet_low_dose", on_grid(uptake, SPACING), body)
    scan = like_the_fit(0.0)
    scan.traces = traces
    assert presence_of(scan, -2.0, shipped()) is None


def test_words_of_a_severity() -> None:
    assert in_words("mr_motion", 0.2) == Severity(0.2, "light", None)
    assert in_words("ct_metal_noise", 0.5).words == "moderate"
    assert in_words("ct_metal_noise", 1.0).words == "severe"
    assert in_words("pet_low_dose", 0.0).dose_fraction == pytest.approx(1 / 4)
    assert in_words("pet_low_dose", 1.0).dose_fraction == pytest.approx(1 / 30, abs=1e-4)
    assert dose_fraction(0.5) == pytest.approx((1 / 4 / 30) ** 0.5)


def test_a_class_is_described_with_what_is_known() -> None:
    assert described("clean", None, None) == "No degradation"
    assert described("mr_motion", "severe", None) == "MR motion, severe"
    told = described("pet_low_dose", "moderate", 1 / 11)
    assert told == "Low-dose PET, moderate, about 1/11 of the usual dose"
