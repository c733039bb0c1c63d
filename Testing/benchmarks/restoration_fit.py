#!/usr/bin/env python3
"""Fit the correction of the restored volume, and judge it on held-out patients.

    python Testing/benchmarks/restoration_fit.py SAMPLES \\
        --weights Resources/Models/restoration.safetensors --results docs/results/restoration.json

SAMPLES are those of `restoration_samples.py`. Classes of which there are none keep the fit and the
figures that both files have. The squared error of a scan counts relative to its own mean plus
0.004, so that severe degradations do not count alone and a light one is left almost as it is; that
of a CT's bone counts seven times, for it is a tenth of the body and lost density. Every judged scan
is corrected by a fit to other patients, weighted by the probability of its class, as
`restoration.correct` does.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from restoration_samples import PREDICTED, RESIDUALS
from safetensors.torch import load_file, save_file
from torch import Tensor

from UniFuseLib.contract import read_contract, sha256_of
from UniFuseLib.resources import DEFAULT_WEIGHTS, models_folder
from UniFuseLib.restoration.correct import weight_of
from UniFuseLib.restoration.correction import (
    ClassCorrection,
    Correction,
    CorrectionConfig,
    CorrectionContract,
)

_FLOOR = 4e-3  # of a scan's mean squared error
_STEPS = {"mr_motion": 2000, "pet_low_dose": 5000, "ct_metal_noise": 5000}
_BATCH, _RATE, _DECAY = 4096, 2e-3, 0.03
_BONE = (0.6, 0.7)  # network intensities of a CT: 140 and 207 HU
_BONE_COUNTS = 7.0  # times as much as other tissue
_FOLDS = 5
#: modality of the references in `restoration_pairs.PAIRS`
BESIDE = {"mr_motion": "mr", "pet_low_dose": "ct", "ct_metal_noise": "mr"}


class Samples(NamedTuple):
    """Of one class: voxels, and the scans that they are of."""

    known: Tensor  # (n, inputs)
    error: Tensor  # (n,) what a perfect correction would add
    scan: np.ndarray  # (n,) number of the scan
    patient: np.ndarray  # of every scan
    clean: np.ndarray
    severity: np.ndarray
    probability: np.ndarray  # of the class
    squares: np.ndarray  # (scans, 2): mean squared error of the degraded and the restored scan

    def of(self, scans: np.ndarray) -> Samples:
        """Voxels of some scans alone; scans keep their numbers."""
        chosen = np.isin(self.scan, scans)
        kept = torch.from_numpy(chosen)
        return self._replace(known=self.known[kept], error=self.error[kept], scan=self.scan[chosen])


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("samples", type=Path)
    parser.add_argument("--weights", type=Path, required=True)
    parser.add_argument("--results", type=Path, required=True)
    args = parser.parse_args()
    torch.set_num_threads(1)
    labels = sorted({path.name.rsplit("_", 1)[0] for path in args.samples.glob("*.npz")})
    kept = kept_classes(args.weights, labels)
    correction = started(labels, kept)
    results = {name: of for name, of in read_results(args.results).items() if name in kept}
    for label in labels:
        samples = read(args.samples, label)
        results[label] = judged(samples, correction.config, label)
        sys.stdout.write(f"{label}: {json.dumps(results[label]['summary'])}\n")
        sys.stdout.flush()
        began = time.process_time()
        correction.of_class[label] = fitted(samples, correction.config, label)
        results[label]["fit_cpu_seconds"] = round(time.process_time() - began)
    save(correction, results, args.weights)
    args.results.write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")
    return 0


def kept_classes(weights: Path, labels: list[str]) -> dict[str, dict[str, Tensor]]:
    """Fits of other classes that the file has: class → its tensors by their names in the file."""
    if not weights.exists():
        return {}
    tensors = load_file(weights)
    names = sorted({name.split(".")[1] for name in tensors} - set(labels))
    return {
        label: {name: t for name, t in tensors.items() if name.split(".")[1] == label}
        for label in names
    }


def read_results(path: Path) -> dict[str, Any]:
    """What an earlier fit has scored, by class."""
    found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    return found


def started(labels: list[str], kept: dict[str, dict[str, Tensor]]) -> Correction:
    """A correction of all classes; those that are kept have their fit."""
    classes = tuple(sorted([*labels, *kept]))
    references = tuple(BESIDE[label] for label in classes)
    predicted = tuple(label in PREDICTED for label in classes)
    residuals = tuple(label in RESIDUALS for label in classes)
    correction = Correction(CorrectionConfig(classes, references, predicted, residuals))
    state = correction.state_dict()
    for tensors in kept.values():
        state.update(tensors)
    correction.load_state_dict(state)
    return correction.eval()


def read(folder: Path, label: str) -> Samples:
    """All samples of a class."""
    files = [np.load(path) for path in sorted(folder.glob(f"{label}_*.npz"))]
    return Samples(
        torch.from_numpy(np.concatenate([file["statistics"] for file in files])),
        torch.from_numpy(np.concatenate([file["error"] for file in files])),
        np.repeat(np.arange(len(files)), [len(file["error"]) for file in files]),
        np.array([str(file["patient"]).split("_study")[0] for file in files]),
        np.array([bool(file["clean"]) for file in files]),
        np.array([float(file["severity"]) for file in files]),
        np.array([float(file["prob"]) for file in files]),
        np.array([file["squares"] for file in files]),
    )


def fitted(samples: Samples, config: CorrectionConfig, label: str) -> ClassCorrection:
    """The correction of one class, fitted to these voxels."""
    correction = ClassCorrection(config, label)
    correction.mean.copy_(samples.known.mean(0))
    correction.deviation.copy_(samples.known.std(0) + 1e-6)
    x = correction.scaled(samples.known)
    weight = _weights(samples, label)
    for seed, member in enumerate(correction.members):
        _fit(member, x, samples.error, weight, seed, _STEPS[label])
    return correction.eval()


def _weights(samples: Samples, label: str) -> Tensor:
    """Of every voxel, 1 on average."""
    weight = torch.from_numpy(1 / (samples.squares[:, 1] + _FLOOR)).float()[samples.scan]
    if label == "ct_metal_noise":
        truth = samples.known[:, 0] + samples.error
        bone = ((truth - _BONE[0]) / (_BONE[1] - _BONE[0])).clamp(0, 1)
        weight = weight * (1 + (_BONE_COUNTS - 1) * bone)
    return weight / weight.mean()


def _fit(
    member: torch.nn.Module, x: Tensor, error: Tensor, weight: Tensor, seed: int, steps: int
) -> None:
    drawn = torch.Generator().manual_seed(seed)
    for parameter in member.parameters():
        reach = parameter.shape[-1] ** -0.5
        torch.nn.init.uniform_(parameter, -reach, reach, generator=drawn)
    optimiser = torch.optim.AdamW(member.parameters(), lr=_RATE, weight_decay=_DECAY)
    rates = torch.optim.lr_scheduler.OneCycleLR(optimiser, _RATE, total_steps=steps)
    for _ in range(steps):
        lines = torch.randint(len(x), (_BATCH,), generator=drawn)
        loss = (weight[lines] * (member(x[lines])[:, 0] - error[lines]).square()).mean()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        rates.step()


def judged(samples: Samples, config: CorrectionConfig, label: str) -> dict[str, Any]:
    """Every scan, corrected by a fit to other patients."""
    patients = sorted(set(samples.patient))
    fold_of = {name: k % _FOLDS for k, name in enumerate(patients)}
    folds = np.array([fold_of[name] for name in samples.patient])
    rows = []
    for fold in range(min(_FOLDS, len(patients))):
        correction = fitted(samples.of(np.flatnonzero(folds != fold)), config, label)
        for scan in np.flatnonzero(folds == fold):
            rows.append(_row(samples, correction, scan))
    return {"summary": summary(rows), "scans": rows}


@torch.no_grad()
def _row(samples: Samples, correction: ClassCorrection, scan: int) -> dict[str, Any]:
    own = samples.of(np.array([scan]))
    probability = float(samples.probability[scan])
    weight = weight_of(probability)
    change = correction(own.known)
    left = float((own.error - weight * change).square().mean())
    wholly = float((own.error - change).square().mean())
    network = float(own.error.square().mean())
    degraded = samples.squares[scan, 0] * network / samples.squares[scan, 1]
    clean = bool(samples.clean[scan])
    return {
        "patient": str(samples.patient[scan]),
        "severity": None if clean else round(float(samples.severity[scan]), 3),
        "network_gain_db": None if clean else _db(degraded, network),
        "gain_db": None if clean else _db(degraded, left),
        "whole_gain_db": None if clean else _db(degraded, wholly),
        "psnr_db": _db(1.0, left),
        "whole_psnr_db": _db(1.0, wholly),
        "probability": round(probability, 4),
    }


def _db(before: float, after: float) -> float:
    return round(10 * float(np.log10((before + 1e-12) / (after + 1e-12))), 3)


def summary(rows: list[dict[str, Any]]) -> dict[str, float]:
    """Means of the degraded scans, and how the clean ones come back."""
    degraded = [row for row in rows if row["severity"] is not None]
    clean = [row["psnr_db"] for row in rows if row["severity"] is None]
    gains = np.array([row["gain_db"] for row in degraded])
    return {
        "scans": len(degraded),
        "network_gain_db": round(float(np.mean([row["network_gain_db"] for row in degraded])), 3),
        "gain_db": round(float(gains.mean()), 3),
        "least_gain_db": round(float(gains.min()), 3),
        "worse": int((gains < 0).sum()),
        "clean_scans": len(clean),
        "clean_psnr_db": round(float(np.mean(clean)), 2),
        "clean_psnr_db_least": round(float(np.min(clean)), 2),
        "whole_gain_db": round(float(np.mean([row["whole_gain_db"] for row in degraded])), 3),
    }


def save(correction: Correction, results: dict[str, Any], weights: Path) -> None:
    """Weights and their contract."""
    tensors = {name: tensor.contiguous() for name, tensor in correction.state_dict().items()}
    save_file(tensors, weights)
    contract = CorrectionContract(
        name=f"{weights.stem}",
        correction=correction.config.to_dict(),
        network_sha256=read_contract(models_folder() / DEFAULT_WEIGHTS).sha256,
        sha256=sha256_of(weights),
        license="Apache-2.0",
        training={k: {"cpu_seconds": v["fit_cpu_seconds"]} for k, v in sorted(results.items())},
        validation={k: v["summary"] for k, v in sorted(results.items())},
    )
    weights.with_suffix(".json").write_text(contract.to_text(), encoding="utf-8")


if __name__ == "__main__":
    raise SystemExit(main())
