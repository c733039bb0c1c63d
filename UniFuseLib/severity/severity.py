"""How strong the degradation of one scan is, as a number and in the field's words."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from UniFuseLib.degradation import DEGRADATION_OF, dose_fraction

if TYPE_CHECKING:
    from collections.abc import Mapping

    from UniFuseLib.degradation import Classification
    from UniFuseLib.preprocessing.prepare import PreparedVolume
    from UniFuseLib.severity.head import TraceHead

#: thirds of the simulators' range
_WORDS = ((1 / 3, "light"), (2 / 3, "moderate"), (1.0, "severe"))


class Severity(NamedTuple):
    """How strong a degradation is; None where there is none, or where it was not measured."""

    value: float | None = None  # 0 to 1
    words: str | None = None  # light, moderate or severe
    dose_fraction: float | None = None  # of the usual PET dose


def severity_of(
    scan: PreparedVolume, classified: Classification, heads: Mapping[str, TraceHead]
) -> Severity:
    """The severity of the class that was found.

    It is measured on the scan's own grid, whatever the working grid.

    Args:
        scan: the degraded one.
        classified: its class.
        heads: class → fit, of the weights' contract; older contracts hold none.
    """
    label = classified.label
    of_modality = DEGRADATION_OF.get(scan.source.modality)
    if label not in heads or label != of_modality or not classified.calibrated:
        return Severity()
    traces = scan.traces
    if traces is None or not heads[label].reads(traces):
        return Severity()
    return in_words(label, min(max(heads[label](traces), 0.0), 1.0))


def in_words(label: str, value: float) -> Severity:
    """A severity with its words.

    Args:
        label: class.
        value: 0 to 1.
    """
    words = next(words for end, words in _WORDS if value <= end)
    dose = dose_fraction(value) if label == "pet_low_dose" else None
    return Severity(round(value, 3), words, None if dose is None else round(dose, 4))
