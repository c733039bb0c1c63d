"""Runs of `UniFuseLib.fuse` that end early: stopped, refused, or short of memory."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch
from torch import Tensor

from Testing.contracts.known_flow import Network, Registered, run
from UniFuseLib.device import DeviceMemoryError, memory_advice
from UniFuseLib.errors import Cancelled, DeviceError, InputError, WeightsError
from UniFuseLib.spatial.volume import Volume

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.usefixtures("the_network_is_followed")


def test_progress_grows_and_names_its_stages(pair: tuple[Volume, Volume]) -> None:
    seen: list[tuple[float, str]] = []
    run(pair, progress=lambda fraction, stage: seen.append((fraction, stage)))
    fractions = [fraction for fraction, _ in seen]
    assert fractions == sorted(fractions)
    assert fractions[0] >= 0
    assert fractions[-1] <= 1
    assert len(dict.fromkeys(stage for _, stage in seen)) >= 5


@pytest.mark.parametrize("at", [1, 4, 9])
def test_cancelling_stops_the_run(pair: tuple[Volume, Volume], at: int) -> None:
    asked: list[int] = []

    def cancelled() -> bool:
        asked.append(1)
        return len(asked) >= at

    with pytest.raises(Cancelled):
        run(pair, cancelled=cancelled)
    assert len(asked) == at


@pytest.mark.parametrize(
    ("options", "error", "sentence"),
    [
        ({"device": "quantum"}, DeviceError, "Unknown device"),
        ({"device": "mps"}, DeviceError, "not supported"),
        ({"device": "cuda:7"}, DeviceError, "not available"),
        ({"precision": "float8"}, InputError, "precision"),
        ({"degraded_modality": "us"}, InputError, "modality"),
        ({"working_spacing": -1.0}, InputError, "working spacing"),
        ({"align": "elastic"}, InputError, "align 'elastic'"),
        ({"model": None, "weights": "/none.safetensors"}, WeightsError, "none.safetensors"),
    ],
)
def test_wrong_options_are_refused(
    pair: tuple[Volume, Volume], options: dict, error: type, sentence: str
) -> None:
    with pytest.raises(error, match=sentence):
        run(pair, **options)


def sheared(volume: Volume) -> Volume:
    shear = np.eye(4)
    shear[0, 1] = 0.1
    return Volume(volume.array, shear @ volume.affine)


def test_a_sheared_reference_is_refused_before_the_work(pair: tuple[Volume, Volume]) -> None:
    """No file can hold results on its grid."""
    stages: list[str] = []
    with pytest.raises(InputError, match="perpendicular"):
        run((pair[0], sheared(pair[1])), progress=lambda _, stage: stages.append(stage))
    assert stages[-1] == "Checking the volumes"
    result = run((sheared(pair[0]), pair[1]))
    assert np.isfinite(result.displacement).all()


def test_a_full_device_gives_advice(pair: tuple[Volume, Volume]) -> None:
    class Greedy(Network):
        def register(
            self, degraded: Tensor, reference: Tensor, *, find_field: bool = True
        ) -> Registered:
            raise torch.cuda.OutOfMemoryError("CUDA out of memory")

    with pytest.raises(DeviceError, match="working-spacing"):
        run(pair, model=Greedy())


@pytest.mark.parametrize(
    ("error", "device"),
    [
        (torch.cuda.OutOfMemoryError("CUDA out of memory"), "cuda"),
        (RuntimeError("CUDA error: out of memory"), "cuda"),
        (MemoryError(), "cpu"),
        (RuntimeError("DefaultCPUAllocator: not enough memory: you tried to ..."), "cpu"),
    ],
)
def test_the_device_that_is_full_is_named(error: Exception, device: str) -> None:
    with pytest.raises(DeviceMemoryError) as raised, memory_advice(torch.device("cuda", 0)):
        raise error
    assert raised.value.device.type == device
    assert str(raised.value).startswith(device)


def test_a_fusion_method_that_cannot_be_used_is_refused_before_the_work(
    pair: tuple[Volume, Volume], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("UniFuseLib.fusion.dmfnet_weights.models_folder", lambda: tmp_path)
    with pytest.raises(WeightsError, match="trained weights"):
        run(pair, fusion="dmfnet")
    with pytest.raises(InputError, match="Unknown fusion method"):
        run(pair, fusion="median")
