"""Weights of the descriptors travel with their contract, and a training run survives a kill."""

from __future__ import annotations

import argparse
import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch

from UniFuseLib.commands import pack as pack_command
from UniFuseLib.commands import train_descriptors as command
from UniFuseLib.errors import InputError, WeightsError
from UniFuseLib.io.volumes import write_volume
from UniFuseLib.spatial.volume import Grid, Volume
from UniFuseLib.training.data import load_pack
from UniFuseLib.training.descriptors.network import DescriptorConfig, DescriptorNetwork
from UniFuseLib.training.descriptors.state import (
    CHECKPOINT,
    Settings,
    initial_state,
    restore,
    save,
)
from UniFuseLib.training.descriptors.train import train
from UniFuseLib.training.descriptors.validation import HELD_OUT, split
from UniFuseLib.training.descriptors.weights import (
    DescriptorContract,
    load_descriptors,
    save_descriptors,
)
from UniFuseLib.training.journal import LOG, read_log
from UniFuseLib.training.pack import pack

if TYPE_CHECKING:
    from pathlib import Path

CPU = torch.device("cpu")
SPACING = (2.1, 1.3, 1.8)
CONTRACT = DescriptorContract("test", {}, (2.5, 4.0), "", "Apache-2.0")
TINY = Settings(pairs=2, crop=16, points=16, steps=4, log_every=1, validate_every=2, save_every=0)


def silent(line: str) -> None:
    pass


@pytest.fixture
def weights(tmp_path: Path) -> Path:
    torch.manual_seed(0)
    path = tmp_path / "descriptors.safetensors"
    save_descriptors(DescriptorNetwork(DescriptorConfig(4, (8, 8, 8), 6)), CONTRACT, path)
    return path


def grid_of(shape: tuple[int, int, int]) -> Grid:
    affine = np.diag([*SPACING, 1.0])
    affine[:3, 3] = (4.0, -7.0, 2.0)
    return Grid(shape, affine)


def test_what_was_saved_describes_as_before(weights: Path, oblique_volume: Volume) -> None:
    loaded = load_descriptors(weights)
    grid = Grid((5, 6, 7), np.diag([2.0, 2.0, 2.0, 1.0]))
    features = loaded(oblique_volume, grid)
    assert features.shape == (1, 6, 5, 6, 7)
    assert torch.equal(features, load_descriptors(weights)(oblique_volume, grid))
    assert loaded.contract.spacing_mm == (2.5, 4.0)


@pytest.mark.parametrize("suffix", [".safetensors", ".json"])
def test_a_missing_file_is_named(weights: Path, suffix: str) -> None:
    weights.with_suffix(suffix).unlink()
    with pytest.raises(WeightsError, match=f"descriptors{suffix}"):
        load_descriptors(weights)


def test_damaged_weights_are_refused(weights: Path) -> None:
    weights.write_bytes(weights.read_bytes()[:-1] + b"x")
    with pytest.raises(WeightsError, match="SHA-256"):
        load_descriptors(weights)


def test_weights_of_another_network_are_refused(weights: Path) -> None:
    sidecar = weights.with_suffix(".json")
    values = json.loads(sidecar.read_text())
    values["network"]["widths"] = [8, 8, 16]
    sidecar.write_text(json.dumps(values))
    with pytest.raises(WeightsError, match="do not fit"):
        load_descriptors(weights)


@pytest.mark.parametrize("broken", ["{", '{"name": "x"}', "[]"])
def test_an_unreadable_contract_is_refused(weights: Path, broken: str) -> None:
    weights.with_suffix(".json").write_text(broken)
    with pytest.raises(WeightsError, match=r"descriptors\.json'(: '| is not a JSON file)"):
        load_descriptors(weights)


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A training file of one limb (CT, T1), one head of labels, one CT of a neck, one held out."""
    root = tmp_path_factory.mktemp("scans")
    random = np.random.default_rng(0)
    grid = grid_of((26, 30, 24))
    places = np.stack(np.meshgrid(*(np.linspace(-1, 1, n) for n in grid.shape), indexing="ij"))
    body = (places**2).sum(0) < 0.7
    texture = random.random(grid.shape)
    ct = np.where(body, 300 * texture - 100, -1000).astype(np.float32)
    mr = np.where(body, 900 * (1 - texture) + 100, 0).astype(np.float32)
    labels = np.where(body, random.choice([2, 3, 507, 515], grid.shape), 0).astype(np.int16)
    files = {
        "ct_pet_mr/STS_001/ct": ct,
        "ct_pet_mr/STS_001/mr_t1": mr,
        "labels/synthseg_01": labels,
        "ct_headneck_openkbp/kbp2_ct": ct,
        f"{HELD_OUT[0]}/ct": ct,
    }
    for name, values in files.items():
        path = root / f"{name}.nii.gz"
        path.parent.mkdir(parents=True, exist_ok=True)
        write_volume(Volume(values, grid.affine), path)
    output = root / "anatomy.pack"
    pack(root, "unifuse", output, silent, spacing_mm=2.0)
    return output


def test_held_out_patients_are_never_trained_on(data: Path) -> None:
    trained, held_out = split(load_pack(data, CPU))
    assert [subject.name for subject in held_out] == [HELD_OUT[0]]
    assert HELD_OUT[0] not in {subject.name for subject in trained}


def test_a_coarse_pack_merges_finer_voxels_alone(data: Path) -> None:
    """2.0 mm merges no voxels of 1.3 mm, nor labels of less than 1.6 mm."""
    subjects = {subject.name: subject for subject in load_pack(data, CPU)}
    ct = subjects["ct_headneck_openkbp/kbp2"].volumes["ct"]
    assert np.allclose(ct.grid.spacing, SPACING)
    labels = subjects["labels/synthseg_01"].volumes["labels"]
    assert np.allclose(labels.grid.spacing, SPACING)


def test_merged_labels_and_scans_stay_at_their_place(tmp_path: Path, oblique_grid: Grid) -> None:
    """On an oblique grid; a swapped axis or a sign takes voxels out of the inner box."""
    affine = np.eye(4)
    affine[:3, :3] = oblique_grid.directions * np.array([1.0, 0.7, 0.9])
    affine[:3, 3] = (5.0, -8.0, 3.0)
    labels = np.zeros((48, 60, 54), dtype=np.int16)
    labels[8:40, 10:50, 9:45] = 2
    labels[20:40, 16:34, 30:45] = 515
    for name, values in (("labels/one", labels), ("ct_torso/one_ct", 2.0 * labels - 1000)):
        path = tmp_path / f"{name}.nii.gz"
        path.parent.mkdir(exist_ok=True)
        noise = np.random.default_rng(1).uniform(-0.3, 0.3, labels.shape)
        texture = 0.0 if name.startswith("labels") else noise
        write_volume(Volume((values + texture).astype(np.float32), affine), path)
    file = pack(tmp_path, "unifuse", tmp_path / "p.pack", silent, spacing_mm=2.0)
    for subject in load_pack(file, CPU):
        volume = next(iter(subject.volumes.values()))
        codes, to_source = volume.codes.numpy(), np.linalg.solve(affine, volume.grid.affine)
        index = np.argwhere(codes == codes.max()) @ to_source[:3, :3].T + to_source[:3, 3]
        assert np.abs(index - [29.5, 24.5, 37.0]).max() <= 10, subject.name
        assert np.abs(index.mean(axis=0) - [29.5, 24.5, 37.0]).max() <= 1.0, subject.name
        assert volume.grid.spacing.min() > 1.3, subject.name


def test_settings_that_decide_what_is_learnt_are_kept(tmp_path: Path) -> None:
    state = initial_state(TINY, CPU)
    save(state, TINY, tmp_path / CHECKPOINT)
    other = replace(TINY, points=8)
    with pytest.raises(InputError, match=r"started with points 16, this call asks for points 8"):
        restore(state, other, tmp_path / CHECKPOINT, CPU)


@pytest.mark.parametrize(
    "changed", [{"log_every": 2}, {"validate_every": 4}, {"save_every": 9.0}, {"steps": 9}]
)
def test_a_resumed_run_may_tell_save_and_last_otherwise(
    tmp_path: Path, changed: dict[str, Any]
) -> None:
    state = initial_state(TINY, CPU)
    state.step = 3
    save(state, TINY, tmp_path / CHECKPOINT)
    other = replace(TINY, **changed)
    resumed = initial_state(other, CPU)
    restore(resumed, other, tmp_path / CHECKPOINT, CPU)
    assert resumed.step == 3


def test_validation_does_not_wait_for_a_line_of_the_log(data: Path, tmp_path: Path) -> None:
    train(data, tmp_path, CPU, replace(TINY, steps=3, log_every=99), None, silent)
    records = read_log(tmp_path / LOG)
    assert [record["step"] for record in records if "validation" in record] == [2, 3]


def test_a_run_that_has_ended_says_how_to_go_on(data: Path, tmp_path: Path) -> None:
    train(data, tmp_path, CPU, replace(TINY, steps=1), None, silent)
    log = (tmp_path / LOG).read_text()
    told: list[str] = []
    train(data, tmp_path, CPU, replace(TINY, steps=1), None, told.append)
    assert "--time-budget" in told[-1]
    assert (tmp_path / LOG).read_text() == log
    assert train(data, tmp_path, CPU, replace(TINY, steps=2), None, silent).step == 2


@pytest.mark.slow
def test_resuming_gives_the_same_log(data: Path, tmp_path: Path) -> None:
    train(data, tmp_path / "whole", CPU, TINY, None, silent)

    def stop_after_two(line: str) -> None:
        if line.startswith('{"step": 3'):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train(data, tmp_path / "parts", CPU, TINY, None, stop_after_two)
    train(data, tmp_path / "parts", CPU, TINY, None, silent)
    logs = [(tmp_path / name / LOG).read_text() for name in ("whole", "parts")]
    assert logs[0] == logs[1]


@pytest.mark.slow
def test_the_command_trains(data: Path, tmp_path: Path) -> None:
    parser = argparse.ArgumentParser()
    command.add_parser(parser.add_subparsers())
    given = ["--steps", "1", "--pairs", "1", "--points", "16", "--log-every", "1"]
    line = ["train-descriptors", str(data), "-o", str(tmp_path / "run"), "--device", "cpu", *given]
    arguments = parser.parse_args(line)
    assert arguments.run(arguments) == 0
    assert (tmp_path / "run" / CHECKPOINT).exists()


@pytest.mark.parametrize(("option", "value"), [("--pairs", "0"), ("--log-every", "-1")])
def test_numbers_below_one_are_refused(tmp_path: Path, option: str, value: str) -> None:
    parser = argparse.ArgumentParser()
    command.add_parser(parser.add_subparsers())
    line = ["train-descriptors", str(tmp_path / "x"), "-o", str(tmp_path), f"{option}={value}"]
    arguments = parser.parse_args(line)
    with pytest.raises(InputError, match=f"Expected {option} of at least 1"):
        arguments.run(arguments)


def test_training_needs_data(tmp_path: Path) -> None:
    parser = argparse.ArgumentParser()
    command.add_parser(parser.add_subparsers())
    arguments = parser.parse_args(["train-descriptors", "-o", str(tmp_path)])
    with pytest.raises(InputError, match="Expected DATA"):
        arguments.run(arguments)


def test_a_run_is_exported_with_what_is_known_about_it(data: Path, tmp_path: Path) -> None:
    train(data, tmp_path / "run", CPU, replace(TINY, steps=2), None, silent)
    parser = argparse.ArgumentParser()
    command.add_parser(parser.add_subparsers())
    line = ["train-descriptors", "-o", str(tmp_path / "run"), "--export"]
    arguments = parser.parse_args([*line, str(tmp_path / "d.safetensors")])
    assert arguments.run(arguments) == 0
    loaded = load_descriptors(tmp_path / "d.safetensors")
    assert loaded.contract.training["steps"] == 2
    assert loaded.contract.training["held_out"] == list(HELD_OUT)
    assert "ct and a curve of it" in loaded.contract.validation


def test_nothing_is_exported_without_a_checkpoint(tmp_path: Path) -> None:
    parser = argparse.ArgumentParser()
    command.add_parser(parser.add_subparsers())
    line = ["train-descriptors", "-o", str(tmp_path), "--export", str(tmp_path / "d")]
    arguments = parser.parse_args(line)
    with pytest.raises(InputError, match="Train first"):
        arguments.run(arguments)


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        (["--spacing", "0"], "Expected --spacing above 0"),
        (["--spacing", "2", "--shape", "160"], "Give one of them"),
    ],
)
def test_a_pack_needs_one_size_above_zero(tmp_path: Path, given: list[str], sentence: str) -> None:
    parser = argparse.ArgumentParser()
    pack_command.add_parser(parser.add_subparsers())
    line = ["pack", str(tmp_path), "-o", str(tmp_path / "x.pack"), *given]
    arguments = parser.parse_args(line)
    with pytest.raises(InputError, match=sentence):
        arguments.run(arguments)
