"""A graphics card that is full: what is tried next, and that it is said."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import pytest
import torch

from UniFuseLib.device import DeviceMemoryError
from UniFuseLib.fallback import smaller_when_full

CARD, CPU = torch.device("cuda", 0), torch.device("cpu")


@dataclass
class Result:
    """As much of a result as the fallback needs."""

    warnings: tuple[str, ...] = ()

    def with_warnings(self, before: tuple[str, ...]) -> Result:
        return Result((*before, *self.warnings))


@dataclass
class Card:
    """A fusion that fits into the card at some precisions alone."""

    fits: tuple[str, ...]
    cpu_is_full: bool = False
    asked: list[tuple[str, str]] = field(default_factory=list)

    def fuse(self, *_: Any, device: str = "auto", precision: str = "auto", **__: Any) -> Any:
        self.asked.append((device, precision))
        if device == "cpu":
            if self.cpu_is_full:
                raise DeviceMemoryError(CPU)
        elif precision not in self.fits:
            raise DeviceMemoryError(CARD)
        return Result(("of the fusion",))


def warnings_of(card: Card, **options: str) -> tuple[str, ...]:
    """Of the fusion that this card makes in the end."""
    result: Any = smaller_when_full(card.fuse)(1, 2, **options)
    return tuple(result.warnings)


def test_a_fusion_that_fits_is_left_alone() -> None:
    card = Card(("auto",))
    assert warnings_of(card) == ("of the fusion",)
    assert card.asked == [("auto", "auto")]


def test_a_full_card_works_in_half_precision_and_says_so() -> None:
    card = Card(("bfloat16",))
    warnings = warnings_of(card, device="cuda", precision="float32")
    assert card.asked == [("cuda", "float32"), ("cuda", "bfloat16")]
    assert len(warnings) == 2
    assert "cuda:0 ran out of memory in float32; the network ran in bfloat16" in warnings[0]


@pytest.mark.parametrize(("asked", "tries"), [("auto", 3), ("float16", 2), ("bfloat16", 2)])
def test_a_card_that_is_too_small_leaves_it_to_the_cpu(asked: str, tries: int) -> None:
    card = Card(())
    warnings = warnings_of(card, precision=asked)
    assert card.asked[-1] == ("cpu", "auto")
    assert len(card.asked) == tries
    assert "the fusion ran on the CPU" in warnings[tries - 2]


def test_a_full_cpu_fails() -> None:
    with pytest.raises(DeviceMemoryError, match="working-spacing"):
        warnings_of(Card((), cpu_is_full=True))


def test_a_callers_network_is_back_where_it_was() -> None:
    network = torch.nn.Linear(1, 1, device="meta")
    seen: list[str] = []

    def fuse(*_: Any, model: torch.nn.Module, device: str = "auto", **__: Any) -> Any:
        seen.append(device)
        if device == "auto":
            raise DeviceMemoryError(CARD)
        return Result()

    moved: list[Any] = []
    network.to = moved.append  # type: ignore[method-assign, assignment]
    smaller_when_full(fuse)(model=network)
    assert seen == ["auto", "auto", "cpu"]
    assert moved == ["cpu", torch.device("meta")]
