"""The process that starts while volumes are chosen: handed over, let go, never left behind."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from types import SimpleNamespace

import pytest

pytestmark = pytest.mark.skipif(os.name == "nt", reason="signals of POSIX")

STANDBY = """
import json, runpy, sys
line = sys.stdin.readline()
if line:
    sys.argv = ["unifuse", *json.loads(line)]
    runpy.run_module("UniFuseLib.cli", run_name="__main__")
"""


@pytest.fixture
def waiting(fakeTool):
    """A tool that waits, the processes that it started, and a clock that stands still."""
    from UniFuseSlicerLib.WaitingTool import WaitingTool

    tool = fakeTool("work")
    (tool.folder / "UniFuseLib" / "standby.py").write_text(STANDBY, encoding="utf-8")
    started, now = [], [0.0]

    def start(*command, **options):
        started.append(subprocess.Popen(*command, **options))
        return started[-1]

    state = SimpleNamespace(installed=True, now=now, started=started, command=tool)
    state.tool = WaitingTool(
        lambda: tool, lambda: state.installed, start=start, clock=lambda: now[0]
    )
    yield state
    state.tool.endNow()
    for process in started:
        process.kill()
        process.wait()


def runOf(waiting, tmp_path, environment=None):
    """A started run of the stand-in."""
    from UniFuseSlicerLib.Options import FusionOptions
    from UniFuseSlicerLib.Process import ToolProcess

    tool = waiting.command
    command = tool.fuse(
        tmp_path / "d", tmp_path / "r", tmp_path / "out", FusionOptions(), tmp_path / "cancel"
    )
    process = ToolProcess(
        command, tool.folder, environment or tool.environment, launch=waiting.tool.launch
    )
    process.start()
    return process


def ending(process, seconds=10.0):
    end = time.monotonic() + seconds
    while process.poll() is None:
        assert time.monotonic() < end, "still running"
        time.sleep(0.02)
    return process.outcome.ending.value


@pytest.mark.slicer
def test_aRunTakesTheProcessThatWaits(waiting, writeResult, fakeTool, tmp_path):
    writeResult(fakeTool.result)
    waiting.tool.prepare()
    assert waiting.tool.waiting
    assert ending(runOf(waiting, tmp_path)) == "done"
    assert len(waiting.started) == 1
    assert not waiting.tool.waiting


@pytest.mark.slicer
@pytest.mark.parametrize("case", ["never prepared", "has ended", "another environment"])
def test_elseARunStartsItsOwn(waiting, writeResult, fakeTool, tmp_path, case):
    writeResult(fakeTool.result)
    environment = None
    if case != "never prepared":
        waiting.tool.prepare()
    if case == "has ended":
        waiting.started[0].kill()
        waiting.started[0].wait()
    if case == "another environment":
        environment = {**waiting.command.environment, "X": "1"}
    assert ending(runOf(waiting, tmp_path, environment)) == "done"
    assert len(waiting.started) == (1 if case == "never prepared" else 2)
    assert waiting.tool.waiting == (case == "another environment")


@pytest.mark.slicer
def test_oneProcessWaitsAndIsLetGoAfterTwoIdleMinutes(waiting):
    waiting.tool.prepare()
    waiting.now[0] = 100.0
    waiting.tool.prepare()
    assert len(waiting.started) == 1
    waiting.now[0] = 219.0
    waiting.tool.releaseIdle()
    assert waiting.tool.waiting
    waiting.now[0] = 220.0
    waiting.tool.releaseIdle()
    assert not waiting.tool.waiting
    assert waiting.started[0].returncode is not None  # not defunct


@pytest.mark.slicer
def test_nothingHoldsPackagesThatAreNotInstalledYet(waiting):
    waiting.installed = False
    waiting.tool.prepare()
    assert not waiting.started


@pytest.mark.slicer
def test_thePanelStartsItWithTwoVolumesAndOnlyThen(build, pair):
    import standin_widgets

    s = build(chosen=False, settings=standin_widgets.QSettings())
    prepared = []
    s.panel.logic.waitingTool.prepare = lambda: prepared.append(True)
    s.panel.refresh()
    assert not prepared
    s.panel.parameterNode.degraded = pair.degraded
    assert not prepared
    s.panel.parameterNode.reference = pair.reference
    s.panel.refresh()
    assert len(prepared) == 1


@pytest.fixture
def inAdvance(waiting):
    """The owner of `waiting.tool`, and its timer."""
    import standin_widgets
    from UniFuseSlicerLib.InAdvance import InAdvance
    from UniFuseSlicerLib.Settings import MachineSettings

    made = []

    def makeTimer(callback, milliseconds):
        made.append(standin_widgets.makeTimer(callback, milliseconds))
        return made[-1]

    ui = SimpleNamespace(inAdvanceCheckBox=standin_widgets.QCheckBox())
    settings = MachineSettings(standin_widgets.QSettings())
    owner = InAdvance(ui, waiting.tool, settings, makeTimer)
    return SimpleNamespace(owner=owner, timer=made[0])


@pytest.mark.slicer
def test_afterARunTheSameVolumesStartAnother(inAdvance, waiting):
    inAdvance.owner.follow("degraded", "reference")
    waiting.tool.endNow()  # taken by a run
    inAdvance.owner.follow("degraded", "reference")
    assert len(waiting.started) == 1
    inAdvance.owner.renew()
    inAdvance.owner.follow("degraded", "reference")
    assert len(waiting.started) == 2


@pytest.mark.slicer
def test_theTimerLetsItGoAndStops(inAdvance, waiting):
    inAdvance.owner.follow("degraded", "reference")
    waiting.now[0] = 119.0
    inAdvance.timer.fire()
    assert waiting.tool.waiting
    waiting.now[0] = 120.0
    inAdvance.timer.fire()
    assert not waiting.tool.waiting
    assert not inAdvance.timer.active


@pytest.mark.slicer
def test_theSwitchIsKeptAndEndsIt(build):
    import standin_widgets

    store = standin_widgets.QSettings()
    s = build(settings=store)
    ended = []
    s.panel.logic.waitingTool.endNow = lambda: ended.append(True)
    s.ui.inAdvanceCheckBox.setChecked(False)
    assert ended
    other = build(settings=store)
    assert not other.ui.inAdvanceCheckBox.checked
    prepared = []
    other.panel.logic.waitingTool.prepare = lambda: prepared.append(True)
    other.panel.refresh()
    assert not prepared


@pytest.mark.slicer
def test_leavingTheModuleEndsIt(build):
    s = build()
    ended = []
    s.panel.logic.waitingTool.endNow = lambda: ended.append(True)
    s.panel.exit()
    assert ended


def standby(line: str) -> subprocess.CompletedProcess[str]:
    """The real one, with this line."""
    return subprocess.run(
        [sys.executable, "-m", "UniFuseLib.standby"],
        input=line,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def test_theRealOneDoesWhatUnifuseDoes():
    found = standby('["--version"]\n')
    assert found.returncode == 0
    assert found.stdout.startswith("unifuse ")


def test_theRealOneEndsWithWhoeverStartedIt():
    found = standby("")
    assert (found.returncode, found.stdout, found.stderr) == (0, "", "")


def test_theRealOneRefusesWhatAreNoArguments():
    found = standby('{"fuse": 1}\n')
    assert found.returncode == 2
    assert "JSON list" in found.stderr


def test_theRealOneHasImportedWhatAFusionNeeds():
    script = (
        "import sys; from UniFuseLib import standby; standby.import_fusion(); "
        "print(all(m in sys.modules for m in ('torch', 'SimpleITK', 'scipy.ndimage', "
        "'UniFuseLib.predict', 'UniFuseLib.io.volumes')))"
    )
    found = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=60
    )
    assert found.stdout.strip() == "True"
