"""Linear transforms in files: ITK's and FSL's, on oblique, anisotropic, left-handed grids."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
import SimpleITK as sitk
from scipy.spatial.transform import Rotation

from UniFuseLib.errors import InputError
from UniFuseLib.io.linear_transform import flirt_to_ras, read_linear_transform
from UniFuseLib.spatial.linear import mapped
from UniFuseLib.spatial.volume import Grid

if TYPE_CHECKING:
    from pathlib import Path

MATRIX = np.eye(4)
MATRIX[:3, :3] = Rotation.from_rotvec([0.3, -0.5, 0.9]).as_matrix() @ np.diag([1.1, 0.9, 1.0])
MATRIX[:3, 3] = [14.0, -32.0, 7.5]
FLIP = np.diag([-1.0, -1, 1, 1])
POINTS = np.random.default_rng(2).uniform(-90, 90, (40, 3))


def oblique(shape: tuple[int, int, int], spacing: tuple[float, ...], mirror: bool) -> Grid:
    """Array order (k, j, i); `mirror` makes i run the other way."""
    turn = Rotation.from_rotvec([0.2, 0.4, -0.3]).as_matrix()
    axes = turn * [-1.0 if mirror else 1.0, 1.0, 1.0]  # columns i, j, k
    affine = np.eye(4)
    affine[:3, :3] = axes[:, ::-1] * spacing
    affine[:3, 3] = [-22.0, 31.0, -8.0]
    return Grid(shape, affine)


GRIDS = [
    (oblique((11, 17, 23), (2.5, 1.5, 0.9), left), oblique((15, 9, 13), (1.2, 3.1, 2.0), right))
    for left in (False, True)
    for right in (False, True)
]


def itk_transforms() -> list[sitk.Transform]:
    """The same map in three classes: with a centre, and composed of two."""
    lps = FLIP @ MATRIX @ FLIP
    centre = np.array([10.0, 20.0, -5.0])
    plain = sitk.AffineTransform(3)
    plain.SetMatrix(lps[:3, :3].ravel())
    plain.SetTranslation(lps[:3, 3])
    centred = sitk.AffineTransform(3)
    centred.SetCenter(centre)
    centred.SetMatrix(lps[:3, :3].ravel())
    centred.SetTranslation(lps[:3, 3] + lps[:3, :3] @ centre - centre)
    shift = sitk.TranslationTransform(3, lps[:3, 3])
    turn = sitk.AffineTransform(3)
    turn.SetMatrix(lps[:3, :3].ravel())
    return [plain, centred, sitk.CompositeTransform([shift, turn])]


@pytest.mark.parametrize("suffix", [".tfm", ".txt", ".h5", ".mat"])
@pytest.mark.parametrize("kind", [0, 1, 2])
def test_every_file_of_itk_is_the_same_map(tmp_path: Path, suffix: str, kind: int) -> None:
    if kind == 2 and suffix in (".mat",):
        pytest.skip("holds no composition")
    path = tmp_path / f"start{suffix}"
    transform = itk_transforms()[kind]
    sitk.WriteTransform(transform, str(path))
    found = read_linear_transform(path, *GRIDS[0])
    expected = np.array([transform.TransformPoint(p) for p in (POINTS * [-1, -1, 1]).tolist()])
    np.testing.assert_allclose(mapped(found, POINTS) * [-1, -1, 1], expected, atol=1e-4)
    np.testing.assert_allclose(found, MATRIX, atol=1e-5)


def flirt_point(grid: Grid, place: np.ndarray) -> np.ndarray:
    """A RAS place in FLIRT's mm, from FSL's definition for one point."""
    k, j, i = np.linalg.solve(grid.affine, [*place, 1.0])[:3]
    affine = np.array([grid.linear[:, 2], grid.linear[:, 1], grid.linear[:, 0]]).T
    if np.linalg.det(affine) > 0:
        i = grid.shape[2] - 1 - i
    dz, dy, dx = np.linalg.norm(grid.linear, axis=0)
    return np.array([i * dx, j * dy, k * dz])


@pytest.mark.parametrize("pair", range(4))
def test_a_matrix_of_flirt_maps_what_it_says(pair: int) -> None:
    reference, degraded = GRIDS[pair]
    flirt = np.eye(4)
    flirt[:3, :3] = Rotation.from_rotvec([-0.4, 0.1, 0.6]).as_matrix()
    flirt[:3, 3] = [5.0, -9.0, 12.0]
    matrix = flirt_to_ras(flirt, reference, degraded)
    for place in POINTS[:10]:
        there = mapped(matrix, place[None])[0]
        np.testing.assert_allclose(
            mapped(flirt, flirt_point(degraded, there)[None])[0], flirt_point(reference, place)
        )


@pytest.mark.parametrize("pair", range(4))
def test_nitransforms_reads_a_matrix_of_flirt_alike(tmp_path: Path, pair: int) -> None:
    nitransforms = pytest.importorskip("nitransforms")
    nib = pytest.importorskip("nibabel")
    reference, degraded = GRIDS[pair]
    rng = np.random.default_rng(pair)
    flirt = np.eye(4)
    flirt[:3, :3] = Rotation.from_rotvec(rng.normal(0, 0.4, 3)).as_matrix()
    flirt[:3, 3] = rng.uniform(-30, 30, 3)
    path = tmp_path / "flirt.mat"
    np.savetxt(path, flirt, fmt="%.10f")
    images = [
        nib.Nifti1Image(np.zeros(g.shape[::-1], np.uint8), g.affine[:, [2, 1, 0, 3]])
        for g in (reference, degraded)
    ]
    theirs = nitransforms.linear.load(path, fmt="fsl", reference=images[0], moving=images[1])
    found = read_linear_transform(path, reference, degraded)
    np.testing.assert_allclose(found, theirs.matrix, atol=1e-4)


def write(path: Path, content: str) -> Path:
    path.write_text(content, encoding="utf-8")
    return path


def test_what_is_no_motion_is_refused(tmp_path: Path) -> None:
    numbers = "\n".join(" ".join(map(str, row)) for row in np.eye(4))
    cases = {
        "bare 4 × 4 matrix": write(tmp_path / "a.txt", numbers),
        "not a transform that can be read": write(tmp_path / "b.tfm", "1 2 3"),
        "mirrors the patient": write(tmp_path / "c.mat", numbers.replace("1.0", "-1.0", 1)),
        "flattens the patient": write(tmp_path / "d.mat", numbers.replace("1.0", "0.0", 1)),
        "last row is 0 0 0 1": write(tmp_path / "e.mat", numbers[:-3] + "2.0"),
    }
    for sentence, path in cases.items():
        with pytest.raises(InputError, match=sentence):
            read_linear_transform(path, *GRIDS[0])
    field = sitk.DisplacementFieldTransform(sitk.Image([4, 4, 4], sitk.sitkVectorFloat64))
    sitk.WriteTransform(field, str(tmp_path / "field.h5"))
    with pytest.raises(InputError, match="not linear"):
        read_linear_transform(tmp_path / "field.h5", *GRIDS[0])
    with pytest.raises(InputError, match="does not exist|no such file|not found"):
        read_linear_transform(tmp_path / "none.tfm", *GRIDS[0])
