"""Weights and their contract: the pair comes back as it was written, or says what is wrong with
it.
"""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
import torch
from safetensors import SafetensorError

from UniFuseLib.checkpoint import load_model, save_model
from UniFuseLib.contract import Contract, read_contract, sha256_of
from UniFuseLib.degradation import CLASSES
from UniFuseLib.errors import OutputError, WeightsError
from UniFuseLib.network.build import build, preset
from UniFuseLib.preprocessing.intensity import DEFAULT_INTENSITY
from UniFuseLib.severity.head import TraceHead

if TYPE_CHECKING:
    from pathlib import Path

    from UniFuseLib.network.unifuse import UniFuse

CPU = torch.device("cpu")


def network(name: str) -> UniFuse:
    torch.manual_seed(0)
    return build(preset(name)).eval()


def contract(name: str) -> Contract:
    return Contract(
        name="tiny",
        preset=name,
        network=preset(name).to_dict(),
        classes=CLASSES,
        working_spacing_mm=1.5,
        intensity=DEFAULT_INTENSITY,
        sha256="",
        license="Apache-2.0",
        training={"steps": 3},
    )


@pytest.fixture
def weights(tmp_path: Path) -> Path:
    save_model(network("small"), contract("small"), tmp_path / "tiny.safetensors")
    return tmp_path / "tiny.safetensors"


def test_half_precision_storage_keeps_the_result(weights: Path) -> None:
    loaded, _ = load_model(weights, CPU)
    generator = torch.Generator().manual_seed(1)
    degraded, reference = (torch.rand(1, 1, 16, 24, 16, generator=generator) for _ in range(2))
    with torch.no_grad():
        expected, found = network("small")(degraded, reference), loaded(degraded, reference)
    for name in ("fused", "restored", "flow", "logits"):
        assert (getattr(expected, name) - getattr(found, name)).abs().max() < 1e-3, name
    assert not loaded.training
    assert all(parameter.dtype == torch.float32 for parameter in loaded.parameters())


def test_the_contract_comes_back_with_its_checksum(weights: Path) -> None:
    found = read_contract(weights)
    assert found.sha256 == sha256_of(weights)
    # JSON knows no tuples: the network's description is equal once it is a configuration again
    plain = json.loads(json.dumps(contract("small").network))
    assert found == replace(contract("small"), sha256=found.sha256, network=plain)


@pytest.mark.parametrize("kind", ["severity", "presence"])
def test_a_contract_brings_its_heads_back_and_older_ones_have_none(
    weights: Path, kind: str
) -> None:
    assert getattr(read_contract(weights), kind) == {}
    head = TraceHead(("far", "metal"), (2.0, 1.0), (0.5, 2.0), (0.1, 0.05), 0.4)
    with_head = replace(contract("small"), **{kind: {"ct_metal_noise": head}})
    save_model(network("small"), with_head, weights)
    assert getattr(read_contract(weights), kind) == {"ct_metal_noise": head}
    content = json.loads(weights.with_suffix(".json").read_text(encoding="utf-8"))
    del content[kind]
    weights.with_suffix(".json").write_text(json.dumps(content), encoding="utf-8")
    assert getattr(read_contract(weights), kind) == {}


@pytest.mark.parametrize("kind", ["severity", "presence"])
def test_a_head_whose_numbers_do_not_fit_is_refused(weights: Path, kind: str) -> None:
    head = TraceHead(("far", "metal"), (2.0, 1.0), (0.5, 0.0), (0.1, 0.05), 0.4)
    save_model(network("small"), replace(contract("small"), **{kind: {"clean": head}}), weights)
    with pytest.raises(WeightsError, match=f"'{kind}.clean'"):
        read_contract(weights)


def test_writing_leaves_nothing_else_behind(weights: Path) -> None:
    save_model(network("small"), contract("small"), weights)
    assert sorted(path.name for path in weights.parent.iterdir()) == [
        "tiny.json",
        "tiny.safetensors",
    ]


def test_weights_from_before_the_fused_volume_had_a_head_of_its_own_still_load(
    tmp_path: Path,
) -> None:
    torch.manual_seed(0)
    shared = build(replace(preset("small"), blend="shared")).eval()
    network = {k: v for k, v in preset("small").to_dict().items() if k != "blend"}
    save_model(shared, replace(contract("small"), network=network), tmp_path / "old.safetensors")
    loaded, _ = load_model(tmp_path / "old.safetensors", CPU)
    assert loaded.state_dict().keys() == shared.state_dict().keys()


@pytest.mark.parametrize(
    "error", [SafetensorError("No space left on device"), OSError(28, "No space left on device")]
)
def test_a_full_disk_leaves_the_old_weights_and_nothing_else(
    weights: Path, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    def fill(tensors: dict[str, torch.Tensor], path: Path) -> None:
        path.write_bytes(b"half of them")
        raise error

    monkeypatch.setattr("safetensors.torch.save_file", fill)
    with pytest.raises(OutputError, match=r"tiny\.safetensors.*No space left"):
        save_model(network("small"), contract("small"), weights)
    assert sorted(path.name for path in weights.parent.iterdir()) == [
        "tiny.json",
        "tiny.safetensors",
    ]
    load_model(weights, CPU)


def test_missing_folders_are_made_and_unusable_ones_refused(tmp_path: Path) -> None:
    save_model(network("small"), contract("small"), tmp_path / "new" / "tiny.safetensors")
    (tmp_path / "file").touch()
    with pytest.raises(OutputError, match="Cannot write"):
        save_model(network("small"), contract("small"), tmp_path / "file" / "tiny.safetensors")


def test_one_flipped_bit_is_noticed(weights: Path) -> None:
    data = bytearray(weights.read_bytes())
    data[-1] ^= 1
    weights.write_bytes(data)
    with pytest.raises(WeightsError, match="damaged"):
        load_model(weights, CPU)


def test_what_is_missing_is_named(weights: Path, tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match=r"other\.safetensors"):
        read_contract(tmp_path / "other.safetensors")
    weights.with_suffix(".json").unlink()
    with pytest.raises(WeightsError, match=r"tiny\.json"):
        load_model(weights, CPU)


def test_a_contract_that_is_no_contract_is_refused(weights: Path) -> None:
    sidecar = weights.with_suffix(".json")
    for text in (
        "no JSON",
        "{}",
        json.dumps({**json.loads(sidecar.read_text(encoding="utf-8")), "unknown": 1}),
    ):
        sidecar.write_text(text)
        with pytest.raises(WeightsError, match=r"tiny\.json'(: '| is not a JSON file)"):
            load_model(weights, CPU)


def test_tensors_of_another_network_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "mixed.safetensors"
    save_model(network("small"), contract("small+j2"), path)
    with pytest.raises(WeightsError, match="do not fit the network"):
        load_model(path, CPU)
