"""The tool as a real process: five endings in plain words, and a cancelled one is gone."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

pytestmark = pytest.mark.skipif(os.name == "nt", reason="signals of POSIX")


@pytest.fixture
def run(fakeTool, tmp_path):
    """mode → a started ToolProcess."""
    from UniFuseSlicerLib.Options import FusionOptions
    from UniFuseSlicerLib.Process import ToolProcess

    started = []

    def start(mode, **keywords):
        tool = fakeTool(mode)
        cancel = tmp_path / "cancel"
        command = tool.fuse(
            tmp_path / "d", tmp_path / "r", tmp_path / "out", FusionOptions(), cancel
        )
        process = ToolProcess(command, tool.folder, tool.environment, cancel, **keywords)
        process.start()
        started.append(process)
        return process

    yield start
    for process in started:
        process.endNow()


def wait(process, seconds=10.0):
    end = time.monotonic() + seconds
    while process.poll() is None:
        assert time.monotonic() < end, "still running"
        time.sleep(0.02)
    return process.outcome


def waitForStage(process, stage):
    end = time.monotonic() + 10
    while process.stage != stage:
        assert process.poll() is None
        assert time.monotonic() < end
        time.sleep(0.02)


def alive(pid):
    try:
        # a zombie waits for its parent, it does not run
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


@pytest.mark.slicer
def test_doneWithProgressAndLog(run, writeResult, fakeTool):
    from UniFuseSlicerLib.Outcome import Ending

    writeResult(fakeTool.result)
    lines: list[str] = []
    process = run("work", log=lines.append)
    assert wait(process).ending is Ending.DONE
    assert process.fraction == 1.0
    assert lines == [
        "Loading the network",
        "Running the network",
        "a line for the log: Größe 3 µm",
        "Done",
    ]


@pytest.mark.parametrize(
    ("mode", "ending", "words"),
    [
        ("refuse", "failed", "^The two fields of view do not overlap. Check the volumes.$"),
        ("traceback", "failed", "^RuntimeError: CUDA error: no kernel image$"),
        ("silent", "failed", "ended without a result"),
        ("crash", "crashed", r"crashed \(code -11\).*unharmed"),
        ("killed", "crashed", "signal 9.*memory ran out"),
    ],
)
def test_everyFailureHasItsOwnWords(run, mode, ending, words):
    import re

    outcome = wait(run(mode))
    assert outcome.ending.value == ending
    assert re.search(words, outcome.message)


def test_aProgramThatIsNotThereFailsToStart(tmp_path):
    from UniFuseSlicerLib.Outcome import Ending
    from UniFuseSlicerLib.Process import ToolProcess

    process = ToolProcess([str(tmp_path / "PythonSlicer"), "-m", "UniFuseLib.cli"], tmp_path)
    process.start()
    outcome = wait(process)
    assert outcome.ending is Ending.FAILED_TO_START
    assert "could not be started" in outcome.message
    assert not process.running


@pytest.mark.parametrize("mode", ["polite", "deaf", "deafest"])
def test_cancelledIsGoneWithinTwoSeconds(run, mode):
    from UniFuseSlicerLib.Outcome import Ending

    process = run(mode)
    waitForStage(process, "Running the network")
    start = time.monotonic()
    process.cancel()
    assert wait(process).ending is Ending.CANCELLED
    assert time.monotonic() - start <= 2.0
    assert not alive(process._process.pid)


def test_cancelTakesTheWholeProcessTree(run):
    process = run("family")
    end = time.monotonic() + 10
    while not process.stage.startswith("child"):
        process.poll()
        assert time.monotonic() < end
        time.sleep(0.02)
    child = int(process.stage.split()[1])
    assert alive(child)
    process.cancel()
    wait(process)
    assert not alive(child)


def test_endNowLeavesNothing(run):
    from UniFuseSlicerLib.Outcome import Ending

    process = run("deaf")
    waitForStage(process, "Running the network")
    start = time.monotonic()
    process.endNow()
    assert time.monotonic() - start < 1
    assert process.outcome.ending is Ending.CANCELLED
    assert not alive(process._process.pid)


@pytest.mark.slicer
def test_aToolThatKeepsItsPipesOpenAfterTheEndIsNotWaitedFor(run, writeResult, fakeTool):
    from UniFuseSlicerLib.Outcome import Ending

    writeResult(fakeTool.result)
    process = run("hang")
    assert wait(process).ending is Ending.DONE
    end = time.monotonic() + 5
    while Path(f"/proc/{process._process.pid}").exists():  # it is gone, and not left defunct
        assert time.monotonic() < end
        time.sleep(0.02)


def test_aToolThatFailedAndHangsHasFailed(tmp_path):
    from UniFuseSlicerLib.Outcome import Ending
    from UniFuseSlicerLib.Process import ToolProcess

    script = """
import time
print('{"done": true, "error": "The disk is full."}', flush=True)
time.sleep(60)
"""
    offset = [0.0]
    process = ToolProcess(
        [sys.executable, "-c", script], tmp_path, clock=lambda: time.monotonic() + offset[0]
    )
    process.start()
    end = time.monotonic() + 10
    while not process.lastMessage.get("done"):
        assert process.poll() is None
        assert time.monotonic() < end
        time.sleep(0.02)
    offset[0] = 60.0
    outcome = wait(process)
    assert (outcome.ending, outcome.message) == (Ending.FAILED, "The disk is full.")


def test_linesThatAreNoMessagesDoNotDisturb(tmp_path):
    from UniFuseSlicerLib.Outcome import Ending
    from UniFuseSlicerLib.Process import ToolProcess

    script = r"""
import sys
sys.stdout.buffer.write(b"\xff\xfe broken bytes\n[1, 2]\n{half a message\n")
sys.stdout.buffer.write(b'{"fraction": 7}\n{"done": true}\n')
"""
    process = ToolProcess([sys.executable, "-c", script], tmp_path)
    process.start()
    assert wait(process).ending is Ending.DONE
    assert process.fraction == 1.0


def test_stopByItselfIsACancellation(tmp_path):
    from UniFuseSlicerLib.Outcome import Ending
    from UniFuseSlicerLib.Process import ToolProcess

    process = ToolProcess([sys.executable, "-c", "raise SystemExit(130)"], tmp_path)
    process.start()
    assert wait(process).ending is Ending.CANCELLED


def test_pollNeverBlocks(run):
    process = run("polite")
    longest = 0.0
    for _ in range(20):
        start = time.perf_counter()
        process.poll()
        longest = max(longest, time.perf_counter() - start)
        time.sleep(0.02)
    assert longest < 0.1


def test_windowsEndsTheTree(monkeypatch):
    from UniFuseSlicerLib.ProcessTree import endTreeOnWindows

    calls = []
    monkeypatch.setattr(subprocess, "run", lambda command, **keywords: calls.append(command))
    endTreeOnWindows(42, force=True)
    ((program, *arguments),) = calls
    assert program.endswith("taskkill.exe")
    assert arguments == ["/T", "/F", "/PID", "42"]
