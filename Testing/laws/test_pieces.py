"""A body that was bent between the scans is found out, with the place in the reference's frame."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch
from head_phantom import places, rigid, turned
from scipy import ndimage

from UniFuseLib.contract import standard_contract
from UniFuseLib.errors import Cancelled
from UniFuseLib.preprocessing.guidance import Guidance
from UniFuseLib.preprocessing.prepare import prepare_pair
from UniFuseLib.preprocessing.working_pair import place
from UniFuseLib.registration.affine import unmoved
from UniFuseLib.spatial.displacement import world_to_flow
from UniFuseLib.spatial.volume import Grid, Volume
from UniFuseLib.verdict.judge import Verdict
from UniFuseLib.verdict.pieces import Piece, bent, bent_mm, pieces_of

if TYPE_CHECKING:
    from UniFuseLib.preprocessing.prepare import PreparedPair
    from UniFuseLib.preprocessing.working_pair import WorkingPair

REFERENCE = turned((84, 46, 40), (2.9, 3.3, 3.6), 7)
DEGRADED = turned((80, 48, 42), (3.1, 3.2, 3.4), -9)
POSE = rigid((4.0, -3.0, 60.0, 2.0, -3.0, 2.0))  # far along S: the frames cannot be mixed up
HEIGHT = 95.0  # of half the body, mm
ANGLE = 9.0
PAIRS = [("ct", "mr"), ("mr", "ct"), ("mr", "mr")]  # the second one is pulled in the first of them


def blobs(points: np.ndarray, count: int, square_mm: float, seed: int) -> np.ndarray:
    """Bright and dark ones, all over the body."""
    rng = np.random.default_rng(seed)
    centres = rng.uniform(-1, 1, (count, 3)) * [36, 44, HEIGHT - 5]
    weighted = zip(centres, rng.uniform(-1, 1, count), strict=True)
    return sum(w * np.exp(-((points - c) ** 2).sum(-1) / square_mm) for c, w in weighted)


def column(points: np.ndarray, modality: str) -> np.ndarray:
    """A body from head to foot: RAS mm `(..., 3)` → own units."""
    r, a, s = np.moveaxis(points, -1, 0)
    soft = np.tanh(2 * blobs(points, 110, 130, 4))
    bone = np.clip(2 * blobs(points, 80, 80, 5) - 0.3, 0, 1)
    radius = np.sqrt((r / (44 + 0.05 * s)) ** 2 + ((a + 0.04 * r) / 54) ** 2)
    inside = 1 / (1 + np.exp((np.maximum(radius, np.abs(s) / HEIGHT) - 1) * 40))
    if modality == "ct":
        return -1000 + inside * (1030 + 25 * soft + 900 * bone)
    return inside * (500 + 330 * soft) * (1 - 0.9 * bone)


def bend(points: np.ndarray, degrees: float) -> np.ndarray:
    """Below S 20 mm the body turns about R, wholly below -20 mm: before → after."""
    middle = np.array([0.0, -22.0, 0.0])
    share = np.clip((20 - points[..., 2]) / 40, 0, 1)
    angle = np.deg2rad(degrees) * share**2 * (3 - 2 * share)
    r, a, s = np.moveaxis(points - middle, -1, 0)
    turn = np.stack(
        [r, np.cos(angle) * a - np.sin(angle) * s, np.sin(angle) * a + np.cos(angle) * s], axis=-1
    )
    return turn + middle


def scan(grid: Grid, modality: str, world: np.ndarray) -> Volume:
    """What lies at `world`, `(d, h, w, 3)` RAS mm of the unbent body, with noise."""
    grain = np.random.default_rng(int(grid.shape[0])).normal(size=grid.shape)
    noise = (25 if modality == "mr" else 12) * ndimage.gaussian_filter(grain, 0.6)
    return Volume((column(world, modality) + noise).astype(np.float32), grid.affine)


def bent_pair(kinds: tuple[str, str], degrees: float) -> tuple[PreparedPair, WorkingPair]:
    """The reference shows X, the degraded volume the body bent and then moved by POSE."""
    back = np.linalg.inv(POSE)
    moved = Grid(DEGRADED.shape, POSE @ DEGRADED.affine)
    straight = places(moved) @ back[:3, :3].T + back[:3, 3]
    origin = straight
    for _ in range(60):  # bend(X) = straight
        origin = origin - 0.7 * (bend(origin, degrees) - straight)
    degraded = scan(moved, kinds[0], origin)
    reference = scan(REFERENCE, kinds[1], places(REFERENCE))
    pair = prepare_pair(degraded, reference, kinds, standard_contract(), 3.0)
    return pair, place(pair, unmoved()._replace(matrix=POSE))


def at_rest(working: WorkingPair) -> torch.Tensor:
    return torch.zeros(1, 3, *working.grid.shape)


@pytest.mark.parametrize("kinds", PAIRS)
def test_a_body_that_was_not_bent_has_its_pieces_in_their_places(kinds: tuple[str, str]) -> None:
    pair, working = bent_pair(kinds, 0.0)
    pieces = pieces_of(pair, working, at_rest(working))
    assert len(pieces) == 3
    assert max(piece.moved_mm for piece in pieces) < 2.5
    assert bent(pieces) == ()


@pytest.mark.parametrize("kinds", PAIRS)
def test_the_part_beyond_the_bend_is_named_in_the_frame_of_the_reference(
    kinds: tuple[str, str],
) -> None:
    pair, working = bent_pair(kinds, ANGLE)
    lower, middle, upper = pieces_of(pair, working, at_rest(working))
    assert -HEIGHT - 8 < lower.from_mm < -80
    assert lower.to_mm == pytest.approx(middle.from_mm, abs=8)
    assert 80 < upper.to_mm < HEIGHT + 8
    true = np.linalg.norm(bend(BELOW, ANGLE) - BELOW, axis=-1).mean()
    assert lower.moved_mm == pytest.approx(true, rel=0.4)
    assert lower.lies_elsewhere
    assert not upper.lies_elsewhere
    assert lower.share + middle.share + upper.share == pytest.approx(1)
    (sentence,) = bent([lower, upper])
    assert f"From S {lower.from_mm:.0f} to S {lower.to_mm:.0f} mm" in sentence


BELOW = np.stack(
    np.meshgrid(
        np.linspace(-35, 35, 8), np.linspace(-45, 45, 8), np.linspace(-90, -35, 8), indexing="ij"
    ),
    axis=-1,
).reshape(-1, 3)


def test_a_field_that_follows_the_bend_leaves_no_doubt() -> None:
    pair, working = bent_pair(("mr", "mr"), ANGLE)
    world = places(working.grid)
    displacement = (bend(world, ANGLE) - world).transpose(3, 0, 1, 2)
    flow = world_to_flow(torch.from_numpy(displacement)[None], working.grid)
    assert bent(pieces_of(pair, working, at_rest(working)))
    assert bent(pieces_of(pair, working, flow)) == ()


def test_it_can_be_stopped() -> None:
    pair, working = bent_pair(("mr", "mr"), 0.0)

    def asked() -> None:
        raise Cancelled("stopped")

    with pytest.raises(Cancelled):
        pieces_of(pair, working, at_rest(working), asked)


@pytest.mark.parametrize("how", ["empty", "masked"])
@pytest.mark.parametrize("kinds", PAIRS)
def test_a_piece_of_which_the_other_volume_has_nothing_has_no_say(
    kinds: tuple[str, str], how: str
) -> None:
    """Whichever volume is pulled: what the degraded one lacks may be all of a piece."""
    pair, _ = bent_pair(kinds, 0.0)
    whole, reference = pair.degraded.source.volume, pair.reference.source.volume
    unbent = Grid(whole.array.shape, np.linalg.inv(POSE) @ whole.affine)
    known = places(unbent)[..., 2] > 10
    air = -1000.0 if kinds[0] == "ct" else 0.0
    degraded = whole if how == "masked" else Volume(np.where(known, whole.array, air), whole.affine)
    mask = Volume(known.astype(np.float32), whole.affine) if how == "masked" else None
    guidance = Guidance(degraded_mask=mask)
    pair = prepare_pair(degraded, reference, kinds, standard_contract(), 3.0, guidance)
    working = place(pair, unmoved()._replace(matrix=POSE))
    pieces = pieces_of(pair, working, at_rest(working))
    assert bent(pieces) == ()
    assert all(piece.to_mm > 0 for piece in pieces)


def test_a_short_body_has_no_pieces() -> None:
    whole = scan(REFERENCE, "mr", places(REFERENCE))
    affine = whole.affine.copy()
    affine[:3, 3] += 30 * affine[:3, 0]
    slab = Volume(whole.array[30:50], affine)
    pair = prepare_pair(whole, slab, ("mr", "mr"), standard_contract(), 3.0)
    working = place(pair, unmoved())
    assert pieces_of(pair, working, at_rest(working)) == []


STAYS = Piece(-30.0, 40.0, 0.3, 0.0, 1.0, 0.5)


@pytest.mark.parametrize(
    ("moved_mm", "gain", "clear"), [(5.0, 0.3, True), (5.0, 0.08, False), (2.5, 0.3, False)]
)
def test_a_piece_has_to_gain_and_to_move(moved_mm: float, gain: float, clear: bool) -> None:
    pieces = [Piece(-90.0, -30.0, moved_mm, gain, 1.0, 0.5), STAYS]
    assert bool(bent(pieces)) is clear
    assert bent_mm(pieces) == (0.5 * moved_mm if clear else 0.0)


def test_the_piece_with_the_most_to_gain_is_named() -> None:
    sentences = bent(
        [Piece(-90.0, -30.0, 4.6, 0.31, 1.0, 0.4), Piece(-30.0, 40.0, 6.0, 0.2, 1.0, 0.6)]
    )
    assert sentences == (
        "From S -90 to S -30 mm the body lies 5 mm from where the alignment has it, and agrees "
        "31 % better there: it was bent or turned between the scans. Check that part, or fuse "
        "again with a mask of it.",
    )


def test_a_verdict_expects_no_less_than_was_found() -> None:
    verdict = Verdict("green", 0.1, 0.5, (0.2, 1.0), (), {})
    assert verdict.at_least(0.4) is verdict
    raised = verdict.at_least(2.0)
    assert (raised.expected_error_mm, raised.interval_mm) == (2.0, (0.8, 4.0))
    assert raised.probability_off_by_3_mm == 0.1
    assert verdict.at_least(4.0).probability_off_by_3_mm == 0.5
