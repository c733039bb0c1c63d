#!/usr/bin/env python3
"""One command for whoever has a GPU, at most eight minutes: what a fusion takes there, by stage.

    python Testing/benchmarks/gpu.py --device cuda --output gpu.json
    python Testing/benchmarks/gpu.py --device cpu --quick --output gpu.json     # does it work?

The tests of values on a GPU; whole fusions of growing size with seconds by stage and peak memory;
how often each stage asks the device for a value and waits for it; bfloat16 against float32; the
engines of the scan. Pairs are those of `cost_model.py`: what is timed depends on no anatomy.
"""

from __future__ import annotations

import argparse
import datetime
import json
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode

if __package__ in (None, ""):
    sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from Testing.benchmarks.cost_model import Run, write_pair
from UniFuseLib import fuse, load_model, read_volume
from UniFuseLib.network.scan import available_engines, selective_scan

if TYPE_CHECKING:
    from UniFuseLib.spatial.volume import Volume

SIDES, QUICK_SIDES = (128, 160, 256), (48,)
SPACING_MM = 1.5
TESTS = ("Testing/laws/test_gpu.py", "Testing/laws/test_scan_engines.py")
# what brings a value to Python, or a size that only the device knows: on a GPU each one waits
WAITS = ("_local_scalar_dense", "nonzero", "masked_select", "_unique2", "bincount")


class Waits(TorchDispatchMode):
    """Counts `WAITS` by the stage that is running."""

    def __init__(self) -> None:
        super().__init__()
        self.stage, self.found = "", Counter[str]()

    def __torch_dispatch__(
        self, function: Any, types: Any, args: Any = (), kwargs: Any = None
    ) -> Any:
        name = function.overloadpacket.__name__
        masks = name == "index" and any(_is_mask(one) for one in args[1])
        if name in WAITS or masks:
            self.found[self.stage] += 1
        return function(*args, **(kwargs or {}))

    def progress(self, _fraction: float, stage: str) -> None:
        """As `fuse` calls it."""
        self.stage = stage


def _is_mask(index: Any) -> bool:
    return index is not None and index.dtype in (torch.bool, torch.uint8)


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--quick", action="store_true", help="tiny sizes, no tests")
    parser.add_argument("--output", type=Path, required=True)
    args = parser.parse_args()
    device = torch.device(args.device)
    report: dict[str, Any] = {
        "date": datetime.date.today().isoformat(),
        "device": torch.cuda.get_device_name(device) if device.type == "cuda" else str(device),
        "torch": torch.__version__,
    }
    steps = [("scan", scans), ("fusions", fusions), ("bfloat16", half), ("tests", tests)]
    for name, step in steps:
        report[name] = step(device, args.quick)
        text = json.dumps(report, indent=2) + "\n"
        args.output.write_text(text, encoding="utf-8")  # as far as it has come
    sys.stdout.write(text)
    return 0


def pair_of(side: int) -> tuple[Volume, Volume]:
    """(degraded, reference) with as many voxels as their working grid has."""
    with tempfile.TemporaryDirectory() as folder:
        run = Run(side, side, side * SPACING_MM, SPACING_MM)
        degraded, reference = (read_volume(path) for path in write_pair(run, Path(folder)))
    return degraded, reference


def fusions(device: torch.device, quick: bool) -> list[dict[str, Any]]:
    """Seconds, CPU seconds and waits by stage; the second of two runs counts."""
    model, contract = load_model(None, device)
    rows = []
    for side in QUICK_SIDES if quick else SIDES:
        pair, waits = pair_of(side), Waits()

        def run(progress: Any = None, pair: Any = pair) -> Any:
            return fuse(
                *pair,
                model=model,
                contract=contract,
                device=str(device),
                degraded_modality="mr",
                reference_modality="mr",
                progress=progress,
            ).report

        with waits:
            run(waits.progress)
        if device.type == "cuda":
            torch.cuda.reset_peak_memory_stats(device)
        report = run()
        rows.append(
            {
                "voxels": side**3,
                "seconds": report.seconds,
                "cpu_seconds": report.cpu_seconds,
                "waits": dict(waits.found),
                "peak_device_mb": _peak_mb(device),
            }
        )
    return rows


def half(device: torch.device, quick: bool) -> dict[str, float]:
    """Largest differences of bfloat16 from float32; of the field in voxels."""
    model, _ = load_model(None, device)
    side = 32 if quick else 128
    generator = torch.Generator().manual_seed(0)
    coarse = torch.rand(2, 1, 1, 8, 8, 8, generator=generator)
    pair = [torch.nn.functional.interpolate(v, (side,) * 3, mode="trilinear") for v in coarse]
    found = []
    for enabled in (False, True):
        with torch.no_grad(), torch.autocast(device.type, torch.bfloat16, enabled=enabled):
            found.append(model(*(v.to(device) for v in pair)))
    names = ("flow", "fused", "restored", "logits")
    return {n: float((getattr(found[0], n) - getattr(found[1], n)).abs().max()) for n in names}


def scans(device: torch.device, quick: bool) -> dict[str, float]:
    """Milliseconds of a scan of the network's size, by engine; the best of three."""
    n, e, s = (216, 128, 16) if quick else (8000, 128, 16)
    u, dt = torch.randn(2, n, e, device=device), torch.rand(2, n, e, device=device) * 0.1 + 1e-3
    a, b = -torch.rand(e, s, device=device) - 0.1, torch.randn(2, n, s, device=device)
    found = {}
    for engine in available_engines():
        if engine == "reference" and not quick:
            continue  # token by token
        with torch.no_grad():
            times = [
                _timed(device, lambda: selective_scan(u, dt, a, b, b, engine=engine))  # noqa: B023
                for _ in range(3)
            ]
        found[engine] = round(1000 * min(times), 2)
    return found


def tests(device: torch.device, quick: bool) -> str:
    """The last line of pytest."""
    if quick or device.type != "cuda":
        return "not run"
    command = [sys.executable, "-m", "pytest", "-q", *TESTS]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return done.stdout.strip().splitlines()[-1]


def _timed(device: torch.device, work: Any) -> float:
    started = _now(device)
    work()
    return _now(device) - started


def _now(device: torch.device) -> float:
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    return time.perf_counter()


def _peak_mb(device: torch.device) -> float | None:
    if device.type != "cuda":
        return None
    return round(torch.cuda.max_memory_allocated(device) / 2**20, 1)


if __name__ == "__main__":
    sys.exit(main())
