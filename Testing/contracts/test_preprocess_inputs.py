"""What is checked, repaired and recognised before the network sees anything."""

from __future__ import annotations

import re

import numpy as np
import pytest
import torch
from scipy import ndimage

from UniFuseLib.contract import standard_contract
from UniFuseLib.errors import InputError, WeightsError
from UniFuseLib.preprocessing.body import acquired_mask, body_mask
from UniFuseLib.preprocessing.checks import check_volume, fields_of_view, overlap
from UniFuseLib.preprocessing.colour import luma, luma_of_channels
from UniFuseLib.preprocessing.intensity import DEFAULT_INTENSITY, fit
from UniFuseLib.preprocessing.modality import (
    ModalityEvidence,
    from_numbers,
    guess_modality,
    modality_from_header,
)
from UniFuseLib.preprocessing.prepare import prepare
from UniFuseLib.preprocessing.signs import signs_of
from UniFuseLib.spatial.volume import Grid, Volume

SHAPE = (20, 28, 24)
SPACING = (4.0, 2.5, 3.0)
AFFINE = np.diag([*SPACING, 1.0])


def ball(radius: float = 0.7) -> np.ndarray:
    x = np.stack(np.meshgrid(*[np.linspace(-1, 1, n) for n in SHAPE], indexing="ij"))
    return (x**2).sum(0) < radius**2


def scan(modality: str) -> np.ndarray:
    """A body with a dark hole, in the units of its modality, with noise."""
    rng = np.random.default_rng(4)
    body, hole = ball(), ball(0.2)
    if modality == "ct":
        return (np.where(body, 40.0, -1000.0) - 840 * hole + rng.normal(0, 20, SHAPE)).astype(
            np.int16
        )
    if modality == "mr":
        return (
            np.abs(np.where(body, 400.0, 0.0) - 380 * hole + rng.normal(0, 15, SHAPE))
            .round()
            .astype(np.float32)
        )
    spot = ball(0.1) * 8.0
    uptake = ndimage.gaussian_filter(np.where(body, 0.8, 0.01) + spot, 0.5)
    return (uptake + np.abs(rng.normal(0, 0.01, SHAPE))).astype(np.float32)


@pytest.mark.parametrize("modality", ["mr", "ct", "pet"])
def test_modality_is_recognised(modality: str) -> None:
    spacing = np.diag([4.0, 4.0, 4.0, 1.0]) if modality == "pet" else np.diag([3.0, 1.0, 1.0, 1.0])
    signs = signs_of(Volume(scan(modality), spacing))
    assert from_numbers(signs).modality == modality


@pytest.mark.parametrize(
    ("hint", "modality"), [("PT", "pet"), ("ct", "ct"), (" MR ", "mr"), ("US", "auto")]
)
def test_modality_of_the_dicom_header(hint: str, modality: str) -> None:
    assert modality_from_header(hint) == modality


@pytest.mark.parametrize("window", [(0.0, 80.0), (-160.0, 240.0)])
def test_a_ct_in_a_display_window_is_no_sure_mr(window: tuple[float, float]) -> None:
    low, high = window
    values = np.where(ball(0.4), 900, scan("ct"))
    grey = np.clip((values - low) / (high - low) * 255, 0, 255).round().astype(np.uint8)
    guess = from_numbers(signs_of(Volume(grey, np.eye(4))))
    assert (guess.modality, guess.confidence) == ("mr", "unsure")
    assert "display window" in guess.reason


@pytest.mark.parametrize("percentile", [99.5, 100.0])
def test_an_mr_whose_brightest_voxels_were_cut_off_is_mr(percentile: float) -> None:
    values = scan("mr") * np.random.default_rng(0).uniform(0.8, 1.2, scan("mr").shape)
    values = np.minimum(values, np.percentile(values, percentile))
    guess = from_numbers(signs_of(Volume(values.astype(np.float32), np.eye(4))))
    assert (guess.modality, guess.confidence) == ("mr", "likely")


@pytest.mark.parametrize("modality", ["mr", "ct", "pet"])
def test_body_is_found_with_its_holes_filled(modality: str) -> None:
    mask = body_mask(scan(modality), SPACING, modality)
    truth = ball()
    assert 2 * (mask & truth).sum() / (mask.sum() + truth.sum()) > 0.85
    assert mask[ball(0.2)].all()


def test_body_keeps_two_legs_and_drops_the_table() -> None:
    array = np.full(SHAPE, -1000.0)
    array[:, 6:18, 2:9] = 50
    array[:, 6:18, 14:21] = 50
    array[:, 24:26, :3] = 200
    mask = body_mask(array, SPACING, "ct")
    assert mask[10, 12, 5]
    assert mask[10, 12, 17]
    assert not mask[10, 24, 1]


def test_padding_is_told_from_air() -> None:
    """Constant zeros that reach the border are padding in MR; a zero spot inside, noise, and air in
    CT are not.
    """
    padded = scan("mr") + 1
    padded[:5], padded[:, :, 19:] = 0, 0
    padded[10, 14, 12] = 0
    mask = acquired_mask(padded, "mr")
    assert not mask[:5].any()
    assert not mask[:, :, 19:].any()
    assert mask[5:, :, :19].all()
    assert acquired_mask(scan("mr"), "mr").all()
    assert acquired_mask(np.full(SHAPE, -1000.0), "ct").all()


@pytest.mark.parametrize("shape", [(14, 16, 18), (3, 9, 11), (2, 5, 6), (1, 7, 8)])
def test_padding_is_what_cubes_of_three_voxels_cover(shape: tuple[int, int, int]) -> None:
    """SciPy's opening by 3³ voxels, the border repeated, as far as it reaches the border."""
    noise = ndimage.gaussian_filter(np.random.default_rng(4).standard_normal(shape), 1.2)
    array = np.where(noise > np.quantile(noise, 0.6), 1.0 + noise, 0.0)
    lowest = np.pad(array == array.min(), 1, mode="edge")
    constant = ndimage.binary_opening(lowest, np.ones((3, 3, 3)))[1:-1, 1:-1, 1:-1]
    assert constant.any()
    assert not constant.all()
    labels, _ = ndimage.label(np.pad(constant, 1, constant_values=True))
    padding = (labels == labels[0, 0, 0])[1:-1, 1:-1, 1:-1]
    np.testing.assert_array_equal(acquired_mask(array, "mr"), ~padding)


def test_a_volume_without_background_is_all_body() -> None:
    array = 1000 + np.random.default_rng(0).normal(0, 50, SHAPE)
    assert body_mask(array, SPACING, "mr").mean() > 0.95


@pytest.mark.parametrize("modality", ["mr", "ct", "pet"])
@pytest.mark.parametrize("torch_side", [False, True])
def test_intensity_maps_are_inverted(modality: str, torch_side: bool) -> None:
    array = scan(modality).astype(np.float32)
    mapping = fit(array, ball(), modality)
    top = {"ct": 1600, "mr": mapping.scale, "pet": mapping.scale}[modality]
    values = np.linspace(
        -1024 if modality == "ct" else 0, top, 7 * 9 * 11, dtype=np.float32
    ).reshape(7, 9, 11)
    x = torch.from_numpy(values) if torch_side else values
    y = mapping.forward(x)
    assert y.shape == (7, 9, 11)
    assert float(y.min()) == pytest.approx(0, abs=1e-5)
    assert float(y.max()) == pytest.approx(1, abs=1e-5)
    np.testing.assert_allclose(np.asarray(mapping.inverse(y)), values, atol=2e-3 * float(top))


def test_percentile_is_taken_over_the_body() -> None:
    array = scan("mr")
    assert fit(array, ball(), "mr").scale == pytest.approx(np.percentile(array[ball()], 99.5))
    assert fit(array, None, "mr").scale != fit(array, ball(), "mr").scale


@pytest.mark.parametrize(
    "rules",
    [
        {},
        {"mr": {"kind": "spline"}},
        {"mr": {"kind": "knots", "knots": [[0, 0], [0, 1]]}},
        {"mr": {"kind": "knots", "knots": [[0, 0]]}},
    ],
)
def test_malformed_rules_are_refused(rules: dict) -> None:
    with pytest.raises(WeightsError):
        fit(scan("mr"), None, "mr", rules)


def test_percentile_needs_a_positive_value() -> None:
    with pytest.raises(InputError, match="no positive value"):
        fit(-np.ones(SHAPE), None, "pet", DEFAULT_INTENSITY)


def test_few_broken_voxels_are_repaired_with_a_warning() -> None:
    array = scan("mr")
    array[3, 4, 5], array[10, 14, 12], array[10, 14, 13] = np.nan, np.inf, -np.inf
    repaired, acquired, warnings = check_volume(Volume(array, AFFINE), "degraded")
    assert acquired.all()
    assert np.isfinite(repaired.array).all()
    assert warnings == (
        "3 NaN or infinite voxels in the degraded volume were replaced by their nearest valid "
        "neighbours.",
    )
    untouched = np.isfinite(array)
    np.testing.assert_array_equal(repaired.array[untouched], array[untouched])
    assert abs(repaired.array[10, 14, 12]) < 600


@pytest.mark.parametrize(
    ("array", "sentence"),
    [
        (np.full(SHAPE, np.nan), "every voxel is NaN"),
        (np.where(ball(0.6), np.nan, 1.0), "% of the reference volume is NaN"),
        (np.full(SHAPE, 5), "constant"),
        (np.zeros((2, 30, 30)), "at least 4"),
        (np.zeros((0, 30, 30)), "at least one voxel"),
        (np.ones(SHAPE, complex), "real numbers"),
    ],
)
def test_useless_volumes_are_refused(array: np.ndarray, sentence: str) -> None:
    with pytest.raises(InputError, match=sentence):
        check_volume(Volume(array, AFFINE), "reference")


def test_empty_slices_between_others_are_told() -> None:
    array = scan("mr")
    array[[7, 8, 11]] = 0
    array[:2] = array[-1] = 0  # beyond the patient
    checked = check_volume(Volume(array, AFFINE), "degraded")
    (sentence,) = checked.warnings
    assert sentence.startswith("3 of 20 slices of the degraded volume are empty")
    assert check_volume(Volume(scan("mr"), AFFINE), "degraded").warnings == ()


@pytest.mark.parametrize("offset", [32768.0, 1e6])
def test_an_offset_is_taken_as_air(offset: float) -> None:
    plain = Volume(scan("mr"), AFFINE)
    lifted = Volume((scan("mr") + offset).astype(np.float64), AFFINE)
    one, other = (prepare(v, "degraded", "mr", standard_contract()) for v in (plain, lifted))
    np.testing.assert_array_equal(one.body, other.body)
    seen, same = (p.source.intensity.forward(p.scalar.array) for p in (one, other))
    np.testing.assert_allclose(seen, same, atol=0.02)
    (sentence,) = other.warnings
    assert "taken as air" in sentence
    assert one.warnings == ()


def test_a_ct_without_its_intercept_speaks_against_the_modality() -> None:
    stored = Volume((scan("ct") + 1024).clip(0).astype(np.uint16), np.eye(4))
    guess = guess_modality(stored, "degraded", ModalityEvidence())
    assert guess.modality == "mr"
    (sentence,) = guess.against
    assert "1024 added" in sentence
    assert guess.warnings == guess.against
    plain = Volume(scan("mr"), np.eye(4))
    assert guess_modality(plain, "degraded", ModalityEvidence()).against == ()


def test_one_hot_voxel_is_no_display_window() -> None:
    array = scan("mr")
    array[3, 4, 5] = 1e9
    assert from_numbers(signs_of(Volume(array, AFFINE))).confidence == "likely"


def test_an_intercept_that_was_applied_twice_is_no_ct() -> None:
    """Soft tissue lies where air should, and what lies above it is bone."""
    bone = np.random.default_rng(7).integers(250, 600, SHAPE)
    hu = np.where(ball(0.4), bone, scan("ct"))
    assert from_numbers(signs_of(Volume(hu.astype(np.int16), AFFINE))).modality == "ct"
    without_air = np.where(hu < -500, hu.max(), hu)  # as where a fill value was taken out
    twice = without_air - 1000
    assert from_numbers(signs_of(Volume(twice.astype(np.int16), AFFINE))).modality != "ct"


def test_fields_of_view_that_do_not_meet_have_no_overlap_and_are_told_apart() -> None:
    far = AFFINE.copy()
    far[2, 3] = 500
    grids = Grid(SHAPE, AFFINE), Grid(SHAPE, far)
    assert overlap(*grids) == 0
    assert re.search(r"S 0 to 69.*S 500 to 569", fields_of_view(*grids))


def test_boxes_that_meet_only_around_their_corners_do_not_overlap() -> None:
    """Two thin oblique slabs in parallel: their world boxes overlap, they do not."""
    turn = np.eye(4)
    turn[:2, :2] = np.array([[1, -1], [1, 1]]) / np.sqrt(2)
    shifted = turn.copy()
    shifted[:3, 3] = turn[:3, 1] * 12
    assert overlap(Grid((40, 8, 40), turn), Grid((40, 8, 40), shifted)) == 0
    assert overlap(Grid((40, 8, 40), turn), Grid((40, 16, 40), turn)) == 1


def test_luma_weighs_the_colours() -> None:
    colours = np.zeros((*SHAPE, 3), np.uint8)
    colours[..., 1] = 200
    np.testing.assert_allclose(luma(colours), 0.587 * 200, rtol=1e-5)
    channels = torch.from_numpy(np.moveaxis(colours, -1, 0)[None].astype(np.float32))
    np.testing.assert_allclose(luma_of_channels(channels)[0, 0], luma(colours), rtol=1e-5)
