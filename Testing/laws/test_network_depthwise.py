"""The depthwise convolution with gradients of its own is torch's, and so are its gradients."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F

from UniFuseLib.network import slabs
from UniFuseLib.network.depthwise import DepthwiseConvolution
from UniFuseLib.network.thin import ThinConvolution

SHAPE = (2, 3, 4, 6, 5)  # another size along every axis


def made() -> tuple[DepthwiseConvolution, torch.Tensor]:
    torch.manual_seed(0)
    return DepthwiseConvolution(3), torch.randn(SHAPE, requires_grad=True)


def test_values_and_gradients_are_those_of_torchs_convolution() -> None:
    layer, features = made()
    inputs = (features, layer.weight, layer.bias)
    out = layer(features)
    plain = F.conv3d(features, layer.weight, layer.bias, padding=1, groups=3)
    torch.testing.assert_close(out, plain)
    cotangent = torch.randn(SHAPE)
    found = torch.autograd.grad(out, inputs, cotangent)
    expected = torch.autograd.grad(plain, inputs, cotangent)
    for mine, theirs in zip(found, expected, strict=True):
        torch.testing.assert_close(mine, theirs, atol=1e-5, rtol=1e-5)


def test_without_gradient_nothing_changes() -> None:
    layer, features = made()
    with torch.no_grad():
        torch.testing.assert_close(layer(features), layer(features.detach()))
    assert set(layer.state_dict()) == {"weight", "bias"}  # those of the shipped weights


@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last_3d])
def test_half_precision_under_autocast(layout: torch.memory_format) -> None:
    layer, features = made()
    expected = torch.autograd.grad(layer(features).square().sum(), (features, layer.weight))
    with torch.autocast("cpu", dtype=torch.bfloat16):
        out = layer(features.contiguous(memory_format=layout))
    assert out.dtype == torch.bfloat16
    found = torch.autograd.grad(out.float().square().sum(), (features, layer.weight))
    for mine, theirs in zip(found, expected, strict=True):
        assert mine.dtype == torch.float32
        torch.testing.assert_close(mine, theirs, atol=0.05 * float(theirs.abs().max()), rtol=0)


def test_a_thin_convolution_is_a_convolution() -> None:
    torch.manual_seed(3)
    layer, features = ThinConvolution(3), torch.randn(2, 3, 9, 7, 11)
    whole = layer(features)  # with gradients: torch's own
    with torch.no_grad():
        torch.testing.assert_close(layer(features), whole, rtol=0, atol=1e-6)


def test_without_gradients_slabs_change_no_bit(monkeypatch: pytest.MonkeyPatch) -> None:
    torch.manual_seed(4)
    layer, features = DepthwiseConvolution(5), torch.randn(1, 5, 9, 7, 11)
    with torch.no_grad():
        whole = layer(features)
        monkeypatch.setattr(slabs, "_SMALL", 0)
        monkeypatch.setattr(slabs, "_PLANES", 4)  # slabs of 4, 4 and 1 planes
        assert torch.equal(layer(features), whole)
