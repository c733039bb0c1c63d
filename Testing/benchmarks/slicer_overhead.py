"""What the panel costs beside the fusion itself, measured inside the 3D Slicer application.

    Slicer --no-splash --additional-module-paths UniFuseSlicer --python-script
    Testing/benchmarks/slicer_overhead.py

Clicks *Fuse* twice on the sample pair, resampled to 256³ voxels, with a coarse working grid, and
once more to cancel.
Prints JSON and ends Slicer. `overhead_s`: from the click to the nodes on screen, less
`seconds.total` of the tool's own report (reading, fusing, writing); the first run also draws these
volumes for the first time. `blocked_s`: times longer than 0.1 s in which the window's event loop
did not turn; the last one of a run is the drawing of its result.
"""

import json
import sys
import time
from pathlib import Path

import numpy as np
import qt
import slicer
from scipy.ndimage import zoom

SIDE = 256
SAMPLE = Path(__file__).resolve().parents[2] / "Resources" / "SampleData"


class EventLoop:
    """Seconds between two turns of the event loop, where they are more than a tenth."""

    def __init__(self):
        self.blocked = []
        self._last = time.monotonic()
        self._timer = qt.QTimer()
        self._timer.setInterval(10)
        self._timer.connect("timeout()", self._turn)
        self._timer.start()

    def stop(self):
        self._timer.stop()

    def _turn(self):
        now = time.monotonic()
        if now - self._last > 0.1:
            self.blocked.append(round(now - self._last, 3))
        self._last = now


def load(name):
    node = slicer.util.loadVolume(str(SAMPLE / f"{name}.nii.gz"), {"show": False})
    array = slicer.util.arrayFromVolume(node)
    factors = np.array([SIDE] * 3) / array.shape
    spacing = np.array(node.GetSpacing()) / factors[::-1]
    slicer.util.updateVolumeFromArray(node, zoom(array, factors, order=1).astype(array.dtype))
    node.SetSpacing(*spacing)
    return node


def turn_until(condition, seconds=600.0):
    end = time.monotonic() + seconds
    while not condition() and time.monotonic() < end:
        slicer.app.processEvents()
        time.sleep(0.005)


def fuse(panel):
    loop = EventLoop()
    start = time.monotonic()
    panel.ui.fuseButton.click()
    turn_until(lambda: not panel.run.running)
    slicer.app.processEvents()  # views that wait to be drawn
    seconds = time.monotonic() - start
    turn_until(lambda: False, 0.2)  # so that the last turn is counted
    loop.stop()
    report = panel.logic.report(panel.parameterNode.fused)
    overhead = seconds - report["seconds"]["total"]
    return {
        "seconds": round(seconds, 2),
        "overhead_s": round(overhead, 2),
        "blocked_s": loop.blocked,
    }


def cancel(panel):
    panel.ui.fuseButton.click()
    turn_until(lambda: panel.ui.progressBar.value > 20)
    start = time.monotonic()
    panel.ui.fuseButton.click()
    turn_until(lambda: not panel.run.running)
    return round(time.monotonic() - start, 2)


def measure():
    slicer.util.selectModule("UniFuseSlicer")
    panel = slicer.modules.UniFuseSlicerWidget.panel
    parameters = panel.parameterNode
    parameters.degraded, parameters.reference = load("degraded"), load("reference")
    parameters.workingSpacing = 4.0
    runs = [fuse(panel), fuse(panel)]
    result = {"voxels": [SIDE] * 3, "runs": runs, "cancelled_after_s": cancel(panel)}
    sys.stdout.write(json.dumps(result, indent=1) + "\n")
    sys.stdout.flush()
    slicer.util.exit(0)


qt.QTimer.singleShot(2000, measure)
