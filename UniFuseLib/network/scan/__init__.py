"""Selective scan of Mamba (S6): one function, one signature, three engines.

Gu & Dao 2023, arXiv:2312.00752. Paper → code: Δ `dt`, A `a`, B `b`, C `c`, h `state`; b batch, n
tokens, e channels, s states per channel.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, get_args

import torch
from torch import Tensor

from UniFuseLib.network.scan.chunked import scan_chunked
from UniFuseLib.network.scan.mamba_ssm import is_importable, objection, scan_mamba_ssm
from UniFuseLib.network.scan.reference import ScanResult, scan_reference

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

__all__ = ["Engine", "ScanResult", "available_engines", "scan_flops", "selective_scan"]

Engine = Literal["auto", "reference", "chunked", "mamba_ssm"]

_ENGINES: dict[str, Callable[..., ScanResult]] = {
    "reference": scan_reference,
    "chunked": scan_chunked,
    "mamba_ssm": scan_mamba_ssm,
}


def selective_scan(
    u: Tensor,
    dt: Tensor,
    a: Tensor,
    b: Tensor,
    c: Tensor,
    initial_state: Tensor | None = None,
    *,
    engine: Engine = "auto",
) -> ScanResult:
    """h_t = exp(Δ_t A) h_{t-1} + Δ_t u_t B_t;  y_t = ⟨C_t, h_t⟩. The skip D·u is the caller's.

    Computed in float32, or float64 where an input is float64, also under autocast.

    Args:
        u: `(b, n, e)`, n ≥ 1.
        dt: Δ `(b, n, e)`, > 0 (after softplus).
        a: A `(e, s)`, < 0.
        b: B `(b, n, s)`.
        c: C `(b, n, s)`.
        initial_state: h_0 `(b, e, s)`; None is zero.
        engine: "auto" takes mamba-ssm's kernel on CUDA where no gradient is asked for, else the
            chunked scan.

    Returns:
        y `(b, n, e)` and the last state `(b, e, s)`; gradients flow through both, except from
        "mamba_ssm".

    Raises:
        ValueError: shapes that do not fit, or an unknown engine.
        DeviceError, MissingDependencyError: engine "mamba_ssm" without CUDA or without its package.
    """
    if engine not in get_args(Engine):
        raise ValueError(f"Expected engine to be one of {get_args(Engine)}, got {engine!r}.")
    state = u.new_zeros(u.shape[0], *a.shape) if initial_state is None else initial_state
    _check_shapes(u, dt, a, b, c, state)
    inputs = _common_precision((u, dt, a, b, c, state))
    if engine == "auto":
        engine = "mamba_ssm" if objection(*inputs) is None and is_importable() else "chunked"
    return _ENGINES[engine](*inputs)


def available_engines() -> tuple[str, ...]:
    """Engines that this machine can run, slowest first."""
    kernel = ("mamba_ssm",) if torch.cuda.is_available() and is_importable() else ()
    return ("reference", "chunked", *kernel)


def scan_flops(n: int, e: int, s: int) -> int:
    """9·n·e·s: floating point operations of one scan over n tokens, per element of the batch.

    torch's own counter sees only 2·n·e·s of them: the product with C of the chunked engine.
    """
    return 9 * n * e * s


def _common_precision(tensors: Sequence[Tensor]) -> list[Tensor]:
    """float64 where one of them is, else float32.

    The state is a sum over all tokens, too long for half precision.
    """
    wide = any(x.dtype == torch.float64 for x in tensors)
    return [x.to(torch.float64 if wide else torch.float32) for x in tensors]


def _check_shapes(
    u: Tensor, dt: Tensor, a: Tensor, b: Tensor, c: Tensor, initial_state: Tensor
) -> None:
    if u.ndim != 3 or a.ndim != 2 or u.shape[1] == 0:
        raise ValueError(
            f"Expected u (b, n ≥ 1, e) and A (e, s), got {tuple(u.shape)} and {tuple(a.shape)}."
        )
    (batch, n, channels), states = u.shape, a.shape[1]
    found = {"dt": dt, "A": a, "B": b, "C": c, "initial_state": initial_state}
    expected = [(batch, n, channels), (channels, states), (batch, n, states), (batch, n, states)]
    expected.append((batch, channels, states))
    for (name, tensor), shape in zip(found.items(), expected, strict=True):
        if tuple(tensor.shape) != shape:
            raise ValueError(
                f"Expected {name} {shape} for u {tuple(u.shape)}, got {tuple(tensor.shape)}."
            )
