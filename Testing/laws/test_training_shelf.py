"""Samples on a shelf: what a cut keeps true, and what becomes of workers that fail."""

from __future__ import annotations

import time
from concurrent.futures import Future
from typing import TYPE_CHECKING, Any

import pytest
import torch

from UniFuseLib.spatial.displacement import identity_grid, warp
from UniFuseLib.training.config import TrainingConfig
from UniFuseLib.training.sample_settings import SampleSettings
from UniFuseLib.training.samples import Sample, generator_of
from UniFuseLib.training.shelf import Shelf, cut, halved, joined

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

CPU = torch.device("cpu")
SIDE = 24


def moved_sample(seed: int = 0) -> Sample:
    """A flow that differs along every axis and brings `fine` back to `clean`."""
    torch.manual_seed(seed)
    waves = torch.nn.functional.interpolate(torch.rand(1, 6, 6, 6, 6), size=(SIDE,) * 3)
    waves = torch.nn.functional.avg_pool3d(waves, 5, 1, 2)
    where = identity_grid((SIDE,) * 3, waves)
    flow = torch.stack([0.02 * where[0, 0] + 1, 0.03 * where[0, 1] - 2, 1.5 - 0.01 * where[0, 2]])
    fine = waves[:, :1]
    clean = warp(fine, flow[None])
    volumes = [waves[:, k : k + 1] for k in range(1, 4)]
    return Sample(
        volumes[0],
        volumes[1],
        clean,
        fine,
        volumes[2],
        flow[None],
        torch.tensor([2]),
        waves[:, 4:5],
        torch.full((1, 3), 1.5),
    )


@pytest.mark.parametrize("seed", range(6))
def test_a_cut_keeps_the_flow_true(seed: int) -> None:
    """Mirrored axes turn their component of the flow: every other sign would miss."""
    whole = moved_sample()
    part = cut(whole, 16, generator_of(seed, 0, 0))
    assert part.degraded.shape == (1, 1, 16, 16, 16)
    inside = (..., slice(3, -3), slice(3, -3), slice(3, -3))
    error = (warp(part.fine, part.flow) - part.clean)[inside].abs().mean()
    turned = part.flow * torch.tensor([-1.0, 1.0, 1.0]).view(1, 3, 1, 1, 1)
    wrong = warp(part.fine, turned)
    assert error < 1e-5
    assert (wrong - part.clean)[inside].abs().mean() > 1e-3


def test_cuts_mirror_every_axis_and_reach_every_place() -> None:
    whole = moved_sample()
    signs, corners = set(), set()
    for seed in range(60):
        part = cut(whole, 20, generator_of(seed, 1, 0))
        signs.add(tuple(part.flow.mean((0, 2, 3, 4)).sign().tolist()))
        corners.add(round(float(part.flow[0, 2].abs().max()), 3))
    assert len(signs) == 8
    assert len(corners) == 5  # SIDE - 20 + 1 places along an axis


def test_half_precision_of_the_shelf_is_enough() -> None:
    sample = moved_sample()
    back = joined([Sample(**halved(sample))])
    assert (back.degraded - sample.degraded).abs().max() < 5e-4
    assert (back.flow - sample.flow).abs().max() < 4e-3
    assert back.label.dtype == torch.int64
    assert all(v.dtype == torch.float32 for v in back if v.is_floating_point())


def config(**changes: Any) -> TrainingConfig:
    return TrainingConfig(**{"name": "x", "data": "none", "workers": 1, "shelf": 2, **changes})


@pytest.fixture
def shelf() -> Iterator[Shelf]:
    """One that is never started: its thread's work is done by hand."""
    held = Shelf(config(), SampleSettings(), CPU)
    yield held
    held._pool.shutdown()
    held._folder.cleanup()


def finished(value: Any) -> Future[str]:
    future: Future[str] = Future()
    if isinstance(value, Exception):
        future.set_exception(value)
    else:
        future.set_result(str(value))
    return future


def test_the_newest_sample_takes_the_place_of_the_oldest(shelf: Shelf, tmp_path: Path) -> None:
    for number in range(3):
        torch.save(halved(moved_sample(number)), tmp_path / f"{number}.pt")
        shelf._take(finished(tmp_path / f"{number}.pt"))
    held = {round(float(s.degraded.float().mean()), 3) for s in shelf._samples}
    assert held == {round(float(moved_sample(k).degraded.mean()), 3) for k in (1, 2)}
    assert not list(tmp_path.iterdir())  # what has been read is gone
    batch = shelf.draw(2, 16, generator_of(0, 0, 0))
    assert batch.degraded.shape == (2, 1, 16, 16, 16)


def test_one_sample_that_fails_is_told_and_three_in_a_row_end_it(shelf: Shelf) -> None:
    for _ in range(2):
        with pytest.warns(RuntimeWarning, match="left out: ValueError\\('broken'\\)"):
            shelf._take(finished(ValueError("broken")))
    with pytest.raises(ValueError, match="broken"):
        shelf._take(finished(ValueError("broken")))


@pytest.mark.slow
def test_workers_that_cannot_start_end_the_training() -> None:
    """No such pack: the error of the worker's start reaches whoever asks for a batch."""
    started = time.monotonic()
    with (
        Shelf(config(data="/no/such.pack"), SampleSettings(), CPU) as shelf,
        pytest.raises(RuntimeError, match="draws samples failed"),
    ):
        shelf.draw(1, 16, generator_of(0, 0, 0))
    assert time.monotonic() - started < 120
