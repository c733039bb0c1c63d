"""`unifuse calibrate`: from a folder of cases to new weights, which differ in the classifier
alone.
"""

from __future__ import annotations

import io
import json
from contextlib import redirect_stderr, redirect_stdout
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from UniFuseLib.checkpoint import save_model
from UniFuseLib.cli import main
from UniFuseLib.contract import Contract, read_contract
from UniFuseLib.degradation import CLASSES
from UniFuseLib.errors import InputError, OutputError
from UniFuseLib.experiments import case_states
from UniFuseLib.network.build import build, preset
from UniFuseLib.preprocessing.intensity import DEFAULT_INTENSITY

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(scope="module")
def cases(tmp_path_factory: pytest.TempPathFactory, make_case) -> Path:
    """Two cases, clean and degraded, of five patients; a sixth one is broken."""
    folder = tmp_path_factory.mktemp("calibration")
    ids = []
    for patient in range(6):
        for label in ("clean", "mr_motion"):
            name = f"p{patient}_{label}"
            make_case(folder, name, "mr", np.array([1.0, -2.0, 1.5]), label, seed=patient)
            text = json.loads((folder / name / "case.json").read_text())
            text["sources"] = {"reference": f"val/mr_multi/p{patient}/t1.nii.gz"}
            (folder / name / "case.json").write_text(json.dumps(text))
            ids.append(name)
    (folder / "p5_clean" / "field.nii.gz").unlink()
    (folder / "cases.json").write_text(json.dumps({"version": 1, "cases": ids}))
    return folder


def weights_of(preset_name: str, folder: Path, classes: tuple[str, ...] = CLASSES) -> Path:
    torch.manual_seed(0)
    config = preset(preset_name)
    contract = Contract(
        *("tiny", preset_name, config.to_dict(), classes, 2.0, DEFAULT_INTENSITY, "", "Apache-2.0"),
        training={"steps": 7},
        validation={"class_accuracy": 0.5},
    )
    save_model(build(config), contract, folder / "tiny.safetensors")
    return folder / "tiny.safetensors"


class Run(NamedTuple):
    """What a whole run said and left; `before` is the content of the weights that it was given."""

    weights: Path
    before: bytes
    output: Path
    code: int
    out: str
    err: str


def command(cases: Path, weights: Path, output: Path) -> list[str]:
    options = ["--weights", str(weights), "--output", str(output), "--device", "cpu"]
    return ["calibrate", str(cases), *options]


@pytest.fixture(scope="module")
def whole(cases: Path, tmp_path_factory: pytest.TempPathFactory) -> Run:
    """A run that nothing interrupted."""
    folder = tmp_path_factory.mktemp("whole")
    weights, output = weights_of("small", folder), folder / "out"
    before = weights.read_bytes()
    (output / "states").mkdir(parents=True)
    (output / "states" / "notes.txt").write_text("mine")
    out, err = io.StringIO(), io.StringIO()
    with redirect_stdout(out), redirect_stderr(err):
        code = main(command(cases, weights, output))
    return Run(weights, before, output, code, out.getvalue(), err.getvalue())


@pytest.mark.slow
def test_new_weights_differ_in_the_classifier_alone(cases: Path, whole: Run, capsys) -> None:
    assert whole.code == InputError.exit_code  # one case was broken, and is named
    assert "p5_clean" in whole.err
    assert "field.nii.gz" in whole.err
    assert "(11 cases," in whole.out
    weights, output = whole.weights, whole.output
    old, new = load_file(weights), load_file(output / "tiny.safetensors")
    changed = {name for name in old if not torch.equal(old[name], new[name])}
    assert changed
    assert all(name.startswith("dapl.classifier.") for name in changed)
    contract = read_contract(output / "tiny.safetensors")
    assert contract.training["classifier"]["cases"] == 11
    held_out = contract.training["classifier"]["held_out"]
    assert 0 <= held_out["accuracy"] <= 1
    assert contract.sure_from == held_out["sure_from"] > 0
    assert contract.presence == {}  # fitted to another classifier
    assert contract.training["steps"] == 7
    assert contract.validation == {}  # scored before the fit
    assert weights.read_bytes() == whole.before
    assert sorted(path.name for path in output.rglob("*")) == [
        "notes.txt",
        "states",
        "tiny.json",
        "tiny.safetensors",
    ]
    assert main(command(cases, weights, output)) != 0
    assert "never overwritten" in capsys.readouterr().err


@pytest.mark.slow
def test_a_stopped_run_goes_on_where_it_was(
    cases: Path, whole: Run, tmp_path: Path, capsys, monkeypatch
) -> None:
    weights, output = weights_of("small", tmp_path), tmp_path / "out"
    stopped = command(cases, weights, output)
    read, count = case_states.read_case, 0

    def stop_at_the_fifth(folder: Path, case_id: str):
        nonlocal count
        count += 1
        if count == 5:
            raise KeyboardInterrupt
        return read(folder, case_id)

    monkeypatch.setattr(case_states, "read_case", stop_at_the_fifth)
    assert main(stopped) != 0
    assert not list(output.glob("*.safetensors"))
    monkeypatch.setattr(case_states, "read_case", read)
    (output / ".unifuse-states" / "p0_clean.safetensors").write_bytes(b"torn")  # is read again
    capsys.readouterr()
    main([*stopped, "--resume"])
    said = capsys.readouterr()
    assert "] p0_clean" in said.err
    assert "] p1_clean" not in said.err
    assert "] p2_clean" in said.err
    assert "(11 cases," in said.out
    assert not (output / ".unifuse-states").exists()
    folders = output, whole.output
    one, other = (load_file(folder / "tiny.safetensors") for folder in folders)
    assert all(torch.equal(one[name], other[name]) for name in one)


def test_an_output_that_is_a_file_is_refused_before_any_case_is_read(
    cases: Path, tmp_path: Path, capsys
) -> None:
    weights = weights_of("small", tmp_path)
    (tmp_path / "out").touch()
    assert main(command(cases, weights, tmp_path / "out")) == OutputError.exit_code
    assert "p0_clean" not in capsys.readouterr().err


def test_a_network_without_dapl_has_nothing_to_fit(cases: Path, tmp_path: Path, capsys) -> None:
    weights = weights_of("small+setting_c", tmp_path)
    assert main(command(cases, weights, tmp_path / "out")) != 0
    assert "no classifier to fit" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_weights_of_other_classes_are_refused(cases: Path, tmp_path: Path, capsys) -> None:
    weights = weights_of(
        "small", tmp_path, ("clean", "pet_low_dose", "mr_motion", "ct_metal_noise")
    )
    assert main(command(cases, weights, tmp_path / "out")) != 0
    assert "Expected weights of the classes clean, mr_motion" in capsys.readouterr().err
