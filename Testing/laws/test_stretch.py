"""What no rigid motion explains: a wrong voxel size shows whatever else fits."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from head_phantom import DEGRADED, REFERENCE, rigid, scan, seen

from UniFuseLib.spatial.volume import Volume
from UniFuseLib.verdict.ensemble import End, finer_stretch, other_poses
from UniFuseLib.verdict.parting import Parting
from UniFuseLib.verdict.spread import spread_of
from UniFuseLib.verdict.stretch import Stretch, stretch_of

ALIKE = ("mr", "mr")
POSE = rigid((3.0, -2.0, 2.0, 2.0, -3.0, 2.0))


def stretched(volume: Volume, axis: int, factor: float) -> Volume:
    """Its header says that voxels are longer along one axis; the middle stays."""
    affine = volume.affine.copy()
    middle = (np.array(volume.array.shape) - 1) / 2
    affine[:3, axis] *= factor
    affine[:3, 3] += volume.affine[:3, :3] @ middle - affine[:3, :3] @ middle
    return Volume(volume.array, affine)


def found(degraded: Volume, reference: Volume, pose: np.ndarray) -> Stretch:
    with torch.no_grad():
        ends = other_poses(seen(degraded, "mr"), seen(reference, "mr"), pose)
    return stretch_of(max(ends, key=lambda end: end.stretch_gain))


def test_scans_of_one_head_gain_nothing_by_a_stretch() -> None:
    plain = found(scan(DEGRADED, "t2", POSE, 40), scan(REFERENCE, "t1", None, 40, 9), POSE)
    assert plain.gain < 0.05
    assert plain.doubts(ALIKE) == ()


@pytest.mark.parametrize(
    ("axis", "factor", "along"),
    [(0, 1.15, "larger from head to foot"), (1, 0.87, "smaller from front to back")],
)
def test_a_wrong_voxel_size_is_found_with_its_direction(
    axis: int, factor: float, along: str
) -> None:
    degraded = stretched(scan(DEGRADED, "t2", POSE, 40), axis, factor)
    reference = scan(REFERENCE, "t1", None, 40, 9)
    forward = found(degraded, reference, POSE)
    assert forward.percent == pytest.approx(100 * (factor - 1), abs=3)
    (sentence,) = forward.doubts(ALIKE)
    assert along in sentence
    back = found(reference, degraded, np.linalg.inv(POSE))
    assert back.percent == pytest.approx(100 * (1 / factor - 1), abs=3)
    assert back.axis == forward.axis


def test_another_modality_needs_a_clearer_gain() -> None:
    some = Stretch(0.2, 9.0, 2)
    assert some.doubts(ALIKE)
    assert some.doubts(("ct", "mr")) == ()
    assert some._replace(gain=0.3).doubts(("ct", "mr"))


def finer(degraded: Volume, reference: Volume, pose: np.ndarray, kinds: tuple[str, str]) -> Stretch:
    sides = seen(degraded, kinds[0]), seen(reference, kinds[1])
    with torch.no_grad():
        coarse = max(other_poses(*sides, pose), key=lambda end: end.stretch_gain)
        end = finer_stretch(*sides, pose, coarse)
    assert end is not None
    return stretch_of(end)


@pytest.mark.parametrize("factor", [1.1, 0.9])
def test_at_the_finest_spacing_a_ct_and_an_mr_tell_the_size_of_their_slices(factor: float) -> None:
    """Whichever of them has the wrong header, and whichever is pulled."""
    mr, ct = scan(DEGRADED, "t1", POSE, 40), scan(REFERENCE, "ct", None, 15, 9)
    thick = stretched(mr, 0, factor)
    forward = finer(thick, ct, POSE, ("mr", "ct"))
    back = finer(ct, thick, np.linalg.inv(POSE), ("ct", "mr"))
    assert forward.percent == pytest.approx(100 * (factor - 1), abs=3.5)
    assert back.percent == pytest.approx(100 * (1 / factor - 1), abs=3.5)
    assert forward.finest_doubts()
    assert back.finest_doubts()
    assert finer(mr, ct, POSE, ("mr", "ct")).finest_doubts() == ()


def test_a_slab_is_too_thin_to_tell_its_size() -> None:
    mr, ct = scan(DEGRADED, "t1", POSE, 40), scan(REFERENCE, "ct", None, 15, 9)
    slab = Volume(mr.array[20:32], mr.affine)
    assert finer_stretch(seen(slab, "mr"), seen(ct, "ct"), POSE, End(POSE)) is None


def test_few_percent_need_a_clearer_gain() -> None:
    thick, little = Stretch(0.05, 8.0, 2), Stretch(0.05, 6.0, 2)
    assert thick.finest_doubts()
    assert little.finest_doubts() == Stretch(0.03, 8.0, 2).finest_doubts() == ()
    assert little._replace(gain=0.25).finest_doubts()
    assert little._replace(gain=0.25, percent=4.0).finest_doubts() == ()


def test_the_finest_spacing_speaks_where_the_coarser_one_is_silent() -> None:
    nothing, clear = Stretch(0.05, 3.9, 2), Stretch(0.05, -8.7, 2)
    of_both = Parting(spread_of(np.eye(4), [np.eye(4)]), np.zeros((1, 3)), nothing, clear)
    (sentence,) = of_both.stretch_doubts(("mr", "ct"))
    assert "9 % smaller from head to foot" in sentence
    assert of_both._replace(finer=None).stretch_doubts(("mr", "ct")) == ()
    (first,) = of_both._replace(stretch=Stretch(0.4, 12.0, 0)).stretch_doubts(("mr", "ct"))
    assert "12 % larger from side to side" in first


def test_the_largest_stretch_of_a_motion_is_named() -> None:
    turn = rigid((0.0, 0.0, 0.0, 20.0, 0.0, 5.0))
    some = stretch_of(End(turn @ np.diag([1.02, 0.9, 1.01, 1.0]), 0.3))
    assert (some.gain, some.axis) == (0.3, 1)
    assert some.percent == pytest.approx(-10)
