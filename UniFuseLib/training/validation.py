"""What a network scores on fixed samples of the validation file, while it trains."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from UniFuseLib.degradation import CLASSES
from UniFuseLib.spatial.displacement import jacobian_determinant, warp
from UniFuseLib.training.data import load_pack
from UniFuseLib.training.samples import Sample, draw_batch
from UniFuseLib.training.step import settings_of

if TYPE_CHECKING:
    from UniFuseLib.network.unifuse import UniFuse
    from UniFuseLib.training.config import TrainingConfig

_AIR = 0.08  # network intensity
_SEED = 20_000  # far from the seeds of training


def validation_samples(config: TrainingConfig, device: torch.device) -> list[Sample]:
    """The same samples at every validation: their generator has a seed of its own."""
    if not config.validation:
        return []
    # made where the workers make theirs: noise of a CUDA generator is another one
    place = torch.device("cpu") if config.workers else device
    subjects = load_pack(Path(config.validation), place)
    settings = settings_of(config, config.phases[-1].crop)
    generator = torch.Generator().manual_seed(_SEED + config.seed)
    samples = []
    for _ in range(config.validation_samples):
        sample = draw_batch(subjects, settings, [generator])
        samples.append(Sample(*(value.to(device) for value in sample)))
    return samples


@torch.no_grad()
def validate(model: UniFuse, samples: list[Sample]) -> dict[str, float]:
    """Means over `samples`, batches of one.

    Error of the field in mm before and after, folds, class accuracy, PSNR against I_D, and what
    restoration alone gains on degraded inputs. In the degraded scan's own frame, the reference
    brought there by the truth: what restoration gains, or, of a clean input, how close to it the
    output stays.
    """
    scores: dict[str, list[float]] = {}
    for sample in samples:
        for name, value in _scores(model, sample).items():
            scores.setdefault(name, []).append(value)
    return {name: sum(values) / len(values) for name, values in scores.items()}


def _scores(model: UniFuse, sample: Sample) -> dict[str, float]:
    output = model(sample.degraded, sample.reference)
    body = (sample.weight > 0.5)[:, 0]
    before = _length_mm(sample.flow, sample)
    after = _length_mm(output.flow - sample.flow, sample)
    folded = jacobian_determinant(output.flow) <= 0
    correct = output.logits.argmax(1) == sample.label
    scores = {
        "tre_before_mm": _inside(before, body),
        "tre_mm": _inside(after, body),
        "folds_percent": 100 * _inside(folded.float(), body),
        "accuracy": float(correct.float().mean()),
        "restored_db": _psnr(output.restored, sample.clean, body),
    }
    if not _is_clean(sample):
        # where the network put it, right or wrong: restoration apart from alignment
        target = warp(sample.fine, output.flow)
        moved = warp(sample.degraded, output.flow)
        gained = _psnr(output.restored, target, body) - _psnr(moved, target, body)
        scores["restoration_gain_db"] = gained
    return {**scores, **_own_frame_scores(model, sample)}


def _is_clean(sample: Sample) -> bool:
    return int(sample.label) == CLASSES.index("clean")


def _own_frame_scores(model: UniFuse, sample: Sample) -> dict[str, float]:
    registered = model.register(sample.degraded, sample.reference_moved)
    unmoved = torch.zeros_like(registered.flow)
    output = model.fuse(registered, unmoved)
    brighter = torch.maximum(sample.fine, sample.reference_moved)
    body = brighter[:, 0] > _AIR
    restored = _psnr(output.restored, sample.fine, body)
    if _is_clean(sample):
        return {"own_frame_clean_psnr_db": restored}
    degraded = _psnr(sample.degraded, sample.fine, body)
    return {"own_frame_gain_db": restored - degraded}


def _length_mm(flow: Tensor, sample: Sample) -> Tensor:
    """|flow| in mm, `(b, d, h, w)`; the grid's axes are at right angles."""
    mm = flow * sample.spacing_mm[:, :, None, None, None]
    return mm.norm(dim=1)


def _inside(values: Tensor, body: Tensor) -> float:
    return float(values[body].mean())


def _psnr(first: Tensor, second: Tensor, body: Tensor) -> float:
    difference = first.clamp(0, 1) - second.clamp(0, 1)
    squared = difference.square()[:, 0]
    error = squared[body].mean().clamp(min=1e-10)
    return float(-10 * torch.log10(error))
