"""A training from a packed file to weights: resumed, killed, out of time, on two processes, without
SciPy.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch

from Testing.whole_path.tiny_training import CPU, ENVIRONMENT
from UniFuseLib.checkpoint import load_model, save_model
from UniFuseLib.contract import standard_contract
from UniFuseLib.errors import InputError, OutputError
from UniFuseLib.network.blend import with_own_blend
from UniFuseLib.network.build import build, preset
from UniFuseLib.training.config import LossWeights, Phase, TrainingConfig
from UniFuseLib.training.pictures import CURVES, VALIDATION
from UniFuseLib.training.state import CHECKPOINT, initial_state, restore
from UniFuseLib.training.step import learning_rate
from UniFuseLib.training.train import train

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.usefixtures("one_thread")


# pictures take longer than the steps; one run draws them, `whole`
RUN = """
import json, sys
from pathlib import Path
sys.modules["matplotlib"] = None
import torch
from UniFuseLib.training.config import TrainingConfig
from UniFuseLib.training.train import train
torch.set_num_threads(1)
train(TrainingConfig.from_dict(json.loads(sys.argv[1])), Path(sys.argv[2]), torch.device("cpu"))
"""


def records(folder: Path) -> list[dict[str, Any]]:
    """The log without what the clock says."""
    lines = [
        json.loads(line) for line in (folder / "log.jsonl").read_text(encoding="utf-8").splitlines()
    ]
    return [
        {k: v for k, v in line.items() if not k.startswith("seconds") and k != "hours"}
        for line in lines
    ]


@pytest.fixture
def without_pictures(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("UniFuseLib.training.train.draw_progress", lambda *_: None)


@pytest.fixture(scope="module")
def whole(config: TrainingConfig, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run that nothing interrupted."""
    folder = tmp_path_factory.mktemp("whole")
    torch.set_num_threads(1)
    train(config, folder, CPU)
    return folder


@pytest.mark.slow
def test_a_run_logs_every_step_and_leaves_usable_weights(
    whole: Path, config: TrainingConfig
) -> None:
    log = records(whole)
    assert [record["step"] for record in log] == [1, 2, 3, 4, 5, 6]
    assert all(np.isfinite(record["loss"]) for record in log)
    assert [("modality" in record["terms"]) for record in log] == [True, False] * 3
    assert [record["step"] for record in log if "validation" in record] == [3, 6]
    model, contract = load_model(whole / "tiny.safetensors", CPU)
    assert contract.training["steps"] == 6
    assert (
        contract.training["config"]["data"] == "tiny.pack"
    )  # no path of this machine travels with weights
    values = torch.load(whole / CHECKPOINT, weights_only=True)
    for name, tensor in model.state_dict().items():
        torch.testing.assert_close(tensor, values["average"][name].half().float(), msg=name)
    if find_spec("matplotlib") is not None:
        assert {CURVES, VALIDATION} <= {path.name for path in whole.iterdir()}


def test_loss_weights_of_the_log_are_those_of_the_configuration(
    whole: Path, config: TrainingConfig
) -> None:
    for record in records(whole):
        expected = sum(
            getattr(config.weights, name) * value for name, value in record["terms"].items()
        )
        assert record["loss"] == pytest.approx(expected, rel=1e-5)


@pytest.mark.slow
@pytest.mark.usefixtures("without_pictures")
@pytest.mark.parametrize("stop", [3])
def test_a_resumed_run_goes_on_as_if_nothing_had_happened(
    stop: int, whole: Path, config: TrainingConfig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The clock runs out after `stop` steps; what a kill would leave behind the checkpoint is put
    into the log.
    """
    ticks = iter([0.0] + [0.0] * (3 * stop + stop - 1) + [9.0] * 1000)
    monkeypatch.setattr("UniFuseLib.training.train.time.monotonic", lambda: next(ticks))
    state = train(config, tmp_path, CPU, time_budget=5.0)
    monkeypatch.undo()
    assert state.step == stop
    with (tmp_path / "log.jsonl").open("a") as log:
        log.write(json.dumps({"step": stop + 1, "loss": -1.0}) + '\n{"step": ')
    train(config, tmp_path, CPU)
    for resumed, uninterrupted in zip(records(tmp_path), records(whole), strict=True):
        resumed.pop("validation", None)  # a run out of time validates once more
        assert resumed == {k: v for k, v in uninterrupted.items() if k != "validation"}
    first, second = (torch.load(f / CHECKPOINT, weights_only=True) for f in (whole, tmp_path))
    torch.testing.assert_close(first["average"], second["average"], atol=0, rtol=0)


@pytest.mark.slow
def test_a_killed_run_resumes_to_the_same_log(
    whole: Path, config: TrainingConfig, tmp_path: Path
) -> None:
    """SIGKILL twice, each time a little after a step, wherever the run may be then."""
    command = [sys.executable, "-c", RUN, json.dumps(config.to_dict()), str(tmp_path)]
    for steps, delay in ((1, 0.05), (3, 0.1)):
        run = subprocess.Popen(command, env=ENVIRONMENT)
        while run.poll() is None and _steps(tmp_path) < steps:
            time.sleep(0.02)
        time.sleep(delay)
        os.kill(run.pid, signal.SIGKILL)
        assert run.wait() == -signal.SIGKILL
        checkpoint = tmp_path / CHECKPOINT
        found = torch.load(checkpoint, weights_only=True)["step"] if checkpoint.exists() else 0
        assert steps - 2 <= found <= 6  # every second step; what a kill costs is no more
    subprocess.run(command, check=True, env=ENVIRONMENT)
    assert records(tmp_path) == records(whole)


def _steps(folder: Path) -> int:
    path = folder / "log.jsonl"
    return path.read_text(encoding="utf-8").count("\n") if path.exists() else 0


@pytest.mark.usefixtures("without_pictures")
def test_a_time_budget_stops_with_a_checkpoint(config: TrainingConfig, tmp_path: Path) -> None:
    state = train(replace(config, checkpoint_every=1000), tmp_path, CPU, time_budget=0.0)
    assert state.step == 1
    assert torch.load(tmp_path / CHECKPOINT, weights_only=True)["step"] == 1
    assert (tmp_path / "tiny.safetensors").is_file()


def test_weights_can_be_where_a_run_starts(
    whole: Path, config: TrainingConfig, tmp_path: Path
) -> None:
    shipped, _ = load_model(whole / "tiny.safetensors", CPU)
    state = initial_state(config, CPU, whole / "tiny.safetensors")
    assert state.step == 0
    for name, tensor in shipped.state_dict().items():
        torch.testing.assert_close(state.model.state_dict()[name], tensor, atol=0, rtol=0)
        torch.testing.assert_close(state.average.state_dict()[name], tensor, atol=0, rtol=0)
    with pytest.raises(InputError, match='preset = "small"'):
        initial_state(replace(config, preset="paper"), CPU, whole / "tiny.safetensors")


@pytest.mark.usefixtures("without_pictures")
def test_only_the_named_parts_learn(whole: Path, config: TrainingConfig, tmp_path: Path) -> None:
    start, _ = load_model(whole / "tiny.safetensors", CPU)
    learning = replace(config, learn=("fusion",), average=0.0)
    train(learning, tmp_path, CPU, weights=whole / "tiny.safetensors")
    ended = load_model(tmp_path / "tiny.safetensors", CPU)[0].state_dict()
    moved = {
        name.split(".")[0]
        for name, tensor in start.state_dict().items()
        if not torch.equal(tensor, ended[name])
    }
    assert moved == {"fusion"}


def test_the_fused_volumes_own_head_learns_alone_from_weights_that_lack_it(
    config: TrainingConfig, tmp_path: Path
) -> None:
    torch.manual_seed(0)
    shared = build(replace(preset("small"), blend="shared"))
    without_blend = {k: v for k, v in preset("small").to_dict().items() if k != "blend"}
    contract = replace(standard_contract(), preset="small", network=without_blend)
    save_model(shared, contract, tmp_path / "old.safetensors")
    start, _ = load_model(tmp_path / "old.safetensors", CPU)
    learning = replace(
        config, learn=("fusion.blend",), average=0.0, weights=LossWeights(fidelity=1.0)
    )
    state = train(learning, tmp_path / "run", CPU, weights=tmp_path / "old.safetensors")
    ended = load_model(tmp_path / "run" / "tiny.safetensors", CPU)[0].state_dict()
    kept = with_own_blend(start.state_dict(), ended)
    assert all(torch.equal(tensor, ended[name]) for name, tensor in kept.items())
    assert ended["fusion.blend.out.weight"].abs().max() > 0  # zero at the start
    learnt = {name for name, p in state.model.named_parameters() if p.grad is not None}
    assert learnt == {name for name in ended if name.startswith("fusion.blend.")}


def test_a_part_that_the_network_lacks_is_refused(config: TrainingConfig) -> None:
    with pytest.raises(InputError, match=r"encoder, dapl.*got head"):
        initial_state(replace(config, learn=("head",)), CPU)


def test_an_output_that_is_a_file_is_refused(config: TrainingConfig, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for folder in (tmp_path / "file", tmp_path / "file" / "below"):
        with pytest.raises(OutputError, match="Cannot write"):
            train(config, folder, CPU)


def test_a_checkpoint_of_another_preset_is_refused(whole: Path, config: TrainingConfig) -> None:
    with pytest.raises(InputError, match="belongs to preset 'small'"):
        train(replace(config, preset="small+j2"), whole, CPU)


def test_a_checkpoint_of_other_parts_is_refused(whole: Path, config: TrainingConfig) -> None:
    with pytest.raises(InputError, match="trains other parts"):
        train(replace(config, learn=("fusion",)), whole, CPU)


def test_a_checkpoint_of_another_version_is_refused(
    whole: Path, config: TrainingConfig, tmp_path: Path
) -> None:
    values = torch.load(whole / CHECKPOINT, weights_only=True)
    values["model"].popitem()
    torch.save(values, tmp_path / CHECKPOINT)
    with pytest.raises(InputError, match="another version of preset 'small'"):
        restore(initial_state(config, CPU), config, tmp_path / CHECKPOINT, CPU)


def test_training_needs_neither_scipy_nor_simpleitk(config: TrainingConfig, tmp_path: Path) -> None:
    """What the GPU machine has: torch, numpy, safetensors."""
    absent = "scipy", "SimpleITK", "matplotlib", "tensorboard"
    blocked = f"import sys; sys.modules.update(dict.fromkeys({absent}))"
    command = [sys.executable, "-c", blocked + RUN]
    settings = replace(config, steps=1, clean=0.0, validation="").to_dict()
    done = subprocess.run(
        [*command, json.dumps(settings), str(tmp_path)],
        env=ENVIRONMENT,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert len(records(tmp_path)) == 1


def test_training_without_validation_data_ends_with_weights_and_curves(
    config: TrainingConfig, tmp_path: Path
) -> None:
    pytest.importorskip("matplotlib")
    train(replace(config, steps=2, validation=""), tmp_path, torch.device("cpu"))
    assert {"tiny.safetensors", "tiny.json", "checkpoint.pt", "curves.png"} <= {
        p.name for p in tmp_path.iterdir()
    }
    assert not (tmp_path / "validation.png").exists()


@pytest.mark.usefixtures("without_pictures")
@pytest.mark.slow
def test_a_run_with_workers_follows_the_clock_and_ends_with_weights(
    config: TrainingConfig, tmp_path: Path
) -> None:
    """Real processes: samples from the shelf, a schedule in minutes, records by the clock."""
    chosen = replace(
        config,
        steps=1000,
        minutes=0.3,
        record_minutes=0.2,
        workers=1,
        shelf=4,
        shelf_crop=24,
        own_frame=0.5,
        true_field=0.5,
        made=0.5,
        phases=(Phase(0.5, 16, 2), Phase(1.0, 24, 1)),
    )
    state = train(chosen, tmp_path, CPU)
    log = records(tmp_path)
    assert 1 < state.step < 1000
    clock = [json.loads(line)["hours"] * 3600 for line in (tmp_path / "log.jsonl").open()]
    # validation counts: the clock may run out in the last one, after the last line was begun
    assert state.seconds >= 18.0 > clock[-2]
    assert sum("validation" in record for record in log) >= 1
    for record, before, after in zip(log[1:], clock[:-1], clock[1:], strict=True):
        steps = record["step"] - 1
        slowest, fastest = (learning_rate(chosen, steps, at) for at in (after, before))
        assert slowest - 1e-12 <= record["rate"] <= fastest + 1e-12
    assert log[-1]["rate"] < max(record["rate"] for record in log)
    _, contract = load_model(tmp_path / "tiny.safetensors", CPU)
    assert contract.training["steps"] == state.step
    resumed = train(replace(chosen, minutes=0.4), tmp_path, CPU)
    assert resumed.step > state.step
