"""Seconds to read a DICOM series: 400 slices of 512 × 512, uncompressed, 210 MB.

python Testing/benchmarks/dicom_reading.py
"""

from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from Testing.robustness.dicom_writer import SeriesSpec, write_series
from UniFuseLib.io.volumes import read_volume

_SHAPE = (400, 512, 512)
_RUNS = 5
_TAGS = {"RescaleSlope": 1, "RescaleIntercept": -1024}


def main() -> None:
    """Write the series once, read it several times; print wall and CPU seconds of each."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        plane = np.random.default_rng(2).integers(0, 3000, _SHAPE[1:], dtype=np.uint16)
        stored = np.broadcast_to(plane, _SHAPE)
        write_series(folder, stored, SeriesSpec(modality="CT", tags=_TAGS))
        for _ in range(_RUNS):
            wall, cpu = time.perf_counter(), time.process_time()
            volume = read_volume(folder)
            wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
            sys.stdout.write(f"{volume.array.shape}: {wall:.2f} s wall, {cpu:.2f} s CPU\n")


if __name__ == "__main__":
    main()
