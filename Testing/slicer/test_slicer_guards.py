"""What nodes say of themselves reaches the tool and the panel; what cannot be fused is refused, in
the panel and in the console alike.
"""

from __future__ import annotations

import os
import time

import numpy as np
import pytest
from panel import click, runToTheEnd

pytestmark = [pytest.mark.slicer, pytest.mark.skipif(os.name == "nt", reason="signals of POSIX")]


def setDicomModality(scene, node, word):
    """As Slicer's DICOM plugins leave it on the series in the subject hierarchy."""
    import slicer

    hierarchy = slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(scene)
    item = hierarchy.GetItemByDataNode(node) or hierarchy.CreateItem(
        hierarchy.GetSceneItemID(), node
    )
    hierarchy.SetItemAttribute(item, "DICOM.Modality", word)


def setUnits(node, code, quantity=None):
    import slicer

    unit = slicer.vtkCodedEntry()
    unit.SetValueSchemeMeaning(code, "UCUM", "unit")
    node.SetVoxelValueUnits(unit)
    if quantity:
        entry = slicer.vtkCodedEntry()
        entry.SetValueSchemeMeaning(quantity, "DCM", "quantity")
        node.SetVoxelValueQuantity(entry)


@pytest.mark.parametrize(
    ("word", "unit", "quantity", "title", "dicom"),
    [
        ("PT", "{SUVbw}g/ml", None, "PET, SUV", "PT"),
        ("CT", "[hnsf'U]", "112031", "CT, HU", "CT"),
        ("MR", None, None, "MR", "MR"),
        ("US", None, None, "US", "US"),
        (None, "[hnsf'U]", None, "CT, HU", "CT"),
        (None, "Bq/ml", None, "PET, Bq/ml", "PT"),
        (None, "1", "126400", "PET, SUV", "PT"),
        (None, None, None, "", ""),
    ],
)
def test_factsComeFromDicomAttributesAndUnits(pair, scene, word, unit, quantity, title, dicom):
    from UniFuseSlicerLib.VolumeFacts import factsOf

    if word:
        setDicomModality(scene, pair.degraded, word)
    if unit:
        setUnits(pair.degraded, unit, quantity)
    facts = factsOf(pair.degraded)
    assert (facts.title, facts.word) == (title, dicom)


def test_theToolReadsTheModalityFromTheFile(pair, scene, tmp_path):
    """What the job writes, read by the library as it reads every file."""
    volumes = pytest.importorskip("UniFuseLib.io.volumes", reason="needs torch")
    from UniFuseSlicerLib.Images import writeImage
    from UniFuseSlicerLib.Nodes import imageFromNode

    for word in ("PT", ""):
        path = tmp_path / f"volume-{word}.nrrd"
        writeImage(imageFromNode(pair.degraded), path, word)
        _volume, header = volumes.read_volume_with_header(path)
        assert header.modality == word


def test_thePanelSaysWhatIsKnown(build, pair, scene):
    setDicomModality(scene, pair.degraded, "PT")
    setUnits(pair.degraded, "{SUVbw}g/ml")
    setDicomModality(scene, pair.reference, "CT")
    s = build()
    assert s.ui.modalityLabel.text == "Degraded: PET, SUV · Reference: CT"
    assert s.ui.modalityLabel.visible


def test_aSettingAgainstTheNodeIsSaid(build, pair, scene):
    from UniFuseSlicerLib.Choices import ModalityChoice

    setDicomModality(scene, pair.degraded, "CT")
    s = build()
    s.p.degradedModality = ModalityChoice.PET
    assert "Degraded: set to PET, but its DICOM attributes say CT." in s.ui.modalityLabel.text
    click(s.ui.fuseButton)
    runToTheEnd(s)
    assert any("set to PET, but" in line for line in s.ui.logTextEdit.lines)
    s.p.degradedModality = ModalityChoice.AUTO
    assert s.ui.modalityLabel.text == "Degraded: CT"


def test_petThatIsNotSuvIsSaid(build, pair):
    setUnits(pair.degraded, "Bq/ml")
    s = build()
    assert s.ui.modalityLabel.text == (
        "Degraded: PET, Bq/ml\nDegraded: values are in Bq/ml, not SUV; the result keeps Bq/ml."
    )


@pytest.fixture
def console(fakeTool, scene, pair, writeResult):
    """Call `fuse` as a script would."""
    from UniFuseSlicerLib.Logic import UniFuseSlicerLogic
    from UniFuseSlicerLib.Options import FusionOptions

    class Ready:
        def check(self):
            pass

    logic = UniFuseSlicerLogic(tool=fakeTool("work"), dependencies=Ready())
    writeResult(fakeTool.result)
    return lambda degraded, reference, **options: logic.fuse(
        degraded, reference, options=FusionOptions(**options)
    )


def test_theConsoleRefusesWhatThePanelRefuses(console, pair, scene, tmp_path):
    from UniFuseSlicerLib.Errors import InputNodeError
    from UniFuseSlicerLib.Images import Image
    from UniFuseSlicerLib.Nodes import updateVolume

    labels = scene.AddNewNodeByClass("vtkMRMLLabelMapVolumeNode", "organs")
    updateVolume(labels, Image.fromArray(np.ones((5, 6, 7), np.int16), np.eye(4)))
    t2, t1 = pair.degraded, pair.reference
    for arguments, options, sentence in (
        ((t2, t2), {}, '"T2" is chosen as degraded and as reference'),
        (("T2", t1), {}, r'got the text "T2"\. Use getNode\("T2"\)'),
        ((t2, "T1"), {}, r'got the text "T1"'),
        ((labels, t1), {}, '"organs" is a label map'),
        ((t2, labels), {}, '"organs" is a label map'),
        ((t2, t1), {"workingSpacing": 99}, "is 99 mm; expected 0"),
        ((t2, t1), {"workingSpacing": -1.0}, "is -1.0 mm"),
        ((t2, t1), {"workingSpacing": float("nan")}, "is nan mm"),
        ((t2, t1), {"precision": "float16", "device": "cpu"}, "float16 is slower on the CPU"),
        ((t2, t1), {"weights": tmp_path / "none.safetensors"}, "none.safetensors does not exist"),
    ):
        count = scene.GetNumberOfNodes()
        with pytest.raises(InputNodeError, match=sentence):
            console(*arguments, **options)
        assert scene.GetNumberOfNodes() == count
    assert console(t2, t1).fused is not None


def test_anotherModalityIsRefusedUnlessSet(console, pair, scene):
    from UniFuseSlicerLib.Errors import InputNodeError

    setDicomModality(scene, pair.degraded, "US")
    with pytest.raises(InputNodeError, match="has the DICOM modality US; expected MR, CT or PET"):
        console(pair.degraded, pair.reference)
    assert console(pair.degraded, pair.reference, degradedModality="mr").fused is not None


def test_theReasonOnTheButtonFollowsTheNodes(build, pair, scene):
    """A volume taken out of a transform can be fused at once."""
    from UniFuseSlicerLib.Images import Image
    from UniFuseSlicerLib.Nodes import gridTransform, imageFromNode

    s = build()
    place = imageFromNode(pair.reference).ijkToRas
    field = Image.fromArray(np.ones((4, 5, 6, 3), np.float32), place)
    warp = scene.AddNewNodeByClass("vtkMRMLGridTransformNode", "another field")
    warp.SetAndObserveTransformFromParent(gridTransform(field))
    assert s.ui.fuseButton.enabled
    pair.degraded.SetAndObserveTransformNodeID(warp.GetID())
    assert not s.ui.fuseButton.enabled
    assert "is under the non-linear transform" in s.ui.messageLabel.text
    pair.degraded.SetAndObserveTransformNodeID(None)
    assert s.ui.fuseButton.enabled
    assert s.ui.messageLabel.text == ""
    s.panel.cleanup()
    pair.degraded.SetAndObserveTransformNodeID(warp.GetID())
    assert s.ui.fuseButton.enabled  # nobody follows any more


def test_anEmptiedWeightsFieldMeansTheDefault(build, tmp_path):
    import standin_widgets
    from UniFuseSlicerLib.Settings import MachineSettings

    weights = tmp_path / "mine.safetensors"
    weights.touch()
    store = standin_widgets.QSettings()
    s = build(settings=store)
    s.ui.weightsPathLineEdit.currentPath = str(weights)
    assert MachineSettings(store).weights == weights
    s.ui.weightsPathLineEdit.currentPath = ""
    assert MachineSettings(store).weights is None
    s.ui.weightsPathLineEdit.currentPath = str(weights)
    weights.unlink()
    click(s.ui.fuseButton)
    assert not s.panel.run.running
    assert "does not exist" in s.ui.messageLabel.text


def test_thePanelRefusesWhatTheConsoleRefuses(build, pair, scene):
    """One volume twice, float16 on the CPU, another modality; the selectors list no label maps."""
    from UniFuseSlicerLib.Choices import DeviceChoice, PrecisionChoice

    s = build()
    s.p.reference = pair.degraded
    assert s.ui.fuseButton.text == "Select two different volumes"
    assert not s.ui.fuseButton.enabled
    s.p.reference = pair.reference
    s.ui.deviceComboBox.currentIndex = list(DeviceChoice).index(DeviceChoice.CPU)
    s.p.precision = PrecisionChoice.FLOAT16
    assert not s.ui.fuseButton.enabled
    assert "float16 is slower on the CPU" in s.ui.messageLabel.text
    s.p.precision = PrecisionChoice.AUTO
    assert s.ui.fuseButton.enabled
    setDicomModality(scene, pair.degraded, "US")
    s.panel.refresh()
    assert "has the DICOM modality US" in s.ui.messageLabel.text
    labels = scene.AddNewNodeByClass("vtkMRMLLabelMapVolumeNode", "organs")
    for selector in (s.ui.degradedSelector, s.ui.referenceSelector):
        assert labels not in selector.nodes()


@pytest.fixture
def torchFinds(tmp_path, monkeypatch):
    """gpus → the script prints them in place of what torch finds; it counts how often it ran."""
    from UniFuseSlicerLib import Devices

    runs = tmp_path / "runs"
    monkeypatch.setattr(Devices, "KNOWN", known := Devices.KnownDevices())
    for module in ("Guards", "MachineWidgets"):
        monkeypatch.setattr(f"UniFuseSlicerLib.{module}.KNOWN", known)

    def finds(gpus):
        script = tmp_path / "devices.py"
        message = {"done": True, "version": "2.13", "threads": 2, "gpus": gpus}
        script.write_text(
            f"open({str(runs)!r}, 'a').write('.')\nimport json\nprint(json.dumps({message!r}))\n",
            encoding="utf-8",
        )
        monkeypatch.setattr(Devices, "SCRIPT", script)
        return lambda: len(runs.read_text(encoding="utf-8")) if runs.exists() else 0

    return finds


GPU = {"name": "RTX A4000", "free": 14.2, "total": 15.7}


@pytest.mark.parametrize("gpus", [[], [GPU]], ids=["none", "one"])
def test_float16WithoutAGpuIsRefusedOnceTorchHasAnswered(build, torchFinds, gpus):
    from UniFuseSlicerLib.Choices import PrecisionChoice

    asked = torchFinds(gpus)
    s = build()
    assert not s.panel.machine.deviceCheck.running  # not before it decides anything
    s.p.precision = PrecisionChoice.FLOAT16
    end = time.monotonic() + 30
    while s.panel.machine.deviceCheck.running:
        s.timers["DeviceCheck.poll"].fire()
        assert time.monotonic() < end
        time.sleep(0.02)
    assert s.ui.fuseButton.enabled == bool(gpus)
    assert ("float16 is slower on the CPU" in s.ui.messageLabel.text) == (not gpus)
    s.panel.refresh()
    again = build()
    again.p.precision = PrecisionChoice.FLOAT16
    assert not again.panel.machine.deviceCheck.running
    assert asked() == 1


def test_theConsoleAsksForAGpuBeforeItStarts(console, pair, torchFinds):
    from UniFuseSlicerLib.Errors import InputNodeError

    asked = torchFinds([])
    console(pair.degraded, pair.reference)
    assert asked() == 0
    for _time in range(2):
        with pytest.raises(InputNodeError, match="float16 is slower on the CPU"):
            console(pair.degraded, pair.reference, precision="float16")
    assert asked() == 1


def test_withAGpuTheConsoleRunsFloat16(console, pair, torchFinds):
    torchFinds([GPU])
    assert console(pair.degraded, pair.reference, precision="float16").fused is not None
