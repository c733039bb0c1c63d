"""`UniFuseLib.fuse` with a correction that is known: where it goes, and where it does not."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest
from scipy import ndimage

from Testing.contracts.known_flow import Network, run
from UniFuseLib.contract import read_contract, standard_contract
from UniFuseLib.errors import InputError
from UniFuseLib.resources import DEFAULT_WEIGHTS, models_folder
from UniFuseLib.restoration.shipped import shipped_correction
from UniFuseLib.severity.head import TraceHead

if TYPE_CHECKING:
    import torch

    from UniFuseLib.restoration.aligned_pair import AlignedPair
    from UniFuseLib.restoration.profile import Profile
    from UniFuseLib.spatial.volume import Volume

pytestmark = pytest.mark.usefixtures("the_network_is_followed")
BRIGHTER = 0.07  # network intensity
CALIBRATED_MM = 1.5


class Brighter:
    """Adds the same everywhere in the body; remembers the restored voxels that it was given."""

    def __init__(self, seen: list[torch.Tensor]) -> None:
        self._seen = seen

    def suits(self, label: str, reference: str) -> bool:
        return (label, reference) == ("mr_motion", "mr")

    def __call__(self, pair: AlignedPair, label: str, profile: Profile) -> torch.Tensor:
        assert label == "mr_motion"
        self._seen.append(pair.restored[pair.body][:, None])
        profile.see(self._seen[-1])
        return BRIGHTER * pair.body.float()


@pytest.fixture
def brighter(monkeypatch: pytest.MonkeyPatch) -> list[torch.Tensor]:
    """What the correction has seen, run by run."""
    seen: list[torch.Tensor] = []

    def shipped(network_sha256: str, choice: str) -> Brighter | None:
        return None if choice == "network" else Brighter(seen)

    monkeypatch.setattr("UniFuseLib.predict.shipped_correction", shipped)
    return seen


@pytest.mark.usefixtures("brighter")
def test_what_is_added_reaches_restored_and_fused_and_moves_nothing(
    pair: tuple[Volume, Volume],
) -> None:
    network = Network((1.5, -2.0, 1.0), label=1, blend=0.25)
    options = {"model": network, "restored_own": True, "working_spacing": CALIBRATED_MM}
    before = run(pair, restoration="network", **options)
    after = run(pair, **options)
    np.testing.assert_array_equal(after.displacement, before.displacement)
    assert after.probabilities == before.probabilities
    inside = ndimage.binary_erosion(after.body & after.coverage, iterations=4)
    scale = after.report.intensity.degraded.scale
    change = after.restored.array - before.restored.array
    np.testing.assert_allclose(change[inside], BRIGHTER * scale, atol=0.02 * scale)
    fused = after.fused.array - before.fused.array
    np.testing.assert_allclose(fused[inside], 0.75 * BRIGHTER, atol=0.02)
    assert before.restored_own is not None
    assert after.restored_own is not None
    own = after.restored_own.array - before.restored_own.array
    assert own[pair[0].array > 50].mean() == pytest.approx(BRIGHTER * scale, rel=0.1)


@pytest.mark.usefixtures("brighter")
def test_the_report_says_what_was_corrected(pair: tuple[Volume, Volume]) -> None:
    known = {"model": Network(label=1), "working_spacing": CALIBRATED_MM}
    corrected = run(pair, **known).report.correction
    assert corrected.degradation == "mr_motion"
    assert corrected.mean_change == pytest.approx(BRIGHTER, rel=1e-3)
    for same in (
        run(pair, **known, restoration="network"),
        run(pair, **{**known, "model": Network()}),  # clean
        run(pair, model=Network(label=1)),  # at a spacing at which no class is stated
    ):
        assert same.report.correction.degradation is None
        assert same.report.correction.mean_change is None


def test_the_severity_is_that_of_both_volumes_where_the_correction_has_looked(
    pair: tuple[Volume, Volume], brighter: list[torch.Tensor]
) -> None:
    beside = TraceHead(("rms_00",), (0.0,), (1.0,), (0.1,), 0.5)
    alone = TraceHead(("ghost",), (0.0,), (9.0,), (0.0,), 0.2)
    contract = replace(standard_contract(), severity={"mr_motion": alone})

    def severity(beside: dict[str, TraceHead], **options: str) -> float | None:
        known = {"model": Network(label=1), "working_spacing": CALIBRATED_MM, **options}
        return run(
            pair, **known, contract=replace(contract, severity_beside=beside)
        ).report.severity

    found = severity({"mr_motion": beside})
    (seen,) = brighter
    trace = math.log(float(seen.double().square().mean().sqrt()) + 1e-4)
    assert found == pytest.approx(0.5 + 0.1 * trace, abs=1e-3)
    assert severity({"mr_motion": beside}, restoration="network") == 0.2
    assert severity({"mr_motion": replace(beside, mean=(9.0,))}) == 0.2  # unlike the fit
    assert severity({"pet_low_dose": beside}) == 0.2


def test_the_correction_belongs_to_the_shipped_network_alone() -> None:
    shipped = read_contract(models_folder() / DEFAULT_WEIGHTS).sha256
    correction = shipped_correction(shipped)
    assert correction is not None
    assert correction.suits("mr_motion", "mr")
    assert correction.suits("pet_low_dose", "ct")
    assert not correction.suits("mr_motion", "ct")  # limbs: in no sample of the fit
    assert shipped_correction("0" * 64) is None
    assert shipped_correction("") is None
    assert shipped_correction(shipped, "network") is None


def test_an_unknown_choice_is_refused_in_words(pair: tuple[Volume, Volume]) -> None:
    with pytest.raises(InputError, match="Expected one of auto, network"):
        run(pair, restoration="none")
