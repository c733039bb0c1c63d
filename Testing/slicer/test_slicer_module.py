"""The module file: it loads, sets up and is described without torch, without a network, without an
installation.
"""

from __future__ import annotations

import hashlib
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from urllib.parse import urlparse
from urllib.request import url2pathname

import pytest

pytestmark = pytest.mark.slicer
HERE = Path(__file__).resolve().parent

OPEN_THE_MODULE = """
import socket, sys

def refuse(*args, **keywords):
    raise AssertionError("the network was touched")

socket.socket.connect = socket.getaddrinfo = refuse
sys.path.insert(0, {here!r})
import standin, standin_ui

standin.install()
import slicer

slicer.mrmlScene = slicer.vtkMRMLScene()
import UniFuseSlicer
from UniFuseSlicerLib.Application import panelOfThisApplication

slicer.util.resetSliceViews = lambda: None
ui = standin_ui.uiFromFile(slicer.mrmlScene)
slicer.util.mainWindow = lambda: None
panel = panelOfThisApplication(ui, UniFuseSlicer.UniFuseSlicerLogic(), lambda: True)
panel.enter()
panel.exit()
panel.cleanup()
heavy = {{"torch", "scipy", "matplotlib", "safetensors", "UniFuseLib"}}
print("heavy:", sorted(heavy & set(sys.modules)))
"""


def test_openingTheModuleImportsNoTorchAndTouchesNoNetwork():
    script = OPEN_THE_MODULE.format(here=str(HERE))
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip().splitlines()[-1] == "heavy: []"


@pytest.fixture
def application(monkeypatch, scene):
    import slicer

    connected = {}
    app = SimpleNamespace(
        connect=lambda signal, slot: connected.update({signal: slot}),
        connected=connected,
        translate=lambda context, text: text,
    )
    monkeypatch.setattr(slicer, "app", app, raising=False)
    return app


def test_moduleDescribesItself(application):
    from UniFuseSlicerLib.Samples import registerSampleData

    import UniFuseSlicer

    parent = SimpleNamespace(path=str(HERE.parents[1] / "UniFuseSlicer" / "UniFuseSlicer.py"))
    UniFuseSlicer.UniFuseSlicer(parent)
    assert parent.title == "UniFuse"
    assert parent.categories == ["Registration"]
    assert "Research use only" in parent.helpText
    assert application.connected["startupCompleted()"] is registerSampleData


def test_sampleDataIsRegisteredWithoutDownload(monkeypatch):
    from UniFuseSlicerLib.Samples import SAMPLE_NAME, registerSampleData

    seen = []
    logic = SimpleNamespace(
        registerCustomSampleDataCategory=lambda category, title: None,
        registerCustomSampleDataSource=lambda **keywords: seen.append(keywords),
    )
    monkeypatch.setitem(sys.modules, "SampleData", SimpleNamespace(SampleDataLogic=logic))
    registerSampleData()
    (source,) = seen
    assert source["sampleName"] == SAMPLE_NAME
    assert Path(source["thumbnailFileName"]).is_file()
    for uri, checksum in zip(source["uris"], source["checksums"], strict=True):
        assert uri.startswith("file:///")
        content = Path(url2pathname(urlparse(uri).path)).read_bytes()
        assert checksum == f"SHA256:{hashlib.sha256(content).hexdigest()}"
    assert source["nodeNames"] == ["Sample T1 reference", "Sample T2 with motion"]
    # of another name, Slicer's *Save* would write the volume again beside the file it was read from
    assert source["fileNames"] == [f"{name}.nii.gz" for name in source["nodeNames"]]


def test_samplePairIsLoadedFromDisk():
    from UniFuseSlicerLib.Samples import loadSamplePair

    loaded = []
    loadSamplePair(load=lambda path, properties: loaded.append((Path(path), properties["name"])))
    assert [name for _, name in loaded] == ["Sample T2 with motion", "Sample T1 reference"]
    assert all(path.is_file() for path, _ in loaded)


def test_theSamplePairIsLoadedOnce(scene):
    """A second click takes the same nodes; one that was changed or moved is read again."""
    import slicer
    from UniFuseSlicerLib.Samples import loadSamplePair, samplePair

    def load(path, properties):
        node = scene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", properties["name"])
        storage = scene.AddNewNodeByClass("vtkMRMLVolumeArchetypeStorageNode")
        storage.SetFileName(path)
        assert storage.ReadData(node)
        node.SetAndObserveStorageNodeID(storage.GetID())
        return node

    first = loadSamplePair(load=load)
    assert loadSamplePair(load=load) == first
    moved = scene.AddNewNodeByClass("vtkMRMLLinearTransformNode")
    first[0].SetAndObserveTransformNodeID(moved.GetID())
    degraded, reference = loadSamplePair(load=load)
    assert degraded is not first[0]
    assert reference is first[1]
    assert (
        slicer.util.arrayFromVolume(degraded).shape == slicer.util.arrayFromVolume(first[0]).shape
    )
    assert Path(degraded.GetStorageNode().GetFileName()) == samplePair().degraded


def test_theSampleIsReadFromACopyThatIsCalledAsItsNode(scene, tmp_path):
    """*Save* would write a volume of another name into the folder of its file, the extension's."""
    import slicer
    from UniFuseSlicerLib.Samples import loadSamplePair, samplePair

    def load(path, properties):
        read.append((Path(path), properties["name"]))

    read: list[tuple[Path, str]] = []
    cache = slicer.vtkCacheManager()
    cache.SetRemoteCacheDirectory(str(tmp_path / "cache"))
    scene.SetCacheManager(cache)
    try:
        loadSamplePair(load=load)
        (tmp_path / "cache" / "Sample T2 with motion.nii.gz").write_bytes(b"damaged")
        loadSamplePair(load=load)
    finally:
        scene.SetCacheManager(None)
    assert [path.name for path, _ in read] == [f"{name}.nii.gz" for _, name in read]
    assert {path.parent for path, _ in read} == {tmp_path / "cache"}
    assert read[0][0].read_bytes() == samplePair().degraded.read_bytes()


def test_withoutSampleDataThePanelSaysSo(tmp_path):
    from UniFuseSlicerLib.Errors import FusionError
    from UniFuseSlicerLib.Samples import samplePair

    with pytest.raises(FusionError, match="not part of this installation"):
        samplePair(tmp_path)


@pytest.mark.parametrize("installed", [True, False])
def test_theLibraryIsFoundInBothTrees(tmp_path, installed):
    from UniFuseSlicerLib.Locations import libraryRoot, resourceFolder

    module = tmp_path / "qt-scripted-modules"
    module.mkdir()
    root = module if installed else tmp_path
    (root / "UniFuseLib").mkdir()
    (root / "UniFuseLib" / "__init__.py").touch()
    resources = (root / "UniFuseLib" if installed else root) / "Resources" / "Models"
    resources.mkdir(parents=True)
    assert libraryRoot(module) == root
    assert resourceFolder("Models", module) == resources


def test_aMissingLibraryIsReported(tmp_path):
    from UniFuseSlicerLib.Errors import FusionError
    from UniFuseSlicerLib.Locations import libraryRoot

    with pytest.raises(FusionError, match="Reinstall the UniFuse extension"):
        libraryRoot(tmp_path / "a" / "b")


def test_slicersOwnPythonRunsTheToolWithAPlainEnvironment(monkeypatch, application):
    import shutil

    import slicer
    from UniFuseSlicerLib.Command import ToolCommand

    monkeypatch.setattr(shutil, "which", lambda name: f"/opt/Slicer/bin/{name}")
    monkeypatch.setattr(
        slicer.util, "startupEnvironment", lambda: {"HOME": "/home/me", "PYTHONSAFEPATH": "1"}
    )
    tool = ToolCommand.forThisApplication()
    assert tool.python == "/opt/Slicer/bin/PythonSlicer"
    assert tool.environment["HOME"] == "/home/me"
    assert "PYTHONSAFEPATH" not in tool.environment
    assert tool.environment["PYTHONUTF8"] == "1"
    assert (tool.folder / "UniFuseLib" / "__init__.py").is_file()


def test_selfTestsThatNeedNoApplicationPass(application, scene, monkeypatch):
    """Two of the tests that run in Slicer, here on slicer-core."""
    import unittest

    import slicer
    from UniFuseSlicerLib import SelfTest
    from UniFuseSlicerLib.Images import readImage
    from UniFuseSlicerLib.Nodes import updateVolume
    from UniFuseSlicerLib.Samples import samplePair

    def load():
        nodes = []
        for path in (samplePair().degraded, samplePair().reference):
            nodes.append(scene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", path.name))
            updateVolume(nodes[-1], readImage(path))
            nodes[-1].CreateDefaultDisplayNodes()
        return nodes

    monkeypatch.setattr(SelfTest, "loadSamplePair", load)
    monkeypatch.delattr(slicer, "app")
    tests = SelfTest.SelfTest(unittest.TestCase())
    assert len(tests.names()) == 4
    tests.test_resultReachesTheScene()
    tests.test_cancelledRunIsGone()
