"""Numbers of the evidence as sentences for whoever reads the result."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from UniFuseLib.verdict.curves import AdditiveModel

MOST = 3
_LEAST_WEIGHT = 0.3  # log odds: less changes a probability by 7 % at most
_UNRELATED = "The volumes agree no better than unrelated ones do"
_SWAPPED = "Left and right may be swapped: the mirrored volume fits as well or better."
_UNSIDED = "Left and right can hardly be told apart: the mirrored volume fits nearly as well"
_SURE_SIGMAS = 5.0  # of a level above chance, as in decision 0045


def reasons_of(
    model: AdditiveModel, evidence: Mapping[str, float], first: Sequence[str] = ()
) -> tuple[str, ...]:
    """The heaviest doubts first, three sentences at most; empty where nothing speaks against.

    Args:
        model: of the log odds.
        evidence: of the result.
        first: names that are reasons whatever they weigh.
    """
    found: list[str] = []
    heavy = [name for name, weight in model.doubts(evidence) if weight >= _LEAST_WEIGHT]
    for name in (*first, *heavy):
        if len(found) == MOST:
            break
        value = evidence.get(name, math.nan)
        if name not in _SENTENCES or not math.isfinite(value):
            continue
        sentence = _SENTENCES[name](value)
        if sentence not in found:
            found.append(sentence)
    return tuple(found)


def _above_chance(sigmas: float) -> str:
    if sigmas < _SURE_SIGMAS:
        return f"{_UNRELATED} ({sigmas:.1f} standard deviations above poses that are wrong)."
    return f"The volumes agree only {sigmas:.1f} standard deviations better than in wrong poses."


def _mirrored(ratio: float) -> str:
    if ratio >= 1:
        return _SWAPPED
    return f"{_UNSIDED} ({100 * ratio:.0f} % of the score)."


def _wrong(ratio: float) -> str:
    return f"A pose that is certainly wrong reaches {100 * ratio:.0f} % of the score."


def _regions(share: float) -> str:
    return f"{100 * share:.0f} % of the regions of the body would fit better elsewhere."


def _common(shift: float) -> str:
    return f"The regions of the body would fit better {shift:.1f} mm away, all in one direction."


def _indifferent(_: float) -> str:
    return "Most regions fit hardly better where they are than a few millimetres away."


def _level(_: float) -> str:
    return "The volumes are less alike than aligned volumes of one patient usually are."


def _bodies(dice: float) -> str:
    return f"The outlines of the two bodies overlap by only {100 * dice:.0f} %."


def _covered(share: float) -> str:
    return f"Only {100 * share:.0f} % of the reference's body is covered."


def _deformed(mm: float) -> str:
    return f"The deformation bends the body by {mm:.1f} mm, besides its motion as a whole."


def _not_followed(mm: float) -> str:
    return f"The best pose lies {mm:.0f} mm away and was not used: the evidence for it is too weak."


_SENTENCES: dict[str, Callable[[float], str]] = {
    "above_wrong": _above_chance,
    "sigmas": _above_chance,
    "information_sigmas": _above_chance,
    "mirror_ratio": _mirrored,
    "wrong_best_ratio": _wrong,
    "far_share": _regions,
    "common_shift_mm": _common,
    "contrast": _indifferent,
    "information": _level,
    "residual": _level,
    "level": _level,
    "level_coarse": _level,
    "dice": _bodies,
    "covered": _covered,
    "deform_mean_mm": _deformed,
    "deform_max_mm": _deformed,
    "not_followed_mm": _not_followed,
}


def explained() -> frozenset[str]:
    """Names of the evidence that have a sentence."""
    return frozenset(_SENTENCES)
