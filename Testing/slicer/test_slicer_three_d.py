"""The 3-D view: what it shows, on which side, whose it is, and that nothing of it stays."""

from __future__ import annotations

import json
import os
import re

import numpy as np
import pytest
from measures import positions
from panel import click, runToTheEnd

pytestmark = [pytest.mark.slicer, pytest.mark.skipif(os.name == "nt", reason="signals of POSIX")]
TIMER = "ThreeD.settle"
SPIN = "Spin.tick"
BODY = np.array([3.0, 2.0, 1.0])  # its middle, RAS mm; right, front and top are positive
HELPERS = ("vtkMRMLModelNode", "vtkMRMLVolumePropertyNode", "vtkMRMLVolumeRenderingDisplayNode")


@pytest.fixture
def makeView(offscreen, scene):
    """Displayable managers → a 3-D view that is drawn."""
    from views3d import SpaceView

    made = []

    def opened(**choices):
        made.append(offscreen(SpaceView, scene, **choices))
        return made[-1]

    yield opened
    for view in made:
        view.close()


@pytest.fixture
def view(makeView):
    return makeView()


@pytest.fixture
def fuse(build, fakeTool, writeResult, pair):
    """Modality of the degraded volume, restored voxels → a panel, its 3-D view drawn."""

    def fused(modality="mr", restored=None, **choices):
        writeResult(fakeTool.result, restored=restored)
        path = fakeTool.result / "report.json"
        report = json.loads(path.read_text(encoding="utf-8"))
        path.write_text(json.dumps(report | {"degraded_modality": modality}), encoding="utf-8")
        s = build(**choices)
        click(s.ui.fuseButton)
        runToTheEnd(s)
        s.timers[TIMER].fire()
        return s

    return fused


@pytest.fixture
def spot(referenceMatrix, pair):
    """A hot spot of 8, right of the middle of the body and above it; `(k, j, i)`."""
    x = positions(pair.warped.shape, referenceMatrix)
    centre = BODY + np.array([6.0, 0.0, 5.0])
    return (8 * np.exp(-(((x - centre) / 3.0) ** 2).sum(-1))).astype(np.float32)


def helpers(scene):
    import slicer

    return [node for kind in HELPERS for node in slicer.util.getNodesByClass(kind, scene)]


def side(seen):
    """Where the pixels lie that are true: columns and rows from the middle, as shares."""
    rows, columns = np.nonzero(seen)
    return columns.mean() / seen.shape[1] - 0.5, rows.mean() / seen.shape[0] - 0.5


def test_petIsAProjectionThatSpinsAndIsNotMirrored(view, fuse, spot):
    """Seen from the front: what is on the patient's right is on the left of the picture."""
    empty = view.pixels().astype(int)
    s = fuse("pet", spot)
    shown = view.pixels().astype(int)
    dark = (empty - shown).max(-1) > 100
    assert 0.005 < dark.mean() < 0.3
    column, row = side(dark)
    assert column < -0.05
    assert row < -0.03
    assert view.node.GetAnimationMode() == view.node.Spin
    assert view.node.GetRaycastTechnique() == view.node.MaximumIntensityProjection
    view.camera.GetCamera().Azimuth(180)  # from behind
    behind = (empty - view.pixels().astype(int)).max(-1) > 100
    assert side(behind)[0] > 0.05
    s.ui.threeDCheckBox.checked = False
    s.p.threeD = False
    assert np.array_equal(view.pixels(), empty)
    assert view.node.GetAnimationMode() == view.node.Off
    assert view.node.GetRaycastTechnique() == view.node.Composite


def test_whereThereIsNothingItIsTransparentFromTheStart(view, fuse, spot, scene):
    """A view that is drawn before its colors are set would show a black box."""
    import vtk

    opacities = []

    @vtk.calldata_type(vtk.VTK_OBJECT)
    def onAdded(_scene, _event, node):
        if node.IsA("vtkMRMLVolumePropertyNode"):
            opacities.append(node.GetVolumeProperty().GetScalarOpacity().GetValue(0.0))

    scene.AddObserver(scene.NodeAddedEvent, onAdded)
    fuse("pet", spot)
    assert opacities == [0.0]


def test_theProjectionFollowsTheWindowOfTheSlices(view, fuse, spot):
    s = fuse("pet", spot)
    before = view.pixels().astype(int)
    click(s.ui.suv20Button)
    after = view.pixels().astype(int)
    assert (after - before).max() > 50  # less of it is black


def test_onADarkGroundItIsWarm(view, fuse, spot):
    view.node.SetBackgroundColor(0, 0, 0)
    view.node.SetBackgroundColor2(0, 0, 0)
    fuse("pet", spot)
    shown = view.pixels().astype(int)
    assert 0.002 < (shown[..., 0] - shown[..., 2] > 100).mean() < 0.3


def coloured(view):
    """Purple to yellow on the lavender of a view: arrows, not their colour scale."""
    shown = view.pixels().astype(int)[:, :250]
    return (shown[..., 0] - shown[..., 1] > 50) | (shown[..., 0] - shown[..., 2] > 60)


def test_arrowsInTheOutlineAreOnTheSideThatMoved(view, fuse, pair, referenceMatrix, scene):
    from UniFuseSlicerLib.Images import Image
    from UniFuseSlicerLib.Nodes import updateDeformation

    empty = view.pixels().astype(int)
    s = fuse()
    shown = view.pixels().astype(int)
    body = np.abs(shown - empty).max(-1)[:, :250] > 8
    assert 0.1 < body.mean() < 0.8  # the body fills the view
    assert coloured(view).mean() > 0.01
    x = positions(pair.warped.shape, referenceMatrix)
    right = x[..., :1] > BODY[0]
    field = np.where(right, pair.displacement, 0).astype(np.float32)
    updateDeformation(s.p.deformation, Image.fromArray(field, referenceMatrix))
    s.panel.refresh()
    s.timers[TIMER].fire()
    assert side(coloured(view))[0] < -0.1
    s.p.threeD = False
    assert np.array_equal(view.pixels(), empty)


def test_whereNothingMovedThereIsTheOutlineAlone(view, fuse, pair, referenceMatrix, scene):
    """No scale of arrows that are not there."""
    from UniFuseSlicerLib.Images import Image
    from UniFuseSlicerLib.Nodes import updateDeformation

    s = fuse()
    none = np.zeros_like(pair.displacement, np.float32)
    updateDeformation(s.p.deformation, Image.fromArray(none, referenceMatrix))
    s.panel.refresh()
    s.timers[TIMER].fire()
    assert len(helpers(scene)) == 1
    assert scene.GetFirstNodeByClass("vtkMRMLColorLegendDisplayNode") is None


def test_arrowsEndInTheBodyAndComeFromTheDegradedVolume(nodes, pair):
    """Their tips less their vectors are T(X); |T(X) − X| is their colour, however long they are."""
    from UniFuseSlicerLib.BodyOutline import arrows, outline
    from UniFuseSlicerLib.CoarseField import coarseField
    from vtk.util.numpy_support import vtk_to_numpy

    field = coarseField(nodes.deformation, pair.reference, pair.degraded, 4.0)
    glyphs = arrows(field, None, 6.0, 1.0)
    points = vtk_to_numpy(glyphs.GetPoints().GetData())
    colours = vtk_to_numpy(glyphs.GetPointData().GetScalars())
    lengths = np.linalg.norm(field.displacement, axis=-1)[field.shown]
    assert lengths.min() - 1e-3 <= colours.min() <= colours.max() <= lengths.max() + 1e-3
    assert np.isclose(colours.max(), lengths.max(), atol=0.3)
    ends = field.places[field.shown]
    starts = ends + field.displacement[field.shown]
    low, high = np.minimum(ends, starts).min(0) - 1, np.maximum(ends, starts).max(0) + 1
    assert (points > low).all()
    assert (points < high).all()
    surface = outline(field.shown, field.ijkToRas)
    assert surface.GetNumberOfPolys() > 100
    around = vtk_to_numpy(surface.GetPoints().GetData())
    assert np.abs(around.mean(0) - ends.mean(0)).max() < 4
    assert outline(np.zeros((4, 5, 6), bool), np.eye(4)).GetNumberOfPoints() == 0


def test_itsNodesAreHiddenAndInNoFile(view, fuse, spot, scene):
    fuse("pet", spot)
    made = helpers(scene)
    assert len(made) >= 3
    assert all(node.GetHideFromEditors() and not node.GetSaveWithScene() for node in made)
    scene.SetSaveToXMLString(1)
    scene.Commit()
    assert "(3-D)" not in scene.GetSceneXMLString()


def tick(s, now, frames):
    """Seconds that every one of these frames kept the window waiting."""
    for seconds in frames:
        now[0] += seconds
        if s.timers[SPIN].active:
            s.timers[SPIN].fire()


@pytest.mark.parametrize(
    ("frames", "spins"),
    [
        ((1.5, *[0.05] * 60), True),  # the first one compiles shaders
        ((0.05, 0.4, 0.05) * 20, True),
        ((1.5, 0.4, 0.4, 0.4), False),
        ((9.0, 2.4), False),
        ((9.0, *[0.05] * 60), True),
    ],
)
def test_aSpinThatTheComputerIsTooSlowForStops(view, fuse, spot, frames, spins):
    """As seen before it turned, and no later one is tried."""
    now = [0.0]
    s = fuse("pet", spot, clock=lambda: now[0])
    position = view.camera.GetPosition()
    view.camera.GetCamera().Azimuth(20)
    tick(s, now, frames)
    assert not s.timers[SPIN].active
    assert (view.node.GetAnimationMode() == view.node.Spin) == spins
    assert view.node.GetRaycastTechnique() == view.node.MaximumIntensityProjection
    assert spins or np.allclose(view.camera.GetPosition(), position)
    s.p.threeD = False
    s.p.threeD = True
    s.timers[TIMER].fire()
    assert (view.node.GetAnimationMode() == view.node.Spin) == spins


def test_theSpinOfTheReaderIsNotWatched(view, fuse, spot):
    now = [0.0]
    s = fuse("pet", spot, clock=lambda: now[0])
    view.node.SetAnimationMode(view.node.Off)
    tick(s, now, [0.4])
    view.node.SetAnimationMode(view.node.Spin)
    tick(s, now, [0.4] * 6)
    assert view.node.GetAnimationMode() == view.node.Spin


def savedView(scene):
    """Attributes of the 3-D view in the scene as it would be saved now; none without a view."""
    scene.SetSaveToXMLString(1)
    scene.Commit()
    saved = scene.GetSceneXMLString()
    assert re.search(r"<Camera\s", saved)
    return dict(re.findall(r'(\w+)="([^"]*)"', "".join(re.findall(r"<View\s[^>]*>", saved))))


def test_noSceneIsSavedWithTheSpin(view, fuse, spot, scene):
    s = fuse("pet", spot)
    assert not savedView(scene)
    assert view.node.GetAnimationMode() == view.node.Spin  # and it goes on
    s.p.threeD = False
    saved = savedView(scene)
    assert (saved["animationMode"], saved["raycastTechnique"]) == ("Off", "Composite")
    s.p.threeD = True
    s.timers[TIMER].fire()
    assert not savedView(scene)


@pytest.mark.parametrize("modality", ["mr", "pet"])
@pytest.mark.parametrize("leave", ["exit", "onSceneClosing", "cleanup", "deleted", "none"])
def test_nothingOfItStays(view, fuse, spot, scene, modality, leave):
    s = fuse(modality, spot)
    assert helpers(scene)
    if leave == "deleted":
        scene.RemoveNode(s.p.restored)
    elif leave == "none":
        s.p.fused = None
    else:
        getattr(s.panel, leave)()
    assert not helpers(scene)
    assert view.node.GetAnimationMode() == view.node.Off
    assert view.node.GetRaycastTechnique() == view.node.Composite


def test_itComesBackWithTheModule(view, fuse, scene):
    s = fuse()
    s.panel.exit()
    s.panel.enter()
    s.timers[TIMER].fire()
    assert helpers(scene)


def test_aViewThatIsNotSeenIsNotFilled(view, fuse, scene):
    view.node.SetMappedInLayout(False)
    s = fuse()
    assert not helpers(scene)
    layout = scene.AddNode(_layout())
    s.panel.refresh()
    view.node.SetMappedInLayout(True)
    layout.Modified()  # the reader chooses another layout
    s.timers[TIMER].fire()
    assert helpers(scene)


def _layout():
    import slicer

    return slicer.vtkMRMLLayoutNode()


def test_theReadersOwnModelKeepsItsView(view, fuse, spot, scene):
    """With something of theirs in the view its camera, animation and ray casting stay."""
    import slicer
    import vtk

    sphere = vtk.vtkSphereSource()
    sphere.SetRadius(10)
    sphere.Update()
    model = scene.AddNode(slicer.vtkMRMLModelNode())
    model.SetAndObserveMesh(sphere.GetOutput())
    model.CreateDefaultDisplayNodes()
    position = view.camera.GetPosition()
    s = fuse("pet", spot)
    assert view.camera.GetPosition() == position
    assert view.node.GetRaycastTechnique() == view.node.Composite
    assert view.node.GetAnimationMode() == view.node.Off
    s.p.threeD = False
    assert helpers(scene) == [model]
    assert model.GetDisplayNode().GetVisibility()


def test_theCameraIsLeftToTheReader(view, fuse):
    from UniFuseSlicerLib.Choices import FieldPartChoice

    s = fuse()
    view.camera.SetPosition(1.0, 2.0, 300.0)
    s.p.fieldPart = FieldPartChoice.DEFORMED
    s.timers[TIMER].fire()
    assert view.camera.GetPosition() == (1.0, 2.0, 300.0)


def test_aStoppedSpinStaysStopped(view, fuse, spot):
    s = fuse("pet", spot)
    view.node.SetAnimationMode(view.node.Off)
    s.p.legend = False
    s.timers[TIMER].fire()
    assert view.node.GetAnimationMode() == view.node.Off


def test_withoutVolumeRenderingPetHasArrows(makeView, fuse, spot):
    managers = ("vtkMRMLCameraDisplayableManager", "vtkMRMLModelDisplayableManager")
    small = makeView(managers=managers)
    fuse("pet", spot)
    assert coloured(small).mean() > 0.005
    assert small.node.GetAnimationMode() == small.node.Off


@pytest.mark.parametrize(
    ("longest", "times"), [(2.4, 4), (7.0, 1), (22.0, 1), (50.0, 1), (500.0, 0.1), (472.0, 0.1)]
)
def test_arrowsAreNeverSoLongThatTheyHideTheBody(longest, times):
    """A volume that lay half a metre off is drawn by arrows of a tenth, and the scale says so."""
    from UniFuseSlicerLib.Overlay import millimetres
    from UniFuseSlicerLib.ThreeD import enlargement

    assert enlargement(10.0, longest) == times
    assert millimetres(times) == ("mm" if times == 1 else f"mm (arrows × {times})")
