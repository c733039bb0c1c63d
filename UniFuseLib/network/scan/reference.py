"""The readable scan: one line of Mamba's recurrence per token. The oracle for the fast engines."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor


class ScanResult(NamedTuple):
    """What every engine returns."""

    y: Tensor  # (b, n, e)
    last_state: Tensor  # (b, e, s), h after the last token


def scan_reference(
    u: Tensor, dt: Tensor, a: Tensor, b: Tensor, c: Tensor, initial_state: Tensor
) -> ScanResult:
    """h_t = exp(Δ_t A) h_{t-1} + Δ_t u_t B_t;  y_t = ⟨C_t, h_t⟩, token after token.

    Differentiable by autograd. All arguments are of one dtype.

    Args:
        u: `(b, n, e)`.
        dt: Δ `(b, n, e)`.
        a: A `(e, s)`.
        b: B `(b, n, s)`.
        c: C `(b, n, s)`.
        initial_state: h_0 `(b, e, s)`.
    """
    state = initial_state
    outputs = []
    for t in range(u.shape[1]):
        decay = torch.exp(dt[:, t, :, None] * a)
        state = decay * state + (dt * u)[:, t, :, None] * b[:, t, None, :]
        outputs.append((state * c[:, t, None, :]).sum(-1))
    return ScanResult(torch.stack(outputs, dim=1), state)
