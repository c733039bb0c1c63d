"""`unifuse info`: what is installed, what it costs, which weights are there."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import argparse
    from pathlib import Path


def add_parser(subparsers: Any) -> None:
    parser = subparsers.add_parser(
        "info", help="version, engines, device, presets with their cost, weights"
    )
    parser.add_argument("--json", action="store_true", help="as JSON")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    report = gather()
    print(json.dumps(report, indent=2) if args.json else _page(report))
    return 0


def gather() -> dict[str, Any]:
    """Everything `--json` prints."""
    import torch

    from UniFuseLib.device import choose_device, device_name
    from UniFuseLib.network.build import ABLATIONS, PRESETS
    from UniFuseLib.network.cost import cost
    from UniFuseLib.network.scan import available_engines
    from UniFuseLib.version import NOTICE, __version__

    return {
        "version": __version__,
        "torch": torch.__version__,
        "device": device_name(choose_device("auto")),
        "scan_engines": list(available_engines()),
        "presets": {name: asdict(cost(config)) for name, config in PRESETS.items()},
        "ablations": sorted(ABLATIONS),
        "weights": _weights(),
        "notice": NOTICE,
    }


def _weights() -> list[dict[str, Any]]:
    """Every set in `Resources/Models`; a damaged one is listed with its fault."""
    from UniFuseLib.contract import read_contract
    from UniFuseLib.errors import WeightsError
    from UniFuseLib.resources import models_folder

    try:
        files = sorted(models_folder().glob("*.safetensors"))
    except WeightsError as error:
        return [{"error": str(error)}]
    return [_weights_entry(path, read_contract, WeightsError) for path in files]


def _weights_entry(path: Path, read_contract: Any, failure: type[Exception]) -> dict[str, Any]:
    try:
        contract = read_contract(path)
    except failure as error:
        return {"file": path.name, "error": str(error)}
    return {
        "file": path.name,
        "megabytes": round(path.stat().st_size / 1e6, 2),
        "contract": asdict(contract),
    }


def _page(report: dict[str, Any]) -> str:
    lines = [
        f"UniFuse {report['version']} · torch {report['torch']} · {report['device']}",
        f"scan engines: {', '.join(report['scan_engines'])}",
        "",
        f"{'preset':<10}{'parameters':>12}{'UFR&F':>10}{'with experts':>14}{'GFLOP 160³':>12}{'GFLOP 256³':>12}",
    ]
    for name, cost in report["presets"].items():
        lines.append(
            f"{name:<10}{cost['parameters']:>12,}{cost['parameters_fusion']:>10,}"
            f"{cost['parameters_fusion_experts']:>14,}{cost['gflops_160']:>12.1f}{cost['gflops_256']:>12.1f}"
        )
    lines += ["", f"ablations (PRESET+NAME): {', '.join(report['ablations'])}", ""]
    lines += [_weights_line(entry) for entry in report["weights"]] or ["no weights found"]
    return "\n".join([*lines, "", report["notice"]])


def _weights_line(entry: dict[str, Any]) -> str:
    if "error" in entry:
        return f"weights {entry.get('file', '')}: {entry['error']}"
    training = entry["contract"]["training"]
    hours, steps = training.get("hours", "?"), training.get("steps", "?")
    return (
        f"weights {entry['file']}: {entry['megabytes']} MB, preset {entry['contract']['preset']}, "
        + (f"{steps} steps in {hours} h on {training.get('device', '?')}")
    )
