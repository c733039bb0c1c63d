"""One optimiser step: draw, gradients, update."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from UniFuseLib.network.state_classifier import RunningNorm
from UniFuseLib.simulation.misalignment import REMAINDER
from UniFuseLib.training.objective import total_loss
from UniFuseLib.training.parallel import Ranks, average_gradients, mean_over_ranks
from UniFuseLib.training.sample_settings import SampleSettings
from UniFuseLib.training.samples import Sample, draw_batch, generator_of

if TYPE_CHECKING:
    from UniFuseLib.training.config import TrainingConfig
    from UniFuseLib.training.data import PackedSubject
    from UniFuseLib.training.state import TrainingState


def draw(
    subjects: list[PackedSubject],
    config: TrainingConfig,
    step: int,
    ranks: Ranks,
    seconds: float = 0.0,
) -> Sample:
    """This process's part of the batch of `step`: the same whatever happened before, and on however
    many processes; `seconds` of training so far are for a schedule in minutes.
    """
    phase = config.phase_at(config.progress(step, seconds))
    first = ranks.index * phase.batch
    generators = [generator_of(config.seed, step, first + i) for i in range(phase.batch)]
    return draw_batch(subjects, settings_of(config, phase.crop), generators)


def settings_of(config: TrainingConfig, crop: int) -> SampleSettings:
    return SampleSettings(
        crop=crop,
        pairings=config.pairings,
        frame=config.frame,
        spacings_mm=config.spacings_mm,
        synthetic=config.synthetic,
        clean=config.clean,
        partial=config.partial,
        thick=config.thick,
        still=config.still,
        ranges=REMAINDER.times(config.misalignment),
        made=config.made,
    )


def gradients(
    state: TrainingState, sample: Sample, config: TrainingConfig, ranks: Ranks
) -> dict[str, float]:
    """Leave the gradient of Eq. 15 in the model; returns the loss and its terms, means over all
    processes.
    """
    with_modality = state.step % config.modality_every == 0
    loss, terms = total_loss(state.forward_model, sample, config, with_modality, state.generator)
    state.optimiser.zero_grad(set_to_none=True)
    loss.backward()
    average_gradients(state.model.parameters(), ranks)
    values = mean_over_ranks(
        torch.stack([loss.detach(), *(term.detach() for term in terms.values())]), ranks
    )
    return dict(zip(("loss", *terms), values.tolist(), strict=True))


def update(state: TrainingState, config: TrainingConfig) -> float:
    """Clip, step, average; returns the gradient's norm before clipping. One that is not finite
    changes no weight.
    """
    for group in state.optimiser.param_groups:
        group["lr"] = learning_rate(config, state.step, state.seconds)
    norm = torch.nn.utils.clip_grad_norm_(state.model.parameters(), config.clip)
    statistics = [module for module in state.model.modules() if isinstance(module, RunningNorm)]
    if torch.isfinite(norm):
        state.optimiser.step()
        for norm_of_states in statistics:
            norm_of_states.remember()
        _average(state, config)
    else:
        for norm_of_states in statistics:
            norm_of_states.forget()
    state.step += 1
    return float(norm)


def learning_rate(config: TrainingConfig, step: int, seconds: float = 0.0) -> float:
    """Linear warm-up, then a cosine from `rate` to `final_rate` over the whole schedule.

    Args:
        config: `warm_up`, `rate` and `final_rate`, and how long the schedule is.
        step: steps made so far.
        seconds: of training so far, for a schedule in minutes.
    """
    if step < config.warm_up:
        return config.rate * (step + 1) / config.warm_up
    progress = config.progress(step, seconds)
    if not config.minutes:
        progress = min((step - config.warm_up) / max(config.steps - config.warm_up, 1), 1.0)
    return config.final_rate + (config.rate - config.final_rate) * 0.5 * (
        1 + math.cos(math.pi * progress)
    )


@torch.no_grad()
def _average(state: TrainingState, config: TrainingConfig) -> None:
    """EMA of the weights; its memory grows with the steps so that the start is forgotten."""
    decay = min(config.average, (1 + state.step) / (10 + state.step))
    means: list[Tensor] = list(state.average.parameters())
    torch._foreach_lerp_(means, list(state.model.parameters()), 1 - decay)
    for mean, value in zip(state.average.buffers(), state.model.buffers(), strict=True):
        mean.copy_(value)  # running statistics are averages already
