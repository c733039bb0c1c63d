"""A field on fewer voxels than the reference's: pictures and figures read it as it is applied."""

from __future__ import annotations

import numpy as np
import pytest
from measures import positions

pytestmark = pytest.mark.slicer
SHAPE, COARSE = (19, 44, 39), (5, 10, 9)  # (k, j, i); both from the first to the last voxel


@pytest.fixture
def coarse(nodes, referenceMatrix):
    """The result of the pair with a field on nodes about 5 mm apart, oblique and anisotropic."""
    from UniFuseSlicerLib.Images import Image
    from UniFuseSlicerLib.Nodes import updateDeformation

    matrix = referenceMatrix.copy()
    steps = (np.array(SHAPE) - 1) / (np.array(COARSE) - 1)
    matrix[:3, :3] *= steps[::-1]
    x = positions(COARSE, matrix)
    u = np.stack([4 + np.sin(x[..., 1] / 9), x[..., 2] / 15, 2 * np.sin(x[..., 0] / 11)], -1)
    updateDeformation(nodes.deformation, Image.fromArray(u.astype(np.float32), matrix))
    return nodes


def applied(deformation, places):
    """u(X) as Slicer applies it, `(…, 3)`."""
    from UniFuseSlicerLib.Body import transformed

    flat = places.reshape(-1, 3)
    moved = transformed(deformation.GetTransformFromParent(), flat)
    return (moved - flat).reshape(places.shape)


def test_onTheVoxelsOfTheReferenceItIsWhatSlicerApplies(coarse, referenceMatrix):
    from UniFuseSlicerLib.FieldGrid import onVoxelsOf
    from UniFuseSlicerLib.Nodes import deformationImage

    found = onVoxelsOf(deformationImage(coarse.deformation), coarse.fused)
    assert found.array.shape == (*SHAPE, 3)
    np.testing.assert_allclose(found.ijkToRas, referenceMatrix, atol=1e-9)
    wanted = applied(coarse.deformation, positions(SHAPE, referenceMatrix))
    np.testing.assert_allclose(found.array, wanted, atol=2e-5)


@pytest.mark.parametrize("spacing", [1.0, 2.0, 30.0])
def test_sampledItIsWhatSlicerApplies(coarse, spacing):
    from UniFuseSlicerLib.FieldGrid import sampled
    from UniFuseSlicerLib.Nodes import deformationImage

    field = deformationImage(coarse.deformation)
    found = sampled(field, spacing)
    places = positions(found.array.shape[:3], found.ijkToRas)
    np.testing.assert_allclose(found.array, applied(coarse.deformation, places), atol=2e-5)
    if spacing < 30:
        own = np.linalg.norm(found.ijkToRas[:3, :3], axis=0)
        np.testing.assert_allclose(own, spacing, rtol=0.34)
        last = (np.array(COARSE[::-1]) - 1) @ field.ijkToRas[:3, :3].T
        end = (np.array(found.array.shape[2::-1]) - 1) @ found.ijkToRas[:3, :3].T
        np.testing.assert_allclose(end, last, atol=1e-6)


def test_aLargeBodyHasFewerVoxelsButNoOtherField(coarse):
    from UniFuseSlicerLib.FieldGrid import sampled
    from UniFuseSlicerLib.Nodes import deformationImage

    field = deformationImage(coarse.deformation)
    fine, few = sampled(field, 1.0), sampled(field, 1.0, most=2000)
    assert few.array[..., 0].size < 4000 < fine.array[..., 0].size
    places = positions(few.array.shape[:3], few.ijkToRas)
    np.testing.assert_allclose(few.array, applied(coarse.deformation, places), atol=2e-5)


def test_aFieldOnOtherAxesStaysOnItsOwnVoxels(coarse, degradedMatrix):
    from UniFuseSlicerLib.FieldGrid import onVoxelsOf
    from UniFuseSlicerLib.Nodes import deformationImage, vtkMatrix

    coarse.fused.SetIJKToRASMatrix(vtkMatrix(degradedMatrix))
    field = deformationImage(coarse.deformation)
    assert onVoxelsOf(field, coarse.fused) is field


def test_figuresCountVoxelsOfTheReference(coarse):
    from UniFuseSlicerLib.Measure import measure

    whole = measure(coarse.fused).rows[0]
    assert whole.voxels == int(np.prod(SHAPE))
    assert whole.volume_ml == pytest.approx(np.prod(SHAPE) * 2.4 / 1000, rel=1e-3)


def test_colorsAndArrowsAreAsFineAsBefore(coarse, pair):
    from UniFuseSlicerLib.CoarseField import SPACING_MM, coarseField
    from UniFuseSlicerLib.InsideBody import DRAWN_SPACING_MM, insideBody

    field = coarseField(coarse.deformation, pair.reference, pair.degraded)
    assert np.linalg.norm(field.ijkToRas[:3, :3], axis=0).max() < 1.34 * SPACING_MM
    assert field.shown.any()
    drawn = insideBody(coarse.deformation, pair.reference, pair.degraded)
    assert np.linalg.norm(drawn.ijkToRas[:3, :3], axis=0).max() < 1.34 * DRAWN_SPACING_MM


def test_valuesEndWhereTheReferenceEnds(coarse, referenceMatrix):
    """Half a node of the field beyond it, nothing is known."""
    from UniFuseSlicerLib.UnderCursor import linesUnder

    inside, beyond = (
        referenceMatrix[:3, :3] @ np.array([i, 20.0, 9.0]) + referenceMatrix[:3, 3]
        for i in (38.4, 39.5)
    )
    assert linesUnder(coarse.fused, inside)
    assert linesUnder(coarse.fused, beyond) == []


def test_pointsBeyondTheReferenceAreCounted(coarse, referenceMatrix):
    from UniFuseSlicerLib.Direction import directionOf

    direction = directionOf(coarse.fused, "degraded")
    index = np.array([[38.4, 20, 9], [39.5, 20, 9], [-0.6, 20, 9]])
    places = index @ referenceMatrix[:3, :3].T + referenceMatrix[:3, 3]
    assert direction.outside(places, places) == 2


def test_aSavedFieldIsSmallAndComesBackExactly(scene, tmp_path, referenceMatrix):
    """In a scene bundle, oblique and anisotropic."""
    import zipfile

    import slicer
    from UniFuseSlicerLib.Images import Image
    from UniFuseSlicerLib.Nodes import deformationImage, updateDeformation

    field = (5 * np.sin(positions((9, 14, 11), referenceMatrix) / 30)).astype(np.float32)
    node = scene.AddNewNodeByClass("vtkMRMLGridTransformNode", "T2 to T1")
    updateDeformation(node, Image.fromArray(field, referenceMatrix))
    assert scene.WriteToMRB(str(tmp_path / "s.mrb"))
    assert (tmp_path / "s.mrb").stat().st_size < 1.2 * field.nbytes
    with zipfile.ZipFile(tmp_path / "s.mrb") as bundle:
        bundle.extractall(tmp_path / "out")
    loaded = slicer.vtkMRMLScene()
    logic = slicer.vtkMRMLApplicationLogic()
    logic.SetMRMLScene(loaded)
    loaded.SetURL(str(tmp_path / "out" / "s" / "s.mrml"))
    assert loaded.Connect()
    found = deformationImage(loaded.GetFirstNodeByName("T2 to T1"))
    np.testing.assert_array_equal(found.array, field)
    np.testing.assert_allclose(found.ijkToRas, referenceMatrix, atol=1e-5)
    loaded.Clear(True)


def test_whatIsReadIsRoundedToWhatIsSeen(tmp_path, writeResult, pair):
    from UniFuseSlicerLib.Images import readResult

    fused, restored = ((pair.warped / part).astype(np.float32) for part in (400, 1))
    writeResult(tmp_path, fused=fused, restored=restored)
    images = readResult(tmp_path)
    error = np.abs(images.fused.array - fused).max()
    assert 0 < error <= 5e-4 * np.ptp(fused)
    error = np.abs(images.restored.array - restored)
    assert (error <= np.abs(restored) * 2.0**-11 + np.ptp(restored) * 2.0**-17).all()
    assert error.max() > 0
    off = np.linalg.norm(images.deformation.array - pair.displacement, axis=-1)
    assert 0 < off.max() <= 0.001  # mm


@pytest.mark.parametrize("hot", [10.0, 100.0])
def test_coldTissueKeepsItsUptakeBesideAHotSpot(tmp_path, writeResult, pair, hot):
    """Mean and spread of 0.3 SUV with 5 % noise."""
    from UniFuseSlicerLib.Images import readResult

    cold = np.random.default_rng(0).normal(0.3, 0.015, pair.warped.shape).astype(np.float32)
    restored = cold.copy()
    restored[2:4, 5:9, 5:9] = hot
    writeResult(tmp_path, restored=restored)
    found = readResult(tmp_path).restored.array[5:]
    assert found.mean() == pytest.approx(cold[5:].mean(), rel=1e-4)
    assert found.std() == pytest.approx(cold[5:].std(), rel=1e-3)


@pytest.mark.parametrize("value", [1.0, -1.0, 0.3, -1000.4, 4095.9999, 1e-9, 0.0, 1e30])
def test_significantBitsAreThoseOfTheValue(value):
    from UniFuseSlicerLib.Images import roundBits

    array = np.full((2, 3, 4), value, np.float32)
    roundBits(array, 13)
    mantissa, exponent = np.frexp(value)
    assert array[0, 0, 0] == np.ldexp(np.floor(abs(mantissa) * 2**13 + 0.5) / 2**13, exponent) * (
        1 if value >= 0 else -1
    )


def test_wholeNumbersAndConstantsStay(tmp_path, writeResult, pair):
    from UniFuseSlicerLib.Images import readResult

    colours = np.random.default_rng(0).integers(0, 255, (*pair.warped.shape, 3), np.uint8)
    writeResult(tmp_path, fused=colours, restored=np.zeros_like(pair.warped))
    images = readResult(tmp_path)
    np.testing.assert_array_equal(images.fused.array, colours)
    assert (images.restored.array == 0).all()
