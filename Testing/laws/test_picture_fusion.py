"""Fusing 2-D pictures: rules, colour, and the engine `dmfnet` with random weights."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from UniFuseLib.errors import InputError, WeightsError
from UniFuseLib.fusion import dmfnet_weights
from UniFuseLib.fusion.dmfnet import fuse_slices, fuse_tiles
from UniFuseLib.fusion.methods import METHODS, check_method, fusion_methods
from UniFuseLib.fusion.pictures import PictureFusion, to_rgb, to_ycbcr
from UniFuseLib.network.dmfnet.diffusion import STEPS, add_noise, sample, signal_share
from UniFuseLib.network.dmfnet.model import DmfNet, DmfNetConfig

CPU = torch.device("cpu")
SMALL = DmfNetConfig(channels=(8, 8, 16))


@pytest.fixture
def small() -> DmfNet:
    torch.manual_seed(2)
    model = DmfNet(SMALL).eval()
    torch.nn.init.normal_(model.fusion.head.weight, std=0.3)
    return model


def test_colours_that_no_screen_has_fade_and_keep_luma_and_hue():
    luma = np.array([[0.9, 0.5, 0.05]], np.float32)
    chroma = np.tile(np.array([-0.2, 0.45], np.float32), (1, 3, 1))
    rgb = to_rgb(luma, chroma)
    assert rgb.min() >= 0
    assert rgb.max() <= 1
    own_luma, own = to_ycbcr(rgb)
    np.testing.assert_allclose(own_luma, luma, atol=1e-3)
    share = own / chroma
    np.testing.assert_allclose(share[..., 0], share[..., 1], atol=0.01)  # one factor: the hue stays
    assert (share < 0.999).all()
    assert share.min() > 0


def test_colours_survive_the_way_through_luma_and_chroma():
    colours = np.random.default_rng(1).random((5, 7, 3)).astype(np.float32)
    np.testing.assert_allclose(to_rgb(*to_ycbcr(colours)), colours, atol=1e-5)


@pytest.mark.parametrize("name", ["average", "maximum", "laplacian"])
def test_a_picture_fused_with_itself_is_itself_colours_and_all(name: str):
    generator = np.random.default_rng(4)
    grey = generator.random((33, 46)).astype(np.float32)
    colours = 0.2 + 0.6 * generator.random((33, 46, 3)).astype(np.float32)
    fuse = PictureFusion(name, CPU)
    np.testing.assert_allclose(fuse(grey, grey), grey, atol=1e-5)
    np.testing.assert_allclose(fuse(colours, colours), colours, atol=1e-5)


def test_uptake_keeps_its_hue_on_a_grey_picture():
    """Red uptake on black, fused with grey: red stays ahead of blue where the uptake is."""
    uptake = np.zeros((16, 24, 3), dtype=np.float32)
    uptake[4:9, 5:20, 0] = 1.0
    grey = np.full((16, 24), 0.2, dtype=np.float32)
    fused = PictureFusion("maximum", CPU)(uptake, grey)
    assert fused.shape == (16, 24, 3)
    assert fused[6, 10, 0] > fused[6, 10, 2] + 0.5
    np.testing.assert_allclose(fused[12, 10], 0.2, atol=1e-6)


def test_two_sizes_are_refused_in_words():
    with pytest.raises(InputError, match="one size"):
        PictureFusion("average", CPU)(np.zeros((8, 9)), np.zeros((9, 8)))


def test_untrained_dmfnet_is_refused_in_words(monkeypatch, tmp_path):
    monkeypatch.setattr(dmfnet_weights, "models_folder", lambda: tmp_path)
    with pytest.raises(WeightsError, match="trained weights"):
        check_method("dmfnet")
    offered = {method.name: method.available for method in fusion_methods()}
    assert not offered["dmfnet"]
    assert offered["unifuse"]
    assert tuple(offered) == METHODS


def test_an_unknown_method_is_refused_in_words():
    with pytest.raises(InputError, match="Unknown fusion method"):
        check_method("median")


def test_dmfnet_keeps_the_agreed_size():
    method = next(m for m in fusion_methods() if m.name == "dmfnet")
    assert method.parameters <= 2e6
    assert method.gflops_slice_256 <= 40


def test_the_cosine_schedule_runs_from_signal_to_noise():
    share = signal_share(torch.arange(STEPS + 1))
    assert share[0] == pytest.approx(1, abs=1e-4)
    assert share[-1] < 1e-4
    assert (share.diff() <= 0).all()
    image, noise = torch.ones(1, 1, 4, 4), torch.full((1, 1, 4, 4), 2.0)
    middle = add_noise(image, noise, torch.tensor([STEPS // 2]))
    half = signal_share(torch.tensor(STEPS // 2))
    torch.testing.assert_close(middle, image * half.sqrt() + noise * (1 - half).sqrt())


def test_sampling_gives_the_image_that_a_perfect_model_knows():
    """ε of the true image at every step leads back to it."""
    truth = torch.rand(1, 1, 8, 16) * 2 - 1

    def oracle(noisy: torch.Tensor, step: torch.Tensor) -> torch.Tensor:
        share = signal_share(step)[:, None, None, None]
        return (noisy - share.sqrt() * truth) / (1 - share).sqrt()

    torch.testing.assert_close(sample(oracle, torch.randn_like(truth)), truth, atol=1e-3, rtol=0)


def test_slices_do_not_know_of_each_other_and_any_size_is_taken(small: DmfNet):
    generator = np.random.default_rng(5)
    a, b = (generator.random((3, 21, 34)).astype(np.float32) for _ in range(2))
    whole = fuse_slices(small, a, b)
    assert whole.shape == a.shape
    for k in range(3):
        alone = fuse_slices(small, a[k : k + 1], b[k : k + 1])
        np.testing.assert_allclose(whole[k : k + 1], alone, atol=1e-5)


def test_uptake_beyond_the_scale_is_not_cut(small: DmfNet):
    a = np.full((1, 16, 24), 0.5, dtype=np.float32)
    b = a.copy()
    b[0, 3:6, 4:9] = 2.5
    fused = fuse_slices(small, a, b)
    assert (fused[0, 3:6, 4:9] >= 1.5).all()
    assert (fused[0, 12:, 20:] <= 1).all()


def test_tiles_have_no_seams(small: DmfNet):
    """Where channel attention (a mean over the tile) is left out, tiles and whole agree inside."""
    for name, parameter in small.fusion.cross.named_parameters():
        if ".channel." in name:
            torch.nn.init.zeros_(parameter)
    generator = torch.Generator().manual_seed(6)
    a, b = (torch.rand(1, 1, 96, 352, generator=generator) for _ in range(2))
    with torch.inference_mode():
        whole = fuse_tiles(small, a, b)
        tiled = fuse_tiles(small, a, b, tile=256, overlap=160)
    far = (..., slice(0, 96), slice(0, 16))
    torch.testing.assert_close(tiled[far], whole[far], atol=1e-5, rtol=0)
    assert (tiled - whole).abs().max() < 0.05
