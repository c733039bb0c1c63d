"""Ablations of DAPL (Table 4): C is without it, A without its states, B without its prompt."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import nn

from UniFuseLib.network.dapl import DAPL, Context

if TYPE_CHECKING:
    from UniFuseLib.network.encoder import Encoded


class WithoutDAPL(nn.Module):
    """Ablation setting C: no pair-dependent states, no prompt, every class equally likely.

    What the other modules expect is replaced by learned constants of the same shape.
    """

    def __init__(self, width: int, inner: int, states: int, classes: int, length: int) -> None:
        super().__init__()
        self.states = nn.Parameter(torch.zeros(3, inner, states))
        self.prompts = nn.Parameter(torch.randn(classes, length, width) * 0.5)
        self.classes = classes

    def forward(self, degraded: Encoded, _reference: Encoded) -> Context:
        batch = degraded.features.shape[0]
        h1, h2, h3 = (h.expand(batch, -1, -1) for h in self.states)
        logits = degraded.features.new_zeros(batch, self.classes)
        return Context((h1, h2, h3), logits, self.prompts.expand(batch, -1, -1, -1))


class WithoutStates(nn.Module):
    """Ablation setting A: the wrapped DAPL keeps its prompt, OUFR does not get h1..h3."""

    def __init__(self, dapl: DAPL) -> None:
        super().__init__()
        self.dapl = dapl

    def forward(self, degraded: Encoded, reference: Encoded) -> Context:
        context = self.dapl(degraded, reference)
        h1, h2, h3 = (torch.zeros_like(h) for h in context.states)
        return context._replace(states=(h1, h2, h3))


class WithoutPrompt(nn.Module):
    """Ablation setting B: the wrapped DAPL feeds OUFR, FA and UFR&F get a prompt of no class."""

    def __init__(self, dapl: DAPL) -> None:
        super().__init__()
        self.dapl = dapl

    def forward(self, degraded: Encoded, reference: Encoded) -> Context:
        context = self.dapl(degraded, reference)
        return context._replace(prompt=self.dapl.prompts.expand_as(context.prompt))
