"""The result card: made from the stored report alone, so that nothing mixes patients."""

from __future__ import annotations

import datetime
import json
import os

import pytest
from panel import click, runToTheEnd

pytestmark = [pytest.mark.slicer, pytest.mark.skipif(os.name == "nt", reason="signals of POSIX")]


@pytest.fixture
def otherPatient(pair, scene):
    from UniFuseSlicerLib.Nodes import copyVolume, worldFromIjk

    node = scene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", "other T2")
    copyVolume(pair.degraded, node, worldFromIjk(pair.degraded))
    return node


def fuse(s):
    click(s.ui.fuseButton)
    runToTheEnd(s)


def warn(fakeTool, *sentences):
    """What the next run reports."""
    path = fakeTool.result / "report.json"
    report = json.loads(path.read_text(encoding="utf-8"))
    path.write_text(json.dumps({**report, "warnings": list(sentences)}), encoding="utf-8")


def test_aReasonOfTheVerdictIsNotSaidAgainAsAWarning(build, fakeTool):
    warn(fakeTool, "It looks like CT.", "A slice is missing.")
    path = fakeTool.result / "report.json"
    report = json.loads(path.read_text(encoding="utf-8"))
    figures = {"probability_off_by_3_mm": 0.1, "expected_error_mm": 1.0, "interval_mm": [0.1, 4.0]}
    report["verdict"] = {"trust": "amber", "reasons": ["It looks like CT."], **figures}
    path.write_text(json.dumps(report), encoding="utf-8")
    s = build()
    fuse(s)
    assert "It looks like CT." in s.ui.trustLabel.text
    assert s.ui.warningsLabel.text == "A slice is missing."


def test_theVerdictStandsOverThePicturesAsWell(build, fakeTool):
    """Its first line, in its colour, with the names of the volumes; without a result nothing."""
    path = fakeTool.result / "report.json"
    report = json.loads(path.read_text(encoding="utf-8"))
    figures = {"probability_off_by_3_mm": 0.9, "expected_error_mm": 9.0, "interval_mm": [2.0, 30.0]}
    report["verdict"] = {"trust": "red", "reasons": ["Nothing fits."], **figures}
    path.write_text(json.dumps(report), encoding="utf-8")
    s = build()
    assert not s.ui.trustStripLabel.visible
    fuse(s)
    assert s.ui.trustStripLabel.text.splitlines() == [
        s.ui.cardHeaderLabel.text,
        "Red: do not use this result",
    ]
    assert s.ui.trustStripLabel.styleSheet == s.ui.trustLabel.styleSheet != ""


def judge(fakeTool, trust, reasons, warnings=()):
    """What the next run reports."""
    warn(fakeTool, *warnings)
    path = fakeTool.result / "report.json"
    report = json.loads(path.read_text(encoding="utf-8"))
    figures = {"probability_off_by_3_mm": 0.9, "expected_error_mm": 9.0, "interval_mm": [2.0, 30.0]}
    report["verdict"] = {"trust": trust, "reasons": list(reasons), **figures}
    path.write_text(json.dumps(report), encoding="utf-8")


LONG = "This sentence takes three lines of the panel, or nearly three, " * 2 + "as some do."


def test_inALowWindowTheImportantSentencesAreShown(build, fakeTool):
    """Title, expected error, what was found, reasons first; the others are one click away."""
    judge(fakeTool, "red", ["First. " + LONG, "Second. " + LONG], ["A slice is missing. " + LONG])
    s = build()
    fuse(s)
    trust = s.ui.trustLabel.text.split("\n")
    assert trust[0].startswith("Red")
    assert trust[1].startswith("• First")
    assert trust[2].startswith("• Second")
    assert trust[3].startswith("More than 3 mm off")
    assert s.ui.verdictLabel.text.count("\n") == 0
    assert s.ui.verdictLabel.text.startswith("Found")
    assert s.ui.warningsLabel.text == ""
    assert (s.ui.moreButton.visible, s.ui.moreButton.text) == (True, "More (2)")
    s.ui.moreButton.setChecked(True)
    assert s.ui.moreButton.text == "Less"
    assert s.ui.verdictLabel.text.count("\n") == 1
    assert s.ui.warningsLabel.text.startswith("A slice is missing")
    s.ui.moreButton.setChecked(False)
    assert s.ui.warningsLabel.text == ""


def test_inAHigherWindowEverySentenceIsShown(build, fakeTool):
    from UniFuseSlicerLib.CardFit import spareLines

    judge(fakeTool, "red", ["First. " + LONG, "Second. " + LONG], ["A slice is missing. " + LONG])
    s = build(spareLines=lambda: spareLines(1080))
    fuse(s)
    assert not s.ui.moreButton.visible
    assert s.ui.warningsLabel.text.startswith("A slice is missing")
    assert (spareLines(0), spareLines(768), spareLines(800)) == (0, 0, 2)


def test_whatIsSaidBesideTheCardTakesItsRoom(build, fakeTool):
    judge(fakeTool, "amber", ["First."], ["A slice is missing."])
    s = build()
    fuse(s)
    assert not s.ui.moreButton.visible
    s.panel.messages.show(f"{LONG} {LONG}")
    s.panel.refresh()
    assert s.ui.moreButton.visible
    s.panel.messages.show("and on " * 70)  # nowhere to be cut
    s.panel.refresh()
    assert s.ui.trustLabel.text.startswith("Amber: check the alignment before using it")
    assert "Expected error" not in s.ui.trustLabel.text


def test_longNamesLoseTheirMiddleInTheHeader(build, pair):
    pair.degraded.SetName("12: PET WB (AC) lower extremity static 3 min")
    s = build()
    fuse(s)
    header = s.ui.cardHeaderLabel.text
    assert header.startswith("12: PET WB…tic 3 min on T1, ")
    assert s.ui.cardHeaderLabel.toolTip.startswith(f"{pair.degraded.GetName()} on T1, ")


def test_noOptionOfTheCommandLineIsNamed(build, fakeTool):
    warn(fakeTool, "A slice is missing; set the modality (--degraded-modality) if that is wrong.")
    s = build()
    fuse(s)
    assert s.ui.warningsLabel.text == "A slice is missing; set the modality if that is wrong."


def test_theHeaderNamesVolumesAndTime(build):
    s = build()
    assert (s.ui.cardHeaderLabel.text, s.ui.cardHeaderLabel.visible) == ("", False)
    fuse(s)
    assert s.ui.cardHeaderLabel.visible
    stored = datetime.datetime.fromisoformat(s.p.fused.GetAttribute("UniFuse.FusedAt"))
    assert s.ui.cardHeaderLabel.text == f"T2 on T1, {stored:%H:%M}"


def test_beforeTodayTheDateIsNamed(build):
    from UniFuseSlicerLib.Card import cardOf

    s = build()
    fuse(s)
    s.p.fused.SetAttribute("UniFuse.FusedAt", "2026-03-01T14:02:11")
    tomorrow = datetime.datetime(2026, 3, 2, 9, 0)
    assert cardOf(s.p.fused, now=tomorrow).header == "T2 on T1, 2026-03-01 14:02"
    assert cardOf(s.p.fused, now=tomorrow.replace(day=1)).header == "T2 on T1, 14:02"


def test_namesAreThoseOfThatTime(build, pair):
    s = build()
    fuse(s)
    pair.degraded.SetName("renamed")
    s.panel.refresh()
    assert s.ui.cardHeaderLabel.text.startswith("T2 on T1")


def test_warningsBelongToTheirResult(build, fakeTool, otherPatient):
    warn(fakeTool, "Warning of the first patient.")
    s = build()
    fuse(s)
    first = s.p.fused
    assert s.ui.warningsLabel.text == "Warning of the first patient."
    s.p.degraded = otherPatient
    warn(fakeTool)
    fuse(s)
    assert s.ui.warningsLabel.text == ""
    assert s.ui.cardHeaderLabel.text.startswith("other T2 on T1")
    s.p.fused = first
    assert s.ui.warningsLabel.text == "Warning of the first patient."
    assert s.ui.cardHeaderLabel.text.startswith("T2 on T1")


def test_theCardIsGreyWhileOtherVolumesAreSelected(build, otherPatient, pair):
    s = build()
    fuse(s)
    assert s.ui.trustLabel.enabled
    assert "#ffc94d" in s.ui.trustLabel.styleSheet
    s.p.degraded = otherPatient
    assert not s.ui.trustLabel.enabled
    assert s.ui.trustLabel.styleSheet == ""
    assert s.ui.cardHeaderLabel.text.endswith("(not the volumes selected above)")
    s.p.degraded = pair.degraded
    assert s.ui.trustLabel.enabled
    assert "#ffc94d" in s.ui.trustLabel.styleSheet


def test_aFailedRunBringsTheCardOfTheResultBeforeBack(build, otherPatient, fakeTool, monkeypatch):
    s = build()
    fuse(s)
    before = s.ui.cardHeaderLabel.text
    monkeypatch.setattr(s.panel.logic, "_tool", fakeTool("refuse"))
    click(s.ui.fuseButton)
    assert s.ui.cardHeaderLabel.text == ""
    runToTheEnd(s)
    assert s.ui.messageLabel.text.startswith("The two fields of view do not overlap")
    assert s.ui.cardHeaderLabel.text == before


def test_everySentenceSurvivesSavingAndLoading(build, scene, fakeTool):
    warn(fakeTool, "Low confidence: MR motion.")
    s = build()
    fuse(s)
    labels = (s.ui.cardHeaderLabel, s.ui.trustLabel, s.ui.verdictLabel, s.ui.warningsLabel)
    words = [label.text for label in labels]
    assert all(words)
    assert words[2].endswith(" s")  # the seconds of the run are kept
    scene.SetSaveToXMLString(1)
    scene.Commit()
    saved = scene.GetSceneXMLString()
    scene.Clear(0)
    assert not any(label.text or label.visible for label in labels)
    scene.SetLoadFromXMLString(1)
    scene.SetSceneXMLString(saved)
    scene.Connect()
    assert [label.text for label in labels] == words


def test_leavingAndEnteringKeepsTheCard(build):
    s = build()
    fuse(s)
    words = (s.ui.cardHeaderLabel.text, s.ui.verdictLabel.text)
    s.panel.exit()
    s.panel.enter()
    assert (s.ui.cardHeaderLabel.text, s.ui.verdictLabel.text) == words


def test_aThenBThenAFillsTheNodesOfA(build, otherPatient, pair, scene):
    s = build()
    fuse(s)
    first = s.p.outputs()
    s.p.degraded = otherPatient
    fuse(s)
    second = s.p.outputs()
    count = scene.GetNumberOfNodesByClass("vtkMRMLVolumeNode")
    s.p.degraded = pair.degraded
    fuse(s)
    assert s.p.outputs() == first
    assert scene.GetNumberOfNodesByClass("vtkMRMLVolumeNode") == count
    assert s.ui.cardHeaderLabel.text.startswith("T2 on T1")
    assert second.fused.GetName() == "other T2 on T1 fused"


def test_anEarlierResultBringsItsInputsBack(build, otherPatient, pair):
    s = build()
    fuse(s)
    first = s.p.fused
    s.p.degraded = otherPatient
    fuse(s)
    s.p.fused = first
    assert (s.p.degraded, s.p.reference) == (pair.degraded, pair.reference)
    assert s.ui.degradedSelector.currentNode() is pair.degraded
    assert s.ui.trustLabel.enabled  # the card is that of the inputs above it


def test_aResultWhoseInputsAreGoneKeepsTheSelectedVolumes(build, otherPatient, pair, scene):
    s = build()
    fuse(s)
    first = s.p.fused
    s.p.degraded = otherPatient
    fuse(s)
    scene.RemoveNode(pair.degraded)
    s.p.fused = first
    assert s.p.degraded is otherPatient
    assert s.ui.cardHeaderLabel.text.startswith("T2 on T1")
    assert s.ui.cardHeaderLabel.text.endswith("(not the volumes selected above)")


def test_helpersAreOfferedByNoSelector(build, scene):
    from UniFuseSlicerLib.Choices import LayerChoice, OverlayChoice

    s = build()
    fuse(s)
    s.p.layer, s.p.overlay = LayerChoice.DEGRADED, OverlayChoice.ARROWS
    names = [node.GetName() for node in s.ui.degradedSelector.nodes()]
    assert not any("live warp" in name for name in names)
    drawn = [node.GetName() for node in s.ui.deformationSelector.nodes()]
    assert drawn == ["T2 to T1"]


@pytest.mark.parametrize(
    ("largest", "deformed"),
    [(6.1, "deformed 1.4 mm on average, 6.1 mm at most"), (0.04, "not deformed")],
)
def test_placedAndDeformedAreSaidApart(build, fakeTool, largest, deformed):
    path = fakeTool.result / "report.json"
    report = json.loads(path.read_text(encoding="utf-8"))
    part = {
        "moved_mm": 22.04,
        "rotation_deg": 3.02,
        "deformed_mm": {"mean": 1.44, "median": 1.2, "p95": 4.0, "max": largest},
    }
    path.write_text(json.dumps({**report, "rigid_part": part}), encoding="utf-8")
    s = build()
    fuse(s)
    assert f" · placed 22.0 mm, 3.0°; {deformed} · " in s.ui.verdictLabel.text
    assert "displacement" not in s.ui.verdictLabel.text


def test_aReportOfBeforeSaysTheWholeDisplacement(build):
    s = build()
    fuse(s)
    assert " · displacement 4.2 mm on average, 7.1 mm at most · " in s.ui.verdictLabel.text
    assert "placed" not in s.ui.verdictLabel.text


def test_aLongMessageIsCutBetweenSentences(build):
    """The rest is said by its tool tip; it stands below all tabs and would push them out."""
    from UniFuseSlicerLib.CardFit import shortened

    s = build()
    message = " ".join(f"Sentence {n}: {LONG}" for n in range(4))
    s.panel.messages.show(message)
    assert s.ui.messageLabel.text.startswith("Sentence 0: This")
    assert s.ui.messageLabel.text.endswith("some do. …")
    assert s.ui.messageLabel.toolTip == message
    assert shortened("One. Two.") == "One. Two."
    endless = "words " * 99
    assert shortened(endless) == endless  # one sentence stays whole
