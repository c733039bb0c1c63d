"""Laws of MR motion: closed forms, no movement of the picture, anisotropic voxels."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch

from UniFuseLib.simulation.mr_motion import (
    MotionParameters,
    apply_motion,
    estimate_shift,
    line_poses,
    move_rigidly,
    sample_motion,
    shift_volume,
)
from UniFuseLib.simulation.parameters import local_generator

SHAPE, SPACING = (17, 36, 28), (3.0, 1.0, 1.4)


def head() -> torch.Tensor:
    """Smooth, without symmetry, zero at the border, `(17, 36, 28)`."""
    z, y, x = torch.meshgrid(*[torch.arange(float(n)) for n in SHAPE], indexing="ij")
    skull = torch.exp(-((((z - 8) / 4.5) ** 2 + ((y - 17) / 10) ** 2 + ((x - 13) / 8) ** 2) ** 2))
    return 100 * skull * (1 + 0.5 * torch.sin(y / 2.1) * torch.cos(x / 1.7 + z / 2))


def movement(**changes: Any) -> MotionParameters:
    still = MotionParameters(0.5, 1, "linear", 1, (0.0, 0.5), ((0.0,) * 3,) * 2, ((0.0,) * 3,) * 2)
    return replace(still, **changes)


def test_no_movement_changes_nothing() -> None:
    torch.testing.assert_close(apply_motion(head(), SPACING, movement()), head(), atol=1e-3, rtol=0)


def test_one_pose_for_all_lines_is_no_degradation() -> None:
    """A head that lies elsewhere but still is not a movement: the centring takes all of it out."""
    elsewhere = movement(
        starts=(0.0,), rotations_deg=((4.0, -3.0, 5.0),), translations_mm=((2.0, 3.0, -4.0),)
    )
    torch.testing.assert_close(apply_motion(head(), SPACING, elsewhere), head(), atol=1e-3, rtol=0)


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_pure_translation_has_a_closed_form(axis: int) -> None:
    """Lines of pose s get the phase exp(−2πi k·(t_s − shift)) of the Fourier shift theorem; |F⁻¹|
    of that.
    """
    steps = [(3.0, -2.0, 1.4), (0.0, 1.0, -2.8)]  # mm: whole voxels (1, -2, 1) and (0, 1, -2)
    parameters = movement(axis=axis, starts=(0.0, 0.4), translations_mm=tuple(steps))
    ours = apply_motion(head(), SPACING, parameters)

    spectrum = np.fft.fftn(head().double().numpy())
    k = np.meshgrid(*[np.fft.fftfreq(n) for n in SHAPE], indexing="ij")
    signed = (
        np.round(k[axis] * SHAPE[axis]) + SHAPE[axis] // 2
    )  # line 0 is the most negative frequency
    late = signed / SHAPE[axis] >= 0.4
    # centring subtracts one common vector, which is a common phase: it only moves the picture, and
    # the correction takes that out again; compare after moving the closed form to the same place
    mixed = np.zeros_like(spectrum)
    for moved, lines in zip(steps, (~late, late), strict=True):
        voxels = np.array(moved) / np.array(SPACING)
        mixed += np.where(
            lines,
            spectrum * np.exp(-2j * np.pi * sum(f * v for f, v in zip(k, voxels, strict=True))),
            0,
        )
    closed = torch.from_numpy(np.fft.ifftn(mixed))
    closed = shift_volume(closed, estimate_shift(closed.abs(), head().double())).abs()
    body = head() > 5
    assert (ours - head()).abs()[body].mean() > 1.0  # there is a movement
    assert (ours - closed).abs()[body].mean() < 0.35 * (ours - head()).abs()[body].mean()
    assert np.corrcoef((ours - head())[body], (closed - head())[body])[0, 1] > 0.9


def test_rigid_move_of_a_whole_voxel_is_exact() -> None:
    """out(p) = volume(p − t): +3 mm along d is one voxel of 3 mm."""
    moved = move_rigidly(head(), SPACING, np.zeros(3), np.array([3.0, -2.0, 0.0]))
    torch.testing.assert_close(moved[1:, :-2], head()[:-1, 2:], atol=1e-3, rtol=0)


def test_rotation_is_rigid_in_millimetres() -> None:
    """A point on the w axis turns by 90° about d onto the h axis at the same distance in mm, not in
    voxels.
    """
    volume = torch.zeros(5, 41, 41)
    volume[2, 20, 30] = 1.0  # 10 voxels of 2 mm along +w
    turned = move_rigidly(volume, (3.0, 1.0, 2.0), np.array([90.0, 0.0, 0.0]), np.zeros(3))
    # right-handed about d in (d, h, w): h → w, w → −h
    assert np.unravel_index(int(turned.argmax()), turned.shape) == (2, 0, 20)


@pytest.mark.parametrize("seed", range(6))
def test_motion_does_not_move_the_picture(seed: int) -> None:
    registration = pytest.importorskip("skimage.registration")
    volume = head()
    moved = apply_motion(volume, SPACING, sample_motion(local_generator(seed), axes=(0, 1, 2)))
    shift = registration.phase_cross_correlation(
        volume.numpy(), moved.numpy(), upsample_factor=50, normalization=None
    )[0]
    assert np.abs(shift).max() <= 0.1


@pytest.mark.parametrize("true", [(0.0, 0.0, 0.0), (1.3, -2.6, 0.45), (-4.0, 7.25, 3.1)])
def test_shift_is_found_and_removed(true: tuple[float, float, float]) -> None:
    moved = shift_volume(head().to(torch.complex64), tuple(-t for t in true)).real
    found = estimate_shift(moved, head())
    np.testing.assert_allclose(found, true, atol=0.02)
    back = shift_volume(moved.to(torch.complex64), found).real
    torch.testing.assert_close(back, head(), atol=1.0, rtol=0)


@pytest.mark.parametrize("lines", [28, 29])
def test_linear_lines_come_one_after_the_other(lines: int) -> None:
    pose = torch.fft.fftshift(line_poses(lines, movement(starts=(0.0, 0.25, 0.5))))
    assert pose.diff().min() >= 0
    assert pose[0] == 0
    assert pose[lines // 2 + 1] == 2


def test_interleaved_shots_alternate() -> None:
    pose = torch.fft.fftshift(line_poses(24, movement(ordering="interleaved", shots=2)))
    assert pose.tolist() == [0, 1] * 12


def test_severity_grows() -> None:
    volume = head()

    def harm(severity: float) -> float:
        errors = [
            float(
                (
                    apply_motion(volume, SPACING, sample_motion(local_generator(s), severity))
                    - volume
                ).norm()
            )
            for s in range(5)
        ]
        return float(np.mean(errors))

    assert harm(0.0) < harm(0.5) < harm(1.0)


def test_same_parameters_same_bytes() -> None:
    parameters = sample_motion(local_generator(5))
    assert parameters == sample_motion(local_generator(5))
    assert torch.equal(
        apply_motion(head(), SPACING, parameters), apply_motion(head(), SPACING, parameters)
    )
