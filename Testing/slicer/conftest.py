"""Fixtures for tests on real MRML (slicer-core); without the wheel those tests say so and are
skipped.
"""

from __future__ import annotations

import ctypes.util
import importlib.util
import json
import sys
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

HERE = Path(__file__).resolve().parent
REASON = "needs slicer-core (pip install slicer-core, 43 MB plus VTK): real MRML nodes"
if str(HERE) not in sys.path:
    sys.path.insert(0, str(HERE))

from measures import positions  # noqa: E402  (this folder is on the path only now)
from panel import FakeTool, PanelBuilder  # noqa: E402

if TYPE_CHECKING:
    from collections.abc import Callable

HAS_SLICER = importlib.util.find_spec("slicer") is not None
import standin  # noqa: E402

standin.install()


collect_ignore = ["sources"]  # a developer's copy of Slicer has tests of its own


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    if HAS_SLICER:
        return
    for item in items:
        if item.get_closest_marker("slicer") and HERE in Path(item.path).parents:
            item.add_marker(pytest.mark.skip(reason=REASON))


@pytest.fixture
def scene():
    import slicer

    slicer.mrmlScene = slicer.vtkMRMLScene()
    yield slicer.mrmlScene
    slicer.mrmlScene.Clear(True)


@pytest.fixture
def offscreen():
    """Class of a view, what it takes → a view that is drawn; skips the test where none can be."""
    if sys.platform.startswith("linux") and not ctypes.util.find_library("EGL"):
        pytest.skip(
            "no offscreen rendering: libEGL is missing (apt install libegl1 libgl1 libgl1-mesa-dri)"
        )

    def opened(view: Callable[..., Any], *arguments: Any, **choices: Any) -> Any:
        try:
            return view(*arguments, **choices)
        except (AttributeError, RuntimeError) as error:  # a machine without EGL or Mesa
            pytest.skip(f"no offscreen rendering: {error}")

    return opened


@pytest.fixture
def openView(offscreen, scene):
    """Pixels of its side → a slice view."""
    from views import SliceView

    return lambda side: offscreen(SliceView, scene, size=(side, side))


@pytest.fixture
def view(openView):
    return openView(240)


def rotation(axis: int, degrees: float) -> np.ndarray:
    angle = np.deg2rad(degrees)
    i, j = [(1, 2), (2, 0), (0, 1)][axis]
    matrix = np.eye(3)
    matrix[i, i] = matrix[j, j] = np.cos(angle)
    matrix[i, j], matrix[j, i] = -np.sin(angle), np.sin(angle)
    return matrix


@pytest.fixture
def referenceMatrix() -> np.ndarray:
    """Oblique, anisotropic: index (i, j, k) → RAS mm."""
    matrix = np.eye(4)
    matrix[:3, :3] = rotation(2, 20) @ rotation(0, 10) @ np.diag([1.0, 1.2, 2.0])
    matrix[:3, 3] = [-20, -25, -15]
    return matrix


@pytest.fixture
def degradedMatrix() -> np.ndarray:
    """Other axes, other spacing, another rotation."""
    matrix = np.eye(4)
    matrix[:3, :3] = rotation(1, -15) @ np.diag([-0.9, -1.1, 1.5])
    matrix[:3, 3] = [30, 32, -18]
    return matrix


@pytest.fixture
def views(scene):
    """Red (axial) and Yellow (sagittal) in a layout, unlinked."""
    import slicer

    slicer.vtkMRMLSliceNode.AddDefaultSliceOrientationPresets(scene, True)
    layout = scene.AddNode(slicer.vtkMRMLLayoutNode())
    layout.SetViewArrangement(slicer.vtkMRMLLayoutNode.SlicerLayoutFourUpView)
    made = {}
    for name, orientation in (("Red", "Axial"), ("Yellow", "Sagittal")):
        view = slicer.vtkMRMLSliceNode()
        view.SetName(name)
        view.SetLayoutName(name)
        scene.AddNode(view)
        view.SetOrientation(orientation)
        view.SetDimensions(200, 100, 1)
        view.SetFieldOfView(80, 40, 1)
        composite = slicer.vtkMRMLSliceCompositeNode()
        composite.SetLayoutName(name)
        scene.AddNode(composite)
        composite.SetLinkedControl(False)
        made[name] = SimpleNamespace(view=view, composite=composite)
    return SimpleNamespace(layout=layout, **made)


@pytest.fixture
def fakeTool(tmp_path):
    return FakeTool(tmp_path)


REPORT = {
    "inputs": {
        role: {"path": f"/tmp/uf-1/{role}.nrrd", "shape": [1, 2, 3]}
        for role in ("degraded", "reference")
    },
    "degraded_modality": "mr",
    "reference_modality": "mr",
    "class": "mr_motion",
    "probabilities": {
        "clean": 0.01,
        "mr_motion": 0.97,
        "ct_metal_noise": 0.015,
        "pet_low_dose": 0.005,
    },
    "displacement_mm": {"mean": 4.2, "median": 4.0, "p95": 6.5, "max": 7.1},
    "similarity": {"before": 0.41, "after": 0.78},
    "folds_percent": 0.0,
    "warnings": [],
    "verdict": {
        "trust": "amber",
        "probability_off_by_3_mm": 0.31,
        "expected_error_mm": 2.1,
        "interval_mm": [0.9, 4.8],
        "reasons": ["Only 62 % of the reference's body is covered."],
    },
}


@dataclass(frozen=True)
class Pair:
    """An oblique, anisotropic, non-cubic pair with a known displacement u `(k, j, i, 3)` RAS mm on
    the reference.
    """

    degraded: Any
    reference: Any
    displacement: np.ndarray
    warped: np.ndarray  # degraded(X + u(X)) on the reference grid, by scipy


@pytest.fixture
def pair(scene, referenceMatrix, degradedMatrix) -> Pair:
    from scipy.ndimage import map_coordinates
    from UniFuseSlicerLib.Images import Image
    from UniFuseSlicerLib.Nodes import updateVolume

    def volume(name, array, matrix):
        node = scene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", name)
        updateVolume(node, Image.fromArray(array, matrix))
        node.CreateDefaultDisplayNodes()
        return node

    def blob(x):
        return 300 * np.exp(
            -((x - np.array([3.0, 2.0, 1.0])) ** 2 / np.array([9.0, 12.0, 8.0]) ** 2).sum(-1)
        )

    shape, degradedShape = (19, 44, 39), (27, 60, 66)
    x = positions(shape, referenceMatrix)
    u = np.stack(
        [4 + np.sin(x[..., 1] / 9), -3 + 1.5 * np.cos(x[..., 2] / 7), 2 * np.sin(x[..., 0] / 11)],
        -1,
    ).astype(np.float32)
    y = positions(degradedShape, degradedMatrix)
    moving = (blob(y) + 40 * np.sin(y[..., 0] / 4) * np.cos(y[..., 2] / 5) + 100).astype(np.float32)
    inverse = np.linalg.inv(degradedMatrix)
    index = (x + u) @ inverse[:3, :3].T + inverse[:3, 3]
    warped = map_coordinates(
        moving, index[..., ::-1].reshape(-1, 3).T, order=1, mode="constant", cval=0
    )
    return Pair(
        volume("T2", moving, degradedMatrix),
        volume("T1", blob(x).astype(np.float32), referenceMatrix),
        u,
        warped.reshape(shape),
    )


@pytest.fixture
def writeResult(pair, referenceMatrix):
    """folder → writes what `unifuse fuse` would write for `pair`, by plain SimpleITK."""
    import SimpleITK as sitk

    def write(
        folder: Path, fused: np.ndarray | None = None, restored: np.ndarray | None = None
    ) -> None:
        lps = np.diag([-1.0, -1.0, 1.0, 1.0]) @ referenceMatrix
        spacing = np.linalg.norm(lps[:3, :3], axis=0)
        files = {
            "fused": pair.warped / 400 if fused is None else fused,
            "restored": pair.warped if restored is None else restored,
            "deformation": pair.displacement * np.array([-1, -1, 1], np.float32),
        }
        for name, array in files.items():
            image = sitk.GetImageFromArray(array, isVector=array.ndim == 4)
            image.SetSpacing(spacing)
            image.SetDirection((lps[:3, :3] / spacing).ravel())
            image.SetOrigin(lps[:3, 3])
            sitk.WriteImage(image, str(folder / f"{name}.nii.gz"))
        (folder / "report.json").write_text(json.dumps(REPORT), encoding="utf-8")

    return write


@pytest.fixture
def images(tmp_path, writeResult):
    """The result for `pair`, read as the module reads it."""
    from UniFuseSlicerLib.Images import readResult

    writeResult(tmp_path)
    return readResult(tmp_path)


@pytest.fixture
def nodes(images, pair):
    """The result of `pair` in the scene."""
    from UniFuseSlicerLib.Ownership import FusionNodes
    from UniFuseSlicerLib.Results import updateNodes

    return updateNodes(images, pair.degraded, pair.reference, FusionNodes())


@pytest.fixture
def apply(nodes):
    """Nodes → moved copies of them."""
    from UniFuseSlicerLib.Apply import applyTo

    return lambda *moved, to="reference": applyTo(nodes.fused, list(moved), to)


@pytest.fixture
def build(pair, fakeTool, writeResult, scene):
    """mode → a panel on the pair, see `PanelBuilder`."""
    import slicer

    writeResult(fakeTool.result)
    scene.AddNode(slicer.vtkMRMLSliceCompositeNode())
    builder = PanelBuilder(scene, pair, fakeTool)
    yield builder
    for panel in builder.panels:
        panel.cleanup()
