"""How strong the degradation of one scan is, as a number and in the field's words."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from UniFuseLib.degradation import DEGRADATION_OF, dose_fraction

if TYPE_CHECKING:
    from UniFuseLib.contract import Contract
    from UniFuseLib.degradation import Classification
    from UniFuseLib.preprocessing.prepare import PreparedVolume
    from UniFuseLib.restoration.correct import Corrected
    from UniFuseLib.severity.head import TraceHead, Traces

#: thirds of the simulators' range
_WORDS = ((1 / 3, "light"), (2 / 3, "moderate"), (1.0, "severe"))


class Severity(NamedTuple):
    """How strong a degradation is; None where there is none, or where it was not measured."""

    value: float | None = None  # 0 to 1
    words: str | None = None  # light, moderate or severe
    dose_fraction: float | None = None  # of the usual PET dose


def severity_of(
    scan: PreparedVolume, classified: Classification, contract: Contract, corrected: Corrected
) -> Severity:
    """The severity of the class that was found.

    From both volumes where the correction of this class has looked at both; else, and where the
    pair is unlike those of that fit, from the scan on its own grid, whatever the working grid. None
    of a scan that is unlike all of that fit as well.

    Args:
        scan: the degraded one.
        classified: its class.
        contract: of the weights, with the fits; older contracts hold none.
        corrected: what the correction did.
    """
    label = classified.label
    if label != DEGRADATION_OF.get(scan.source.modality) or not classified.calibrated:
        return Severity()
    beside = corrected.traces if corrected.label == label else None
    value = _value(contract.severity_beside.get(label), beside)
    if value is None:
        value = _value(contract.severity.get(label), scan.traces)
    return Severity() if value is None else in_words(label, min(max(value, 0.0), 1.0))


def _value(head: TraceHead | None, traces: Traces | None) -> float | None:
    if head is None or traces is None or not head.reads(traces) or head.is_far(traces):
        return None
    return head(traces)


def in_words(label: str, value: float) -> Severity:
    """A severity with its words.

    Args:
        label: class.
        value: 0 to 1.
    """
    words = next(words for end, words in _WORDS if value <= end)
    dose = dose_fraction(value) if label == "pet_low_dose" else None
    return Severity(round(value, 3), words, None if dose is None else round(dose, 4))
