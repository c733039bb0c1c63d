"""The classifier of DAPL: logits of Eq. 1 from the states, and the statistics that it needs."""

from __future__ import annotations

from collections import deque

import torch
from torch import Tensor, nn


class StateClassifier(nn.Module):
    """MLP over the states, then a linear layer: logits of Eq. 1."""

    def __init__(self, inner: int, states: int, classes: int) -> None:
        super().__init__()
        self.norm = RunningNorm(inner, 3 * states)
        self.reduce = nn.Sequential(nn.Linear(3 * states, 8), nn.GELU())
        self.linear = nn.Linear(8 * inner, classes)

    def forward(self, states: tuple[Tensor, Tensor, Tensor]) -> Tensor:
        """h1..h3 `(b, e, s)` → logits `(b, classes)`."""
        return self.linear(self.reduce(self.norm(torch.cat(states, dim=-1))).flatten(1))


class RunningNorm(nn.Module):
    """(x - mean) / deviation with the mean and deviation of past training samples.

    States of different pairs differ by a few percent of what they have in common; without this the
    common part is all that a linear layer sees. Unlike batch normalisation a sample never meets its
    neighbours.
    """

    mean: Tensor
    variance: Tensor
    seen: Tensor

    def __init__(self, *shape: int, momentum: float = 0.01) -> None:
        super().__init__()
        self.momentum = momentum
        self.register_buffer("mean", torch.zeros(shape))
        self.register_buffer("variance", torch.ones(shape))
        self.register_buffer("seen", torch.zeros(()))  # calls of `remember`
        self._passed: deque[Tensor] = deque(maxlen=8)

    def forward(self, x: Tensor) -> Tensor:
        """x `(b, *shape)`.

        The statistics stay as they are until `remember`, so that a pass can be repeated.
        """
        if self.training:
            self._passed.append(x.detach().float())
        floor = 1e-2 * self.variance.mean()
        return ((x - self.mean) / (self.variance + floor).sqrt()).clamp(-8, 8)

    def forget(self) -> None:
        """Drop what has passed since the last `remember`: a step that was not made must not leave
        its states here.
        """
        self._passed.clear()

    @torch.no_grad()
    def remember(self) -> None:
        """Take in what has passed since the last call; once per optimiser step."""
        if not self._passed:
            return
        x = torch.cat(list(self._passed))
        self._passed.clear()
        # the first samples are averaged evenly
        pace = max(self.momentum, 1 / (1 + float(self.seen)))
        self.mean.lerp_(x.mean(0), pace)
        self.variance.lerp_((x - self.mean).square().mean(0), pace)
        self.seen.add_(1)
