"""`unifuse info`: versions, scan engines, the cost of each preset, and the weights."""

from __future__ import annotations

import json
from dataclasses import asdict
from functools import partial
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import argparse


def add_parser(subparsers: Any) -> None:
    parser = subparsers.add_parser(
        "info", help="print version, scan engines, device, cost of each preset, weights"
    )
    parser.add_argument("--json", action="store_true", help="print as JSON")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    found = gather()
    print(json.dumps(found, indent=2) if args.json else _page(found))
    return 0


def gather() -> dict[str, Any]:
    """Everything `--json` prints."""
    import torch

    from UniFuseLib.device import choose_device, device_name
    from UniFuseLib.fusion.methods import fusion_methods
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
        "fusion_methods": [asdict(method) for method in fusion_methods()],
        "weights": _weights(),
        "notice": NOTICE,
    }


def _weights() -> list[dict[str, Any]]:
    """Every set in `Resources/Models` of UniFuse; a damaged one is listed with its fault."""
    from UniFuseLib.contract import read_contract, read_signed
    from UniFuseLib.errors import WeightsError
    from UniFuseLib.fusion import dmfnet_weights
    from UniFuseLib.resources import models_folder
    from UniFuseLib.restoration import shipped
    from UniFuseLib.restoration.correction import CorrectionContract

    try:
        found = sorted(models_folder().glob("*.safetensors"))
    except WeightsError as error:
        return [{"error": str(error)}]
    others = {shipped.FILE: partial(read_signed, CorrectionContract)}
    entries: list[dict[str, Any]] = []
    for path in found:
        if path.name == dmfnet_weights.FILE:
            continue  # `fusion_methods` tells of it
        try:
            contract = asdict(others.get(path.name, read_contract)(path))
        except WeightsError as error:
            entries.append({"file": path.name, "error": str(error)})
            continue
        size = round(path.stat().st_size / 1e6, 2)
        entries.append({"file": path.name, "megabytes": size, "contract": contract})
    return entries


def _page(found: dict[str, Any]) -> str:
    lines = [
        f"UniFuse {found['version']} · torch {found['torch']} · {found['device']}",
        f"scan engines: {', '.join(found['scan_engines'])}",
        "",
        f"{'preset':<10}{'parameters':>12}{'UFR&F':>10}{'with experts':>14}"
        f"{'GFLOP 160³':>12}{'GFLOP 256³':>12}{'as fused':>10}",
    ]
    for name, cost in found["presets"].items():
        lines.append(
            f"{name:<10}{cost['parameters']:>12,}{cost['parameters_fusion']:>10,}"
            f"{cost['parameters_fusion_experts']:>14,}{cost['gflops_160']:>12.1f}{cost['gflops_256']:>12.1f}"
            f"{cost['gflops_256_as_fused']:>10.1f}"
        )
    lines += ["", f"{'fusion':<12}{'parameters':>12}{'GFLOP 256²':>12}"]
    lines += [_method_line(method) for method in found["fusion_methods"]]
    lines += ["", f"ablations (PRESET+NAME): {', '.join(found['ablations'])}", ""]
    lines += [_weights_line(entry) for entry in found["weights"]] or ["no weights found"]
    return "\n".join([*lines, "", found["notice"]])


def _method_line(method: dict[str, Any]) -> str:
    cost = f"{method['name']:<12}{method['parameters']:>12,}{method['gflops_slice_256']:>12.2f}"
    return cost if method["available"] else f"{cost}  not installed"


def _weights_line(entry: dict[str, Any]) -> str:
    if "error" in entry:
        return f"weights {entry.get('file', '')}: {entry['error']}"
    contract = entry["contract"]
    size = f"weights {entry['file']}: {entry['megabytes']} MB"
    if "correction" in contract:
        kinds = zip(
            contract["correction"]["classes"], contract["correction"]["references"], strict=False
        )
        corrected = (f"{label} beside {reference.upper()}" for label, reference in kinds)
        return f"{size}, corrects {', '.join(corrected)}"
    training = contract["training"]
    hours, steps = training.get("hours", "?"), training.get("steps", "?")
    on = training.get("device", "?")
    return f"{size}, preset {contract['preset']}, {steps} steps in {hours} h on {on}"
