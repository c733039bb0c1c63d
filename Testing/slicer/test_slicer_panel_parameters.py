"""Widgets, parameters, scenes and settings follow each other; on Slicer's own wrapper where a copy
of its sources is at hand, else on the stand-in.
"""

from __future__ import annotations

import os
import time

import pytest
from panel import click, runToTheEnd

pytestmark = [pytest.mark.slicer, pytest.mark.skipif(os.name == "nt", reason="signals of POSIX")]


def test_deviceAndWeightsBelongToTheComputer(build):
    from pathlib import Path

    import standin_widgets
    from UniFuseSlicerLib.Settings import MachineSettings

    settings = standin_widgets.QSettings()
    s = build(settings=settings)
    s.ui.deviceComboBox.currentIndex = 2
    s.ui.weightsPathLineEdit.currentPath = "/weights/mine.safetensors"
    assert settings.stored == {
        "UniFuse/Device": "cpu",
        "UniFuse/Weights": "/weights/mine.safetensors",
    }
    chosen = s.p.options(MachineSettings(settings))
    assert (chosen.device, chosen.weights) == ("cpu", Path("/weights/mine.safetensors"))
    again = build(settings=settings)
    assert again.ui.deviceComboBox.currentIndex == 2
    assert again.ui.weightsPathLineEdit.currentPath == "/weights/mine.safetensors"


def test_devicesAreFoundByAProcessOfItsOwn(build):
    """The real script in a real process; this machine's torch answers."""
    pytest.importorskip("torch")
    s = build()
    click(s.ui.deviceButton)
    assert s.ui.deviceLabel.text == "Looking…"
    end = time.monotonic() + 60
    while s.panel.machine.deviceCheck.running:
        s.timers["DeviceCheck.poll"].fire()
        assert time.monotonic() < end
        time.sleep(0.05)
    assert "CPU threads" in s.ui.deviceLabel.text or "GB free" in s.ui.deviceLabel.text


@pytest.mark.parametrize(
    ("found", "words"),
    [
        (
            {"gpus": [{"name": "RTX A4000", "free": 14.2, "total": 15.7}]},
            "RTX A4000, 14 of 16 GB free",
        ),
        (
            {"gpus": [], "version": "2.13.0", "threads": 8},
            "No GPU that PyTorch 2.13.0 can use: runs on 8 CPU threads",
        ),
    ],
)
def test_deviceSentences(found, words):
    from UniFuseSlicerLib.Devices import deviceSentence

    assert deviceSentence(found) == words


def test_widgetsAndParametersFollowEachOther(build, pair):
    """Bindings by `SlicerParameterName`."""
    from UniFuseSlicerLib.Choices import LayerChoice, ModalityChoice, OverlayChoice

    s = build(chosen=False)
    s.ui.degradedSelector.setCurrentNode(pair.degraded)
    s.ui.referenceSelector.setCurrentNode(pair.reference)
    assert (s.p.degraded, s.p.reference) == (pair.degraded, pair.reference)
    s.ui.degradedModalityComboBox.currentIndex = 2
    s.ui.overlayComboBox.currentIndex = 2
    s.ui.layerComboBox.currentIndex = 1
    assert (s.p.degradedModality, s.p.overlay, s.p.layer) == (
        ModalityChoice.CT,
        OverlayChoice.ARROWS,
        LayerChoice.RESTORED,
    )
    assert s.ui.overlayComboBox.items == ["Off", "Grid", "Arrows", "Contour lines"]
    s.ui.opacitySlider.value = 0.4
    s.ui.onlyInBodyCheckBox.checked = False
    assert (s.p.opacity, s.p.onlyInBody) == (pytest.approx(0.4), False)
    s.p.warpPercent = 12.0
    assert s.ui.warpSlider.value == 12.0
    s.p.setOutputs(s.p.outputs())
    assert s.ui.fusedSelector.currentNode() is None


def test_choicesSurviveSaveAndReload(build, scene, pair, tmp_path):
    import slicer
    from UniFuseSlicerLib.Choices import OverlayChoice

    s = build()
    s.p.overlay, s.p.opacity = OverlayChoice.CONTOUR, 0.35
    scene.SetURL(str(tmp_path / "scene.mrml"))
    assert scene.Commit()
    again = slicer.vtkMRMLScene()
    again.SetURL(str(tmp_path / "scene.mrml"))
    again.Connect()
    loaded = type(s.p)(again.GetFirstNodeByClass("vtkMRMLScriptedModuleNode"))
    assert (loaded.overlay, loaded.opacity, loaded.degraded.GetName()) == (
        OverlayChoice.CONTOUR,
        0.35,
        "T2",
    )


@pytest.mark.parametrize("close", [True, False])
def test_aLoadedSceneIsFollowed(build, scene, close):
    """Parameters come before the nodes they name; the panel has to look again when the whole scene
    is there.
    """
    s = build()
    click(s.ui.fuseButton)
    runToTheEnd(s)
    name = s.p.fused.GetName()
    scene.SetSaveToXMLString(1)
    scene.Commit()
    saved = scene.GetSceneXMLString()
    scene.Clear(0)
    assert s.ui.fusedSelector.currentNode() is None
    scene.SetLoadFromXMLString(1)
    scene.SetSceneXMLString(saved)
    scene.Connect() if close else scene.Import()
    assert s.ui.fusedSelector.currentNode().GetName() == name
    assert s.ui.degradedSelector.currentNode().GetName() == "T2"
    assert s.ui.verdictLabel.text.startswith("Found: motion")
