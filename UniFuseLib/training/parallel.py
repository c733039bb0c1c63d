"""Data parallelism without DDP (decision 0030).

Every process draws its own part of the batch, gradients are averaged.

`torchrun --nproc-per-node N -m UniFuseLib train CONFIG --output DIR` starts N processes; each one
gets the batch of the configuration. N processes make the same step as one process with N times the
batch.
"""

from __future__ import annotations

import os
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
import torch.distributed as dist
from torch import Tensor, nn

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator


@dataclass(frozen=True)
class Ranks:
    """This process among `count` of them; only the first one writes files."""

    index: int = 0
    count: int = 1

    @property
    def is_first(self) -> bool:
        return self.index == 0


def is_first_process() -> bool:
    """Whether this process writes files; before `joined`."""
    return os.environ.get("RANK", "0") == "0"


@contextmanager
def joined(device: torch.device) -> Iterator[Ranks]:
    """This process's place among those that `torchrun` started; alone without it.

    The group of processes is left at the end.
    """
    count = int(os.environ.get("WORLD_SIZE", "1"))
    if count == 1:
        yield Ranks()
        return
    if device.type == "cuda":
        torch.cuda.set_device(device)
    dist.init_process_group("nccl" if device.type == "cuda" else "gloo")
    try:
        yield Ranks(dist.get_rank(), count)
        dist.barrier()  # nobody takes the group down while another one still uses it
    finally:
        dist.destroy_process_group()


def local_device(device: torch.device) -> torch.device:
    """`cuda` without a number is the GPU of this process's local rank."""
    if device.type == "cuda" and device.index is None and "LOCAL_RANK" in os.environ:
        return torch.device("cuda", int(os.environ["LOCAL_RANK"]))
    return device


def average_gradients(parameters: Iterable[nn.Parameter], ranks: Ranks) -> None:
    """grad = mean over ranks of grad; a parameter that a rank did not use counts as zero there."""
    if ranks.count == 1:
        return
    known = list(parameters)
    gradients = [torch.zeros_like(p) if p.grad is None else p.grad for p in known]
    flat = torch.cat([gradient.reshape(-1) for gradient in gradients])
    dist.all_reduce(flat)
    parts = (flat / ranks.count).split([p.numel() for p in known])
    for parameter, part in zip(known, parts, strict=True):
        parameter.grad = part.view(parameter.shape)


def mean_over_ranks(values: Tensor, ranks: Ranks) -> Tensor:
    """Mean of `values` over all processes; everyone gets it."""
    if ranks.count > 1:
        dist.all_reduce(values)
    return values / ranks.count


def first_decides(decision: bool, ranks: Ranks, device: torch.device) -> bool:
    """What the first process decided: clocks differ, and all have to stop at the same step."""
    if ranks.count == 1:
        return decision
    flag = torch.tensor([float(decision)], device=device)
    dist.broadcast(flag, src=0)
    return bool(flag.item())
