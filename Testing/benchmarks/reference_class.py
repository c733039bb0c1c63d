#!/usr/bin/env python3
"""How often a clean reference is called degraded, and how often an exchanged pair is noticed.

    python Testing/benchmarks/reference_class.py rows.jsonl --data DATA --cases CASES [CASES ...]
    python Testing/benchmarks/reference_class.py rows.jsonl

CASES are folders of `unifuse simulate`: every case is registered as it is and with its volumes
exchanged. DATA holds `train` and `val`: two scans of one patient in the frame of their files, both
clean, the degraded one degraded, or the reference. Rows that are there are not made again; the
second command prints the table alone.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections import defaultdict
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import severity_samples as source
import torch
from class_cases import NECKS, mr_like

from UniFuseLib.checkpoint import load_model
from UniFuseLib.degradation import DEGRADATION_OF
from UniFuseLib.degraded_reference import reference_doubts
from UniFuseLib.errors import UniFuseError
from UniFuseLib.evaluation.severity_figures import VISIBLE_FROM
from UniFuseLib.io.volumes import read_volume
from UniFuseLib.preprocessing.prepare import prepare_pair
from UniFuseLib.preprocessing.working_pair import working_pair
from UniFuseLib.spatial.volume import Volume
from UniFuseLib.steps import NetworkRun, classify_pair, classify_reference

if TYPE_CHECKING:
    from collections.abc import Iterator

    from UniFuseLib.preprocessing.working_pair import Align

_HEADS = (("t2", "t1"), ("flair", "t1"), ("t1", "t2"), ("t1", "flair"), ("flair", "t2"))
_BODIES = (
    *(("ct", "mr_t1"), ("mr_t1", "ct"), ("pet_suv", "mr_t1")),
    *(("pet_suv", "ct"), ("ct", "pet_suv")),
)
_EVERY_NECK = 5  # one of so many CTs of head and neck
_EVERY_CT = 4  # patient of whom CTs are degraded: that takes a minute
_FIRST_SEED = 5000


class Pair(NamedTuple):
    """Two volumes and what is known of them."""

    name: str
    patient: str
    degraded: Volume
    reference: Volume
    modalities: tuple[str, str]
    severities: tuple[float, float]  # 0: clean
    align: Align = "rigid"  # none: two scans of a patient in the frame of their files


def of_cases(folder: Path) -> Iterator[Pair]:
    """Each case in both orders."""
    for name in json.loads((folder / "cases.json").read_text(encoding="utf-8"))["cases"]:
        case = json.loads((folder / name / "case.json").read_text(encoding="utf-8"))
        scans = [read_volume(folder / name / f"{one}.nii.gz") for one in ("degraded", "reference")]
        modalities = case["degraded_modality"], case["reference_modality"]
        severity = 0.0 if case["class"] == "clean" else float(case["degradation"]["severity"])
        path = Path(case["sources"]["reference"])
        patient = path.stem if path.parent.name == "labels" else path.parent.name
        for order, severities in (("as it is", (severity, 0.0)), ("exchanged", (0.0, severity))):
            first, second = scans
            yield Pair(f"{name} {order}", patient, first, second, modalities, severities)
            scans, modalities = scans[::-1], modalities[::-1]


def of_patients(data: Path, done: set[str]) -> Iterator[Pair]:
    """Real scans: both clean, the first one degraded, the second one; without those of `done`."""
    for number, (patient, paths) in enumerate(_partners(data)):
        kinds = _modality(paths[0]), _modality(paths[1])
        clean = _floats(read_volume(paths[0])), _floats(read_volume(paths[1]))
        if paths[0] == paths[1]:  # no MR of this patient
            clean, kinds = (mr_like(clean[1], number), clean[1]), ("mr", "ct")
        named = f"{patient} {kinds[0]} {paths[0].name[:5]} on {paths[1].name[:5]}"
        yield Pair(f"{named}, clean", patient, clean[0], clean[1], kinds, (0.0, 0.0), "none")
        for side, order in enumerate(("degraded", "exchanged")):
            if (kinds[side] == "ct" and number % _EVERY_CT) or f"{named}, {order}" in done:
                continue
            label = DEGRADATION_OF[kinds[side]]
            scan, drawn = source.degraded(clean[side], label, _FIRST_SEED + 2 * number + side)
            first, second = (scan, clean[1]) if side == 0 else (clean[0], scan)
            severity = drawn["severity"]
            severities = (severity, 0.0) if side == 0 else (0.0, severity)
            yield Pair(f"{named}, {order}", patient, first, second, kinds, severities, "none")


def _partners(data: Path) -> Iterator[tuple[str, tuple[Path, Path]]]:
    for folder in sorted(data.glob("*/mr_multi/*")):
        of_contrast = {path.name[:2]: path for path in folder.glob("*.nii.gz")}
        for one, other in _HEADS:
            yield folder.name, (of_contrast[one[:2]], of_contrast[other[:2]])
    for folder in sorted(data.glob("*/ct_pet_mr/*")):
        for names in _BODIES:
            first, second = (folder / f"{name}.nii.gz" for name in names)
            if first.exists() and second.exists():
                yield folder.name, (first, second)
    for folder in sorted(data.glob("val/heads_real/*")):
        ct, mr = folder / "ct.nii.gz", folder / "mr.nii.gz"
        yield folder.name, (ct, mr)
        yield folder.name, (mr, ct)
    for path in sorted(data.glob(f"*/{NECKS}"))[::_EVERY_NECK]:
        yield path.name.removesuffix("_ct.nii.gz"), (path, path)


def _modality(path: Path) -> str:
    return next((kind for kind in ("ct", "pet") if kind in path.name), "mr")


def _floats(volume: Volume) -> Volume:
    return Volume(volume.array.astype(np.float32), volume.affine)


@cache
def _network() -> tuple[Any, Any]:
    return load_model(None, torch.device("cpu"))


@torch.no_grad()
def row_of(pair: Pair) -> dict[str, Any]:
    """What the check says of a pair."""
    network, contract = _network()
    kept: dict[str, Any] = {"id": pair.name, "patient": pair.patient}
    kept["pair"] = " on ".join(pair.modalities)
    kept["case"] = pair.align != "none"
    kept["severity_degraded"], kept["severity_reference"] = pair.severities
    try:
        checked = prepare_pair(pair.degraded, pair.reference, pair.modalities, contract)
        working = working_pair(checked, pair.align)
    except UniFuseError as error:
        return {**kept, "refused": str(error)}
    logits = network.classify(working.degraded, working.reference)
    degraded = classify_pair(logits, checked, contract)
    run = NetworkRun(network, checked, working, torch.device("cpu"), "auto")
    found = classify_reference(run, contract)
    judged = found is not None and found.calibrated
    label = DEGRADATION_OF[pair.modalities[1]]
    probability = round(found.probabilities[label], 4) if found and judged else None
    kept["probability"] = probability
    kept["degraded_class"] = degraded.label if degraded.calibrated else None
    kept["told"] = bool(reference_doubts(found, pair.modalities[1], degraded))
    return kept


def table(rows: list[dict[str, Any]]) -> str:
    """By pair of modalities: false warnings of clean references, and degraded ones noticed."""
    groups: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for row in rows:
        if "refused" not in row:
            groups[row["pair"]].append(row)
    lines = [
        "| degraded on reference | clean references | judged | warned | highest | patients "
        "| degraded references | judged | noticed |",
        "|---|---:|---:|---:|---:|---:|---:|---:|---:|",
    ]
    for pair, found in sorted(groups.items()):
        clean = [row for row in found if not row["severity_reference"]]
        seen = [row for row in found if row["severity_reference"] >= VISIBLE_FROM]
        judged = [row["probability"] for row in clean if row["probability"] is not None]
        numbers = (
            *(len(clean), len(judged), sum(row["told"] for row in clean)),
            f"{max(judged, default=0):.2f}",
            *(len({row["patient"] for row in clean}), len(seen)),
            sum(row["probability"] is not None for row in seen),
            sum(row["told"] for row in seen),
        )
        lines.append(f"| {pair} | " + " | ".join(map(str, numbers)) + " |")
    return "\n".join(lines) + "\n"


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("rows", type=Path)
    parser.add_argument("--data", type=Path)
    parser.add_argument("--cases", type=Path, nargs="*", default=[])
    args = parser.parse_args()
    torch.set_num_threads(1)
    done = {row["id"] for row in source.read_rows(args.rows)}
    sources = [*(of_cases(folder) for folder in args.cases)]
    if args.data is not None:
        sources.append(of_patients(args.data, done))
    for pairs in sources:
        for pair in pairs:
            if pair.name not in done:
                source.add_row(args.rows, row_of(pair))
    rows = source.read_rows(args.rows)
    for title, simulated in (("Cases, in both orders", True), ("Scans of patients", False)):
        chosen = [row for row in rows if row["case"] == simulated]
        sys.stdout.write(f"\n{title}\n\n{table(chosen)}")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
