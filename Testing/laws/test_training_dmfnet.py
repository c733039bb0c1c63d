"""Slices, losses and the run of the engine `dmfnet`."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from UniFuseLib.errors import InputError, WeightsError
from UniFuseLib.fusion.dmfnet_weights import load_dmfnet
from UniFuseLib.network.dmfnet.model import DmfNet, DmfNetConfig
from UniFuseLib.spatial.volume import Grid
from UniFuseLib.training.data import PackedSubject, PackedVolume
from UniFuseLib.training.dmfnet import run
from UniFuseLib.training.dmfnet.losses import (
    contrast_loss,
    detail_loss,
    fusion_losses,
    strength_loss,
)
from UniFuseLib.training.dmfnet.slices import SIDE, SliceShelf

if TYPE_CHECKING:
    from pathlib import Path


def volume_of_the_world(kind: str, spacing: tuple[float, float, float], turn: float):
    """Code 128 + 0.5 R - 0.3 A + 0.8 S (RAS mm) on an oblique, anisotropic grid about 0."""
    c, s = np.cos(turn), np.sin(turn)
    rotation = np.array([[c, -s, 0], [s, c, 0], [0, 0, 1]]) @ np.eye(3)[:, [2, 0, 1]]
    shape = tuple(int(180 / side) for side in spacing)
    affine = np.eye(4)
    affine[:3, :3] = rotation * spacing
    affine[:3, 3] = -affine[:3, :3] @ ((np.array(shape) - 1) / 2)
    index = np.stack(np.meshgrid(*(np.arange(n) for n in shape), indexing="ij"), axis=-1)
    world = index @ affine[:3, :3].T + affine[:3, 3]
    codes = (128 + world @ [0.5, -0.3, 0.8]).clip(1, 254).round().astype(np.uint8)
    return PackedVolume(torch.from_numpy(codes), Grid(shape, affine), kind)


@pytest.fixture
def subject() -> PackedSubject:
    return PackedSubject(
        "one",
        {
            "ct": volume_of_the_world("ct", (3.0, 2.0, 2.5), 0.4),
            "t1": volume_of_the_world("mr", (2.0, 4.0, 3.0), -0.7),
            "labels": volume_of_the_world("labels", (6.0, 6.0, 6.0), 0.0),
        },
    )


def test_a_pair_shows_the_same_place_of_two_oblique_grids(subject: PackedSubject):
    """Where both were acquired, both channels read the same function of the world."""
    shelf = SliceShelf([subject], True, 6, torch.Generator().manual_seed(1))
    shelf.add(6)
    for image in shelf._slices:
        first, second = image.float()
        both = (first > 0.1) & (second > 0.1) & (first < 0.98) & (second < 0.98)
        assert both.sum() > 500
        inner = both.float()[None, None]
        inner = -torch.nn.functional.max_pool2d(-inner, 9, 1, 4)[0, 0] > 0
        assert (first - second)[inner].abs().max() < 0.02


def test_slices_have_square_pixels_and_stay_within_the_range(subject: PackedSubject):
    shelf = SliceShelf([subject], False, 4, torch.Generator().manual_seed(2))
    for _ in range(20):
        grid = shelf._grid(subject.volumes["ct"])
        linear = grid.affine[:3, :3]
        pixel = linear[:, 0] @ linear[:, 0]
        np.testing.assert_allclose(linear.T @ linear, pixel * np.eye(3), atol=1e-9)
        assert 0.69 < np.linalg.norm(linear[:, 1]) < 2.21
        middle = grid.affine @ [0, (SIDE - 1) / 2, (SIDE - 1) / 2, 1]
        index = np.linalg.inv(subject.volumes["ct"].grid.affine) @ middle
        assert (index[:3] > 0).all()
        assert (index[:3] < subject.volumes["ct"].codes.shape).all()
    shelf.add(5)
    drawn = shelf.draw(3, 32)
    assert drawn.shape == (3, 1, 32, 32)
    assert drawn.min() >= 0
    assert drawn.max() <= 1
    assert len(shelf._slices) == 4


def test_label_maps_and_single_volumes_give_no_pair(subject: PackedSubject):
    alone = PackedSubject("two", {k: v for k, v in subject.volumes.items() if k != "t1"})
    with pytest.raises(InputError, match="2 aligned volumes"):
        SliceShelf([alone], True, 4, torch.Generator())


def test_the_better_fused_image_has_the_lower_loss():
    generator = torch.Generator().manual_seed(4)
    a, b = torch.rand(2, 1, 24, 31, generator=generator).split(1)
    best = torch.maximum(a, b)
    assert fusion_losses(best, a, b)["brightness"] == 0
    assert contrast_loss(a, a, a) < 1e-4
    assert contrast_loss(a, a, torch.full_like(a, 0.5)) < 1e-4  # the flat source does not count
    assert detail_loss(b, torch.full_like(b, 0.5), b) == 0
    blurred = torch.nn.functional.avg_pool2d(a, 5, 1, 2)
    for loss in (contrast_loss, detail_loss):
        assert loss(blurred, a, torch.full_like(a, 0.5)) > loss(a, a, torch.full_like(a, 0.5))


def test_strength_tells_how_much_weaker_the_gradients_are():
    generator = torch.Generator().manual_seed(5)
    a = torch.rand(1, 1, 24, 31, generator=generator)
    flat = torch.full_like(a, 0.5)
    for share in (1.0, 0.7, 0.0):
        weaker = flat + share * (a - flat)
        expected = pytest.approx((1 - share) ** 2, abs=2e-3)
        assert float(strength_loss(weaker, a, flat)) == expected
        assert float(strength_loss(weaker, flat, a)) == expected
    assert float(strength_loss(a.transpose(2, 3), a.transpose(2, 3), flat.transpose(2, 3))) < 1e-3
    assert float(strength_loss(a.flip(3), a, flat)) > 0.5  # as strong, but elsewhere
    rows = torch.linspace(0, 1, 24)[:, None].expand(24, 31)[None, None]
    columns = torch.linspace(0, 1, 31)[None, :].expand(24, 31)[None, None]
    assert float(strength_loss(rows, columns, flat[:, :, :1, :1].expand_as(rows))) > 0.8


def test_a_picture_is_shown_between_a_black_and_a_white(subject: PackedSubject):
    shelf = SliceShelf([subject], False, 1, torch.Generator().manual_seed(6))
    ramp = torch.linspace(0, 1, 1001)
    shown = [shelf._windowed(ramp) for _ in range(40)]
    for image in shown:
        assert image.min() == 0
        assert image.max() == 1
        assert (image.diff() >= 0).all()
    black, white = (torch.tensor([(s == end).sum() for s in shown]) / 1001 for end in (0, 1))
    assert 0.1 < float(black.max()) <= 0.2
    assert 0.3 < float(white.max()) <= 0.5
    assert 10 <= int((white < 0.002).sum()) <= 30  # about half are left as they are


@pytest.mark.parametrize("stage", [1, 2])
def test_a_run_lowers_its_loss_goes_on_and_is_no_other_stage(
    stage: int, subject: PackedSubject, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(run, "load_pack", lambda *_: [subject])
    monkeypatch.setattr(run, "DmfNetConfig", lambda: run_config())
    monkeypatch.setattr(run, "_FIXED", 2)
    config = run.StageConfig(stage, tmp_path, tmp_path, 600.0, batch=2, side=24, shelf=4, steps=10)
    train(config, tmp_path)
    assert records(tmp_path)[-1]["step"] == 10
    train(replace(config, steps=25), tmp_path)
    log = records(tmp_path)
    assert log[-1]["step"] == 25
    assert log[-1]["seconds"] > log[-2]["seconds"]
    train(replace(config, seconds=1e-9), tmp_path)  # no time left: nothing moves
    assert records(tmp_path)[-1]["step"] == 25
    assert changed(tmp_path) == ({"unet"} if stage == 1 else {"fusion"})
    if stage == 1:
        assert log[-1]["validation"]["noise"] < log[0]["validation"]["noise"]
    unusable = not (tmp_path / run.WEIGHTS).with_suffix(".json").exists()
    assert unusable  # stage 1 alone, or stage 2 on an untrained U-Net
    with pytest.raises(InputError, match="stage"):
        train(run.StageConfig(3 - stage, tmp_path, tmp_path, 1.0), tmp_path)


def changed(folder: Path) -> set[str]:
    """Parts whose weights are not those of the seed."""
    torch.manual_seed(run.StageConfig.seed)
    begun = DmfNet(run_config()).state_dict()
    ended = load_file(folder / run.WEIGHTS)
    return {
        name.split(".")[0]
        for name, tensor in ended.items()
        if not torch.equal(tensor, begun[name].half())
    }


def run_config() -> DmfNetConfig:
    return DmfNetConfig(channels=(8, 8, 8))


def test_the_weights_of_both_stages_can_be_loaded_and_no_damaged_ones(
    subject: PackedSubject, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(run, "load_pack", lambda *_: [subject])
    monkeypatch.setattr(run, "DmfNetConfig", lambda: run_config())
    monkeypatch.setattr(run, "_FIXED", 2)
    config = run.StageConfig(1, tmp_path, tmp_path, 600.0, batch=1, side=16, shelf=2, steps=1)
    train(config, tmp_path / "one")
    unet = tmp_path / "one" / run.WEIGHTS
    train(replace(config, stage=2, unet=unet), tmp_path / "two")
    weights = tmp_path / "two" / run.WEIGHTS
    told = json.loads(weights.with_suffix(".json").read_text(encoding="utf-8"))
    assert told["training"]["stage1"] == {
        key: records(tmp_path / "one")[-1][key] for key in ("step", "seconds", "validation")
    }
    assert told["validation"].keys() == {"brightness", "contrast", "detail", "strength"}
    model = load_dmfnet(torch.device("cpu"), weights)
    assert model.config == run_config()
    for name, tensor in load_file(unet).items():
        if name.startswith("unet."):
            torch.testing.assert_close(model.state_dict()[name], tensor.float())
    weights.write_bytes(weights.read_bytes()[:-1] + b"x")
    with pytest.raises(WeightsError, match="damaged"):
        load_dmfnet(torch.device("cpu"), weights)


def train(config: run.StageConfig, folder: Path) -> None:
    run.train_stage(config, folder, torch.device("cpu"), lambda _: None)


def records(folder: Path) -> list[dict]:
    from UniFuseLib.training.journal import read_log

    return read_log(folder / run.LOG)
