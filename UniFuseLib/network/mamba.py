"""Mamba block (Gu & Dao 2023) and Spatial Mamba block (paper Eq. 3), on tokens `(b, n, m)`.

Paper → code: Ā = exp(Δ·A) `decay`, B̄ = Δ·B, C; h_j `state`; E `inner` channels; S `states` per
channel.
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from UniFuseLib.network.scan import ScanResult, selective_scan

_BLOCK_BYTES = 64 * 2**20
_CACHED_BYTES = 2**20  # of a block without gradients: it stays in the processor's cache


class SelectiveParameters(nn.Module):
    """Token-dependent Δ, B, C and the learned A of a selective state space model."""

    def __init__(self, inner: int, states: int) -> None:
        super().__init__()
        self.rank = max(1, math.ceil(inner / 16))
        self.states = states
        self.select = nn.Linear(inner, self.rank + 2 * states, bias=False)
        self.step = nn.Linear(self.rank, inner)
        self.log_a = nn.Parameter(torch.arange(1, states + 1).float().log().repeat(inner, 1))
        self._initialise_step()

    def _initialise_step(self) -> None:
        # Δ starts log-uniform in [1e-3, 1e-1], as in the reference implementation of Mamba
        dt = torch.exp(torch.linspace(math.log(1e-3), math.log(1e-1), self.step.out_features))
        nn.init.uniform_(self.step.weight, -(self.rank**-0.5), self.rank**-0.5)
        with torch.no_grad():
            self.step.bias.copy_(dt + torch.log(-torch.expm1(-dt)))

    def forward(self, u: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """u `(b, n, e)` → Δ `(b, n, e)` > 0, A `(e, s)` < 0, B and C `(b, n, s)`, all float32."""
        low, b, c = self.select(u).split([self.rank, self.states, self.states], dim=-1)
        dt = F.softplus(self.step(low).float())
        return dt, -torch.exp(self.log_a.float()), b.float(), c.float()


class Recurrence(nn.Module):
    """u' = silu(causal convolution of u), then the selective scan over u'."""

    def __init__(self, inner: int, states: int) -> None:
        super().__init__()
        self.convolve = nn.Conv1d(inner, inner, 4, groups=inner, padding=3)
        # a constant input would drown the tokens in h
        nn.init.zeros_(self.convolve.bias)  # type: ignore[arg-type]
        self.parameters_of = SelectiveParameters(inner, states)

    def forward(
        self, u: Tensor, initial_state: Tensor | None = None, counts: Tensor | None = None
    ) -> tuple[Tensor, ScanResult]:
        """u `(b, n, e)` → u' `(b, n, e)` and the scan's (y, last state).

        Args:
            u: the inner channels of the tokens.
            initial_state: h_0 `(b, e, s)`; None is 0.
            counts: bool `(b, n)`; the state passes by tokens that do not count (Δ = 0). None: all
                count.
        """
        convolved = self.convolve(u.transpose(1, 2))[..., : u.shape[1]]  # causal
        u = F.silu(convolved.transpose(1, 2))
        dt, a, b, c = self.parameters_of(u)
        if counts is not None:
            dt = dt * counts[..., None]
        return u, selective_scan(u.float(), dt, a, b, c, initial_state)


class MambaBlock(nn.Module):
    """x + out(scan(silu(conv(in(norm x)))) · silu(gate)).

    A recurrence over the tokens in their order.

    Args:
        width: M.
        inner: E.
        states: S.
    """

    def __init__(self, width: int, inner: int, states: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(width)
        self.project_in = nn.Linear(width, 2 * inner, bias=False)
        self.recurrence = Recurrence(inner, states)
        self.skip = nn.Parameter(torch.ones(inner))
        self.project_out = nn.Linear(inner, width, bias=False)

    def forward(self, tokens: Tensor, initial_state: Tensor | None = None) -> Tensor:
        """tokens `(b, n, m)`, initial state `(b, e, s)` or None (zeros) → `(b, n, m)`."""
        u, gate = self.project_in(self.norm(tokens)).chunk(2, dim=-1)
        u, scanned = self.recurrence(u, initial_state)
        y = (scanned.y + self.skip * u).to(gate.dtype) * F.silu(gate)
        return tokens + self.project_out(y)


class MambaStates(nn.Module):
    """A Mamba block of which only the last hidden state is wanted: without gate and output."""

    def __init__(self, width: int, inner: int, states: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(width)
        self.project_in = nn.Linear(width, inner, bias=False)
        self.recurrence = Recurrence(inner, states)

    def entered(self, tokens: Tensor) -> Tensor:
        """The inner channels `(b, n, e)` of tokens `(b, n, m)`, the same in any order of them."""
        inner: Tensor = self.project_in(self.norm(tokens))
        return inner

    def forward(self, inner: Tensor, counts: Tensor | None = None) -> Tensor:
        """Inner channels of tokens `(b, n, e)` → h after the last token, or the last that `counts`
        `(b, n)`: `(b, e, s)`.
        """
        return self.recurrence(inner, counts=counts)[1].last_state


class SpatialMambaBlock(nn.Module):
    """Eq. 3, read literally: f̂_i = C_i (Ā_i h_j + B̄_i f̂_i).

    Every token meets the *global* state h_j. There is no recurrence over the tokens, so nothing is
    forgotten on the way.
    """

    def __init__(self, width: int, inner: int, states: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(width)
        self.project_in = nn.Linear(width, 2 * inner, bias=False)
        self.parameters_of = SelectiveParameters(inner, states)
        self.skip = nn.Parameter(torch.ones(inner))
        self.project_out = nn.Linear(inner, width, bias=False)

    def forward(self, tokens: Tensor, state: Tensor) -> Tensor:
        """tokens `(b, n, m)`, state h_j `(b, e, s)` → `(b, n, m)`."""
        u, gate = self.project_in(self.norm(tokens)).chunk(2, dim=-1)
        u = F.silu(u)
        dt, a, b, c = self.parameters_of(u)
        y = meet_state(u.float(), dt, a, b, c, state.float())
        y = (y + self.skip * u).to(gate.dtype) * F.silu(gate)
        return tokens + self.project_out(y)


def meet_state(u: Tensor, dt: Tensor, a: Tensor, b: Tensor, c: Tensor, state: Tensor) -> Tensor:
    """y_i = ⟨C_i, exp(Δ_i A) ∘ h + Δ_i u_i B_i⟩ over the state axis, block by block of tokens.

    Args:
        u: `(b, n, e)`.
        dt: Δ `(b, n, e)`.
        a: A `(e, s)`.
        b: B `(b, n, s)`.
        c: C `(b, n, s)`.
        state: h `(b, e, s)`.

    Returns:
        `(b, n, e)`; never more than a block's `(b, n', e, s)` is held.
    """
    batch, n, inner = u.shape
    cached = u.device.type == "cpu" and not torch.is_grad_enabled()
    size = _CACHED_BYTES if cached else _BLOCK_BYTES
    block = max(1, size // (4 * batch * inner * a.shape[1]))
    # without gradient or in one block nothing is gained by recomputing
    recompute = torch.is_grad_enabled() and n > block
    outputs = []
    for start in range(0, n, block):
        part = slice(start, start + block)
        if recompute:
            recalled = checkpoint(_recall, dt[:, part], a, c[:, part], state, use_reentrant=False)
        else:
            recalled = _recall(dt[:, part], a, c[:, part], state)
        outputs.append(recalled)
    return torch.cat(outputs, dim=1) + dt * u * (b * c).sum(-1, keepdim=True)


def _recall(dt: Tensor, a: Tensor, c: Tensor, state: Tensor) -> Tensor:
    decay = torch.exp(dt[..., None] * a)
    return torch.einsum("bnes,bes,bns->bne", decay, state, c)
