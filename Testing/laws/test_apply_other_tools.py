"""One deformation file, applied by us, by SimpleITK, by ANTs and by 3D Slicer's MRML: one result.

The pair is oblique and anisotropic, and the field holds a turn of 12° beside its smooth part. Bars:
mean difference of volumes ≤ 0.1 % of the range, of points ≤ 0.02 mm.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pytest
import SimpleITK as sitk
from oblique_pair import DEGRADED, REFERENCE, rigid, smooth, textured

from UniFuseLib import read_displacement, write_displacement, write_volume
from UniFuseLib.apply.in_memory import apply_to_points, apply_to_volume
from UniFuseLib.spatial.transform import Transform
from UniFuseLib.spatial.volume import Volume

if TYPE_CHECKING:
    from pathlib import Path

    from UniFuseLib.apply.interpolations import Choice

LPS = np.array([-1.0, -1.0, 1.0])
MOST_PERCENT, MOST_MM = 0.1, 0.02


class Files(NamedTuple):
    """What every tool reads."""

    deformation: Path
    degraded: Path
    reference: Path


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Files:
    folder = tmp_path_factory.mktemp("pair")
    found = Files(*(folder / f"{name}.nii.gz" for name in Files._fields))
    u = smooth(5.0) + rigid(12.0, (4.0, -3.0, 2.0))
    write_displacement(u, REFERENCE, found.deformation)
    write_volume(textured(DEGRADED), found.degraded)
    write_volume(Volume(np.zeros(REFERENCE.shape, np.float32), REFERENCE.affine), found.reference)
    return found


@pytest.fixture(scope="module")
def transform(files: Files) -> Transform:
    displacement, grid = read_displacement(files.deformation)
    return Transform(displacement, grid, DEGRADED)


@pytest.fixture(scope="module")
def points() -> np.ndarray:
    """RAS mm, well inside the reference."""
    last = np.array(REFERENCE.shape) - 1
    index = np.random.default_rng(2).uniform(0.1 * last, 0.9 * last, (500, 3))
    return index @ REFERENCE.linear.T + REFERENCE.origin


def ours(transform: Transform, interpolation: Choice = "linear") -> np.ndarray:
    """With 0 outside, as the other tools are asked for."""
    volume = textured(DEGRADED)
    return apply_to_volume(transform, volume, "reference", "mr", interpolation).array


def assert_same(found: np.ndarray, expected: np.ndarray) -> None:
    """Where both see the degraded scan; and they must see the same part of it."""
    assert expected.std() > 50
    inside = (found > 0) & (expected > 0)
    assert ((found > 0) == (expected > 0)).mean() > 0.995
    assert inside.mean() > 0.3
    percent = 100 * np.abs(found - expected)[inside].mean() / np.ptp(expected[inside])
    assert percent <= MOST_PERCENT


def itk_transform(files: Files) -> sitk.DisplacementFieldTransform:
    return sitk.DisplacementFieldTransform(
        sitk.ReadImage(str(files.deformation), sitk.sitkVectorFloat64)
    )


@pytest.mark.parametrize(
    ("interpolation", "itk"), [("linear", sitk.sitkLinear), ("bspline", sitk.sitkBSpline)]
)
def test_simpleitk_gives_the_same_volume(
    files: Files, transform: Transform, interpolation: Choice, itk: int
) -> None:
    degraded, reference = (sitk.ReadImage(str(path)) for path in (files.degraded, files.reference))
    resampled = sitk.Resample(degraded, reference, itk_transform(files), itk, 0.0)
    assert_same(ours(transform, interpolation), sitk.GetArrayFromImage(resampled))


def test_simpleitk_gives_the_same_labels(files: Files, transform: Transform) -> None:
    labels = Volume((textured(DEGRADED).array // 250).astype(np.uint8), DEGRADED.affine)
    write_volume(labels, files.degraded.with_name("labels.nii.gz"))
    reference = sitk.ReadImage(str(files.reference))
    image = sitk.ReadImage(str(files.degraded.with_name("labels.nii.gz")))
    expected = sitk.GetArrayFromImage(
        sitk.Resample(image, reference, itk_transform(files), sitk.sitkNearestNeighbor, 0)
    )
    found = apply_to_volume(transform, labels, "reference", "mr", "nearest").array
    assert (found == expected).mean() > 0.999  # but where a place lies between two voxels
    labelwise = sitk.Resample(image, reference, itk_transform(files), sitk.sitkLabelLinear, 0)
    found = apply_to_volume(transform, labels, "reference", "mr", "label").array
    assert (found == sitk.GetArrayFromImage(labelwise)).mean() > 0.999


def test_simpleitk_moves_points_alike(
    files: Files, transform: Transform, points: np.ndarray
) -> None:
    by_itk = itk_transform(files)
    expected = np.array([by_itk.TransformPoint((LPS * p).tolist()) for p in points]) * LPS
    found = apply_to_points(transform, points, "degraded")
    assert np.linalg.norm(found - expected, axis=1).max() <= MOST_MM
    assert np.linalg.norm(found - points, axis=1).mean() > 3  # mm: the direction shows


@pytest.mark.bench
def test_ants_gives_the_same_volume(files: Files, transform: Transform) -> None:
    ants = pytest.importorskip("ants")
    degraded, reference = (ants.image_read(str(p)) for p in (files.degraded, files.reference))
    moved = ants.apply_transforms(
        fixed=reference, moving=degraded, transformlist=[str(files.deformation)]
    )
    assert_same(ours(transform), moved.numpy().transpose(2, 1, 0))


@pytest.mark.bench
def test_ants_moves_points_alike(files: Files, transform: Transform, points: np.ndarray) -> None:
    ants = pytest.importorskip("ants")
    pandas = pytest.importorskip("pandas")
    table = pandas.DataFrame(points * LPS, columns=["x", "y", "z"])
    moved = ants.apply_transforms_to_points(3, table, [str(files.deformation)])
    expected = moved[["x", "y", "z"]].to_numpy() * LPS
    found = apply_to_points(transform, points, "degraded")
    assert np.linalg.norm(found - expected, axis=1).max() <= MOST_MM


@pytest.fixture(scope="module")
def mrml(files: Files) -> Any:
    """A scene with the deformation as 3D Slicer loads it, and the degraded volume under it."""
    slicer = pytest.importorskip("slicer", reason="needs the slicer-core wheel")
    scene = slicer.vtkMRMLScene()
    node = scene.AddNewNodeByClass("vtkMRMLGridTransformNode")
    storage = scene.AddNewNodeByClass("vtkMRMLTransformStorageNode")
    storage.SetFileName(str(files.deformation))
    assert storage.ReadData(node) == 1
    return slicer, scene, node


@pytest.mark.slicer
def test_slicer_moves_points_alike_both_ways(
    mrml: Any, transform: Transform, points: np.ndarray
) -> None:
    """Its reader sets cubic interpolation between voxels of the field; ITK, ANTs and we: linear."""
    _, _, node = mrml
    node.GetTransformFromParent().SetInterpolationModeToLinear()
    from_parent = node.GetTransformFromParent()
    to_parent = node.GetTransformToParent()
    expected = np.array([from_parent.TransformPoint(p) for p in points])
    found = apply_to_points(transform, points, "degraded")
    assert np.linalg.norm(found - expected, axis=1).max() <= MOST_MM
    back = np.array([to_parent.TransformPoint(p) for p in found])
    assert np.linalg.norm(apply_to_points(transform, found, "reference") - back, axis=1).max() <= (
        MOST_MM
    )


@pytest.mark.slicer
def test_slicer_s_cubic_field_differs_by_less_than_a_tenth_of_a_millimetre(
    mrml: Any, transform: Transform, points: np.ndarray
) -> None:
    _, _, node = mrml
    by_slicer = node.GetTransformFromParent()
    by_slicer.SetInterpolationModeToCubic()
    expected = np.array([by_slicer.TransformPoint(p) for p in points])
    found = apply_to_points(transform, points, "degraded")
    assert np.linalg.norm(found - expected, axis=1).max() < 0.1


@pytest.mark.slicer
def test_slicer_gives_the_same_volume(mrml: Any, files: Files, transform: Transform) -> None:
    slicer, scene, node = mrml
    vtk = pytest.importorskip("vtk")
    from vtk.util.numpy_support import vtk_to_numpy

    moving = scene.AddNewNodeByClass("vtkMRMLScalarVolumeNode")
    storage = scene.AddNewNodeByClass("vtkMRMLVolumeArchetypeStorageNode")
    storage.SetFileName(str(files.degraded))
    assert storage.ReadData(moving) == 1
    to_ijk = vtk.vtkMatrix4x4()
    moving.GetRASToIJKMatrix(to_ijk)
    to_ras = vtk.vtkMatrix4x4()
    for row, values in enumerate(REFERENCE.affine[:, [2, 1, 0, 3]]):
        for column, value in enumerate(values):
            to_ras.SetElement(row, column, value)
    chain = vtk.vtkGeneralTransform()
    chain.PostMultiply()
    for part in (to_ras, node.GetTransformFromParent(), to_ijk):
        chain.Concatenate(part)
    reslice = vtk.vtkImageReslice()
    reslice.SetInputData(moving.GetImageData())
    reslice.SetResliceTransform(chain)
    reslice.SetInterpolationModeToLinear()
    reslice.SetOutputOrigin(0, 0, 0)
    reslice.SetOutputSpacing(1, 1, 1)
    d, h, w = REFERENCE.shape
    reslice.SetOutputExtent(0, w - 1, 0, h - 1, 0, d - 1)
    reslice.Update()
    values = vtk_to_numpy(reslice.GetOutput().GetPointData().GetScalars()).reshape(d, h, w)
    assert_same(ours(transform), values)
