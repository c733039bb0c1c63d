"""What the simulators share: draws from a given generator, and frozen parameters to JSON and back.

Every simulator is `sample(generator, ...) -> frozen dataclass`, then a pure `apply(volume,
parameters, ...)`. Where the physics is random (noise), the parameters hold a seed and `apply` makes
its own generator from it.
"""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any, TypeVar

import torch
from torch import Tensor

if TYPE_CHECKING:
    from collections.abc import Iterable

T = TypeVar("T")
Triple = tuple[float, float, float]


def triple(values: Iterable[Any]) -> Triple:
    """Exactly three numbers as plain floats, for parameters that are stored as JSON."""
    a, b, c = (float(v) for v in values)
    return (a, b, c)


def uniform(generator: torch.Generator, low: float, high: float) -> float:
    """One draw from U(low, high)."""
    return low + (high - low) * float(torch.rand((), generator=generator, device=generator.device))


def uniforms(generator: torch.Generator, low: float, high: float, count: int) -> tuple[float, ...]:
    """`count` independent draws from U(low, high)."""
    return tuple(uniform(generator, low, high) for _ in range(count))


def normal(generator: torch.Generator, mean: float = 0.0, deviation: float = 1.0) -> float:
    """One draw from N(mean, deviation²)."""
    return mean + deviation * float(torch.randn((), generator=generator, device=generator.device))


def integer(generator: torch.Generator, low: int, high: int) -> int:
    """One of low, low + 1, ..., high - 1."""
    return int(torch.randint(low, high, (), generator=generator, device=generator.device))


def choice(generator: torch.Generator, options: tuple[T, ...]) -> T:
    """One of the options, all equally likely."""
    return options[integer(generator, 0, len(options))]


def new_seed(generator: torch.Generator) -> int:
    """A seed to store in parameters; `local_generator` turns it back into a stream."""
    return integer(generator, 0, 2**31 - 1)


def local_generator(seed: int, device: torch.device | str = "cpu") -> torch.Generator:
    """A generator of its own: the same seed gives the same numbers on the same kind of device."""
    return torch.Generator(device=device).manual_seed(seed)


def shape_of(volume: Tensor) -> tuple[int, int, int]:
    """(d, h, w) of a volume with exactly three axes.

    Raises:
        ValueError: another number of axes.
    """
    if volume.ndim != 3:
        raise ValueError(
            f"Expected a volume (d, h, w), got shape {tuple(volume.shape)}; "
            "index batch and channel first."
        )
    return (volume.shape[0], volume.shape[1], volume.shape[2])


def to_json(parameters: Any) -> dict[str, Any]:
    """A frozen dataclass as plain lists and numbers, to be stored beside what it made."""
    return asdict(parameters)


def tupled(value: Any) -> Any:
    """JSON lists back to tuples, at any depth."""
    return tuple(tupled(v) for v in value) if isinstance(value, (list, tuple)) else value
