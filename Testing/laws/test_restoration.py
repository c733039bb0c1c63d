"""Laws of the correction: statistics in mm, slab by slab, and nothing outside the body."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
import torch

from UniFuseLib.degradation import Classification
from UniFuseLib.preprocessing.intensity import DEFAULT_INTENSITY, fit
from UniFuseLib.restoration import aligned_pair as pieces
from UniFuseLib.restoration import statistics as room
from UniFuseLib.restoration.aligned_pair import AlignedPair
from UniFuseLib.restoration.correct import correct, weight_of
from UniFuseLib.restoration.correction import ClassCorrection, Correction, CorrectionConfig
from UniFuseLib.restoration.dense_structures import dense_structures
from UniFuseLib.restoration.prediction import patches, predicted
from UniFuseLib.restoration.statistics import (
    BESIDE_PREDICTION,
    COUNT,
    GUIDED,
    LOCAL,
    RESIDUAL,
    WHOLE,
    beside_prediction,
    local,
    residual,
    statistics,
    with_prediction,
)
from UniFuseLib.spatial.mind import box_mean
from UniFuseLib.spatial.volume import Grid, Volume

SHAPE = (14, 19, 23)
LINES = range(LOCAL - 6, LOCAL)  # means along one axis


def pair(seed: int = 0, spacing_mm: float = 1.5) -> AlignedPair:
    drawn = torch.Generator().manual_seed(seed)
    x, y, z = (torch.rand(1, 1, *SHAPE, generator=drawn) for _ in range(3))
    body = torch.zeros(1, 1, *SHAPE, dtype=torch.bool)
    body[:, :, 2:12, 3:15, 4:20] = True
    return AlignedPair(x, z, y, body, torch.ones_like(body), spacing_mm)


def bone(known: AlignedPair) -> AlignedPair:
    """The pair as a CT of soft tissue with a piece of bone of which nothing was restored."""
    restored = torch.full_like(known.restored, 0.45)
    degraded = restored + 0.02 * (known.degraded - 0.5)
    degraded[:, :, 5:8, 7:10, 9:12] = 0.85
    return known._replace(restored=restored, degraded=degraded)


def guided_differences(known: AlignedPair) -> list[torch.Tensor]:
    """What the guided filters change, by cube and regularisation."""
    maps = list(local(known))
    return [maps[number] for number in GUIDED]


def rows_of(known: AlignedPair) -> torch.Tensor:
    slabs = statistics(known, with_prediction(known))
    return torch.cat([lines for _, slab in slabs for lines in slab])


def test_slabs_give_what_the_whole_gives(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = rows_of(pair())
    assert whole.shape == (int(pair().body.sum()), COUNT + BESIDE_PREDICTION)
    monkeypatch.setattr(pieces, "_SLAB_VOXELS", 3 * SHAPE[1] * SHAPE[2])
    torch.testing.assert_close(rows_of(pair()), whole, atol=1e-5, rtol=1e-4)


def test_every_number_stands_where_it_was_fitted() -> None:
    """Numbers of a cube: two of the guided filters, then five more; at the end the scan's."""
    known = pair()
    beside = with_prediction(known)
    maps = [*local(known), *beside_prediction(beside)]
    expected = torch.stack([values[known.body] for values in maps])
    rows = rows_of(known)
    assert torch.equal(rows[:, :-WHOLE].T, expected)
    root_mean_square = expected[list(GUIDED)].square().mean(1).sqrt()
    torch.testing.assert_close(rows[0, -WHOLE:-2], root_mean_square)


def test_what_was_taken_away_is_read_where_it_was_fitted() -> None:
    known = pair()
    rows = torch.cat([lines for _, slab in statistics(known, residuals=True) for lines in slab])
    expected = torch.stack([values[known.body] for values in residual(known)])
    assert rows.shape[1] == COUNT + RESIDUAL
    assert torch.equal(rows[:, LOCAL : LOCAL + RESIDUAL].T, expected)


def test_a_structure_that_was_taken_away_is_told_from_noise() -> None:
    """Half of a cube of 2 x 4 x 6 voxels is gone, and noise everywhere; cubes of 3³ voxels."""
    known = pair()
    noise = 0.1 * torch.randn(1, 1, *SHAPE, generator=torch.Generator().manual_seed(1))
    structure = torch.zeros_like(noise)
    structure[:, :, 4:6, 6:10, 8:14] = 0.5
    maps = list(residual(known._replace(degraded=known.restored + structure + noise)))
    assert float(maps[0][0, 0, 5, 8, 10]) > 0.2
    assert float(maps[0][0, 0, 9:, 3:, 4:].abs().mean()) < 0.05
    assert float(maps[1][0, 0, 9:, 3:, 4:].mean()) == pytest.approx(0.1, rel=0.2)


def test_turned_arrays_give_the_same_but_for_the_order_of_the_axes() -> None:
    """Axes d, h, w → w, d, h: cubes are cubes, and the lines move with their axes."""
    one = pair()
    turned = one._replace(
        **{name: getattr(one, name).permute(0, 1, 4, 2, 3) for name in AlignedPair._fields[:5]}
    )
    first, second = (list(local(known)) for known in (one, turned))
    for number in set(range(len(first))) - set(LINES):
        back = second[number].permute(0, 1, 3, 4, 2)
        torch.testing.assert_close(back, first[number], atol=1e-5, rtol=1e-4)
    for half in (0, 3):
        for axis, moved in enumerate((1, 2, 0)):
            back = second[LINES[half + moved]].permute(0, 1, 3, 4, 2)
            torch.testing.assert_close(back, first[LINES[half + axis]], atol=1e-5, rtol=1e-4)


def test_what_the_reference_explains_is_left_alone() -> None:
    """x = 0.3 + 2 y changes by ε / (var + ε) of its detail alone; noise beside it is taken out."""
    one = pair()
    explained = guided_differences(one._replace(restored=0.3 + 2 * one.reference))
    assert all(values.abs().mean() < 0.05 for values in explained)
    assert all(values.abs().mean() > 0.15 for values in guided_differences(one))


def test_lengths_are_mm() -> None:
    """Half the spacing, twice the voxels in a cube."""
    coarse, fine = (guided_differences(pair(spacing_mm=mm)) for mm in (1.5, 0.75))
    torch.testing.assert_close(coarse[2], fine[0], atol=1e-6, rtol=1e-5)  # 2 voxels: 3, 1.5 mm
    assert not torch.allclose(coarse[0], fine[0], atol=1e-3)


def contrasts(ghost: float = 0.0) -> AlignedPair:
    """The restored volume is another contrast of the reference, with a wave across it."""
    one = pair()
    smooth = box_mean(one.reference, 2)
    reference = (smooth - smooth.min()) / (smooth.max() - smooth.min())
    wave = torch.sin(torch.arange(SHAPE[1]) * 2.1).view(1, 1, 1, -1, 1)
    restored = (2 * reference - 1).square() + ghost * wave
    return one._replace(reference=reference, restored=restored, degraded=restored)


def test_the_reference_predicts_another_contrast_of_itself() -> None:
    """v = (2 y - 1)²: no straight line predicts it."""
    known = contrasts()
    inside = known.body
    left = (predicted(known) - known.restored)[inside].std()
    assert left < 0.1 * known.restored[inside].std()
    assert not predicted(known)[~inside].any()


def test_a_ghost_is_not_predicted() -> None:
    known, haunted = contrasts(), contrasts(ghost=0.2)
    inside = known.body
    left = (predicted(haunted) - known.restored)[inside].std()
    assert left < 0.6 * (haunted.restored - known.restored)[inside].std()


def test_an_empty_body_predicts_nothing() -> None:
    known = contrasts()
    assert not predicted(known._replace(body=torch.zeros_like(known.body))).any()


def test_patches_are_measured_in_mm() -> None:
    volume = pair().reference
    coarse, fine = list(patches(volume, 3.0)), list(patches(volume, 1.5))
    torch.testing.assert_close(coarse[4], fine[2])  # a cube of one voxel on each side
    torch.testing.assert_close(coarse[-1], fine[-1])


def test_few_voxels_of_air_say_nothing_of_the_scan() -> None:
    known = pair()
    air = known.acquired & ~known.body
    assert room.of_the_whole(known, [])[-2] == pytest.approx(known.degraded[air].mean())
    cut = known._replace(acquired=known.body)
    assert room.of_the_whole(cut, [])[-2:].tolist() == [0.0, 0.0]


def test_the_mean_of_the_members_is_added_inside_the_body_alone() -> None:
    torch.manual_seed(0)
    correction = Correction(
        CorrectionConfig(("mr_motion",), ("mr",), (True,), (False,), members=2, hidden=5)
    ).eval()
    known = pair()
    change = correction(known, "mr_motion")
    assert not change[~known.body].any()
    part = correction.of_class["mr_motion"]
    assert isinstance(part, ClassCorrection)
    x = part.scaled(rows_of(known))
    mean = torch.stack([member(x)[:, 0] for member in part.members]).mean(0)
    torch.testing.assert_close(change[known.body], mean)


def test_a_scan_unlike_all_is_read_at_the_limit() -> None:
    part = ClassCorrection(
        CorrectionConfig(("x",), ("mr",), (False,), (False,), members=1, hidden=3), "x"
    )
    far = torch.full((1, COUNT), 1e6)
    assert float(part.scaled(far).max()) == 5.0


@pytest.mark.parametrize(
    ("probabilities", "calibrated", "reference"),
    [
        ({"clean": 0.97, "mr_motion": 0.03}, True, "mr"),
        ({"mr_motion": 1.0}, False, "mr"),
        ({"mr_motion": 1.0}, True, "ct"),
    ],
    ids=["clean", "unsure", "another reference"],
)
def test_only_what_was_fitted_is_corrected(
    probabilities: dict[str, float], calibrated: bool, reference: str
) -> None:
    found, working = object(), object()  # neither is looked at
    given = SimpleNamespace(modalities=("mr", reference))
    classified = Classification("mr_motion", probabilities, (), calibrated)
    correction = Correction(CorrectionConfig(("mr_motion",), ("mr",), (True,), (False,)))
    done = correct(found, given, working, classified, correction)  # type: ignore[arg-type]
    assert done.label is None
    assert done.mean_change is None


def test_the_weight_of_a_correction_is_the_probability_of_its_class() -> None:
    weights = [weight_of(p) for p in (0.0, 0.04, 0.1, 0.5, 1.0)]
    assert weights == [0.0, 0.0, 0.1, 0.5, 1.0]


def test_a_correction_counts_as_far_as_its_class_is_probable(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """One third likely, called clean: one third of the change."""
    known = pair()
    room_of_step = "UniFuseLib.restoration.correct.aligned_pair"
    monkeypatch.setattr(room_of_step, lambda maps, working: known)
    correction = Correction(
        CorrectionConfig(("mr_motion",), ("mr",), (True,), (False,), members=1, hidden=3)
    ).eval()
    expected = known.restored + correction(known, "mr_motion") / 3
    classified = Classification("clean", {"clean": 2 / 3, "mr_motion": 1 / 3}, ())
    found = SimpleNamespace(maps=SimpleNamespace(restored=known.restored.clone()))
    given, working = SimpleNamespace(modalities=("mr", "mr")), SimpleNamespace(mask=known.body)
    done = correct(found, given, working, classified, correction)  # type: ignore[arg-type]
    torch.testing.assert_close(found.maps.restored, expected)
    assert done.label == "mr_motion"


@pytest.mark.parametrize("reference", ["mr", "pet"])
def test_to_a_ct_comes_back_what_stands_out(
    monkeypatch: pytest.MonkeyPatch, reference: str
) -> None:
    """Beside any reference, as far as it is probable that it is degraded, its detail too.

    Metal is looked for in the scan.
    """
    known = bone(pair())
    monkeypatch.setattr("UniFuseLib.restoration.correct.aligned_pair", lambda maps, working: known)
    correction = Correction(
        CorrectionConfig(("ct_metal_noise",), ("mr",), (False,), (False,), members=1, hidden=3)
    ).eval()
    *_, weight, bias = correction.parameters()  # of the last layer
    torch.nn.init.zeros_(weight)
    torch.nn.init.constant_(bias, -0.02)
    classified = Classification("ct_metal_noise", {"clean": 0.5, "ct_metal_noise": 0.5}, ())
    grid = Grid(SHAPE, np.diag([1.5, 1.5, 1.5, 1.0]))
    rule = fit(np.zeros(SHAPE, np.float32), None, "ct", DEFAULT_INTENSITY)
    working = SimpleNamespace(
        mask=known.body, grid=grid, alignment=SimpleNamespace(matrix=np.eye(4))
    )

    def found_in(hu: float) -> SimpleNamespace:
        scan = SimpleNamespace(
            scalar=Volume(np.full(SHAPE, hu, np.float32), grid.affine),
            source=SimpleNamespace(intensity=rule),
        )
        given = SimpleNamespace(modalities=("ct", reference), degraded=scan)
        maps = SimpleNamespace(
            restored=known.restored.clone(), detail_weight=torch.full_like(known.restored, 0.2)
        )
        correct(SimpleNamespace(maps=maps), given, working, classified, correction)  # type: ignore[arg-type]
        return maps

    fitted = reference == "mr"
    change = correction(known, "ct_metal_noise") * fitted
    full_of_metal = found_in(3000.0)
    torch.testing.assert_close(full_of_metal.restored, known.restored + change / 2)
    assert bool((full_of_metal.detail_weight == 0.2).all())

    corrected = known._replace(restored=known.restored + change)
    dense = dense_structures(corrected, np.zeros(SHAPE, dtype=bool), rule)
    assert float(dense.weight.max()) == 1
    found = found_in(0.0)
    torch.testing.assert_close(found.restored, known.restored + (change + dense.change) / 2)
    torch.testing.assert_close(found.detail_weight, (dense.weight / 2).clamp(min=0.2))
