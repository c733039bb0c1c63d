"""Where the network runs, in what precision, and what a failure there means to a user."""

from __future__ import annotations

from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import TYPE_CHECKING, Literal

import torch

from UniFuseLib.errors import DeviceError, InputError

if TYPE_CHECKING:
    from collections.abc import Iterator

Precision = Literal["auto", "float32", "bfloat16", "float16"]
PRECISIONS: tuple[Precision, ...] = ("auto", "float32", "bfloat16", "float16")
_HOST = torch.device("cpu")


class DeviceMemoryError(DeviceError):
    """A device that ran out of memory.

    Args:
        device: which one.
    """

    def __init__(self, device: torch.device) -> None:
        super().__init__(_advice(device))
        self.device = device


def choose_device(name: str) -> torch.device:
    """`auto` takes CUDA when there is one; otherwise the named device.

    Raises:
        DeviceError: unknown, or not in this machine.
    """
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(name)
    except RuntimeError as error:
        raise DeviceError(
            f"Unknown device {name!r}. Expected auto, cpu, cuda or cuda:N."
        ) from error
    if device.type == "cpu":
        return device
    if device.type != "cuda":
        raise DeviceError(f"Device {name!r} is not supported. Expected auto, cpu, cuda or cuda:N.")
    count = torch.cuda.device_count() if torch.cuda.is_available() else 0
    if (device.index or 0) >= count:
        raise DeviceError(
            f"Device {name!r} is not available: usable CUDA devices of this machine: {count}. Use "
            "auto or cpu."
        )
    return device


def device_name(device: torch.device) -> str:
    """A name for the report."""
    if device.type == "cuda":
        return f"{device} ({torch.cuda.get_device_name(device)})"
    return f"cpu ({torch.get_num_threads()} threads)"


def check_precision(precision: str) -> None:
    """Raises InputError for an unknown precision."""
    if precision not in PRECISIONS:
        raise InputError(
            f"Unknown precision {precision!r}. Expected one of {', '.join(PRECISIONS)}."
        )


def autocast(precision: str, device: torch.device) -> AbstractContextManager[object]:
    """The context the network runs in; `auto` is float32, the precision of the published figures.

    Args:
        precision: one of `PRECISIONS`.
        device: where the network runs.

    Raises:
        InputError: an unknown precision.
    """
    check_precision(precision)
    if precision in ("auto", "float32"):
        return nullcontext()
    return torch.autocast(device.type, dtype=getattr(torch, precision))


@contextmanager
def memory_advice(device: torch.device) -> Iterator[None]:
    """Turn a device that ran out of memory into a `DeviceMemoryError` with its remedy."""
    try:
        yield
    except torch.cuda.OutOfMemoryError as error:
        raise DeviceMemoryError(device) from error
    except MemoryError as error:
        raise DeviceMemoryError(_HOST) from error
    except RuntimeError as error:
        if "not enough memory" in str(error):  # torch's allocator of the CPU
            raise DeviceMemoryError(_HOST) from error
        if "out of memory" not in str(error).lower():
            raise
        raise DeviceMemoryError(device) from error


def _advice(device: torch.device) -> str:
    other = "" if device.type == "cpu" else "--device cpu, "
    return (
        f"{device} ran out of memory. Try {other}a coarser grid (--working-spacing 2.5), or close "
        "other programs."
    )
