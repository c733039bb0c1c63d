"""Laws of known misalignments: φ undoes ψ, on oblique anisotropic grids, in ITK's eyes and in
voxels.
"""

import numpy as np
import pytest
import SimpleITK as sitk
import torch
from scipy.spatial.transform import Rotation

from UniFuseLib.io.volumes import to_image, write_displacement
from UniFuseLib.simulation.displacement_scale import mean_displacement, scale_to_mean
from UniFuseLib.simulation.misalignment import (
    FULL,
    Misalignment,
    MisalignmentRange,
    sample_misalignment,
)
from UniFuseLib.simulation.misalignment_field import Deformation, bspline_velocity
from UniFuseLib.simulation.parameters import local_generator, to_json
from UniFuseLib.spatial.bspline import bspline_basis
from UniFuseLib.spatial.displacement import (
    compose,
    integrate,
    jacobian_determinant,
    warp,
    world_to_flow,
)
from UniFuseLib.spatial.volume import Grid


def oblique(
    shape: tuple[int, int, int], spacing: tuple[float, float, float], angles: tuple[float, ...]
) -> Grid:
    """A turned grid with another order of axes, far from the origin."""
    affine = np.eye(4)
    affine[:3, :3] = Rotation.from_euler("xyz", angles, degrees=True).as_matrix()[
        :, [2, 0, 1]
    ] * np.array(spacing)
    affine[:3, 3] = [310.0, -95.0, 640.0]
    return Grid(shape, affine)


def around(grid: Grid, shape: tuple[int, int, int], spacing: tuple[float, float, float]) -> Grid:
    """Another grid with the same centre, other voxels and other axes."""
    other = oblique(shape, spacing, (-14.0, 9.0, 31.0))
    affine = other.affine.copy()
    affine[:3, 3] += grid.corners().mean(0) - other.corners().mean(0)
    return Grid(shape, affine)


ELASTIC_ONLY = MisalignmentRange(rotation_deg=0.0, translation_mm=0.0, scale=0.0)
REFERENCE = oblique((7, 9, 11), (14.0, 9.0, 6.5), (12.0, -20.0, 7.0))
SCAN = around(REFERENCE, (17, 23, 15), (6.0, 5.0, 8.0))


def blob(world: np.ndarray, centre: np.ndarray) -> np.ndarray:
    """Two smooth blobs of different size at RAS positions `(..., 3)`; no symmetry that would hide a
    swap.
    """
    first = np.exp(-(((world - centre - [5, -8, 3]) / [18, 12, 25]) ** 2).sum(-1))
    return first + 0.6 * np.exp(-(((world - centre - [-14, 9, -11]) / [8, 14, 11]) ** 2).sum(-1))


def positions(grid: Grid) -> np.ndarray:
    index = np.moveaxis(np.indices(grid.shape, dtype=float), 0, -1)
    return index @ grid.affine[:3, :3].T + grid.affine[:3, 3]


def as_world(displacement: torch.Tensor) -> np.ndarray:
    return displacement[0].permute(1, 2, 3, 0).double().numpy()


@pytest.fixture(scope="module")
def deformation() -> Deformation:
    ranges = MisalignmentRange(elastic_mm=9.0, control_mm=(40.0, 45.0))
    return Deformation(
        sample_misalignment(local_generator(3), (REFERENCE, SCAN), ranges, field_mm=3.0)
    )


def test_phi_undoes_psi_in_world_coordinates(deformation: Deformation) -> None:
    moved_points = positions(SCAN) + as_world(deformation.psi(SCAN))  # ψ(X) for X in the scan
    back = moved_points.reshape(-1, 3) + deformation.phi_at(moved_points.reshape(-1, 3))
    error = np.linalg.norm(back - positions(SCAN).reshape(-1, 3), axis=1)
    assert np.linalg.norm(as_world(deformation.psi(SCAN)), axis=-1).mean() > 5
    assert error.mean() < 0.02
    assert error.max() < 0.1


def test_phi_on_a_grid_is_phi_at_its_points(deformation: Deformation) -> None:
    expected = deformation.phi_at(positions(REFERENCE).reshape(-1, 3)).reshape(*REFERENCE.shape, 3)
    np.testing.assert_allclose(as_world(deformation.phi(REFERENCE)), expected, atol=2e-3)


def test_label_shows_where_the_reference_point_is_in_the_moved_scan(
    deformation: Deformation,
) -> None:
    centre = REFERENCE.corners().mean(0)
    # moved(Y) = clean(ψ(Y)); read it at Y = φ(X): has to be clean(X)
    there = positions(REFERENCE) + as_world(deformation.phi(REFERENCE))
    grid_there = there.reshape(-1, 3)
    psi_there = _psi_at(deformation, grid_there)
    clean, pulled = blob(positions(REFERENCE), centre).ravel(), blob(psi_there, centre)
    np.testing.assert_allclose(pulled, clean, atol=4e-3)
    assert np.abs(blob(grid_there, centre) - clean).max() > 0.1  # without ψ it would not be


def _psi_at(deformation: Deformation, points: np.ndarray) -> np.ndarray:
    """ψ at single points, through one-voxel grids."""
    out = []
    for point in points:
        affine = np.eye(4)
        affine[:3, 3] = point
        out.append(point + as_world(deformation.psi(Grid((1, 1, 1), affine))).ravel())
    return np.array(out)


def test_written_field_aligns_the_scans_in_itk(deformation: Deformation, tmp_path) -> None:
    """SimpleITK, which knows nothing of our conventions, resamples the moved scan onto the clean
    one.
    """
    fine = around(REFERENCE, (45, 53, 49), (2.5, 2.2, 2.6))
    centre = REFERENCE.corners().mean(0)
    moved = blob(positions(fine) + as_world(deformation.psi(fine)), centre)
    write_displacement(as_world(deformation.phi(REFERENCE)), REFERENCE, tmp_path / "field.nii.gz")
    field = sitk.ReadImage(str(tmp_path / "field.nii.gz"), sitk.sitkVectorFloat64)
    target = to_image(np.zeros(REFERENCE.shape, np.float32), REFERENCE)
    image = sitk.Cast(to_image(moved, fine), sitk.sitkFloat64)
    pulled = sitk.Resample(
        image, target, sitk.DisplacementFieldTransform(field), sitk.sitkLinear, -1.0
    )
    array = sitk.GetArrayFromImage(pulled)
    seen = array >= 0
    assert seen.mean() > 0.4
    clean = blob(positions(REFERENCE), centre)
    assert np.abs(array - clean)[seen].mean() < 4e-3
    plain = sitk.GetArrayFromImage(
        sitk.Resample(image, target, sitk.Transform(), sitk.sitkLinear, -1.0)
    )
    assert np.abs(plain - clean)[(plain >= 0) & seen].mean() > 0.02


def test_pure_translation_is_closed_form() -> None:
    """ψ(X) = X + t, φ(X) = X − t, on every grid."""
    still = sample_misalignment(local_generator(0), (REFERENCE,), MisalignmentRange(0, 0, 0, 0))
    values = {**to_json(still), "translation_mm": (3.0, -5.0, 7.0)}
    deformation = Deformation(Misalignment.from_json(values))
    np.testing.assert_allclose(
        as_world(deformation.psi(SCAN)), np.broadcast_to([3, -5, 7], (*SCAN.shape, 3)), atol=1e-3
    )
    np.testing.assert_allclose(
        as_world(deformation.phi(SCAN)), np.broadcast_to([-3, 5, -7], (*SCAN.shape, 3)), atol=1e-3
    )


def test_rotation_turns_about_the_centre_right_handed() -> None:
    """A quarter-turn-like rotation about S moves a point on +R towards +A."""
    still = sample_misalignment(local_generator(0), (REFERENCE,), MisalignmentRange(0, 0, 0, 0))
    turn = Misalignment.from_json({**to_json(still), "rotation_deg": (0.0, 0.0, 10.0)})
    centre = np.array(turn.centre_mm)
    moved = (turn.matrix @ [centre[0] + 50, centre[1], centre[2], 1.0])[:3] - centre
    np.testing.assert_allclose(
        moved, [50 * np.cos(np.pi / 18), 50 * np.sin(np.pi / 18), 0], atol=1e-9
    )


@pytest.mark.parametrize("target", [1.5, 5.5, 12.0])
def test_scaling_reaches_the_wanted_mean(target: float) -> None:
    drawn = sample_misalignment(local_generator(11), (REFERENCE, SCAN), FULL)
    points = positions(REFERENCE).reshape(-1, 3)
    scaled = scale_to_mean(drawn, points, target)
    assert abs(mean_displacement(Deformation(scaled), points) - target) < 0.05


def test_scaling_keeps_the_shape_of_the_elastic_part() -> None:
    drawn = sample_misalignment(local_generator(2), (REFERENCE,), ELASTIC_ONLY)
    grid = Deformation(drawn).field_grid
    whole, half = bspline_velocity(drawn, grid), bspline_velocity(drawn.scaled(0.5), grid)
    torch.testing.assert_close(half, whole / 2)


def test_peak_of_the_velocity_is_the_elastic_amplitude() -> None:
    drawn = sample_misalignment(local_generator(4), (REFERENCE,), ELASTIC_ONLY, field_mm=3.0)
    deformation = Deformation(drawn)
    points = positions(REFERENCE).reshape(-1, 3)
    speed = deformation.velocity.norm(dim=1).max() * drawn.field_mm
    assert mean_displacement(deformation, points) < drawn.elastic_mm
    assert speed > 0.95 * drawn.elastic_mm


def test_bspline_basis_sums_to_one_and_reproduces_a_line() -> None:
    x = torch.linspace(0, 5, 41, dtype=torch.float64)
    basis = bspline_basis(x, 9).double()
    torch.testing.assert_close(basis.sum(1), torch.ones(41, dtype=torch.float64), atol=1e-6, rtol=0)
    torch.testing.assert_close(
        basis @ torch.arange(-1.0, 8.0, dtype=torch.float64), x, atol=1e-5, rtol=0
    )


def drawn_on(grid: Grid, seed: int, ranges: MisalignmentRange) -> tuple[torch.Tensor, torch.Tensor]:
    """ψ − id and φ − id in voxels of `grid`, `(1, 3, d, h, w)` each."""
    deformation = Deformation(sample_misalignment(local_generator(seed), (grid,), ranges, 5.0))
    return world_to_flow(deformation.psi(grid), grid), world_to_flow(deformation.phi(grid), grid)


def isotropic(shape: tuple[int, int, int], spacing_mm: float) -> Grid:
    return Grid(shape, np.diag([spacing_mm] * 3 + [1.0]))


def test_flows_in_voxels_undo_each_other_on_a_non_cubic_grid() -> None:
    shape = (28, 36, 44)
    moving, label = drawn_on(isotropic(shape, 2.5), 5, MisalignmentRange(4, 4, 0.03, 8.0))
    there_and_back = compose(moving, label)[..., 6:-6, 6:-6, 6:-6]
    assert label.norm(dim=1).mean() > 1
    assert there_and_back.norm(dim=1).max() < 0.1
    x = torch.meshgrid(*[torch.arange(float(n)) for n in shape], indexing="ij")
    clean = torch.sin(x[0] / 4) + torch.cos(x[1] / 5 + 1) + torch.sin(x[2] / 7)
    restored = warp(warp(clean[None, None], moving), label)[0, 0]
    assert (restored - clean)[6:-6, 6:-6, 6:-6].abs().mean() < 0.02


def test_strongest_elastic_field_does_not_fold() -> None:
    ranges = MisalignmentRange(0, 0, 0, 10.0, control_mm=(35.0, 35.0))
    for seed in range(3):
        _, label = drawn_on(isotropic((24, 30, 36), 3.0), seed, ranges)
        assert jacobian_determinant(label).min() > 0.1


def test_integration_agrees_with_monai() -> None:
    blocks = pytest.importorskip("monai.networks.blocks")
    drawn = sample_misalignment(local_generator(9), (REFERENCE,), ELASTIC_ONLY)
    velocity = bspline_velocity(drawn, Deformation(drawn).field_grid)
    oracle = blocks.DVF2DDF(num_steps=6, mode="bilinear", padding_mode="border")(velocity)
    torch.testing.assert_close(integrate(velocity, steps=6), oracle, atol=2e-4, rtol=0)


def test_same_parameters_same_bytes() -> None:
    drawn = sample_misalignment(local_generator(1), (REFERENCE, SCAN))
    again = Misalignment.from_json(to_json(drawn))
    assert again == drawn
    assert torch.equal(Deformation(drawn).phi(REFERENCE), Deformation(again).phi(REFERENCE))
