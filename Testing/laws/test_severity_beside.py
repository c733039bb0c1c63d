"""How strong a degradation is, from a scan and its reference together."""

from __future__ import annotations

import math
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from UniFuseLib.contract import standard_contract
from UniFuseLib.degradation import Classification
from UniFuseLib.restoration.correct import Corrected
from UniFuseLib.restoration.profile import Profile
from UniFuseLib.severity.head import TraceHead
from UniFuseLib.severity.severity import severity_of

BESIDE = TraceHead(("rms_00",), (0.0,), (1.0,), (0.1,), 0.5)
ALONE = TraceHead(("ghost",), (0.0,), (1.0,), (0.0,), 0.2)


def test_a_profile_is_of_all_voxels_however_they_come() -> None:
    known = torch.randn(90, 4, generator=torch.Generator().manual_seed(0)) * torch.tensor(
        [1.0, 0.1, 3.0, 0.0]
    ) + torch.tensor([0.0, 2.0, -1.0, 5.0])
    whole, parts = Profile(), Profile()
    whole.see(known)
    for part in known.split(17):
        parts.see(part)
    found = whole.traces()
    assert found == pytest.approx(parts.traces())
    assert found is not None
    for number, column in enumerate(known.double().T):
        rms, deviation = column.square().mean().sqrt(), column.std(correction=0)
        assert found[f"rms_{number:02d}"] == pytest.approx(math.log(float(rms) + 1e-4))
        assert found[f"deviation_{number:02d}"] == pytest.approx(
            math.log(float(deviation) + 1e-4), abs=1e-3
        )


def test_one_number_for_all_voxels_has_no_deviation() -> None:
    """A square that float32 has rounded up would have one."""
    values = torch.linspace(0.01, 0.5, 60)
    profile = Profile()
    for _ in range(5):
        profile.see(values.expand(8192, -1))
    found = profile.traces()
    assert found is not None
    deviations = [found[f"deviation_{number:02d}"] for number in range(60)]
    assert deviations == pytest.approx([math.log(1e-4)] * 60, abs=1e-3)


def test_no_voxel_says_nothing() -> None:
    profile = Profile()
    assert profile.traces() is None
    profile.see(torch.zeros(0, 4))
    assert profile.traces() is None


def found(
    corrected: Corrected, label: str = "mr_motion", ghost: float = 0.0, **more: Any
) -> float | None:
    contract = replace(
        standard_contract(), severity={"mr_motion": ALONE}, severity_beside={"mr_motion": BESIDE}
    )
    scan: Any = SimpleNamespace(source=SimpleNamespace(modality="mr"), traces={"ghost": ghost})
    classified = Classification(label, {label: 1.0}, (), **more)
    return severity_of(scan, classified, contract, corrected).value


def test_both_volumes_count_where_both_were_looked_at() -> None:
    assert found(Corrected("mr_motion", 0.1, {"rms_00": 2.0})) == pytest.approx(0.7)
    assert found(Corrected("mr_motion", 0.1, {"rms_00": -3.0})) == pytest.approx(0.2)


@pytest.mark.parametrize(
    "corrected",
    [
        Corrected(),
        Corrected("mr_motion", 0.1, None),
        Corrected("mr_motion", 0.1, {"rms_07": 1.0}),
        Corrected("mr_motion", 0.1, {"rms_00": 4.5}),
        Corrected("pet_low_dose", 0.1, {"rms_00": 2.0}),
    ],
    ids=["not corrected", "no voxel", "other numbers", "unlike the fit", "another class"],
)
def test_else_the_scan_alone(corrected: Corrected) -> None:
    assert found(corrected) == pytest.approx(0.2)


def test_nothing_is_stated_of_a_scan_unlike_all_of_the_fit() -> None:
    assert found(Corrected(), ghost=4.0) == pytest.approx(0.2)
    assert found(Corrected(), ghost=4.1) is None
    assert found(Corrected("mr_motion", 0.1, {"rms_00": 4.5}), ghost=-4.1) is None
    assert found(Corrected("mr_motion", 0.1, {"rms_00": 2.0}), ghost=4.1) == pytest.approx(0.7)


def test_nothing_is_stated_of_another_or_uncalibrated_class() -> None:
    both = Corrected("mr_motion", 0.1, {"rms_00": 2.0})
    assert found(both, "clean") is None
    assert found(both, calibrated=False) is None
