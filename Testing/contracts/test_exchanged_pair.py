"""The shipped weights notice that the two volumes of the sample pair were exchanged."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import torch

from UniFuseLib.checkpoint import load_model
from UniFuseLib.degraded_reference import reference_doubts
from UniFuseLib.io.volumes import read_volume
from UniFuseLib.preprocessing.prepare import prepare_pair
from UniFuseLib.preprocessing.working_pair import working_pair
from UniFuseLib.steps import NetworkRun, classify_pair, classify_reference

if TYPE_CHECKING:
    from UniFuseLib.degradation import Classification

SAMPLE = Path(__file__).resolve().parents[2] / "Resources" / "SampleData"
CPU = torch.device("cpu")


@torch.no_grad()
def classes(degraded: str, reference: str) -> tuple[Classification, Classification]:
    """Of both volumes, where the files place them."""
    network, contract = load_model(None, CPU)
    first, second = (read_volume(SAMPLE / f"{name}.nii.gz") for name in (degraded, reference))
    pair = prepare_pair(first, second, ("mr", "mr"), contract)
    working = working_pair(pair, "none")
    logits = network.classify(working.degraded, working.reference)
    of_reference = classify_reference(NetworkRun(network, pair, working, CPU, "auto"), contract)
    assert of_reference is not None
    return classify_pair(logits, pair, contract), of_reference


@pytest.mark.parametrize("exchanged", [False, True])
def test_only_the_exchanged_pair_is_asked_about(exchanged: bool) -> None:
    names = ("reference", "degraded") if exchanged else ("degraded", "reference")
    degraded, reference = classes(*names)
    assert (degraded.label, reference.label) == (
        ("clean", "mr_motion") if exchanged else ("mr_motion", "clean")
    )
    said = reference_doubts(reference, "mr", degraded)
    assert [("were the two exchanged?" in sentence) for sentence in said] == [True] * exchanged
