"""Exported transforms, applied as each program applies them, on oblique grids of either handedness.

SimpleITK, ANTs and elastix apply them themselves. For FSL, SPM, MRtrix and FreeSurfer the
programs' own rules are written down here, from the voxels of the files alone.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import SimpleITK as sitk
from scipy.ndimage import gaussian_filter, map_coordinates
from scipy.spatial.transform import Rotation

from UniFuseLib.errors import InputError, OutputError
from UniFuseLib.io.transform_export import PROGRAMS, export_transform
from UniFuseLib.io.volumes import write_volume
from UniFuseLib.spatial.coarser import coarser
from UniFuseLib.spatial.transform import Transform
from UniFuseLib.spatial.volume import Grid, Volume

if TYPE_CHECKING:
    from pathlib import Path

nib = pytest.importorskip("nibabel")
pytest.importorskip("nitransforms")


def oblique(
    shape: tuple[int, int, int], spacing: tuple[float, ...], turn: list[float], mirror: bool
) -> Grid:
    """Array order (k, j, i), centred near (6, -9, 14) mm; `mirror` turns i round."""
    axes = Rotation.from_rotvec(turn).as_matrix() * [-1.0 if mirror else 1.0, 1, 1]
    affine = np.eye(4)
    affine[:3, :3] = axes[:, ::-1] * spacing
    affine[:3, 3] = [6.0, -9.0, 14.0] - affine[:3, :3] @ (np.array(shape) - 1) / 2
    return Grid(shape, affine)


def places(grid: Grid) -> np.ndarray:
    index = np.moveaxis(np.indices(grid.shape), 0, -1).reshape(-1, 3)
    return index @ grid.linear.T + grid.origin


MATRIX = np.eye(4)
MATRIX[:3, :3] = Rotation.from_rotvec([0.15, -0.1, 0.2]).as_matrix() @ np.diag([1.04, 0.97, 1.0])
MATRIX[:3, 3] = [3.0, -4.0, 2.0]


class Pair:
    """A result and its degraded volume; reference left-handed or not, degraded the other way."""

    def __init__(self, folder: Path, mirror: bool, linear: bool) -> None:
        self.reference = oblique((18, 26, 22), (2.6, 1.7, 2.1), [0.3, -0.2, 0.4], mirror)
        self.degraded = oblique((34, 30, 40), (2.2, 2.4, 1.5), [-0.2, 0.3, 0.1], not mirror)
        x = places(self.reference)
        u = x @ (MATRIX[:3, :3] - np.eye(3)).T + MATRIX[:3, 3]
        if not linear:
            noise = np.random.default_rng(4).normal(size=(*self.reference.shape, 3))
            smooth = gaussian_filter(noise, (3, 4, 4, 0))
            u = u + (smooth * 4 / np.abs(smooth).max()).reshape(-1, 3)
        field = u.reshape(*self.reference.shape, 3).astype(np.float32)
        self.transform = Transform(field, self.reference, self.degraded)
        r, a, s = places(self.degraded).T
        values = 100 + 40 * np.sin(r / 9) + 30 * np.cos(a / 7 + 1) + 20 * np.sin(s / 8 + r / 20)
        self.volume = Volume(
            values.reshape(self.degraded.shape).astype(np.float32), self.degraded.affine
        )
        self.files = {"degraded": folder / "degraded.nii.gz", "reference": folder / "ref.nii.gz"}
        write_volume(self.volume, self.files["degraded"])
        empty = np.zeros(self.reference.shape, np.float32)
        write_volume(Volume(empty, self.reference.affine), self.files["reference"])

    def arrival(self) -> np.ndarray:
        """Y `(n, 3)` RAS mm of every voxel of the reference."""
        return self.transform.to_degraded(places(self.reference)).points

    def read_at(self, points: np.ndarray) -> np.ndarray:
        """The degraded volume at RAS points, `(k, j, i)` of the reference; NaN outside."""
        index = np.linalg.solve(self.degraded.linear, (points - self.degraded.origin).T)
        return map_coordinates(self.volume.array, index, order=1, cval=np.nan).reshape(
            self.reference.shape
        )

    def check(self, moved: np.ndarray) -> None:
        """Bar: a mean difference of 0.1 % of the range."""
        expected = self.read_at(self.arrival())
        seen = np.isfinite(expected) & np.isfinite(moved)
        inner = seen[2:-2, 2:-2, 2:-2]
        assert inner.mean() > 0.9
        difference = np.abs(moved - expected)[2:-2, 2:-2, 2:-2][inner]
        assert difference.mean() < 1e-3 * np.ptp(self.volume.array)

    def check_points(self, points: np.ndarray) -> None:
        """Bar: 0.02 mm; one float32 of 200 mm is 2e-5."""
        assert np.abs(points - self.arrival()).max() < 2e-3


@pytest.fixture(params=[False, True], ids=["right_handed", "left_handed"])
def pair(tmp_path: Path, request: pytest.FixtureRequest) -> Pair:
    return Pair(tmp_path, request.param, linear=False)


@pytest.fixture(params=[False, True], ids=["right_handed", "left_handed"])
def linear_pair(tmp_path: Path, request: pytest.FixtureRequest) -> Pair:
    return Pair(tmp_path, request.param, linear=True)


def by_simpleitk(pair: Pair, transform: sitk.Transform) -> np.ndarray:
    reference = sitk.ReadImage(str(pair.files["reference"]))
    degraded = sitk.ReadImage(str(pair.files["degraded"]))
    moved = sitk.Resample(degraded, reference, transform, sitk.sitkLinear, np.nan)
    return sitk.GetArrayFromImage(moved)


@pytest.mark.parametrize("ending", [".nii.gz", ".nii", ".nrrd", ".mha", ".h5"])
def test_simpleitk_applies_the_field(tmp_path: Path, pair: Pair, ending: str) -> None:
    path = tmp_path / f"field{ending}"
    done = export_transform(pair.transform, "itk", path)
    assert (done.files, done.linear, done.error) == ((path,), False, None)
    if ending == ".h5":
        transform = sitk.ReadTransform(str(path))
    else:
        image = sitk.ReadImage(str(path))
        assert image.GetPixelID() == sitk.sitkVectorFloat32
        transform = sitk.DisplacementFieldTransform(sitk.Cast(image, sitk.sitkVectorFloat64))
    pair.check(by_simpleitk(pair, transform))
    lps = places(pair.reference) * [-1, -1, 1]
    inner = np.linalg.norm(lps - lps.mean(axis=0), axis=1) < 12
    points = np.array([transform.TransformPoint(p) for p in lps[inner].tolist()])
    assert np.abs(points * [-1, -1, 1] - pair.arrival()[inner]).max() < 2e-3


@pytest.mark.parametrize("program", ["itk", "ants"])
@pytest.mark.parametrize("ending", [".tfm", ".txt", ".h5", ".mat"])
def test_simpleitk_applies_the_matrix(
    tmp_path: Path, linear_pair: Pair, program: str, ending: str
) -> None:
    path = tmp_path / f"matrix{ending}"
    done = export_transform(linear_pair.transform, program, path)
    assert done.linear
    linear_pair.check(by_simpleitk(linear_pair, sitk.ReadTransform(str(path))))


@pytest.mark.bench
@pytest.mark.parametrize("ending", [".nii.gz", ".h5", ".mat"])
def test_ants_applies_it(tmp_path: Path, ending: str) -> None:
    ants = pytest.importorskip("ants")
    for mirror in (False, True):
        pair = Pair(tmp_path, mirror, linear=ending == ".mat")
        path = tmp_path / f"for_ants{ending}"
        export_transform(pair.transform, "ants", path)
        moved = ants.apply_transforms(
            fixed=ants.image_read(str(pair.files["reference"])),
            moving=ants.image_read(str(pair.files["degraded"])),
            transformlist=[str(path)],
            interpolator="linear",
            defaultvalue=-1000,
        )
        values = moved.numpy().transpose(2, 1, 0)
        pair.check(np.where(values > 0, values, np.nan))


@pytest.mark.slow
@pytest.mark.bench
@pytest.mark.parametrize("linear", [False, True])
def test_elastix_applies_it(tmp_path: Path, linear: bool) -> None:
    itk = pytest.importorskip("itk")
    for mirror in (False, True):
        pair = Pair(tmp_path, mirror, linear)
        path = tmp_path / f"parameters{mirror}.txt"
        done = export_transform(pair.transform, "elastix", path)
        assert len(done.files) == 2 - linear
        parameters = itk.ParameterObject.New()
        parameters.AddParameterFile(str(path))
        moving = itk.imread(str(pair.files["degraded"]), itk.F)
        values = itk.GetArrayFromImage(itk.transformix_filter(moving, parameters))
        pair.check(np.where(values > 0, values, np.nan))


def test_nitransforms_maps_the_same_points(tmp_path: Path, pair: Pair) -> None:
    from nitransforms.nonlinear import DenseFieldTransform

    export_transform(pair.transform, "ants", tmp_path / "field.nii.gz")
    field = DenseFieldTransform.from_filename(tmp_path / "field.nii.gz", fmt="itk")
    index = np.array([[3, 5, 7], [9, 14, 11], [20, 2, 16]])  # voxels i, j, k
    moved = field.map(nib.affines.apply_affine(field.reference.affine, index))
    expected = pair.arrival().reshape(*pair.reference.shape, 3)
    for (i, j, k), point in zip(index, moved, strict=True):
        np.testing.assert_allclose(point, expected[k, j, i], atol=2e-3)


def loaded(path: Path) -> tuple[np.ndarray, np.ndarray]:
    """Voxels in the order (i, j, k) and the affine of a NIfTI file."""
    image = nib.load(path)
    return np.asarray(image.dataobj), image.affine


def test_spm_reads_the_degraded_volume_at_the_stored_places(tmp_path: Path, pair: Pair) -> None:
    """y_ files: (i, j, k, 1, 3), the place in mm of the other image's world."""
    export_transform(pair.transform, "spm", tmp_path / "y_field.nii")
    image = nib.load(tmp_path / "y_field.nii")
    assert image.shape == (*pair.reference.shape[::-1], 1, 3)
    assert image.get_data_dtype() == np.float32
    assert image.header.get_intent()[0] == "vector"
    y = np.asarray(image.dataobj)[:, :, :, 0]
    volume, affine = loaded(pair.files["degraded"])
    index = nib.affines.apply_affine(np.linalg.inv(affine), y.reshape(-1, 3))
    moved = map_coordinates(volume, index.T, order=1, cval=np.nan).reshape(y.shape[:3])
    pair.check(moved.transpose(2, 1, 0))
    pair.check_points(y.transpose(2, 1, 0, 3).reshape(-1, 3))
    np.testing.assert_allclose(image.affine, loaded(pair.files["reference"])[1], atol=1e-4)


def test_mrtrix_reads_the_degraded_volume_at_the_stored_places(tmp_path: Path, pair: Pair) -> None:
    """mrtransform -warp: (i, j, k, 3), scanner coordinates in the moving image."""
    export_transform(pair.transform, "mrtrix", tmp_path / "warp.nii.gz")
    warp, affine = loaded(tmp_path / "warp.nii.gz")
    assert warp.shape == (*pair.reference.shape[::-1], 3)
    volume, scanner = loaded(pair.files["degraded"])
    index = np.einsum("ij,...j->...i", np.linalg.inv(scanner)[:3, :3], warp - scanner[:3, 3])
    moved = map_coordinates(volume, np.moveaxis(index, -1, 0), order=1, cval=np.nan)
    pair.check(moved.transpose(2, 1, 0))
    np.testing.assert_allclose(affine, loaded(pair.files["reference"])[1], atol=1e-4)


def test_mrtrix_maps_the_template_with_the_matrix(tmp_path: Path, linear_pair: Pair) -> None:
    assert export_transform(linear_pair.transform, "mrtrix", tmp_path / "linear.txt").linear
    matrix = np.loadtxt(tmp_path / "linear.txt")
    linear_pair.check_points(nib.affines.apply_affine(matrix, places(linear_pair.reference)))


class Newimage:
    """A volume as FSL's library holds it: radiological, so i is turned round where it was not."""

    def __init__(self, path: Path) -> None:
        self.array, affine = loaded(path)
        self.spacing = nib.affines.voxel_sizes(affine)
        if np.linalg.det(affine) > 0:
            self.array = self.array[::-1]
        self.turned = np.linalg.det(affine) > 0

    def millimetres(self) -> np.ndarray:
        return np.moveaxis(np.indices(self.array.shape[:3]), 0, -1) * self.spacing

    def at(self, mm: np.ndarray) -> np.ndarray:
        index = np.moveaxis(mm / self.spacing, -1, 0)
        return map_coordinates(self.array, index, order=1, cval=np.nan)

    def stored(self, values: np.ndarray) -> np.ndarray:
        """An array of this volume in the order (k, j, i) of its file."""
        return (values[::-1] if self.turned else values).transpose(2, 1, 0)


def test_applywarp_of_fsl_adds_the_warp_to_its_millimetres(tmp_path: Path, pair: Pair) -> None:
    export_transform(pair.transform, "fsl", tmp_path / "warp.nii.gz")
    assert nib.load(tmp_path / "warp.nii.gz").header["intent_code"] == 2006
    reference, degraded = (Newimage(pair.files[name]) for name in ("reference", "degraded"))
    warp = Newimage(tmp_path / "warp.nii.gz")
    assert warp.turned == reference.turned != degraded.turned
    moved = degraded.at(reference.millimetres() + warp.array)
    pair.check(reference.stored(moved))


def test_flirt_of_fsl_pulls_through_the_inverse(tmp_path: Path, linear_pair: Pair) -> None:
    assert export_transform(linear_pair.transform, "fsl", tmp_path / "flirt.mat").linear
    inverse = np.linalg.inv(np.loadtxt(tmp_path / "flirt.mat"))
    files = linear_pair.files
    reference, degraded = (Newimage(files[name]) for name in ("reference", "degraded"))
    moved = degraded.at(nib.affines.apply_affine(inverse, reference.millimetres()))
    linear_pair.check(reference.stored(moved))


def test_freesurfer_adds_the_field_in_lps(tmp_path: Path, pair: Pair) -> None:
    """`mri_warp_convert --initk`: node = source lps2vox (vox2lps (c, r, s) + delta)."""
    export_transform(pair.transform, "freesurfer", tmp_path / "warp.nii.gz")
    delta, affine = loaded(tmp_path / "warp.nii.gz")
    delta = delta.reshape(*delta.shape[:3], 3)
    volume, source = loaded(pair.files["degraded"])
    to_lps = np.diag([-1, -1, 1, 1])
    index = np.moveaxis(np.indices(delta.shape[:3]), 0, -1)
    lps = nib.affines.apply_affine(to_lps @ affine, index) + delta
    node = nib.affines.apply_affine(np.linalg.inv(to_lps @ source), lps)
    moved = map_coordinates(volume, np.moveaxis(node, -1, 0), order=1, cval=np.nan)
    pair.check(moved.transpose(2, 1, 0))


def lta_geometry(text: str) -> np.ndarray:
    """vox2ras of FreeSurfer's volume info: the centre is voxel n / 2."""
    found = dict(re.findall(r"^(\w+)\s*= (.*)$", text, re.MULTILINE))
    size, spacing, x, y, z, c = (
        np.array(found[key].split(), float)
        for key in ("volume", "voxelsize", "xras", "yras", "zras", "cras")
    )
    affine = np.eye(4)
    affine[:3, :3] = np.stack([x, y, z], axis=1) * spacing
    affine[:3, 3] = c - affine[:3, :3] @ (size / 2)
    return affine


def test_freesurfer_moves_the_source_onto_the_destination(
    tmp_path: Path, linear_pair: Pair
) -> None:
    assert export_transform(linear_pair.transform, "freesurfer", tmp_path / "r.lta").linear
    text = (tmp_path / "r.lta").read_text()
    assert re.search(r"^type\s*= 1$", text, re.MULTILINE)
    rows = text[text.index("1 4 4\n") + 6 :].splitlines()[:4]
    matrix = np.array([row.split() for row in rows], float)
    before, after = text.split("src volume info")[1].split("dst volume info")
    for info, name in ((before, "degraded"), (after, "reference")):
        np.testing.assert_allclose(
            lta_geometry(info), loaded(linear_pair.files[name])[1], atol=1e-3
        )
    back = np.linalg.inv(matrix)
    linear_pair.check_points(nib.affines.apply_affine(back, places(linear_pair.reference)))


def test_a_coarser_field_tells_its_error(tmp_path: Path, pair: Pair) -> None:
    done = export_transform(pair.transform, "itk", tmp_path / "c.nii.gz", field_spacing=5.0)
    image = sitk.ReadImage(str(tmp_path / "c.nii.gz"))
    assert max(image.GetSpacing()) <= 5.0
    assert np.prod(image.GetSize()) < 0.15 * np.prod(pair.reference.shape)
    transform = sitk.DisplacementFieldTransform(sitk.Cast(image, sitk.sitkVectorFloat64))
    lps = places(pair.reference) * [-1, -1, 1]
    moved = np.array([transform.TransformPoint(p) for p in lps.tolist()]) * [-1, -1, 1]
    distance = np.linalg.norm(moved - pair.arrival(), axis=1)
    assert done.error is not None
    assert done.error.mean == pytest.approx(distance.mean(), rel=0.02)
    assert done.error.max == pytest.approx(distance.max(), rel=0.05)
    assert 0 < done.error.mean < done.error.p95 < done.error.max


@pytest.mark.parametrize("program", ["fsl", "spm"])
def test_a_coarser_field_lies_right_for_others(
    tmp_path: Path, linear_pair: Pair, program: str
) -> None:
    """Of a linear map a coarser field is exact: what is between its voxels is as well."""
    path = tmp_path / "y_coarse.nii"
    done = export_transform(linear_pair.transform, program, path, field_spacing=6.0)
    assert done.error is not None
    assert done.error.max < 1e-3
    stored, affine = loaded(path)
    stored = stored.reshape(*stored.shape[:3], 3)
    x = places(linear_pair.reference)
    index = nib.affines.apply_affine(np.linalg.inv(affine), x)
    values = np.stack(
        [map_coordinates(stored[..., c], index.T, order=1, mode="nearest") for c in range(3)], -1
    )
    if program == "spm":
        linear_pair.check_points(values)
        return
    reference, degraded = (Newimage(linear_pair.files[n]) for n in ("reference", "degraded"))
    here = reference.stored(np.moveaxis(reference.millimetres(), -1, 0)[0]).shape
    mm = np.stack([reference.stored(reference.millimetres()[..., c]) for c in range(3)], -1)
    moved = degraded.at(mm.reshape(-1, 3) + values).reshape(here)
    linear_pair.check(moved)


def test_nodes_of_a_coarser_field_keep_the_corners() -> None:
    grid = oblique((5, 12, 1), (3.0, 1.0, 2.0), [0.1, 0.5, 0.2], False)
    field = Transform(np.ones((*grid.shape, 3), np.float32), grid).field
    found = coarser(field, 4.0)
    assert found.grid.shape == (4, 4, 1)
    np.testing.assert_allclose(found.grid.corners(), grid.corners())


def test_a_linear_file_of_a_deformation_is_refused(tmp_path: Path, pair: Pair) -> None:
    with pytest.raises(InputError, match=r"not linear: up to \d.\d\d mm"):
        export_transform(pair.transform, "itk", tmp_path / "a.tfm")
    with pytest.raises(InputError, match="no field spacing"):
        export_transform(pair.transform, "fsl", tmp_path / "a.mat", 4.0)
    assert not list(tmp_path.glob("a.*"))


def test_what_a_program_does_not_read_is_refused(tmp_path: Path, pair: Pair) -> None:
    with pytest.raises(OutputError, match=r"SPM does not read a.nii.gz; .* ends in .nii\."):
        export_transform(pair.transform, "spm", tmp_path / "a.nii.gz")
    with pytest.raises(InputError, match=r"Unknown program 'afni'"):
        export_transform(pair.transform, "afni", tmp_path / "a.nii")
    unknown = Transform(pair.transform.displacement, pair.reference)
    with pytest.raises(InputError, match="--grid"):
        export_transform(unknown, "fsl", tmp_path / "a.nii.gz")
    with pytest.raises(OutputError):
        export_transform(pair.transform, "mrtrix", tmp_path / "none" / "a.nii.gz")


def test_every_program_names_its_command() -> None:
    for program in PROGRAMS.values():
        assert program.fields
        commands: list[Any] = [program.apply_field]
        commands += [program.apply_matrix] if program.matrices else []
        assert all("{file}" in text or "SimpleITK" in text for text in commands)
