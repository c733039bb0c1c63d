"""Every engine is the recurrence h_t = exp(Δ_t A) h_{t-1} + Δ_t u_t B_t, y_t = ⟨C_t, h_t⟩, values
and gradients.
"""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves
from torch.utils.checkpoint import checkpoint

from UniFuseLib.network.scan import (
    Engine,
    ScanResult,
    available_engines,
    chunked,
    selective_scan,
)
from UniFuseLib.network.scan.mamba_ssm import scan_by_kernel

# (b, n, e, s): every axis of another length; one token, fewer tokens than a chunk, several blocks
# with a remainder
SIZES = [(1, 1, 3, 2), (2, 5, 4, 3), (2, 137, 7, 5), (1, 2049, 33, 16)]
WIDE = torch.float64


def inputs(
    size: tuple[int, int, int, int], dtype: torch.dtype = WIDE, largest_dt: float = 0.5
) -> list[Tensor]:
    """u, Δ, A, B, C, h_0 of ordinary size: A down to -s, Δ log-uniform from 1e-3 to
    `largest_dt`.
    """
    b, n, e, s = size
    generator = torch.Generator().manual_seed(n)

    def normal(*shape: int) -> Tensor:
        return torch.randn(*shape, generator=generator, dtype=WIDE)

    log_dt = torch.rand(b, n, e, generator=generator, dtype=WIDE) * math.log(
        largest_dt / 1e-3
    ) + math.log(1e-3)
    a = -torch.arange(1, s + 1, dtype=WIDE) * (1 + normal(e, s).abs() / 4)
    tensors = [
        normal(b, n, e),
        log_dt.exp(),
        a,
        normal(b, n, s),
        normal(b, n, s),
        3 * normal(b, e, s),
    ]
    return [x.to(dtype) for x in tensors]


def relative(got: Tensor, expected: Tensor) -> float:
    return ((got.double() - expected).abs().max() / expected.abs().max()).item()


def gradients(
    size: tuple[int, int, int, int], dtype: torch.dtype, engine: Engine
) -> tuple[Tensor, ...]:
    """Of a loss on which y and the last state weigh alike."""
    leaves = [x.requires_grad_() for x in inputs(size, dtype)]
    y, last_state = selective_scan(*leaves, engine=engine)
    loss = (y * torch.cos(torch.arange(y.numel()).view(y.shape))).mean() + (last_state**2).mean()
    return torch.autograd.grad(loss, leaves)


def small_blocks(
    monkeypatch: pytest.MonkeyPatch, tokens: int, size: tuple[int, int, int, int]
) -> None:
    b, _, e, s = size
    monkeypatch.setitem(chunked._BLOCK_BYTES, "cpu", tokens * b * e * s * 8)


def test_reference_is_the_recurrence_of_two_tokens_written_out() -> None:
    u, dt, a, b, c, state = inputs((1, 2, 3, 2))
    first = torch.exp(dt[0, 0, :, None] * a) * state[0] + torch.outer(dt[0, 0] * u[0, 0], b[0, 0])
    second = torch.exp(dt[0, 1, :, None] * a) * first + torch.outer(dt[0, 1] * u[0, 1], b[0, 1])
    y, last_state = selective_scan(u, dt, a, b, c, state, engine="reference")
    torch.testing.assert_close(last_state[0], second)
    torch.testing.assert_close(y[0], torch.stack([first @ c[0, 0], second @ c[0, 1]]))


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("engine", [x for x in available_engines() if x != "mamba_ssm"])
def test_engine_agrees_with_the_float64_reference(
    engine: Engine, size: tuple[int, int, int, int]
) -> None:
    expected = selective_scan(*inputs(size), engine="reference")
    y, last_state = selective_scan(*inputs(size, torch.float32), engine=engine)
    assert y.shape == size[:3]
    assert last_state.shape == (size[0], *size[2:])
    assert relative(y, expected.y) < 1e-5
    assert relative(last_state, expected.last_state) < 1e-5


@pytest.mark.parametrize("tokens", [1, 2, 7, 136, 137])
def test_blocks_and_chunks_do_not_change_the_result(
    monkeypatch: pytest.MonkeyPatch, tokens: int
) -> None:
    size = (2, 137, 7, 5)
    expected = selective_scan(*inputs(size), engine="reference")
    small_blocks(monkeypatch, tokens, size)
    y, last_state = selective_scan(*inputs(size), engine="chunked")
    torch.testing.assert_close(y, expected.y)
    torch.testing.assert_close(last_state, expected.last_state)


@pytest.mark.parametrize("largest_dt", [1e-2, 50.0])
def test_chunked_stays_exact_where_nothing_and_where_everything_is_forgotten(
    largest_dt: float,
) -> None:
    size = (1, 600, 5, 16)
    expected = selective_scan(*inputs(size, largest_dt=largest_dt), engine="reference")
    y, last_state = selective_scan(*inputs(size, torch.float32, largest_dt), engine="chunked")
    assert relative(y, expected.y) < 1e-5
    assert relative(last_state, expected.last_state) < 1e-5


@pytest.mark.parametrize("size", SIZES)
def test_chunked_gradients_agree_with_the_float64_reference(
    size: tuple[int, int, int, int],
) -> None:
    expected = gradients(size, WIDE, "reference")
    got = gradients(size, torch.float32, "chunked")
    assert [relative(x, y) < 1e-4 for x, y in zip(got, expected, strict=True)] == 6 * [True]


@pytest.mark.parametrize("tokens", [3, 100])
def test_chunked_passes_gradcheck_with_initial_and_last_state(
    monkeypatch: pytest.MonkeyPatch, tokens: int
) -> None:
    size = (2, 11, 3, 2)
    small_blocks(monkeypatch, tokens, size)
    leaves = [x.requires_grad_() for x in inputs(size)]
    assert torch.autograd.gradcheck(lambda *x: tuple(selective_scan(*x, engine="chunked")), leaves)


def test_gradients_of_y_alone_and_of_the_last_state_alone() -> None:
    for index in (0, 1):
        got, expected = (
            torch.autograd.grad(
                selective_scan(*leaves, engine=engine)[index].square().sum(), leaves[:4]
            )
            for engine in ("chunked", "reference")
            for leaves in [[x.requires_grad_() for x in inputs((2, 23, 3, 2))]]
        )
        torch.testing.assert_close(got, expected)


def test_the_batch_equals_its_elements_one_by_one() -> None:
    tensors = inputs((3, 301, 6, 4))
    y, last_state = selective_scan(*tensors, engine="chunked")
    for i in range(3):
        alone = selective_scan(
            *(x if x.ndim == 2 else x[i : i + 1] for x in tensors), engine="chunked"
        )
        torch.testing.assert_close(y[i : i + 1], alone.y)
        torch.testing.assert_close(last_state[i : i + 1], alone.last_state)


def test_a_sequence_cut_in_two_is_the_whole_sequence() -> None:
    u, dt, a, b, c, state = inputs((2, 90, 5, 3))
    whole = selective_scan(u, dt, a, b, c, state)
    head = selective_scan(u[:, :31], dt[:, :31], a, b[:, :31], c[:, :31], state)
    tail = selective_scan(u[:, 31:], dt[:, 31:], a, b[:, 31:], c[:, 31:], head.last_state)
    torch.testing.assert_close(torch.cat([head.y, tail.y], dim=1), whole.y)
    torch.testing.assert_close(tail.last_state, whole.last_state)


def test_two_runs_are_the_same_to_the_last_bit() -> None:
    size = (2, 777, 9, 4)
    first, second = (gradients(size, torch.float32, "chunked") for _ in range(2))
    assert all(torch.equal(x, y) for x, y in zip(first, second, strict=True))


def test_autocast_keeps_float32_forward_and_backward() -> None:
    size = (2, 137, 7, 5)
    expected = gradients(size, torch.float32, "chunked")
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert selective_scan(*inputs(size, torch.bfloat16)).y.dtype == torch.float32
        got = gradients(size, torch.float32, "chunked")
    torch.testing.assert_close(got, expected)


@pytest.mark.parametrize("reentrant", [True, False])
def test_checkpointing_changes_nothing(reentrant: bool) -> None:
    size = (2, 137, 7, 5)
    leaves = [x.requires_grad_() for x in inputs(size)]
    y, last_state = checkpoint(selective_scan, *leaves, use_reentrant=reentrant)
    loss = (y * torch.cos(torch.arange(y.numel()).view(y.shape))).mean() + (last_state**2).mean()
    loss.backward()
    torch.testing.assert_close(tuple(x.grad for x in leaves), gradients(size, WIDE, "reference"))


class LargestTensor(TorchDispatchMode):
    """Elements of the largest tensor that any operation returns while it is active."""

    elements = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        result = func(*args, **(kwargs or {}))
        sizes = [x.numel() for x in tree_leaves(result) if isinstance(x, Tensor)]
        self.elements = max(self.elements, *sizes, 0)
        return result


def test_states_of_all_tokens_are_never_in_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    _, _, e, s = size = (1, 1000, 32, 16)
    small_blocks(monkeypatch, 100, size)
    with LargestTensor() as largest:
        gradients(size, WIDE, "chunked")
    assert largest.elements == 11 * 10 * e * s  # a block: 10 steps and the start of 10 chunks


def reference_as_kernel(
    u: Tensor, delta: Tensor, a: Tensor, b: Tensor, c: Tensor, return_last_state: bool
) -> tuple[Tensor, Tensor]:
    """What mamba-ssm's `selective_scan_fn` computes: `(b, e, n)` layout, contiguous, from a zero
    state.
    """
    assert return_last_state
    assert all(x.is_contiguous() for x in (u, delta, a, b, c))
    u, delta, b, c = (x.transpose(1, 2) for x in (u, delta, b, c))
    y, last_state = selective_scan(u, delta, a, b, c, engine="reference")
    return y.transpose(1, 2), last_state


@pytest.mark.parametrize("size", SIZES[:3])
@pytest.mark.parametrize("largest_a", [1.0, 1e3])
def test_the_kernels_missing_initial_state_enters_exactly(
    size: tuple[int, int, int, int], largest_a: float
) -> None:
    u, dt, a, b, c, state = inputs(size)
    expected = selective_scan(u, dt, largest_a * a, b, c, state, engine="reference")
    single = (x.float() for x in (u, dt, largest_a * a, b, c, state))
    y, last_state = scan_by_kernel(reference_as_kernel, *single)
    assert relative(y, expected.y) < 1e-5
    assert relative(last_state, expected.last_state) < 1e-5


needs_cuda = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")


def to_cuda(tensors: list[Tensor]) -> list[Tensor]:
    return [x.cuda() for x in tensors]


@needs_cuda
@pytest.mark.parametrize("size", SIZES)
def test_chunked_on_cuda_agrees_with_the_float64_reference(size: tuple[int, int, int, int]) -> None:
    expected = selective_scan(*inputs(size), engine="reference")
    leaves = [x.requires_grad_() for x in to_cuda(inputs(size, torch.float32))]
    got = selective_scan(*leaves, engine="chunked")
    assert relative(got.y.cpu(), expected.y) < 1e-4
    assert relative(got.last_state.cpu(), expected.last_state) < 1e-4
    wide = [x.requires_grad_() for x in inputs(size)]
    expected_gradients = torch.autograd.grad(_loss(selective_scan(*wide, engine="reference")), wide)
    for x, y in zip(torch.autograd.grad(_loss(got), leaves), expected_gradients, strict=True):
        assert relative(x.cpu(), y) < 1e-3


def _loss(result: ScanResult) -> Tensor:
    return result.y.square().mean() + result.last_state.square().mean()


@needs_cuda
@pytest.mark.skipif(
    "mamba_ssm" not in available_engines(), reason="needs mamba-ssm with selective_scan_cuda"
)
@pytest.mark.parametrize("size", SIZES)
def test_mamba_ssm_agrees_with_the_float64_reference(size: tuple[int, int, int, int]) -> None:
    expected = selective_scan(*inputs(size), engine="reference")
    y, last_state = selective_scan(*to_cuda(inputs(size, torch.float32)), engine="mamba_ssm")
    assert relative(y.cpu(), expected.y) < 1e-4
    assert relative(last_state.cpu(), expected.last_state) < 1e-4
