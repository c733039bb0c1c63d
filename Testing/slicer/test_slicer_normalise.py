"""Choices that belong together: a pure function of what is chosen and what is shown."""

from __future__ import annotations

from dataclasses import replace

import pytest

pytestmark = pytest.mark.slicer


@pytest.fixture
def result(images, pair):
    from UniFuseSlicerLib.Ownership import FusionNodes
    from UniFuseSlicerLib.Results import updateNodes

    return updateNodes(images, pair.degraded, pair.reference, FusionNodes())


@pytest.fixture
def choose(result):
    """outputs, layer, percent → choices; the fused volume of the result unless told otherwise."""
    from UniFuseSlicerLib.Choices import LayerChoice
    from UniFuseSlicerLib.Normalise import ResultChoices

    def make(outputs=result, layer=LayerChoice.FUSED, percent=100.0):
        return ResultChoices(outputs, layer, percent)

    return make


def shown(fused="", percent=100.0):
    from UniFuseSlicerLib.Display import Shown

    return Shown(fused=fused, warpPercent=percent)


def test_anotherResultIsTakenAsAWholeWithItsVolumes(choose, result, pair):
    from UniFuseSlicerLib.Normalise import normalise
    from UniFuseSlicerLib.Ownership import FusionNodes

    alone = choose(FusionNodes(fused=result.fused))
    whole = replace(choose(result), degraded=pair.degraded, reference=pair.reference)
    assert normalise(alone, shown("another")) == whole


def test_theResultThatIsShownMayLoseItsParts(choose, result):
    """The user chose None for the report: it stays None."""
    from UniFuseSlicerLib.Normalise import normalise

    without = choose(replace(result, report=None))
    assert normalise(without, shown(result.fused.GetID())) == without


def test_movingTheSliderShowsTheDegraded(choose, result):
    from UniFuseSlicerLib.Choices import LayerChoice
    from UniFuseSlicerLib.Normalise import normalise

    moved = choose(percent=30.0)
    expected = replace(moved, layer=LayerChoice.DEGRADED)
    assert normalise(moved, shown(result.fused.GetID())) == expected


def test_aVolumeThatIsNoResultChangesNothing(choose, pair):
    from UniFuseSlicerLib.Normalise import normalise
    from UniFuseSlicerLib.Ownership import FusionNodes

    for fused in (None, pair.degraded):
        chosen = choose(FusionNodes(fused=fused), percent=30.0)
        assert normalise(chosen, shown()) == chosen


@pytest.mark.parametrize("percent", [100.0, 30.0])
@pytest.mark.parametrize("isShown", [True, False])
def test_twiceIsOnce(choose, result, percent, isShown):
    from UniFuseSlicerLib.Normalise import normalise
    from UniFuseSlicerLib.Ownership import FusionNodes

    before = shown(result.fused.GetID() if isShown else "")
    once = normalise(choose(FusionNodes(fused=result.fused), percent=percent), before)
    assert normalise(once, before) == once
