"""mamba-ssm's CUDA kernel behind the common signature, for inference.

The kernel starts from zero and its last state has no gradient, hence inference only. An initial
state enters exactly, as s extra tokens in front (see `_prepend_state`).
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import torch
from torch import Tensor

from UniFuseLib.errors import DeviceError, MissingDependencyError
from UniFuseLib.network.scan.reference import ScanResult

Kernel = Callable[..., tuple[Tensor, Tensor]]

_KERNEL_DEVICE = "cuda"
_MOST_STATES = 256  # the kernel's own limit
_REMEDY = "Choose engine='chunked' or 'auto'"
_INSTALL = "MAMBA_KEEP_CUDA_BUILD=TRUE pip install mamba-ssm --no-build-isolation (Linux, CUDA)"


def scan_mamba_ssm(
    u: Tensor, dt: Tensor, a: Tensor, b: Tensor, c: Tensor, initial_state: Tensor
) -> ScanResult:
    """Values of `scan_reference`, which says the arguments, without gradients.

    Raises:
        ValueError: a gradient is asked for, another dtype than float32, or too many states.
        DeviceError: tensors that are not on CUDA.
        MissingDependencyError: mamba-ssm or its kernel does not load.
    """
    refusal = objection(u, dt, a, b, c, initial_state)
    if refusal is not None:
        raise refusal
    return scan_by_kernel(load_kernel(), u, dt, a, b, c, initial_state)


def objection(*inputs: Tensor) -> Exception | None:
    """Why the kernel does not take u, Δ, A, B, C, h_0; None when it does."""
    u, _, a, *_ = inputs
    if torch.is_grad_enabled() and any(x.requires_grad for x in inputs):
        return ValueError(
            f"Expected torch.no_grad() for engine 'mamba_ssm', got inputs with gradient. {_REMEDY}"
        )
    if u.dtype != torch.float32 or a.shape[1] > _MOST_STATES:
        expected = f"Expected float32 and at most {_MOST_STATES} states for engine 'mamba_ssm'"
        return ValueError(f"{expected}, got {u.dtype} and {a.shape[1]}. {_REMEDY}")
    if u.device.type != _KERNEL_DEVICE:
        return DeviceError(
            f"Expected CUDA tensors for engine 'mamba_ssm', got tensors on {u.device}. {_REMEDY}"
        )
    return None


def load_kernel() -> Kernel:
    """mamba_ssm's `selective_scan_fn`.

    Raises:
        MissingDependencyError: it is missing, or was built for another torch or CUDA.
    """
    try:
        # builds without the compiled half import well and fail only at the first call
        import selective_scan_cuda  # noqa: F401
        from mamba_ssm.ops.selective_scan_interface import selective_scan_fn
    except (ImportError, OSError, RuntimeError) as error:
        expected = (
            "Expected mamba-ssm with its compiled kernel selective_scan_cuda for engine 'mamba_ssm'"
        )
        raise MissingDependencyError(
            f"{expected}, got: {error}. {_REMEDY}, or install it: {_INSTALL}"
        ) from error
    return selective_scan_fn


@cache
def is_importable() -> bool:
    """Whether mamba-ssm and its kernel load here; asked once."""
    try:
        load_kernel()
    except MissingDependencyError:
        return False
    return True


@torch.no_grad()
def scan_by_kernel(
    kernel: Kernel, u: Tensor, dt: Tensor, a: Tensor, b: Tensor, c: Tensor, initial_state: Tensor
) -> ScanResult:
    """`scan_reference` by `kernel(u, Δ, A, B, C, return_last_state=True)`, which starts from zero.

    The kernel's layout is `(b, e, n)` for u and Δ, `(b, s, n)` for B and C.
    """
    extended = _prepend_state(u, dt, a, b, c, initial_state)
    u, dt, b, c = (x.transpose(1, 2).contiguous() for x in extended)
    y, last_state = kernel(u, dt, a.contiguous(), b, c, return_last_state=True)
    return ScanResult(y[..., a.shape[1] :].transpose(1, 2), last_state)


def _prepend_state(
    u: Tensor, dt: Tensor, a: Tensor, b: Tensor, c: Tensor, state: Tensor
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """s tokens that carry zero to `state`.

    Token j writes h_j alone (B = unit vector j), scaled for its later decay. With Δ = 1 / (s ·
    max|A|) the decay until the last of them is at least 1/e, so the scale is harmless in float32.
    """
    batch, states = state.shape[0], state.shape[2]
    step = 1 / (states * a.abs().max())
    still_to_come = torch.arange(states - 1, -1, -1, device=a.device, dtype=a.dtype)
    values = state * torch.exp(-a * step * still_to_come) / step
    unit = torch.eye(states, device=a.device, dtype=a.dtype).expand(batch, -1, -1)
    return (
        torch.cat([values.transpose(1, 2), u], dim=1),
        torch.cat([step.expand(batch, states, u.shape[2]), dt], dim=1),
        torch.cat([unit, b], dim=1),
        torch.cat([torch.zeros_like(unit), c], dim=1),
    )
