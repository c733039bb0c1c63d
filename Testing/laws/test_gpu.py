"""On a GPU everything is what it is on the CPU; skipped without one."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from UniFuseLib.network.build import build, preset
from UniFuseLib.network.depthwise import DepthwiseConvolution
from UniFuseLib.network.scan import Engine, selective_scan

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")

SHAPE = (1, 1, 24, 40, 32)  # another size along every axis


@pytest.fixture(autouse=True)
def _full_precision() -> Iterator[None]:
    """TF32 keeps 10 bits of a factor: logits agree to 2e-3 then, on an H100."""
    convolutions, products = torch.backends.cudnn.allow_tf32, torch.get_float32_matmul_precision()
    torch.backends.cudnn.allow_tf32 = False
    torch.set_float32_matmul_precision("highest")
    yield
    torch.backends.cudnn.allow_tf32 = convolutions
    torch.set_float32_matmul_precision(products)


def relative(found: Tensor, expected: Tensor) -> float:
    difference = (found.detach().cpu().double() - expected.detach().cpu().double()).abs().max()
    return float(difference / expected.detach().abs().max().cpu().double().clamp(min=1e-12))


def test_the_network_gives_what_it_gives_on_the_cpu() -> None:
    torch.manual_seed(0)
    model = build(preset("small")).eval()
    degraded, reference = torch.rand(SHAPE), torch.rand(SHAPE)
    with torch.no_grad():
        expected = model(degraded, reference)
        found = model.cuda()(degraded.cuda(), reference.cuda())
    for name in ("fused", "restored", "flow", "logits"):
        torch.testing.assert_close(
            getattr(found, name).cpu(), getattr(expected, name), atol=1e-4, rtol=1e-4
        )


def test_depthwise_gradients_are_torchs() -> None:
    torch.manual_seed(0)
    layer = DepthwiseConvolution(5).cuda()
    features = torch.randn(2, 5, 7, 9, 8, device="cuda", requires_grad=True)
    inputs = (features, layer.weight, layer.bias)
    out = layer(features)
    cotangent = torch.randn_like(out)
    plain = F.conv3d(features, layer.weight, layer.bias, padding=1, groups=5)
    found = torch.autograd.grad(out, inputs, cotangent)
    expected = torch.autograd.grad(plain, inputs, cotangent)
    for mine, theirs in zip(found, expected, strict=True):
        assert relative(mine, theirs) < 1e-5


@pytest.mark.parametrize("engine", ["reference", "chunked"])
def test_the_scan_and_its_gradients_are_those_of_the_cpu(engine: Engine) -> None:
    expected = _scan_and_gradients(torch.device("cpu"), "reference")
    for mine, theirs in zip(
        _scan_and_gradients(torch.device("cuda"), engine), expected, strict=True
    ):
        assert relative(mine, theirs) < 1e-4


def _scan_and_gradients(device: torch.device, engine: Engine) -> list[Tensor]:
    """y, the last state, and the gradients of u, Δ, A, B, C, h_0; float32."""
    generator = torch.Generator().manual_seed(1)
    b, n, e, s = 3, 501, 7, 5

    def normal(*shape: int) -> Tensor:
        return torch.randn(*shape, generator=generator)

    dt = torch.rand(b, n, e, generator=generator) * 0.1 + 1e-3
    a = -torch.rand(e, s, generator=generator) * 8 - 0.1
    plain = [normal(b, n, e), dt, a, normal(b, n, s), normal(b, n, s), normal(b, e, s)]
    # detached on the device: a copy of a tensor that needs gradients is no leaf, its .grad is None
    leaves = [x.to(device).detach().requires_grad_() for x in plain]
    y, last = selective_scan(*leaves, engine=engine)
    gradients = torch.autograd.grad(y.square().sum() + (3 * last).square().sum(), leaves)
    return [y, last, *gradients]
