"""Learning curves and what the network does to the validation samples, as PNG.

Needs matplotlib (extra `train`).
"""

from __future__ import annotations

from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from UniFuseLib.errors import InputError, MissingDependencyError
from UniFuseLib.spatial.displacement import warp
from UniFuseLib.training.journal import LOG, read_log

if TYPE_CHECKING:
    from pathlib import Path

    from UniFuseLib.network.unifuse import UniFuse
    from UniFuseLib.training.samples import Sample

CURVES, VALIDATION = "curves.png", "validation.png"
_ROWS = 6  # samples on the validation picture
_COLUMNS = ("degraded", "reference", "aligned, clean", "restored", "fused", "error of flow")


def draw_progress(model: UniFuse, samples: list[Sample], folder: Path) -> None:
    """`curves.png` and, given samples, `validation.png` in `folder`.

    Nothing where matplotlib is not installed.
    """
    if find_spec("matplotlib") is None:
        return
    plot_curves(folder)
    if samples:
        _draw_samples(model, samples[:_ROWS], folder / VALIDATION)


def plot_curves(folder: Path) -> Path:
    """Every term of the loss and every score over the steps, from the folder's log.

    Returns:
        The picture's path.

    Raises:
        InputError: no log there.
        MissingDependencyError: matplotlib is not installed.
    """
    if find_spec("matplotlib") is None:
        raise MissingDependencyError("Learning curves need matplotlib: pip install matplotlib.")
    if not (folder / LOG).is_file():
        raise InputError(f"Expected the log of a training at '{folder / LOG}', found none.")
    from matplotlib.figure import Figure

    series = curves(read_log(folder / LOG))
    columns = 4
    rows = -(-max(len(series), 1) // columns)
    figure = Figure(figsize=(4 * columns, 2.6 * rows), layout="constrained")
    axes = figure.subplots(rows, columns, squeeze=False)
    for axis in axes.flat[len(series) :]:
        axis.axis("off")
    for axis, (name, (steps, values)) in zip(axes.flat, series.items(), strict=False):
        axis.plot(steps, values, linewidth=1)
        axis.set_title(name, fontsize=9)
        axis.grid(alpha=0.3)
    return _save(figure, folder / CURVES)


def curves(
    records: list[dict[str, Any]], points: int = 200
) -> dict[str, tuple[list[float], list[float]]]:
    """Name → (steps, values), as means over up to `points` stretches of the run."""
    collected: dict[str, list[tuple[int, float]]] = {}
    for record in records:
        for name, value in _values(record).items():
            collected.setdefault(name, []).append((record["step"], value))
    return {name: _thinned(pairs, points) for name, pairs in collected.items()}


def _values(record: dict[str, Any]) -> dict[str, float]:
    scores = record.get("validation", {})
    return {
        "loss": record["loss"],
        **record["terms"],
        **{f"validation: {name}": value for name, value in scores.items()},
    }


def _thinned(pairs: list[tuple[int, float]], points: int) -> tuple[list[float], list[float]]:
    """Means of steps and of values."""
    parts = np.array_split(np.array(pairs, dtype=float), min(points, len(pairs)))
    steps, values = np.array([part.mean(axis=0) for part in parts]).T
    return steps.tolist(), values.tolist()


@torch.no_grad()
def _draw_samples(model: UniFuse, samples: list[Sample], path: Path) -> None:
    """One row a sample, the middle slice of each volume."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(2 * len(_COLUMNS), 2 * len(samples)), layout="constrained")
    axes = figure.subplots(len(samples), len(_COLUMNS), squeeze=False)
    for row, sample in zip(axes, samples, strict=True):
        output = model(sample.degraded, sample.reference)
        wrong = (output.flow - sample.flow).norm(dim=1, keepdim=True) / 4  # white: four voxels
        aligned = warp(sample.fine, sample.flow)
        volumes = (sample.degraded, sample.reference, aligned, output.restored, output.fused, wrong)
        for axis, volume, name in zip(row, volumes, _COLUMNS, strict=True):
            axis.imshow(
                volume[0, 0, volume.shape[2] // 2].cpu().numpy(), cmap="gray", vmin=0, vmax=1
            )
            axis.set_title(name, fontsize=7)
            axis.axis("off")
    _save(figure, path)


def _save(figure: Any, path: Path) -> Path:
    partial = path.with_name("partial-" + path.name)
    figure.savefig(partial, dpi=80)
    return partial.replace(path)
