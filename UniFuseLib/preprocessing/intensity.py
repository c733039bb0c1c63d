"""Own units ↔ network intensities: one invertible map per volume, by the rules of the contract."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Literal, TypeVar

import numpy as np

from UniFuseLib.errors import InputError, WeightsError

if TYPE_CHECKING:
    import torch

Modality = Literal["mr", "ct", "pet"]
MODALITIES: tuple[Modality, ...] = ("mr", "ct", "pet")
Array = TypeVar("Array", np.ndarray, "torch.Tensor")
Rules = Mapping[str, Mapping[str, Any]]

_NOISE_BELOW_ZERO = 0.02  # of the body: noise, not a shift
_AIR_PERCENTILE = 0.5
_LIFTED = 0.5  # of the brightest: no scan of a patient has its darkest values so high
# What lies outside the field of view, in the modality's own units.
BACKGROUND: dict[str, float] = {"mr": 0.0, "ct": -1024.0, "pet": 0.0}
DEFAULT_INTENSITY: dict[str, dict[str, Any]] = {
    "ct": {
        "kind": "knots",
        "knots": [[-1024.0, 0.0], [-160.0, 0.15], [240.0, 0.75], [1600.0, 1.0]],
    },
    "mr": {"kind": "percentile", "upper": 99.5, "gamma": 1.0, "ceiling": 2.0},
    # the square root keeps tissue visible beside a hot tumour
    "pet": {"kind": "percentile", "upper": 99.5, "gamma": 0.5, "ceiling": 16.0},
}


@dataclass(frozen=True)
class IntensityMap:
    """y = f(x), x in the volume's units, y without unit, about 0 (air) to 1 (bright tissue).

    Attributes:
        kind: `knots`: piecewise linear through (values[i], units[i]), constant outside.
              `percentile`: y = clip((x - offset) / scale, 0, ceiling) ** gamma.
        values, units: the knots, both increasing.
        scale, gamma, ceiling: the percentile rule; `scale` in the volume's units.
        offset: what counts as air, in the volume's units; 0 unless the volume is signed.
    """

    kind: Literal["knots", "percentile"]
    values: tuple[float, ...] = ()
    units: tuple[float, ...] = ()
    scale: float = 1.0
    gamma: float = 1.0
    ceiling: float = 1.0
    offset: float = 0.0

    def background(self, modality: str) -> float:
        """What lies outside the field of view, in the volume's units."""
        return BACKGROUND[modality] + self.offset

    def forward(self, x: Array) -> Array:
        """Volume's units → network intensities; NumPy or torch, same shape."""
        if self.kind == "knots":
            return _piecewise(x, self.values, self.units)
        shifted = x - self.offset if self.offset else x
        y = (shifted / self.scale).clip(0.0, self.ceiling)
        return y if self.gamma == 1 else y**self.gamma

    def inverse(self, y: Array) -> Array:
        """Network intensities → volume's units; NumPy or torch, same shape.

        What was clipped stays clipped.
        """
        if self.kind == "knots":
            return _piecewise(y, self.units, self.values)
        x = y.clip(0.0, self.ceiling**self.gamma)
        own = (x if self.gamma == 1 else x ** (1 / self.gamma)) * self.scale
        return own + self.offset if self.offset else own

    def to_json(self) -> dict[str, Any]:
        """Plain numbers."""
        return asdict(self)


def fit(
    array: np.ndarray, body: np.ndarray | None, modality: str, rules: Rules = DEFAULT_INTENSITY
) -> IntensityMap:
    """The map of one volume under its modality's rule.

    Args:
        array: `(d, h, w)`, the volume's units.
        body: bool, same shape: the voxels that a percentile is taken over; None means all.
        modality: key of `rules`.
        rules: `intensity` of the weights' contract.

    Raises:
        WeightsError: the rules lack the modality, or a rule is malformed.
        InputError: a percentile rule, and the body holds no positive value.
    """
    if modality not in rules:
        known = " and ".join(", ".join(sorted(rules)).rsplit(", ", 1))
        raise WeightsError(
            f"These weights support {known or 'no modality'}, not {modality!r}. Choose one of "
            "these."
        )
    rule = rules[modality]
    try:
        if rule["kind"] == "knots":
            return _knots(rule)
        if rule["kind"] == "percentile":
            return _percentile(array, body, rule)
    except (LookupError, TypeError, ValueError) as error:
        raise _malformed(modality, rule) from error
    raise _malformed(modality, rule)


def _malformed(modality: str, rule: object) -> WeightsError:
    return WeightsError(
        f"Expected an intensity rule of kind 'knots' (with knots) or 'percentile' (with upper, "
        f"gamma, ceiling) for {modality}, got {rule}. Copy the contract of the weights again."
    )


def _knots(rule: Mapping[str, Any]) -> IntensityMap:
    values, units = (tuple(float(v) for v in column) for column in zip(*rule["knots"], strict=True))
    if len(values) < 2 or min(*np.diff(values), *np.diff(units)) <= 0:
        raise WeightsError(
            f"Expected at least two knots that increase in both columns, got {rule['knots']}."
        )
    return IntensityMap("knots", values=values, units=units)


def _percentile(
    array: np.ndarray, body: np.ndarray | None, rule: Mapping[str, Any]
) -> IntensityMap:
    inside = array[body] if body is not None and body.any() else array.ravel()
    offset = air_level(array, inside)
    scale = float(np.percentile(inside, rule["upper"])) - offset if inside.size else 0.0
    if scale <= 0:
        scale = float(array.max()) - offset
    if not scale > 0:
        raise InputError(
            "The volume has no positive value, so it is neither MR nor PET. Set its modality."
        )
    return IntensityMap(
        "percentile",
        scale=scale,
        gamma=float(rule["gamma"]),
        ceiling=float(rule["ceiling"]),
        offset=offset,
    )


def air_level(array: np.ndarray, inside: np.ndarray) -> float:
    """What would be air, were the values not shifted: z-scores and signed maps go below zero, and
    what was stored with an offset lies far above it.

    0 where neither is so, as in every magnitude image; else the lowest values, so that a shifted
    copy of a volume gets the same network intensities.
    """
    if not inside.size:
        return 0.0
    lowest = float(np.percentile(array, _AIR_PERCENTILE))
    below = float((inside < 0).mean()) > _NOISE_BELOW_ZERO
    return lowest if below or is_lifted(array, lowest) else 0.0


def is_lifted(array: np.ndarray, lowest: float) -> bool:
    """Whether all values lie far above 0, as with an offset.

    Args:
        array: in the volume's units.
        lowest: of its values, outliers left out.
    """
    return lowest > 0 and lowest > _LIFTED * float(np.percentile(array, 100 - _AIR_PERCENTILE))


def _piecewise(x: Array, start: tuple[float, ...], end: tuple[float, ...]) -> Array:
    """y = end[0] + Σ slope_i · (clip(x, start[i], start[i+1]) - start[i])."""
    out = x * 0.0 + end[0]
    for i in range(len(start) - 1):
        slope = (end[i + 1] - end[i]) / (start[i + 1] - start[i])
        out = out + slope * (x.clip(start[i], start[i + 1]) - start[i])
    return out
