"""The real `unifuse fuse` behind the real nodes, with an untrained network: geometry, cancelling,
refusals.
"""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from measures import resampledByMrml

pytest.importorskip("torch", reason="needs torch: runs the real tool")
pytestmark = [pytest.mark.slicer, pytest.mark.slow]
ROOT = Path(__file__).resolve().parents[2]
SPACING = 3.0


@pytest.fixture(scope="module")
def weights(tmp_path_factory):
    """A small network with fresh parameters: it moves and changes voxels without meaning, which is
    all we need.
    """
    import torch

    from UniFuseLib.checkpoint import save_model
    from UniFuseLib.contract import Contract
    from UniFuseLib.network.build import build, preset
    from UniFuseLib.preprocessing.intensity import DEFAULT_INTENSITY

    torch.manual_seed(0)
    classes = ("clean", "mr_motion", "ct_metal_noise", "pet_low_dose")
    config = preset("small")
    contract = Contract(
        "untrained",
        "small",
        config.to_dict(),
        classes,
        SPACING,
        DEFAULT_INTENSITY,
        "",
        "Apache-2.0",
    )
    path = tmp_path_factory.mktemp("weights") / "untrained.safetensors"
    save_model(build(config), contract, path)
    return path


@pytest.fixture
def logic(scene):
    from UniFuseSlicerLib.Command import ToolCommand, toolEnvironment
    from UniFuseSlicerLib.Logic import UniFuseSlicerLogic

    return UniFuseSlicerLogic(tool=ToolCommand(sys.executable, toolEnvironment(os.environ), ROOT))


@pytest.fixture
def options(weights):
    from UniFuseSlicerLib.Options import FusionOptions

    return FusionOptions("mr", "mr", device="cpu", weights=weights)


def libraryVolume(node):
    from UniFuseSlicerLib.Nodes import imageFromNode

    from UniFuseLib.spatial.volume import Volume

    image = imageFromNode(node)
    return Volume(image.array, image.ijkToRas[:, [2, 1, 0, 3]])


def test_mrmlShowsWhatTheToolComputed(logic, options, pair):
    """The deformation node moves the degraded volume onto the tool's own warped volume, within
    0.05 mm, on average ≤ 0.1 % of its range.
    """
    from UniFuseSlicerLib.FieldGrid import onVoxelsOf
    from UniFuseSlicerLib.Nodes import deformationImage, imageFromNode

    from UniFuseLib import fuse

    nodes = logic.fuse(pair.degraded, pair.reference, options=options)
    twin = fuse(
        libraryVolume(pair.degraded),
        libraryVolume(pair.reference),
        weights=options.weights,
        device="cpu",
        degraded_modality="mr",
        reference_modality="mr",
    )
    field = onVoxelsOf(deformationImage(nodes.deformation), nodes.fused)
    assert np.linalg.norm(field.array - twin.displacement, axis=-1).max() < 0.051
    assert np.abs(imageFromNode(nodes.fused).array - twin.fused.array).max() < 1e-3
    pair.degraded.SetAndObserveTransformNodeID(nodes.deformation.GetID())
    shown = resampledByMrml(pair.degraded, pair.reference)
    inside = twin.coverage & (shown > 0)
    assert inside.mean() > 0.3
    aligned = twin.aligned.array
    assert 100 * np.abs(shown - aligned)[inside].mean() / np.ptp(aligned[inside]) <= 0.1
    assert logic.report(nodes.fused)["weights"]["name"] == "untrained"


def test_runningAgainUpdatesTheNodes(logic, options, pair, scene):
    first = logic.fuse(pair.degraded, pair.reference, options=options)
    count = scene.GetNumberOfNodes()
    again = logic.fuse(pair.degraded, pair.reference, options=options, outputs=first)
    assert [n.GetID() for n in vars(again).values()] == [n.GetID() for n in vars(first).values()]
    assert scene.GetNumberOfNodes() == count


def test_rgbDegradedGivesColours(logic, options, pair, scene):
    from UniFuseSlicerLib.Images import Image
    from UniFuseSlicerLib.Nodes import imageFromNode, updateVolume

    grey = imageFromNode(pair.degraded)
    colours = np.clip(grey.array[..., None] * np.array([0.6, 0.4, 0.2]), 0, 255).astype(np.uint8)
    rgb = scene.AddNewNodeByClass("vtkMRMLVectorVolumeNode", "colours")
    updateVolume(rgb, Image.fromArray(colours, grey.ijkToRas))
    nodes = logic.fuse(rgb, pair.reference, options=options)
    for node in (nodes.fused, nodes.restored):
        assert node.GetClassName() == "vtkMRMLVectorVolumeNode"
        assert imageFromNode(node).array.shape == (*pair.warped.shape, 3)


def test_theToolsOwnSentenceReachesTheUser(logic, options, pair, tmp_path):
    from dataclasses import replace

    from UniFuseSlicerLib.Errors import RunFailed

    broken = tmp_path / "nothing.safetensors"
    broken.touch()
    with pytest.raises(RunFailed, match=r"nothing\.(safetensors|json)"):
        logic.fuse(
            pair.degraded,
            pair.reference,
            options=replace(options, weights=broken),
        )


def test_cancellingTheRealToolIsQuickAndLeavesNothing(logic, options, pair, tmp_path, monkeypatch):
    import tempfile

    from UniFuseSlicerLib.Ownership import FusionNodes

    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    job = logic.makeJob(pair.degraded, pair.reference, FusionNodes(), options, lambda line: None)
    job.start()
    end = time.monotonic() + 60
    while job.fraction < 0.1:
        assert job.poll() is None
        assert time.monotonic() < end
        time.sleep(0.01)
    start = time.monotonic()
    job.cancel()
    while job.poll() is None:
        time.sleep(0.01)
    assert job.outcome.ending.value == "cancelled"
    assert time.monotonic() - start <= 2.0
    assert list(tmp_path.glob("uf-*")) == []


def test_aStartThatIsKeptIsTheDeformation(logic, options, pair, scene):
    """Movement None: the tool's field is the node's transform, read from the reference."""
    from dataclasses import replace

    import vtk
    from measures import positions
    from UniFuseSlicerLib.Guidance import Guidance
    from UniFuseSlicerLib.Nodes import deformationImage

    start = scene.AddNewNodeByClass("vtkMRMLLinearTransformNode", "by hand")
    turn = vtk.vtkTransform()
    turn.Translate(3, -5, 2)
    turn.RotateWXYZ(8, 1, 2, 3)
    start.SetMatrixTransformToParent(turn.GetMatrix())
    nodes = logic.fuse(
        pair.degraded,
        pair.reference,
        options=replace(options, movement="none"),
        guidance=Guidance(start),
    )
    field = deformationImage(nodes.deformation)
    x = positions(field.array.shape[:3], field.ijkToRas)[::6, ::9, ::9].reshape(-1, 3)
    u = field.array[::6, ::9, ::9].reshape(-1, 3)
    inverse = turn.GetLinearInverse()
    expected = np.array([inverse.TransformPoint(point) for point in x])
    assert np.abs(x + u - expected).max() < 0.05
    given = logic.report(nodes.fused)["guidance"]
    assert given["initial_transform_path"].endswith("initial.tfm")
