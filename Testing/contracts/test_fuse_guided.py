"""What the caller says before the alignment: a start, landmarks, masks, how far it may go."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from Testing.contracts.known_flow import Network, Registered, run
from UniFuseLib.errors import InputError
from UniFuseLib.report.parts import RefinementReport
from UniFuseLib.spatial.volume import Volume

if TYPE_CHECKING:
    from torch import Tensor

pytestmark = pytest.mark.usefixtures("the_network_is_followed")


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
        def register(
            self, degraded: Tensor, reference: Tensor, *, find_field: bool = True
        ) -> Registered:
            calls.append((degraded, reference))
            voxels = (0.0, 2.0, 0.0) if find_field else (0.0, 0.0, 0.0)
            return Network(voxels).register(degraded, reference)

    def right(volume: Volume) -> Volume:
        index = np.moveaxis(np.indices(volume.array.shape), 0, -1)
        r = (index @ volume.grid.linear.T + volume.grid.origin)[..., 0]
        return Volume((r > 0).astype(np.uint8), volume.affine)

    result = run(pair, model=Watched(), degraded_mask=right(pair[0]))
    (masked, other), (whole, _) = calls
    assert (masked == whole)[masked > 0].all()
    assert ((masked > 0) == (other > 0)).float().mean() > 0.85
    assert 0.3 < (masked > 0).float().sum() / (whole > 0).float().sum() < 0.65
    assert np.linalg.norm(result.displacement, axis=-1).max() > 5  # of the masked ones
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
