"""Batches made a few steps ahead of the one that is learnt from, in threads."""

from __future__ import annotations

import threading
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from UniFuseLib.training.descriptors.samples import Batch, draw_batch, generators_of

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

    from UniFuseLib.training.descriptors.anatomy import Anatomy
    from UniFuseLib.training.descriptors.state import Settings

_AHEAD = 3  # batches


def batches(
    anatomies: list[Anatomy], settings: Settings, first: int, device: torch.device
) -> Generator[Batch, None, None]:
    """The batches of steps `first`, `first` + 1, ... without end; each follows from seed and step.

    Args:
        anatomies: to draw from.
        settings: of the run.
        first: step.
        device: where batches are made.
    """

    def make(step: int) -> Batch:
        random, noise = generators_of(settings.seed, step, device)
        return draw_batch(anatomies, settings.pairs, settings.crop, settings.points, random, noise)

    cuda = device.type == "cuda"
    make_batch = _on_own_stream(make, device) if cuda else make
    with ThreadPoolExecutor(_AHEAD if cuda else 1) as pool:
        waiting: list[Future[Batch]] = [pool.submit(make_batch, first + k) for k in range(_AHEAD)]
        step = first + _AHEAD
        try:
            while True:
                batch = waiting.pop(0).result()
                waiting.append(pool.submit(make_batch, step))
                step += 1
                if cuda:
                    _used_by_this_stream(batch, device)
                yield batch
        finally:
            for future in waiting:
                future.cancel()


def _on_own_stream(make: Callable[[int], Batch], device: torch.device) -> Callable[[int], Batch]:
    """The same on a CUDA stream of each thread's own, beside the one that learns."""
    local = threading.local()

    def on_stream(step: int) -> Batch:
        if not hasattr(local, "stream"):  # one a thread: memory is kept for each stream
            local.stream = torch.cuda.Stream(device)
        with torch.cuda.stream(local.stream):
            batch = make(step)
        local.stream.synchronize()
        return batch

    return on_stream


def _used_by_this_stream(batch: Batch, device: torch.device) -> None:
    for part in batch:
        if isinstance(part, Tensor):
            part.record_stream(torch.cuda.current_stream(device))
