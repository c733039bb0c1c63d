"""What the classifier's normalisation remembers, and when."""

from __future__ import annotations

import torch

from UniFuseLib.network.encoder import texture
from UniFuseLib.network.state_classifier import RunningNorm


def test_running_norm_takes_out_what_samples_have_in_common() -> None:
    generator = torch.Generator().manual_seed(0)
    common = torch.randn(5, 7, generator=generator)
    norm = RunningNorm(5, 7)
    for _ in range(400):
        norm(common + 0.01 * torch.randn(4, 5, 7, generator=generator))
        norm.remember()
    found = norm.eval()(common + 0.01 * torch.randn(300, 5, 7, generator=generator))
    assert found.mean().abs() < 0.1
    assert 0.7 < found.std() < 1.3


def test_running_norm_moves_only_when_told() -> None:
    norm, x = RunningNorm(3), torch.randn(4, 3, generator=torch.Generator().manual_seed(1))
    first = norm(x)
    assert torch.equal(
        first, norm(x)
    )  # a pass that is computed again for its gradient sees the same statistics
    norm.remember()
    assert not torch.equal(first, norm(x))
    norm.eval()
    norm(x + 5)
    norm.remember()
    torch.testing.assert_close(norm.mean, x.mean(0), atol=1e-5, rtol=1e-5)  # use does not count


def test_texture_tells_rough_from_smooth_axis_by_axis() -> None:
    """Steps of 0.1 along one axis: only that axis' differences rise; channels: mean, deviation, (Δ,
    Δ²) of d, h, w.
    """
    ramp = torch.arange(24).float().view(1, 1, 1, 24, 1).expand(1, 1, 16, 24, 8) * 0.1
    found = texture(ramp, patch=8)
    assert found.shape == (1, 8, 2, 3, 1)
    middle = found[0, :, 0, 1, 0]
    torch.testing.assert_close(
        middle[0], torch.tensor(1.15), atol=1e-3, rtol=0
    )  # mean of rows 8..15
    torch.testing.assert_close(
        middle[4], torch.tensor((0.1 + 2e-3) / 0.02).log(), atol=1e-3, rtol=0
    )
    nothing = torch.tensor(2e-3 / 0.02).log()
    for silent in (2, 3, 5, 6, 7):
        torch.testing.assert_close(middle[silent], nothing, atol=1e-2, rtol=0)
