"""Losses of `unifuse train-dmfnet` on slices of other patients, as curves.

    python Testing/benchmarks/dmfnet_curves.py --stage1 DIR --trained DIR --untrained DIR -o PNG

Each DIR is the output of a run: Stage I, and Stage II on its U-Net and on an untrained one.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from matplotlib.figure import Figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes

from UniFuseLib.training.dmfnet.losses import WEIGHTS
from UniFuseLib.training.dmfnet.run import LOG


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    for name in ("stage1", "trained", "untrained"):
        parser.add_argument(f"--{name}", type=Path, required=True, metavar="DIR")
    parser.add_argument("-o", "--output", type=Path, required=True, metavar="PNG")
    args = parser.parse_args()
    figure = Figure(figsize=(9, 3.4), layout="constrained")
    left, right = figure.subplots(1, 2)
    noise = [(r["step"], r["validation"]["noise"]) for r in _records(args.stage1)]
    _curve(left, noise, "noise loss")
    left.set_title("Stage I")
    for label, folder in (("diffusion-trained", args.trained), ("untrained", args.untrained)):
        losses = [(r["step"], _total(r["validation"])) for r in _records(folder)]
        _curve(right, losses, f"U-Net {label}: {losses[-1][1]:.3f} after {losses[-1][0]}")
    right.set_title("Stage II, whole loss")
    figure.savefig(args.output, dpi=110)
    return 0


def _records(folder: Path) -> list[dict[str, Any]]:
    lines = (folder / LOG).read_text(encoding="utf-8").splitlines()
    return [json.loads(line) for line in lines]


def _total(terms: dict[str, float]) -> float:
    return sum(WEIGHTS[name] * value for name, value in terms.items())


def _curve(axes: Axes, points: list[tuple[int, float]], label: str) -> None:
    axes.plot(*zip(*points, strict=True), label=label)
    axes.set_xlabel("steps")
    axes.set_yscale("log")
    axes.legend()


if __name__ == "__main__":
    raise SystemExit(main())
