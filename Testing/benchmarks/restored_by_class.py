"""What restoration gains in the scan's own frame, led by the network's class alone and by the class
that counts (the network's and that of the scan's traces).

    python Testing/benchmarks/restored_by_class.py CASES --output rows.jsonl [--ids ID ...]

CASES is a folder that `unifuse simulate` made. PSNR in dB inside the body, against the clean scan;
`clean`: probability that the scan is clean. One thread.
"""

from __future__ import annotations

import argparse
import functools
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from UniFuseLib.checkpoint import load_model
from UniFuseLib.degradation import CLASSES
from UniFuseLib.evaluation.case_evaluator import case_evaluator
from UniFuseLib.evaluation.cases import read_case
from UniFuseLib.evaluation.own_frame import own_frame_figures, restore_in_place

if TYPE_CHECKING:
    from torch import Tensor

    from UniFuseLib.steps import Network

_CLEAN = CLASSES.index("clean")


class Led:
    """A network that keeps to its own class, or not; remembers how clean it took the scan for."""

    def __init__(self, network: Network, by_itself: bool) -> None:
        self.register, self.classify = network.register, network.classify
        self._network, self._by_itself = network, by_itself
        self.clean = 0.0

    def fuse(self, registered: Any, *_: Any, probabilities: Tensor, **__: Any) -> Any:
        own = registered.logits.softmax(dim=-1)
        p = own if self._by_itself else probabilities
        self.clean = round(float(p[0, _CLEAN]), 4)
        return self._network.fuse(registered, probabilities=p)


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("cases", type=Path)
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--ids", nargs="+", help="all if left out")
    args = parser.parse_args()
    torch.set_num_threads(1)
    device = torch.device("cpu")
    network, contract = load_model(None, device)
    folders = sorted(path.parent.name for path in args.cases.glob("*/case.json"))
    with args.output.open("a", encoding="utf-8") as stream:
        for name in args.ids or folders:
            case = read_case(args.cases, name)
            unit = case_evaluator(case).unit
            row: dict[str, Any] = {"id": name, "class": case.label, "severity": case.severity}
            for key, by_itself in (("network", True), ("both", False)):
                led = Led(network, by_itself)
                restore = functools.partial(
                    restore_in_place, model=led, contract=contract, device=device
                )
                figures = own_frame_figures(case, restore, unit)
                row[key] = {"clean": led.clean, "psnr_db": round(figures.psnr_db, 3)}
            row["degraded_psnr_db"] = round(figures.degraded_psnr_db, 3)
            stream.write(json.dumps(row) + "\n")
            stream.flush()
            sys.stdout.write(json.dumps(row) + "\n")
            sys.stdout.flush()
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
