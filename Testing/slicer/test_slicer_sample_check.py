"""*Check* fuses the sample pair on the chosen device."""

from __future__ import annotations

import json
import os
import time

import pytest
from panel import click

pytestmark = [pytest.mark.slicer, pytest.mark.skipif(os.name == "nt", reason="signals of POSIX")]

FIGURES = {"seconds": {"total": 21.4}, "peak_memory_mb": 1183.0, "device": "cpu (2 threads)"}


@pytest.fixture
def checked(build, fakeTool, tmp_path, monkeypatch):
    """Report of the tool → the label after the check, and what is left of its files."""
    from UniFuseSlicerLib import Devices, MachineWidgets

    script = tmp_path / "devices.py"
    message = json.dumps({"done": True, "version": "2.13", "threads": 2, "gpus": []})
    script.write_text(f"print({message!r})\n", encoding="utf-8")
    monkeypatch.setattr(Devices, "SCRIPT", script)
    runs = tmp_path / "runs"
    runs.mkdir()
    monkeypatch.setattr(MachineWidgets, "temporaryFolder", lambda: runs)

    def check(mode="work", cancel=False, **report):
        path = fakeTool.result / "report.json"
        found = json.loads(path.read_text(encoding="utf-8")) | FIGURES | report
        path.write_text(json.dumps(found), encoding="utf-8")
        s = build(mode)
        click(s.ui.deviceButton)
        untilEnded(s, "DeviceCheck.poll", lambda: s.panel.machine.deviceCheck.running)
        if cancel:
            s.timers["SampleRun.poll"].fire()
            click(s.ui.deviceButton)
        untilEnded(s, "SampleRun.poll", lambda: s.panel.machine.sample.running)
        return s.ui.deviceLabel.text, list(runs.iterdir())

    return check


def untilEnded(s, timer, running):
    end = time.monotonic() + 30
    while running():
        s.timers[timer].fire()
        assert time.monotonic() < end
        time.sleep(0.01)


def test_theSamplePasses(checked):
    text, left = checked()
    assert text == (
        "No GPU that PyTorch 2.13 can use: runs on 2 CPU threads\n"
        "Sample pair: passed in 21 s, 1.2 GB of memory, on cpu (2 threads)."
    )
    assert left == []


def test_anotherDegradationThanThatOfTheSampleFails(checked):
    text, _left = checked(**{"class": "clean"})
    assert text.endswith("Sample pair: failed. Expected mr_motion, found clean.")


def test_aToolThatFailsSaysWhy(checked):
    text, left = checked("refuse")
    assert "Sample pair: failed. " in text
    assert "do not overlap" in text
    assert left == []


def test_aSecondClickCancels(checked):
    text, left = checked("polite", cancel=True)
    assert text.endswith("Sample pair: cancelled.")
    assert left == []


def test_aDamagedFileIsNamed(tmp_path):
    from dataclasses import replace

    from UniFuseSlicerLib.Errors import FusionError
    from UniFuseSlicerLib.SampleCheck import _checkFiles
    from UniFuseSlicerLib.Samples import samplePair

    pair = samplePair()
    _checkFiles(pair)
    damaged = tmp_path / pair.degraded.name
    damaged.write_bytes(pair.degraded.read_bytes()[:-1])
    with pytest.raises(FusionError, match="is damaged"):
        _checkFiles(replace(pair, degraded=damaged))


def test_checkingAGpuForFloat16RunsNoSample(build, monkeypatch):
    from UniFuseSlicerLib.Choices import PrecisionChoice

    s = build()
    s.p.precision = PrecisionChoice.FLOAT16
    s.panel.machine._onFound()
    assert not s.panel.machine.sample.running
