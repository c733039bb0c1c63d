"""Configurations, schedules, journals, curves, and the command line of `unifuse train`."""

from __future__ import annotations

import argparse
import itertools
import json
import runpy
import sys
from dataclasses import asdict
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch

from UniFuseLib.commands import train as command
from UniFuseLib.errors import InputError, MissingDependencyError
from UniFuseLib.network.build import preset
from UniFuseLib.spatial.displacement import identity_grid, warp
from UniFuseLib.training.config import SHIPPED, Phase, TrainingConfig, read_config
from UniFuseLib.training.journal import LOG, Journal, read_log
from UniFuseLib.training.objective import precision
from UniFuseLib.training.pictures import CURVES, curves
from UniFuseLib.training.step import learning_rate


@pytest.mark.parametrize("name", ["default", "paper"])
def test_shipped_configurations_are_read_by_name(name: str) -> None:
    config = read_config(Path(name), data="/some/train.pack")
    assert config.data == "/some/train.pack"
    assert config.validation == str(SHIPPED / "val.pack")
    assert config.preset == name
    preset(config.preset)
    assert TrainingConfig.from_dict(json.loads(json.dumps(config.to_dict()))) == config


def test_the_recipe_of_the_fused_volumes_head_touches_nothing_else() -> None:
    config = read_config(Path("blend"))
    assert config.learn == ("fusion.blend",)
    assert preset(config.preset).blend == "own"
    meant = {name for name, weight in asdict(config.weights).items() if weight}
    assert meant == {"structure", "fidelity", "squared_retention", "gradient"}


def test_a_folder_of_the_name_does_not_hide_a_shipped_configuration(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "default").mkdir()
    monkeypatch.chdir(tmp_path)
    assert read_config(Path("default")).preset == "default"


def test_python_3_10_reads_a_configuration_with_tomli(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "tomllib", None)
    monkeypatch.setitem(
        sys.modules, "tomli", SimpleNamespace(loads=lambda text: {"name": "x", "data": "d"})
    )
    reader = runpy.run_path(str(SHIPPED.parents[1] / "io" / "typed.py"))
    assert reader["read_toml"](SHIPPED / "default.toml") == {"name": "x", "data": "d"}


def test_the_paper_configuration_is_the_papers_recipe() -> None:
    """Sec. 4.1: batch 3, 500 epochs of 369 pairs, 160³; AdamW 1e-4 → 1e-6 along a cosine, gradient
    norm 1.
    """
    config = read_config(Path("paper"))
    assert config.phases == (Phase(1.0, 160, 3),)
    assert config.steps == 500 * 369 // 3
    assert (config.rate, config.final_rate, config.clip) == (1e-4, 1e-6, 1.0)
    assert learning_rate(config, 0) == pytest.approx(1e-4)
    assert learning_rate(config, config.steps // 2) == pytest.approx((1e-4 + 1e-6) / 2, rel=1e-3)
    assert learning_rate(config, config.steps) == pytest.approx(1e-6)
    assert config.pairings == (("t2", "t1"), ("ct", "mr"), ("pet", "ct"))
    assert (config.weights.registration, config.weights.endpoint, config.weights.coarse) == (
        1.0,
        0.0,
        0.0,
    )


def test_the_rate_warms_up_and_falls() -> None:
    config = TrainingConfig(name="x", data="", steps=1000, rate=1.0, final_rate=0.01, warm_up=10)
    rates = [learning_rate(config, step) for step in range(1001)]
    assert rates[0] == pytest.approx(0.1)
    assert rates[9] == pytest.approx(1.0)
    assert all(a >= b for a, b in itertools.pairwise(rates[10:]))
    assert rates[505] == pytest.approx(0.505, abs=1e-6)
    assert rates[-1] == pytest.approx(0.01)


def test_phases_follow_each_other() -> None:
    config = TrainingConfig(
        name="x", data="", steps=100, phases=(Phase(0.4, 48, 2), Phase(1.0, 64, 1))
    )
    assert [
        config.phase_at(config.progress(step, 0)).crop for step in (0, 39, 40, 99, 100, 500)
    ] == [
        48,
        48,
        64,
        64,
        64,
        64,
    ]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ('name = "x"\ndata = "d"\nlearning_rate = 1.0', "learning_rate"),
        ('name = "x"\ndata = "d"\nprecision = "half"', "precision"),
        ('name = "x"\ndata = "d"\nframe = "slab"', "frame"),
        ('name = "x"\ndata = "d"\nphases = []', "phase"),
        ('name = "x"\ndata = "d"\n[weights]\nsharpness = 1.0', "sharpness"),
        ('name = "x"\ndata = "d"\npairings = [["t1"]]', "does not fit"),
        ('name = "x"', "data"),
        ("name = ", "TOML"),
    ],
)
def test_a_wrong_configuration_says_what_is_wrong(text: str, reason: str, tmp_path: Path) -> None:
    (tmp_path / "c.toml").write_text(text)
    with pytest.raises(InputError, match=reason):
        read_config(tmp_path / "c.toml")


def test_a_configuration_in_another_encoding_is_an_input_error(tmp_path: Path) -> None:
    (tmp_path / "c.toml").write_bytes('name = "Müller"'.encode("latin-1"))
    with pytest.raises(InputError, match="not a TOML file in UTF-8"):
        read_config(tmp_path / "c.toml")


def test_a_missing_configuration_is_an_input_error(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"nowhere\.toml"):
        read_config(tmp_path / "nowhere.toml")


def test_paths_of_a_file_are_relative_to_it(tmp_path: Path) -> None:
    (tmp_path / "c.toml").write_text(
        'name = "x"\ndata = "sub/d.pack"\n[[phases]]\nuntil = 1.0\ncrop = 32\nbatch = 1'
    )
    config = read_config(tmp_path / "c.toml")
    assert config.data == str(tmp_path / "sub/d.pack")
    assert config.validation == ""
    assert config.phases == (Phase(1.0, 32, 1),)


def test_a_journal_forgets_what_lies_beyond_its_checkpoint(tmp_path: Path) -> None:
    journal = Journal(tmp_path, 0)
    for step in (1, 2, 3):
        journal.write({"step": step, "loss": 1.0 / step, "terms": {}})
    with (tmp_path / LOG).open("a") as log:
        log.write('{"step": 4, "lo')  # killed in the middle of a line
    assert [record["step"] for record in read_log(tmp_path / LOG)] == [1, 2, 3]
    Journal(tmp_path, 2).write({"step": 3, "loss": 9.0, "terms": {}})
    assert [(r["step"], r["loss"]) for r in read_log(tmp_path / LOG)] == [
        (1, 1.0),
        (2, 0.5),
        (3, 9.0),
    ]


def test_tensorboard_gets_every_number_where_it_is_installed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    written: list[tuple[str, float, int]] = []

    class Board:
        def add_scalar(self, name: str, value: float, step: int) -> None:
            written.append((name, value, step))

    monkeypatch.setattr("UniFuseLib.training.journal._tensorboard", lambda folder, step: Board())
    Journal(tmp_path, 0).write(
        {"step": 7, "loss": 2.0, "terms": {"restore": 0.5}, "validation": {"tre_mm": 3.0}}
    )
    assert written == [("loss", 2.0, 7), ("terms/restore", 0.5, 7), ("validation/tre_mm", 3.0, 7)]


def test_curves_are_means_over_stretches_and_scores_as_they_are() -> None:
    records = [
        {"step": step, "loss": float(step), "terms": {"restore": 1.0}} for step in range(1, 101)
    ]
    records[49]["validation"] = {"tre_mm": 2.5}
    series = curves(records, points=10)
    assert series["loss"][1][0] == pytest.approx(5.5)
    assert series["loss"][0][-1] == pytest.approx(95.5)
    assert len(series["restore"][0]) == 10
    assert series["validation: tre_mm"] == ([50.0], [2.5])


def arguments(**values: object) -> argparse.Namespace:
    names = (
        "config",
        "output",
        "data",
        "validation",
        "time_budget",
        "weights_from",
        "profile",
        "plot",
    )
    return argparse.Namespace(**{**dict.fromkeys(names), "device": "cpu", **values})


def test_plot_draws_the_curves_of_a_run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("matplotlib")
    with pytest.raises(InputError, match=LOG):
        command.run(arguments(plot=tmp_path))
    journal = Journal(tmp_path, 0)
    for step in range(1, 5):
        journal.write({"step": step, "loss": 1.0, "terms": {"restore": 0.5}})
    assert command.run(arguments(plot=tmp_path)) == 0
    assert (tmp_path / CURVES).stat().st_size > 1000
    assert CURVES in capsys.readouterr().out


def test_missing_matplotlib_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("UniFuseLib.training.pictures.find_spec", lambda name: None)
    with pytest.raises(MissingDependencyError, match="pip install matplotlib"):
        command.run(arguments(plot=tmp_path))


def test_what_is_missing_on_the_command_line_is_said() -> None:
    with pytest.raises(InputError, match="default"):
        command.run(arguments())
    with pytest.raises(InputError, match="--output"):
        command.run(arguments(config=Path("default")))


@pytest.mark.filterwarnings("ignore:CUDA is not available")
def test_auto_precision_is_half_on_cuda_alone() -> None:
    with precision("auto", torch.device("cpu")):
        assert not torch.is_autocast_enabled("cpu")
    with precision("bfloat16", torch.device("cpu")):
        assert torch.get_autocast_dtype("cpu") == torch.bfloat16
        assert torch.is_autocast_enabled("cpu")
    assert getattr(precision("auto", torch.device("cuda")), "fast_dtype", None) == torch.bfloat16
    assert not isinstance(precision("float32", torch.device("cuda")), torch.autocast)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_positions_do_not_suffer_from_half_precision(dtype: torch.dtype) -> None:
    """bfloat16 knows 257 numbers between 128 and 256, half of what a flow on 240 voxels needs."""
    shape = (2, 3, 240)
    ramp = identity_grid(shape, torch.empty(0))[:, 2:] / 240
    flow = torch.zeros(1, 3, *shape)
    flow[:, 2] = 0.5
    moved = warp(ramp, flow.to(dtype))
    torch.testing.assert_close(
        moved[..., :239] - ramp[..., :239],
        torch.full((1, 1, 2, 3, 239), 0.5 / 240),
        atol=1e-5,
        rtol=0,
    )


def test_a_schedule_in_minutes_follows_the_clock_not_the_steps() -> None:
    phases = (Phase(0.4, 48, 2), Phase(1.0, 64, 1))
    config = TrainingConfig(
        name="x", data="", minutes=10.0, rate=1.0, final_rate=0.0, warm_up=5, phases=phases
    )
    assert config.progress(9999, 300.0) == pytest.approx(0.5)
    assert config.progress(1, 601.0) == 1.0
    assert [config.phase_at(config.progress(7, s)).crop for s in (0, 239, 241, 600)] == [
        48,
        48,
        64,
        64,
    ]
    assert learning_rate(config, 2, 0.0) == pytest.approx(0.6)  # the warm-up counts steps
    assert learning_rate(config, 10**6, 300.0) == pytest.approx(0.5)
    assert learning_rate(config, 10**6, 600.0) == pytest.approx(0.0, abs=1e-9)
