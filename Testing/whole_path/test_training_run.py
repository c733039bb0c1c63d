"""A training from a packed file to weights: resumed, killed, out of time, on two processes, without
SciPy.
"""

from __future__ import annotations

import io
import json
import os
import signal
import subprocess
import sys
import time
import zipfile
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from UniFuseLib.checkpoint import load_model, save_model
from UniFuseLib.contract import standard_contract
from UniFuseLib.errors import InputError, OutputError
from UniFuseLib.network.blend import with_own_blend
from UniFuseLib.network.build import build, preset
from UniFuseLib.network.unifuse import UniFuseOutput
from UniFuseLib.spatial.displacement import warp
from UniFuseLib.training.config import LossWeights, Phase, TrainingConfig
from UniFuseLib.training.data import INDEX, load_pack
from UniFuseLib.training.parallel import Ranks
from UniFuseLib.training.pictures import CURVES, VALIDATION
from UniFuseLib.training.profile import profile
from UniFuseLib.training.state import CHECKPOINT, initial_state, restore
from UniFuseLib.training.step import draw, gradients, learning_rate
from UniFuseLib.training.train import train
from UniFuseLib.training.validation import validate

CPU = torch.device("cpu")
# without threads every sum has one order: two runs agree to the last bit
ENVIRONMENT = {
    **os.environ,
    "OMP_NUM_THREADS": "1",
    "OMP_WAIT_POLICY": "passive",
    "GOMP_SPINCOUNT": "0",
}
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


def write_tiny_pack(path: Path) -> Path:
    """Two subjects with a CT and an MR of smooth noise on grids of their own."""
    generator = torch.Generator().manual_seed(3)
    index: dict[str, Any] = {"version": 1, "layout": "test", "subjects": []}
    knots = {
        "kind": "knots",
        "values": [-1024.0, -160.0, 240.0, 1600.0],
        "units": [0.0, 0.15, 0.75, 1.0],
    }
    maps = {"ct": knots, "mr": {"kind": "percentile", "scale": 900.0, "ceiling": 2.0}}
    with zipfile.ZipFile(path, "w") as archive:
        for number in range(2):
            volumes = {}
            for kind, shape, spacing in (
                ("ct", (14, 20, 18), (3.0, 2.0, 2.5)),
                ("mr", (20, 18, 16), (2.0, 2.5, 2.5)),
            ):
                coarse = torch.rand(1, 1, 4, 5, 4, generator=generator)
                values = torch.nn.functional.interpolate(coarse, size=shape, mode="trilinear")[0, 0]
                buffer = io.BytesIO()
                np.save(buffer, (values * 255).round().to(torch.uint8).numpy())
                member = f"{number}/{kind}.npy"
                archive.writestr(member, buffer.getvalue())
                affine = np.diag([*spacing, 1.0]).tolist()
                volumes[kind] = {
                    "member": member,
                    "kind": kind,
                    "affine": affine,
                    "top": 1.0,
                    "map": maps[kind],
                }
            index["subjects"].append({"name": str(number), "volumes": volumes})
        archive.writestr(INDEX, json.dumps(index))
    return path


@pytest.fixture(scope="module")
def config(tmp_path_factory: pytest.TempPathFactory) -> TrainingConfig:
    packed = write_tiny_pack(tmp_path_factory.mktemp("pack") / "tiny.pack")
    return TrainingConfig(
        name="tiny",
        data=str(packed),
        validation=str(packed),
        preset="small",
        steps=6,
        phases=(Phase(0.5, 16, 1), Phase(1.0, 24, 1)),
        spacings_mm=(2.0,),
        warm_up=2,
        validate_every=3,
        validation_samples=2,
        checkpoint_every=2,
        modality_every=2,
        negatives=4,
    )


@pytest.fixture(autouse=True)
def _one_thread() -> Any:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


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


def test_recomputed_stages_give_the_same_gradients(config: TrainingConfig) -> None:
    subjects = load_pack(Path(config.data), CPU)
    sample = draw(subjects, config, 0, Ranks())
    found, kept = [], []
    for recompute in ("nothing", "stages"):
        chosen = replace(config, recompute=recompute)
        state = initial_state(chosen, CPU)
        held: list[int] = []

        def keep(tensor: Tensor, held: list[int] = held) -> Tensor:
            held.append(tensor.nbytes)
            return tensor

        with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
            gradients(state, sample, chosen, Ranks())
        # hooks inside a recomputed stage belong to the checkpoint itself, ours see only what
        # outlives the stage
        kept.append(sum(held))
        found.append({name: p.grad for name, p in state.model.named_parameters()})
    torch.testing.assert_close(found[0], found[1], atol=1e-7, rtol=1e-5)
    assert kept[1] < 0.5 * kept[0]


def test_bfloat16_is_close_to_float32(config: TrainingConfig) -> None:
    sample = draw(load_pack(Path(config.data), CPU), config, 0, Ranks())
    terms = []
    for precision in ("float32", "bfloat16"):
        chosen = replace(config, precision=precision)
        terms.append(gradients(initial_state(chosen, CPU), sample, chosen, Ranks()))
    assert terms[0] != terms[1]
    for name, value in terms[0].items():
        assert terms[1][name] == pytest.approx(value, rel=0.03, abs=0.01), name


class Stub:
    """Answers `output`, and `own_frame` when it is told to move nothing."""

    def __init__(self, output: UniFuseOutput, own_frame: torch.Tensor) -> None:
        self.output, self.own_frame = output, own_frame
        self.references: list[torch.Tensor] = []

    def __call__(self, degraded: torch.Tensor, reference: torch.Tensor) -> UniFuseOutput:
        return self.output

    def register(self, degraded: torch.Tensor, reference: torch.Tensor) -> UniFuseOutput:
        self.references.append(reference)
        return self.output

    def fuse(self, registered: UniFuseOutput, flow: torch.Tensor) -> UniFuseOutput:
        assert not flow.any()
        return registered._replace(restored=self.own_frame)


def test_scores_of_a_network_that_returns_its_input_and_of_one_that_knows(
    config: TrainingConfig,
) -> None:
    sample = draw(load_pack(Path(config.data), CPU), replace(config, clean=0.0), 3, Ranks())
    aligned, moved = warp(sample.fine, sample.flow), warp(sample.degraded, sample.flow)
    logits = torch.nn.functional.one_hot(sample.label, 4).float()
    still = UniFuseOutput(moved, sample.degraded, moved, moved, 0 * sample.flow, -logits, None, [])  # type: ignore[arg-type]
    knows = still._replace(restored=aligned, flow=sample.flow, logits=logits)
    idle = validate(Stub(still, sample.degraded), [sample])  # type: ignore[arg-type]
    best_network = Stub(knows, sample.fine)
    best = validate(best_network, [sample, sample])  # type: ignore[arg-type]
    clean = sample._replace(label=torch.zeros_like(sample.label))
    assert (idle["own_frame_gain_db"], best["own_frame_gain_db"] > 20) == (0, True)
    assert torch.equal(best_network.references[0], sample.reference_moved)
    assert "own_frame_clean_psnr_db" not in best
    assert validate(best_network, [clean])["own_frame_clean_psnr_db"] > 90  # type: ignore[arg-type]
    assert idle["tre_mm"] == pytest.approx(idle["tre_before_mm"])
    assert idle["tre_before_mm"] > 0.3
    assert (idle["accuracy"], idle["restoration_gain_db"]) == (0, 0)
    assert (best["tre_mm"], best["accuracy"], best["folds_percent"]) == (0, 1, 0)
    assert best["restoration_gain_db"] > 20
    assert best["restored_db"] > idle["restored_db"]


def test_the_profile_names_every_part_of_a_step(config: TrainingConfig) -> None:
    tables = profile(config, CPU, 1)
    for part in ("sampling", "forward and losses", "backward", "update", "whole step"):
        assert tables.count(f"| {part} |") == len(config.phases)
    shares = [
        int(line.split("|")[3].split()[0]) for line in tables.splitlines() if line.endswith("% |")
    ]
    assert 195 <= sum(shares) <= 205


TWO_PROCESSES = """
import json, sys
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
import torch
from UniFuseLib.training.config import LossWeights, Phase, TrainingConfig
from UniFuseLib.training.data import load_pack
from UniFuseLib.training.parallel import joined
from UniFuseLib.training.state import initial_state
from UniFuseLib.training.step import draw, gradients
torch.set_num_threads(1)
config = TrainingConfig.from_dict(json.loads(sys.argv[1]))
with joined(torch.device("cpu")) as ranks:
    state = initial_state(config, torch.device("cpu"))
    sample = draw(load_pack(Path(config.data), torch.device("cpu")), config, 0, ranks)
    terms = gradients(state, sample, config, ranks)
    if ranks.is_first:
        gradient = {name: p.grad for name, p in state.model.named_parameters()}
        torch.save([terms, gradient], sys.argv[2])
"""


@pytest.mark.slow
def test_two_processes_make_the_step_of_one_with_the_double_batch(
    config: TrainingConfig, tmp_path: Path
) -> None:
    script = tmp_path / "step.py"
    script.write_text(TWO_PROCESSES)
    command = [
        sys.executable,
        "-m",
        "torch.distributed.run",
        "--standalone",
        "--nproc-per-node",
        "2",
        str(script),
    ]
    subprocess.run(
        [*command, json.dumps(config.to_dict()), str(tmp_path / "two.pt")],
        check=True,
        env=ENVIRONMENT,
    )
    terms, parallel = torch.load(tmp_path / "two.pt", weights_only=True)

    double = replace(config, phases=(Phase(1.0, 16, 2),))
    state = initial_state(double, CPU)
    expected = gradients(
        state, draw(load_pack(Path(config.data), CPU), double, 0, Ranks()), double, Ranks()
    )
    assert terms == pytest.approx(expected, rel=1e-5)
    largest = max(float(p.grad.abs().max()) for p in state.model.parameters() if p.grad is not None)
    for name, parameter in state.model.named_parameters():
        torch.testing.assert_close(
            parallel[name], parameter.grad, atol=1e-5 * largest, rtol=1e-4, msg=name
        )


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
