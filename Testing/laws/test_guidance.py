"""What the user says before the alignment: initial transform, masks, landmarks."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import numpy as np
import pytest
import SimpleITK as sitk
import torch
from head_phantom import DEGRADED, REFERENCE, error_mm, places, radius, rigid, scan, seen

from UniFuseLib.contract import standard_contract
from UniFuseLib.errors import InputError
from UniFuseLib.preprocessing.guidance import Guidance, given_poses, mask_on
from UniFuseLib.preprocessing.prepare import prepare_pair
from UniFuseLib.preprocessing.working_pair import place, working_pair
from UniFuseLib.registration.affine import register, unmoved
from UniFuseLib.report.guidance import GuidanceReport, LandmarksReport
from UniFuseLib.spatial.composed import ComposedField
from UniFuseLib.spatial.field import DisplacementField
from UniFuseLib.spatial.linear import mapped
from UniFuseLib.spatial.volume import Volume

if TYPE_CHECKING:
    from pathlib import Path

    from UniFuseLib.preprocessing.prepare import PreparedPair
    from UniFuseLib.preprocessing.working_pair import Align

TRUTH = rigid((9.0, -7.0, 6.0, 7.0, -8.0, 9.0))
MARKS = np.array([[20.0, -12, 15], [-22, 22, 8], [5, 31, -13], [-18, -27, -9]])


@pytest.fixture(scope="module")
def moved() -> Volume:
    return scan(DEGRADED, "t2", TRUTH, noise=40.0)


@pytest.fixture(scope="module")
def fixed() -> Volume:
    return scan(REFERENCE, "t1", noise=40.0, seed=9)


# index (d, h, w) of the volume that is stored with its last axis first and its first one reversed
_STORED = np.array([[0.0, -1, 0, 0], [0, 0, 1, 0], [1, 0, 0, 0], [0, 0, 0, 1]])
_STORED[0, 3] = DEGRADED.shape[0] - 1


def prepared(degraded: Volume, reference: Volume, guidance: Guidance) -> PreparedPair:
    return prepare_pair(
        degraded,
        reference,
        ("mr", "mr"),
        standard_contract(),
        working_spacing=5.0,
        guidance=guidance,
    )


@pytest.mark.parametrize("off", [(0, 0, 0, 0, 0, 0), (0.9, -0.6, 0.5, 0.4, 0.5, -0.3)])
def test_a_right_transform_stays_as_it_is(
    moved: Volume, fixed: Volume, off: tuple[float, ...]
) -> None:
    """Also one that is off by no more than what is found may be."""
    start = TRUTH @ rigid(off)
    result = register(seen(moved, "mr"), seen(fixed, "mr"), given=(start,))
    np.testing.assert_array_equal(result.matrix, start)
    assert result.freedom == "given"
    assert result.followed
    assert result.warnings == ()


def test_a_wrong_transform_ends_as_without_it(moved: Volume, fixed: Volume) -> None:
    """30 mm and 30° off the truth."""
    wrong = TRUTH @ rigid((20.0, 16.0, -16.0, 18.0, -17.0, 17.0))
    assert error_mm(wrong, TRUTH) > 25
    without = register(seen(moved, "mr"), seen(fixed, "mr"))
    result = register(seen(moved, "mr"), seen(fixed, "mr"), given=(wrong,))
    assert error_mm(result.matrix, without.matrix) < 0.3
    assert error_mm(result.matrix, TRUTH) < 0.5


def test_where_nothing_is_found_the_transform_is_used(fixed: Volume) -> None:
    noise = np.random.default_rng(1).random(DEGRADED.shape).astype(np.float32)
    result = register(seen(Volume(noise, DEGRADED.affine), "mr"), seen(fixed, "mr"), given=(TRUTH,))
    np.testing.assert_array_equal(result.matrix, TRUTH)
    assert "the initial pose is used as it is" in result.warnings[0]


def test_a_far_pose_that_the_user_gave_is_no_surprise() -> None:
    truth = rigid((0.0, 0, 0, 0, 0, 160.0))
    degraded = scan(DEGRADED, "t2", truth, noise=40.0)
    start = truth @ rigid((4.0, -3.0, 3.0, 4.0, 3.0, -4.0))
    result = register(seen(degraded, "mr"), seen(scan(REFERENCE, "t1"), "mr"), given=(start,))
    assert error_mm(result.matrix, truth) < 0.5
    assert result.warnings == ()


@pytest.mark.parametrize("align", ["none", "rigid"])
def test_the_transform_takes_its_road_to_the_working_grid(
    moved: Volume, fixed: Volume, align: Align
) -> None:
    pair = prepared(moved, fixed, Guidance(initial_transform=TRUTH))
    working = working_pair(pair, align)
    np.testing.assert_allclose(working.alignment.matrix, TRUTH)
    assert np.array_equal(unmoved((TRUTH,)).matrix, TRUTH)
    body = working.mask

    def likeness(values: object) -> float:
        a, b = working.reference[body].numpy(), values[body].numpy()  # type: ignore[index]
        return abs(float(np.corrcoef(a, b)[0, 1]))

    assert likeness(working.degraded) > likeness(working.degraded_unaligned) + 0.2


def test_a_transform_that_moves_all_out_of_view_is_refused(moved: Volume, fixed: Volume) -> None:
    away = rigid((900.0, 0, 0, 0, 0, 0))
    with pytest.raises(InputError, match="Check that it was made for these two volumes"):
        prepared(moved, fixed, Guidance(initial_transform=away))
    far = Volume(moved.array, away @ moved.affine)
    with pytest.raises(InputError, match="Its inverse does not: .* Invert it"):
        prepared(far, fixed, Guidance(initial_transform=np.linalg.inv(away)))
    assert prepared(far, fixed, Guidance(initial_transform=away)).given.matrices
    with pytest.raises(InputError, match="mirrors the patient"):
        Guidance(initial_transform=np.diag([-1.0, 1, 1, 1]))


def test_landmarks_are_a_start_and_a_measure(moved: Volume, fixed: Volume) -> None:
    noise = np.random.default_rng(0).normal(0, 0.5, MARKS.shape)
    guidance = Guidance(reference_landmarks=MARKS, degraded_landmarks=mapped(TRUTH, MARKS) + noise)
    pair = prepared(moved, fixed, guidance)
    (start,) = pair.given.matrices
    assert error_mm(start, TRUTH) < 1.0
    assert pair.given.landmark_fit_mm == pytest.approx(0.6, abs=0.4)
    nothing = torch.zeros((1, 3, *fixed.grid.shape))
    field = ComposedField(fixed.grid, fixed.grid, nothing, TRUTH)
    report = GuidanceReport.of(pair, field)
    assert report.landmarks.count == 4
    assert report.landmarks.mean_before_mm is not None
    assert report.landmarks.mean_before_mm > 8
    np.testing.assert_allclose(
        report.landmarks.each_after_mm, np.linalg.norm(noise, axis=1), atol=0.01
    )
    assert report.warnings == ()


def test_landmarks_in_another_order_and_a_stretch_are_told(moved: Volume, fixed: Volume) -> None:
    there = mapped(TRUTH, MARKS)[[1, 0, *range(2, len(MARKS))]]
    stretch = TRUTH @ np.diag([1.0, 1.0, 1.2, 1.0])
    guidance = Guidance(
        initial_transform=stretch, reference_landmarks=MARKS, degraded_landmarks=there
    )
    stretched, exchanged = prepared(moved, fixed, guidance).given.warnings
    assert "stretches the degraded volume by up to 20.0 %" in stretched
    assert "numbers 1 and 2 of one list exchanged" in exchanged


def test_one_volume_for_both_is_told(fixed: Volume, moved: Volume) -> None:
    elsewhere = Volume(fixed.array.copy(), moved.affine)
    pair = prepared(elsewhere, fixed, Guidance())
    (sentence,) = pair.doubts
    assert "the same voxels" in sentence
    assert sentence in pair.warnings
    assert prepared(moved, fixed, Guidance()).doubts == ()


def test_landmarks_that_contradict_the_result_are_told(fixed: Volume) -> None:
    field = DisplacementField(np.full((*fixed.array.shape, 3), 4.0, np.float32), fixed.grid)
    outside = np.array([[500.0, 0, 0]])
    pairs = Guidance(
        reference_landmarks=np.concatenate([MARKS, outside]),
        degraded_landmarks=np.concatenate([MARKS, outside]) - 1.0,
    ).landmarks
    assert pairs is not None
    report = GuidanceReport(landmarks=LandmarksReport.of(pairs, field, None))
    assert report.landmarks.mean_after_mm == pytest.approx(5 * 3**0.5, abs=0.01)
    outside_warning, apart_warning = report.warnings
    assert "1 of 5 landmarks lie outside" in outside_warning
    assert "farther apart after the alignment (8.7 mm on average) than before (1.7 mm)" in (
        apart_warning
    )


def test_landmarks_that_fix_no_motion_measure_alone(moved: Volume, fixed: Volume) -> None:
    line = np.outer([0.0, 20, 45], [0.6, 0.0, 0.8])
    for marks in (line, MARKS[:2]):
        guidance = Guidance(reference_landmarks=marks, degraded_landmarks=marks)
        given = given_poses(guidance, fixed.grid, moved.grid)
        assert given.matrices == ()
        assert "measure the alignment, but do not start it" in given.warnings[0]


def test_landmarks_of_other_volumes_are_refused(moved: Volume, fixed: Volume) -> None:
    with pytest.raises(InputError, match="4 landmarks and the degraded volume 3"):
        Guidance(reference_landmarks=MARKS, degraded_landmarks=MARKS[:3])
    with pytest.raises(InputError, match="given for the reference alone"):
        Guidance(reference_landmarks=MARKS)
    with pytest.raises(InputError, match="given for the degraded volume alone"):
        Guidance(degraded_landmarks=MARKS)
    guidance = Guidance(reference_landmarks=MARKS, degraded_landmarks=MARKS + 2000)
    with pytest.raises(InputError, match="LPS or RAS"):
        given_poses(guidance, fixed.grid, moved.grid)


def half(volume: Volume) -> Volume:
    """1 where the patient's right half is, in the frame of the volume."""
    return Volume((places(volume.grid)[..., 0] > 0).astype(np.uint8), volume.affine)


def test_what_lies_outside_the_mask_does_not_pull(fixed: Volume) -> None:
    """One half of the degraded head is turned against the other: a mask chooses which counts."""
    other = rigid((-7.0, 6.0, 5.0, -6.0, 7.0, -5.0))
    one, two = (scan(DEGRADED, "t2", motion, noise=20.0) for motion in (TRUTH, other))
    chosen = half(one)
    mixed = Volume(np.where(chosen.array > 0, one.array, two.array), one.affine)
    left = Volume(1 - chosen.array, one.affine)
    found = {}
    for name, mask in (("right", chosen), ("left", left)):
        pair = prepared(mixed, fixed, Guidance(degraded_mask=mask))
        found[name] = working_pair(pair, "rigid").alignment.matrix
    inside = places(REFERENCE)[radius(places(REFERENCE)) < 1]

    def apart(matrix: np.ndarray, truth: np.ndarray, side: int) -> float:
        part = inside[side * inside[:, 0] > 0]
        return float(np.linalg.norm(mapped(matrix, part) - mapped(truth, part), axis=1).mean())

    assert apart(found["right"], TRUTH, 1) < 1.5 < 6 < apart(found["right"], other, 1)
    assert apart(found["left"], other, -1) < 1.5 < 6 < apart(found["left"], TRUTH, -1)


def test_a_mask_restricts_the_comparison_and_not_the_body(moved: Volume, fixed: Volume) -> None:
    masks = Guidance(reference_mask=half(fixed), degraded_mask=None)
    whole, masked = (
        place(prepared(moved, fixed, guidance), unmoved((TRUTH,)))
        for guidance in (Guidance(), masks)
    )
    assert masked.mask.equal(whole.mask)
    assert masked.degraded.equal(whole.degraded)
    assert whole.compared.float().mean() > 1.7 * masked.compared.float().mean() > 0
    index = np.argwhere(masked.compared[0, 0].numpy())
    assert (index @ masked.grid.linear.T + masked.grid.origin)[:, 0].min() > -3


def test_body_is_what_the_tool_finds(moved: Volume, fixed: Volume) -> None:
    """On the volume's own grid, also where its axes are stored in another order."""
    turned = Volume(moved.array[::-1].transpose(2, 0, 1), moved.affine @ _STORED)
    np.testing.assert_allclose(
        turned.affine @ [3, 5, 7, 1], moved.affine @ [moved.array.shape[0] - 6, 7, 3, 1]
    )
    pair = prepared(turned, fixed, Guidance(degraded_mask="body"))
    assert pair.degraded.mask is not None
    np.testing.assert_array_equal(pair.degraded.mask, pair.degraded.body)
    assert 0.05 < pair.degraded.body.mean() < 0.95
    assert pair.reference.mask is None
    with pytest.raises(InputError, match='Expected a label map or "body"'):
        prepared(moved, fixed, Guidance(degraded_mask="bones"))  # type: ignore[arg-type]


def test_a_mask_on_another_grid_is_read_at_the_nearest_voxel(moved: Volume, fixed: Volume) -> None:
    found = mask_on(half(fixed), moved, "degraded")
    assert found.array is not None
    assert "another grid than the degraded volume" in found.warnings[0]
    r = places(moved.grid)[..., 0]
    spacing = float(fixed.grid.spacing.max())
    assert not found.array[r < -spacing].any()
    index = np.linalg.solve(
        fixed.grid.linear, (places(moved.grid) - fixed.grid.origin).reshape(-1, 3).T
    )
    held = ((index > -0.5).all(0) & (np.array(fixed.array.shape) - 0.5 > index.T).all(1)).reshape(
        moved.array.shape
    )
    assert found.array[held & (r > spacing)].all()
    assert not found.array[~held].any()
    assert mask_on(half(moved), moved, "degraded").warnings == ()


def test_a_mask_that_leaves_nothing_is_refused(moved: Volume, fixed: Volume) -> None:
    nothing = Volume(np.zeros(moved.array.shape, np.uint8), moved.affine)
    with pytest.raises(InputError, match="leaves nothing to compare: no voxel of the degraded"):
        mask_on(nothing, moved, "degraded")
    away = Volume(np.ones((8, 8, 8), np.uint8), np.diag([1.0, 1, 1, 1]))
    away.affine[:3, 3] = 4000
    with pytest.raises(InputError, match="the two do not overlap"):
        mask_on(away, moved, "degraded")
    fractions = Volume(np.full(moved.array.shape, 0.37, np.float32), moved.affine)
    with pytest.raises(InputError, match=r"holds fractions \(0.37\)"):
        mask_on(fractions, moved, "degraded")
    air = np.zeros(fixed.array.shape, np.uint8)
    air[0, 0, 0] = 1
    pair = prepared(moved, fixed, Guidance(reference_mask=Volume(air, fixed.affine)))
    with pytest.raises(InputError, match="leaves nothing of the patient"):
        working_pair(pair, "rigid")
    apart = half(fixed)
    left = Volume(1 - half(moved).array, moved.affine)
    pair = prepared(moved, fixed, Guidance(reference_mask=apart, degraded_mask=left))
    with pytest.raises(InputError, match="no place of the body lies inside both"):
        working_pair(pair, "none")


def test_the_command_hands_everything_over(tmp_path: Path, moved: Volume, fixed: Volume) -> None:
    """Files of the panel: .h5 of a transform node, a label map, .mrk.json."""
    from UniFuseLib.cli import parser
    from UniFuseLib.commands.guidance import files_of, read_guidance
    from UniFuseLib.io.volumes import write_volume

    flip = np.diag([-1.0, -1, 1, 1])
    lps = flip @ TRUTH @ flip
    transform = sitk.AffineTransform(lps[:3, :3].ravel(), lps[:3, 3])
    sitk.WriteTransform(transform, str(tmp_path / "start.h5"))
    write_volume(half(moved), tmp_path / "mask.nrrd")
    for name, points in (("r", MARKS), ("d", mapped(TRUTH, MARKS))):
        placed = [{"position": p} for p in (points * [-1, -1, 1]).tolist()]
        content = {
            "markups": [{"type": "Fiducial", "coordinateSystem": "LPS", "controlPoints": placed}]
        }
        (tmp_path / f"{name}.mrk.json").write_text(json.dumps(content))
    argv = ["fuse", "d.nii", "r.nii", "-o", "out", "--initial-transform", "start.h5"]
    argv += ["--degraded-mask", "mask.nrrd"]
    argv += ["--reference-landmarks", "r.mrk.json", "--degraded-landmarks", "d.mrk.json"]
    argv += ["--reference-mask", "body"]
    argv = [str(tmp_path / a) if "." in a else a for a in argv]
    args = parser().parse_args(argv)
    assert len(files_of(args)) == 4
    guidance = read_guidance(args, fixed.grid, moved.grid)
    assert guidance.initial_transform is not None
    assert guidance.reference_mask == "body"
    assert isinstance(guidance.degraded_mask, Volume)
    assert guidance.landmarks is not None
    np.testing.assert_allclose(guidance.initial_transform, TRUTH, atol=1e-6)
    np.testing.assert_allclose(guidance.landmarks.reference, MARKS)
    np.testing.assert_allclose(guidance.landmarks.degraded, mapped(TRUTH, MARKS), atol=1e-6)
    np.testing.assert_array_equal(guidance.degraded_mask.array, half(moved).array)


def test_a_matrix_of_fsl_needs_two_nifti_files(tmp_path: Path) -> None:
    from UniFuseLib.cli import parser
    from UniFuseLib.commands.guidance import read_guidance

    np.savetxt(tmp_path / "flirt.mat", np.eye(4))
    (tmp_path / "d.nrrd").write_text("NRRD0004\n")
    argv = ["fuse", str(tmp_path / "d.nrrd"), str(tmp_path / "d.nrrd"), "-o", "out"]
    args = parser().parse_args([*argv, "--initial-transform", str(tmp_path / "flirt.mat")])
    with pytest.raises(InputError, match="a matrix of FSL"):
        read_guidance(args, DEGRADED, REFERENCE)
