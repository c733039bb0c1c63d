"""A graphics card that is full: the same fusion again in half precision, and at last on the CPU."""

from __future__ import annotations

from contextlib import contextmanager
from functools import wraps
from typing import TYPE_CHECKING, Any, ParamSpec

import torch

from UniFuseLib.device import DeviceMemoryError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from UniFuseLib.fusion_result import FusionResult

P = ParamSpec("P")

_FULL = ("auto", "float32")  # precisions that bfloat16 halves


def smaller_when_full(fuse: Callable[P, FusionResult]) -> Callable[P, FusionResult]:
    """`fuse`, which does not give up when a graphics card runs out of memory.

    Every change is a warning of the report. What runs out of memory on the CPU fails as before.

    Args:
        fuse: takes `device`, `precision` and `model` as `predict.fuse` does.
    """

    @wraps(fuse)
    def persistent(*args: Any, **kwargs: Any) -> FusionResult:
        options = kwargs
        said: tuple[str, ...] = ()
        while True:
            try:
                with _on_the_cpu(options):
                    return fuse(*args, **options).with_warnings(said)
            except DeviceMemoryError as error:
                if error.device.type == "cpu":
                    raise
                full = error.device
            options, sentence = _smaller(options, full)  # outside: the error holds the tensors
            said = (*said, sentence)
            torch.cuda.empty_cache()

    return persistent


def _smaller(options: dict[str, Any], full: torch.device) -> tuple[dict[str, Any], str]:
    """Options that need less of `full`, and a sentence about them."""
    if options.get("precision", "auto") in _FULL:
        return {**options, "precision": "bfloat16"}, (
            f"{full} ran out of memory in float32; the network ran in bfloat16, whose field "
            "differs by small parts of a voxel."
        )
    return {**options, "device": "cpu", "precision": "auto"}, (
        f"{full} ran out of memory in {options['precision']} too; the fusion ran on the CPU."
    )


@contextmanager
def _on_the_cpu(options: dict[str, Any]) -> Iterator[None]:
    """A network of the caller on the CPU while it is needed there, and back afterwards."""
    model = options.get("model")
    if options.get("device") != "cpu" or not isinstance(model, torch.nn.Module):
        yield
        return
    before = next(model.parameters()).device
    model.to("cpu")
    try:
        yield
    finally:
        model.to(before)
