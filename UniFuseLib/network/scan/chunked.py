"""The portable fast scan: blocks of tokens, each block cut into chunks that advance side by side.

A block holds a bounded number of states, so `(n, e, s)` is never in memory; backward recomputes a
block's states from the one state that entered it. Inside a block the layout is `(t, b, k, ...)`: k
chunks of t tokens. All chunks take the same step at once (t sequential steps instead of t·k), then
their end states are chained (k steps), then every state receives what is left of the state its
chunk started from. Decays are products of numbers ≤ 1: unlike cumulative sums in log space, nothing
overflows.

States are `(..., s, e)` in this file: e is the longer axis, and the innermost one is vectorised.
"""

from __future__ import annotations

import math
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.autograd.function import once_differentiable

from UniFuseLib.network.layers import without_autocast
from UniFuseLib.network.scan.reference import ScanResult

if TYPE_CHECKING:
    from collections.abc import Sequence

# CPU: a block's few buffers stay near the last-level cache. Elsewhere: few, large launches.
_BLOCK_BYTES = {"cpu": 2 * 2**20}
_BLOCK_BYTES_ELSEWHERE = 128 * 2**20


class _Tokens(NamedTuple):
    """One block, `(t, b, k, ...)`.

    Tokens that fill the last chunk have Δ = 0: they leave the state as it is.
    """

    u: Tensor  # (t, b, k, e)
    dt: Tensor  # (t, b, k, e)
    b: Tensor  # (t, b, k, s)
    c: Tensor  # (t, b, k, s)


def scan_chunked(
    u: Tensor, dt: Tensor, a: Tensor, b: Tensor, c: Tensor, initial_state: Tensor
) -> ScanResult:
    """Values and first derivatives of `scan_reference`, which says the arguments."""
    return ScanResult(*_ChunkedScan.apply(u, dt, a, b, c, initial_state))


class _ChunkedScan(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, u: Tensor, dt: Tensor, a: Tensor, b: Tensor, c: Tensor, initial: Tensor
    ) -> Any:
        state = initial.transpose(1, 2)
        y, entered = torch.empty_like(u), []
        with without_autocast(u.device):
            for part in _blocks(u, a):
                entered.append(state)
                tokens = _Tokens(*(_to_chunks(x[:, part]) for x in (u, dt, b, c)))
                states, _, state = _block_states(tokens, a, state)
                y[:, part] = _to_tokens(_over_states(tokens.c, states[1:]), part)
        ctx.save_for_backward(u, dt, a, b, c, *entered)
        return y, state.transpose(1, 2).contiguous()

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *grad_outputs: Any) -> Any:
        dy, d_last = grad_outputs
        u, dt, a, b, c, *entered = ctx.saved_tensors
        grads = [torch.empty_like(x) for x in (u, dt, b, c)]
        da, adjoint = torch.zeros_like(a), d_last.transpose(1, 2)
        with without_autocast(u.device):
            for part, state in reversed(list(zip(_blocks(u, a), entered, strict=True))):
                tokens = _Tokens(*(_to_chunks(x[:, part]) for x in (u, dt, b, c)))
                of_tokens, of_a, adjoint = _block_gradients(
                    tokens, a, state, _to_chunks(dy[:, part]), adjoint
                )
                da += of_a
                for whole, block in zip(grads, of_tokens, strict=True):
                    whole[:, part] = _to_tokens(block, part)
        du, d_dt, db, dc = grads
        return du, d_dt, da, db, dc, adjoint.transpose(1, 2)


def _block_states(tokens: _Tokens, a: Tensor, state: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """h_t = ā_t h_{t-1} + Δ_t u_t B_t over one block entered with `state` `(b, s, e)`.

    Returns:
        h_{t-1} at [t] and h_t at [t + 1] `(t + 1, b, k, s, e)`, ā `(t, b, k, s, e)`, and the state
        that leaves the block.
    """
    decay = _outer_decay(tokens.dt, a)
    states = decay.new_empty(decay.shape[0] + 1, *decay.shape[1:])
    torch.mul(tokens.b[..., :, None], (tokens.dt * tokens.u)[..., None, :], out=states[1:])
    states[0], state = _recur(decay, states[1:], state, direction=1)
    return states, decay, state


def _block_gradients(
    tokens: _Tokens, a: Tensor, state: Tensor, dy: Tensor, adjoint: Tensor
) -> tuple[_Tokens, Tensor, Tensor]:
    """p_t = ā_t (C_t dy_t + p_{t+1}), p_t = ∂loss/∂h_{t-1} by way of h_t.

    The same recurrence, backwards in time.

    Args:
        tokens: of the block.
        a: A `(e, s)`.
        state: that entered the block, `(b, s, e)`.
        dy: `(t, b, k, e)`.
        adjoint: p right after the block, `(b, s, e)`.

    Returns:
        Gradients of the tokens, of A `(e, s)`, and p of the block's first token `(b, s, e)`.
    """
    states, decay, _ = _block_states(tokens, a, state)
    p = torch.empty_like(states)
    torch.mul(tokens.c[..., :, None], dy[..., None, :], out=p[:-1])
    p[:-1].mul_(decay)
    p[-1], adjoint = _recur(decay, p[:-1], adjoint, direction=-1)
    step = tokens.dt * tokens.u
    # ∂loss/∂h_t = C_t dy_t + p_{t+1}; its first part is of rank one and never formed
    d_step = _over_states(tokens.b, p[1:]) + (tokens.b * tokens.c).sum(-1, keepdim=True) * dy
    db = _over_channels(step, p[1:]) + (step * dy).sum(-1, keepdim=True) * tokens.c
    dc = _over_channels(dy, states[1:])
    d_exponent = p[:-1].mul_(states[:-1])  # of Δ_t A, after the last use of p
    d_dt = (d_exponent * a.T).sum(-2) + d_step * tokens.u
    da = (d_exponent * tokens.dt[..., None, :]).sum((0, 1, 2)).T
    return _Tokens(d_step * tokens.dt, d_dt, db, dc), da, adjoint


def _recur(
    decay: Tensor, drive: Tensor, carry: Tensor, direction: Literal[1, -1]
) -> tuple[Tensor, Tensor]:
    """x_t = decay_t x_{t∓1} + drive_t over one block, in place of `drive`; -1 runs against time.

    Args:
        decay: `(t, b, k, s, e)`.
        drive: of the same shape; overwritten by x.
        carry: x before the first step, `(b, s, e)`.
        direction: 1 runs with time, -1 against it.

    Returns:
        x that each chunk starts from `(b, k, s, e)`, and x after the last step `(b, s, e)`.
    """
    passed = torch.empty_like(decay)  # how much of a chunk's start is left after each of its steps
    steps = list(zip(decay.unbind(), drive.unbind(), passed.unbind(), strict=True))[::direction]
    steps[0][2].copy_(steps[0][0])
    for (_, x_before, left_before), (factor, x, left_after) in pairwise(steps):
        x.addcmul_(factor, x_before)
        torch.mul(factor, left_before, out=left_after)
    _, ends, left = steps[-1]
    chained, carry = _chain(ends.unbind(1)[::direction], left.unbind(1)[::direction], carry)
    starts = torch.stack(chained[::direction], dim=1)
    drive.addcmul_(passed, starts)
    return starts, carry


def _chain(
    ends: Sequence[Tensor], left: Sequence[Tensor], carry: Tensor
) -> tuple[list[Tensor], Tensor]:
    """start_{k+1} = end_k + left_k start_k: what chunks start from, and what leaves the last."""
    starts = []
    for end, share in zip(ends, left, strict=True):
        starts.append(carry)
        carry = torch.addcmul(end, share, carry)
    return starts, carry


def _outer_decay(dt: Tensor, a: Tensor) -> Tensor:
    """ā = exp(Δ A): `(t, b, k, e)`, `(e, s)` → `(t, b, k, s, e)`."""
    return torch.mul(dt[..., None, :], a.T.contiguous()).exp_()


def _over_states(weights: Tensor, states: Tensor) -> Tensor:
    """Σ_s weights_s states_se: `(t, b, k, s)`, `(t, b, k, s, e)` → `(t, b, k, e)`."""
    return torch.matmul(weights[..., None, :], states)[..., 0, :]


def _over_channels(weights: Tensor, states: Tensor) -> Tensor:
    """Σ_e weights_e states_se: `(t, b, k, e)`, `(t, b, k, s, e)` → `(t, b, k, s)`."""
    return torch.matmul(states, weights[..., None])[..., 0]


def _blocks(u: Tensor, a: Tensor) -> list[slice]:
    """Equal parts of the n tokens whose states `(b, part, e, s)` fit into a block."""
    batch, n, _ = u.shape
    allowed = _BLOCK_BYTES.get(u.device.type, _BLOCK_BYTES_ELSEWHERE)
    most = max(1, allowed // (batch * a.numel() * a.element_size()))
    length = math.ceil(n / math.ceil(n / most))
    return [slice(start, min(start + length, n)) for start in range(0, n, length)]


def _to_chunks(tokens: Tensor) -> Tensor:
    """`(b, n, c)` → `(t, b, k, c)` with t·k ≥ n, filled up with zeros; t and k are close to √n."""
    n = tokens.shape[1]
    steps = math.ceil(math.sqrt(n))
    filled = F.pad(tokens, (0, 0, 0, -n % steps))
    return filled.unflatten(1, (-1, steps)).permute(2, 0, 1, 3).contiguous()


def _to_tokens(chunks: Tensor, part: slice) -> Tensor:
    """`(t, b, k, c)` → `(b, n, c)`, n the length of `part`: the inverse of `_to_chunks`."""
    return chunks.permute(1, 2, 0, 3).flatten(1, 2)[:, : part.stop - part.start]
