#!/usr/bin/env python3
"""Fit to traces whether a scan is degraded at all, and judge the fit on unseen patients.

    python Testing/benchmarks/presence_fit.py docs/results/severity-rows.jsonl \\
        docs/results/class-ct-rows.jsonl docs/results/class-mr-rows.jsonl \\
        --contract Resources/Models/unifuse.json --results docs/results/presence.json

Rows come from `severity_samples.py` and, of CT and MR, `class_ct_samples.py` and
`class_mr_samples.py`. A logistic regression on the
traces and the network's log-odds for each class of which there are clean scans as well; clean and
degraded scans weigh the same. How much it is held back is chosen on training patients, each held
out in turn; validation patients only judge. Accuracies are of the network, of the traces, and of
both. The network has seen the training patients; only on validation patients do its figures say how
good it is. A row of which a trace is no number, or unlike all of the fit, is judged by the network
alone, as `severity/presence.py` does. Classes with scans of too few patients are judged, and get no
head. A CT with
metal of its own is no clean scan, even if nobody has degraded it: the fit does without, and
afterwards says how many of them it finds.
"""

from __future__ import annotations

import math
from dataclasses import asdict, replace
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from class_cases import REAL_METAL_ML
from severity_fit import LEAST_DEVIATION, Heads, fit_from_rows, rounded

from UniFuseLib.degradation import SURE
from UniFuseLib.evaluation.metrics.classification import calibration_error
from UniFuseLib.experiments.classifier_calibration import sure_from
from UniFuseLib.severity.head import LIMIT, TraceHead
from UniFuseLib.severity.motion import ABOVE_NOISE
from UniFuseLib.severity.noise import LEAST_METAL_ML
from UniFuseLib.severity.presence import NETWORK

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

Row = dict[str, "Any"]
HELD_BACK = (0.1, 0.3, 1.0, 3.0, 10.0, 30.0)  # λ of the ridge
_SUREST = math.log(1e6)  # log-odds that `degradation.log_odds` gives at most
_SEEN = 0.15  # severity from which on a degradation counts
_STEPS = 30  # of Newton's method
#: of training for each number of a fit; fewer say too little of other patients. PET has 3.3, MR
#: 5.3; fitted to all of its traces, to 14 patients (2.8), it was no better than the network (0106)
_PATIENTS = 3
#: of the class, where not all traces count; of MR those that noise does not change
_COUNTED = {"mr_motion": (ABOVE_NOISE,)}


class Judged(NamedTuple):
    """A row, and log-odds by a fit that has not seen its patient."""

    row: Row
    traces: float  # by traces alone
    both: float  # by the traces and the network


def main() -> int:
    return fit_from_rows(str(__doc__), fit_all, written)


def written(content: dict[str, Any], heads: Heads, figures: dict[str, Any]) -> None:
    """The heads, and the confidence from which on the network and all heads are right often enough.

    Args:
        content: of a contract.
        heads: of the classes.
        figures: of the same.
    """
    content["presence"] = {label: asdict(head) for label, head in heads.items()}
    network = content["training"]["classifier"]["held_out"]["sure_from"]
    of_heads = [figures[label]["held_out"]["both"]["sure_from"] for label in heads]
    content["sure_from"] = round(max(network, *of_heads), 4)


def fit_all(rows: Sequence[Row]) -> tuple[Heads, dict[str, Any]]:
    """A head for each class, and how often it is right on patients that it has not seen."""
    measured = [row for row in rows if row["traces"] and row.get("network") is not None]
    rows = [row for row in measured if not _has_metal_of_its_own(row)]
    heads: Heads = {}
    figures: dict[str, Any] = {}
    everything: dict[str, list[Judged]] = {"held_out": [], "validation": []}
    for label in sorted({row["class"] for row in rows if not _degraded(row)}):
        names = _COUNTED.get(label) or _names_of(label, rows)
        of_class = [row for row in rows if row["class"] == label and set(names) <= {*row["traces"]}]
        own, left = _split(of_class, "train", names)
        unseen, unseen_left = _split(of_class, "val", names)
        held_back, alone = _best(own, names)
        of_both, both = _best(own, (*names, NETWORK))
        traces, head = fit(own, names, held_back), fit(own, (*names, NETWORK), of_both)
        if len({row["patient"] for row in own}) >= _PATIENTS * (len(head.traces) + 1):
            heads[label] = replace(head, voxel_mm=_sizes([*own, *unseen]))
        judged = {
            "held_out": _judged(own, alone, both),
            "validation": _judged(unseen, found_by(traces, unseen), found_by(head, unseen)),
        }
        figures[label] = {"held_back": of_both} | {
            split: _figures(found) for split, found in judged.items()
        }
        if "change" in own[0]:
            alone_decides = [_by_network(some) for some in (left, unseen_left)]
            figures[label]["by_change"] = {
                split: _by_change([*found, *rest])
                for (split, found), rest in zip(judged.items(), alone_decides, strict=True)
            }
        with_metal = [row for row in measured if row["class"] == label and row not in rows]
        if with_metal:
            figures[label]["metal_of_its_own"] = _found(with_metal, head)
        for split, found in judged.items():
            everything[split] += found
    figures["overall"] = {split: _figures(found) for split, found in everything.items()}
    return heads, figures


def _found(rows: Sequence[Row], head: TraceHead) -> dict[str, int]:
    """How many scans are called degraded."""
    return {
        "scans": len(rows),
        "patients": len({row["patient"] for row in rows}),
        "network": sum(row["network"] > 0 for row in rows),
        "both": sum(odds > 0 for odds in found_by(head, rows)),
    }


def _names_of(label: str, rows: Sequence[Row]) -> tuple[str, ...]:
    return tuple(sorted(next(row["traces"] for row in rows if row["class"] == label)))


def _split(rows: Sequence[Row], split: str, names: tuple[str, ...]) -> tuple[list[Row], list[Row]]:
    """Rows whose traces are numbers, and those that are left to the network."""
    some = [row for row in rows if row["split"] == split]
    left = [row for row in some if any(row["traces"][name] is None for name in names)]
    return [row for row in some if row not in left], left


def found_by(head: TraceHead, rows: Sequence[Row]) -> list[float]:
    """Log-odds of every row."""
    return [_odds(head, row) for row in rows]


def _odds(head: TraceHead, row: Row) -> float:
    evidence = _evidence(row)
    return evidence[NETWORK] if head.is_far(evidence) else head(evidence)


def _by_network(rows: Sequence[Row]) -> list[Judged]:
    return [Judged(row, *[_evidence(row)[NETWORK]] * 2) for row in rows]


def _by_change(judged: Sequence[Judged]) -> dict[str, Any]:
    """Scans that are right, clean and visibly degraded ones, by what was changed beside that."""
    found: dict[str, Any] = {}
    for change in dict.fromkeys(one.row["change"] for one in judged):
        own = [one for one in judged if one.row["change"] == change]
        kinds = {
            "clean": [one for one in own if not _degraded(one.row)],
            "degraded": [one for one in own if one.row.get("severity", 0.0) >= _SEEN],
        }
        found[change] = {
            kind: {
                "scans": len(some),
                "network": sum((one.row["network"] > 0) == _degraded(one.row) for one in some),
                "both": sum((one.both > 0) == _degraded(one.row) for one in some),
                "left_to_network": sum(one.both == _evidence(one.row)[NETWORK] for one in some),
            }
            for kind, some in kinds.items()
        }
    return found


def _judged(rows: Sequence[Row], traces: list[float], both: list[float]) -> list[Judged]:
    return [Judged(*found) for found in zip(rows, traces, both, strict=True)]


def fit(rows: Sequence[Row], names: tuple[str, ...], held_back: float) -> TraceHead:
    """Logistic regression with a ridge, by Newton's method."""
    values = np.array([[_evidence(row)[name] for name in names] for row in rows])
    degraded = np.array([_degraded(row) for row in rows], float)
    weight = np.where(degraded > 0, 1 / degraded.sum(), 1 / (1 - degraded).sum()) * len(rows) / 2
    mean, deviation = values.mean(0), values.std(0) + LEAST_DEVIATION
    scaled = np.clip((values - mean) / deviation, -LIMIT, LIMIT)
    design = np.column_stack([np.ones(len(rows)), scaled])
    ridge = np.diag([1e-6, *[held_back] * len(names)])
    found = np.zeros(design.shape[1])
    for _ in range(_STEPS):
        probability = 1 / (1 + np.exp(-design @ found))
        curvature = design.T @ (design * (weight * probability * (1 - probability))[:, None])
        slope = design.T @ (weight * (probability - degraded)) + ridge @ found
        found = found - np.linalg.solve(curvature + ridge, slope)
    constant, *weights = rounded(found)
    return TraceHead(names, rounded(mean), rounded(deviation), tuple(weights), constant)


def _sizes(rows: Sequence[Row]) -> tuple[float, float] | None:
    """Of the finest and the coarsest voxels, where rows say it."""
    found = [row["voxel_mm"] for row in rows if "voxel_mm" in row]
    return (min(found), max(found)) if found else None


def _has_metal_of_its_own(row: Row) -> bool:
    """In teeth, most often; how far its streaks harm the scan, nobody has graded."""
    logarithm = row["traces"].get("metal", -math.inf)  # `severity/noise.py`
    return not _degraded(row) and logarithm > math.log(REAL_METAL_ML + LEAST_METAL_ML)


def _degraded(row: Row) -> bool:
    return "severity" in row


def _evidence(row: Row) -> dict[str, float]:
    network = min(max(row["network"], -_SUREST), _SUREST)
    return {**row["traces"], NETWORK: network}


def _best(rows: Sequence[Row], names: tuple[str, ...]) -> tuple[float, list[float]]:
    """The λ, and the log-odds of held-out patients.

    The largest whose cross-entropy is no more than one standard error above the lowest one (Breiman
    et al. 1984): weights of traces that say nearly the same do not grow against each other, and
    a scan unlike those of the fit is not judged by their difference. Where all visible scans are
    right, less ridge lowers the cross-entropy for ever: then the largest that has them right.
    """
    of_each = {held_back: _held_out(rows, names, held_back) for held_back in HELD_BACK}
    signs = np.array([1 if _degraded(row) else -1 for row in rows])
    visible = np.array([row.get("severity", 1.0) >= _SEEN for row in rows])
    flawless = [λ for λ, odds in of_each.items() if (signs * odds > 0)[visible].all()]
    entropies = {λ: np.log1p(np.exp(-signs * odds)) for λ, odds in of_each.items()}
    lowest = min(entropies.values(), key=np.mean)
    error = lowest.std() / np.sqrt(len(rows))
    near = [λ for λ, found in entropies.items() if found.mean() <= lowest.mean() + error]
    best = max(flawless or near)
    return best, of_each[best]


def _held_out(rows: Sequence[Row], names: tuple[str, ...], held_back: float) -> list[float]:
    heads = {
        patient: fit([row for row in rows if row["patient"] != patient], names, held_back)
        for patient in {row["patient"] for row in rows}
    }
    return [_odds(heads[row["patient"]], row) for row in rows]


def _figures(judged: Sequence[Judged]) -> dict[str, Any]:
    of_each = {
        "network": [(found.row, found.row["network"]) for found in judged],
        "traces": [(found.row, found.traces) for found in judged],
        "both": [(found.row, found.both) for found in judged],
    }
    patients = len({found.row["patient"] for found in judged})
    return {"patients": patients} | {name: _accuracy(of) for name, of in of_each.items()}


def _accuracy(pairs: Sequence[tuple[Row, float]]) -> dict[str, float | None]:
    if not pairs:
        return {"scans": 0}
    right = np.array([(found > 0) == _degraded(row) for row, found in pairs])
    confidence = 1 / (1 + np.exp(-np.abs([found for _, found in pairs])))
    counts = np.array([row.get("severity", 1.0) >= _SEEN for row, _ in pairs])
    clean = np.array([not _degraded(row) for row, _ in pairs])
    least, share = sure_from(confidence, right.astype(float), SURE)
    return {
        "scans": len(pairs),
        "accuracy": round(float(right.mean()), 4),
        "scans_seen": int(counts.sum()),
        "accuracy_seen": round(float(right[counts].mean()), 4),
        "accuracy_clean": round(float(right[clean].mean()), 4) if clean.any() else None,
        "calibration_error": round(calibration_error(confidence.tolist(), right.tolist()), 4),
        "sure_from": round(least, 3),
        "sure_share": round(share, 3),
    }


if __name__ == "__main__":
    raise SystemExit(main())
