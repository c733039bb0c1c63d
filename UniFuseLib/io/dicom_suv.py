"""PET values → SUV by body weight, from the header.

After the vendor-neutral pseudo-code of QIBA's FDG-PET/CT profile ("Standardized Uptake Value",
qibawiki.rsna.org): SUVbw = activity (Bq/ml) · weight (g) / dose (Bq) at the time to which the
images are decay-corrected. Vendors differ in where that time stands.
"""

from __future__ import annotations

import math
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, NamedTuple

from UniFuseLib.errors import InputError
from UniFuseLib.io.dicom_frames import Attributes, Frame, words

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pydicom.dataset import Dataset

_PHILIPS, _PHILIPS_GROUP = "Philips PET Private Group", 0x7053
_PHILIPS_SUV, _PHILIPS_ACTIVITY = 0x00, 0x09
_GE, _GE_GROUP, _GE_SCAN_TIME = "GEMS_PETD_01", 0x0009, 0x0D
_LONGEST = timedelta(hours=24)  # between injection and scan; more is a wrong date
_LEAST_DOSE = 1e5  # Bq: 0.1 MBq; clinical doses are 30 to 800 MBq, so this is a dose in MBq
_LIGHTEST, _HEAVIEST = 0.3, 500.0  # kg: a newborn, a heavy adult; beyond is another unit
_GRAMS = 1000.0
_FACTOR_HINT = (
    "or set the factor from the file's unit to SUV yourself with --suv-factor F (1: keep)"
)
_COUNTS = {"CNTS", "COUNTS", "{counts}"}
_ACTIVITY = {"BQML", "Bq/ml"}
_SUV = {"GML", "g/ml{SUVbw}", "{SUVbw}g/ml"}


class Scale(NamedTuple):
    """SUV = factor · value, and sentences about it."""

    factor: float
    warnings: tuple[str, ...] = ()


def suv_scale(frames: Sequence[Frame], header: Dataset) -> Scale:
    """What turns the rescaled values of a PET series into SUVbw.

    Args:
        frames: of the volume.
        header: of the first one, with private elements.

    Raises:
        InputError: a unit without a way to SUV, or a tag that is missing (it is named).
    """
    first = frames[0]
    unit = _unit(first)
    if unit in _SUV:
        return _already(first)
    if unit in _COUNTS:
        return _of_counts(frames, header)
    if unit in _ACTIVITY:
        return Scale(_per_activity(frames, header))
    raise _refusal(first, f"its unit is {unit or 'not stated (Units is missing)'}, not Bq/ml")


def _unit(frame: Frame) -> str:
    stated = str(frame.attributes.get("Units") or "").strip().upper()
    if stated:
        return stated
    codes = frame.attributes.get("MeasurementUnitsCodeSequence") or ()
    return next((str(code.get("CodeValue") or "") for code in codes), "")


def _already(frame: Frame) -> Scale:
    kind = str(frame.attributes.get("SUVType") or "BW").strip().upper()
    if kind == "BW":
        return Scale(1.0)
    return Scale(
        1.0, (f"The PET values are SUV of type {kind}, not by body weight (BW); they were kept.",)
    )


def _of_counts(frames: Sequence[Frame], header: Dataset) -> Scale:
    """Philips stores counts with the factor to SUV, or else with the factor to Bq/ml."""
    direct = _private(header, _PHILIPS_GROUP, _PHILIPS, _PHILIPS_SUV)
    if direct:
        return Scale(float(direct))
    activity = _private(header, _PHILIPS_GROUP, _PHILIPS, _PHILIPS_ACTIVITY)
    if activity:
        return Scale(float(activity) * _per_activity(frames, header))
    raise _refusal(
        frames[0],
        "its unit is counts, and the private factors of Philips, (7053,xx00) and (7053,xx09), are "
        "missing",
    )


def _per_activity(frames: Sequence[Frame], header: Dataset) -> float:
    """SUV per Bq/ml."""
    first = frames[0]
    weight = _needed(first.attributes, "PatientWeight", first)
    if not _LIGHTEST <= weight <= _HEAVIEST:
        raise _refusal(first, f"PatientWeight is {weight:g} kg")
    drug = _radiopharmaceutical(first)
    dose = _needed(drug, "RadionuclideTotalDose", first)
    if dose < _LEAST_DOSE:
        raise _refusal(first, f"RadionuclideTotalDose is {dose:g} Bq (is it in MBq?)")
    return weight * _GRAMS / (dose * _decay(frames, header, drug))


def _decay(frames: Sequence[Frame], header: Dataset, drug: Attributes) -> float:
    """Fraction of the dose that is left at the time to which the images are corrected."""
    first = frames[0]
    correction = str(first.attributes.get("DecayCorrection") or "").strip().upper()
    if correction == "ADMIN":
        return 1.0
    if correction != "START" and not first.attributes.get("DecayCorrectionDateTime"):
        said = f"DecayCorrection is {correction}" if correction else "DecayCorrection is missing"
        raise _refusal(first, f"{said}; expected START or ADMIN")
    half_life = _needed(drug, "RadionuclideHalfLife", first)
    scan = _correction_time(frames, header, half_life)
    waited = scan - _injection_time(drug, scan, first)
    if not timedelta(0) <= waited <= _LONGEST:
        hours = waited.total_seconds() / 3600
        raise _refusal(
            first,
            f"injection (RadiopharmaceuticalStartDateTime or -Time) and scan lie {hours:.1f} hours "
            "apart; expected 0 to 24",
        )
    return float(2.0 ** (-waited.total_seconds() / half_life))


def _correction_time(frames: Sequence[Frame], header: Dataset, half_life: float) -> datetime:
    """Start of the scan: as stated, else the series' time unless that lies after an acquisition.

    A series time after the acquisition is that of post-processing; then GE's private scan time
    holds, else the time is computed back from the frames.
    """
    attributes = frames[0].attributes
    stated = _moment(attributes.get("DecayCorrectionDateTime"))
    if stated:
        return stated
    acquired = min(_acquired(frame) for frame in frames)
    series = _joined(attributes, "SeriesDate", "SeriesTime")
    if series and series <= acquired:
        return series
    vendor = _moment(_private(header, _GE_GROUP, _GE, _GE_SCAN_TIME))
    return vendor or min(_computed_back(frame, half_life) for frame in frames)


def _computed_back(frame: Frame, half_life: float) -> datetime:
    """Scan start = acquisition - frame reference time + time of the mean count rate (QIBA)."""
    reference = _needed(frame.attributes, "FrameReferenceTime", frame, zero_too=True) / 1000
    duration = _needed(frame.attributes, "ActualFrameDuration", frame) / 1000
    decay = math.log(2) / half_life
    mean_rate = math.log(decay * duration / -math.expm1(-decay * duration)) / decay
    return _acquired(frame) + timedelta(seconds=mean_rate - reference)


def _acquired(frame: Frame) -> datetime:
    found = _joined(frame.attributes, "AcquisitionDate", "AcquisitionTime") or _moment(
        frame.attributes.get("AcquisitionDateTime")
    )
    if found is None:
        raise _refusal(frame, "AcquisitionDate or AcquisitionTime is missing")
    return found


def _injection_time(drug: Attributes, scan: datetime, frame: Frame) -> datetime:
    """With its date where it has one; a time alone is the last such time before the scan."""
    stated = _moment(drug.get("RadiopharmaceuticalStartDateTime"))
    if stated:
        return stated
    time = str(drug.get("RadiopharmaceuticalStartTime") or "")
    found = _moment(f"{scan:%Y%m%d}{time}") if time else None
    if found is None:
        raise _refusal(
            frame, "RadiopharmaceuticalStartDateTime and RadiopharmaceuticalStartTime are missing"
        )
    return found if found <= scan else found - timedelta(days=1)


def _radiopharmaceutical(frame: Frame) -> Attributes:
    items = frame.attributes.get("RadiopharmaceuticalInformationSequence") or ()
    return Attributes(frame.path, *items[:1])


def _joined(attributes: Attributes, date: str, time: str) -> datetime | None:
    day, clock = attributes.get(date), attributes.get(time)
    return _moment(f"{day}{clock}") if day and clock else None


def _moment(text: Any) -> datetime | None:
    """DICOM date and time (YYYYMMDDHHMMSS.FFFFFF&ZZXX) without its zone; None when it is not one.

    All times of one object are of one zone.
    """
    digits, _, fraction = str(text or "").partition("+")[0].partition("-")[0].partition(".")
    try:
        whole = datetime.strptime(digits[:14].ljust(14, "0"), "%Y%m%d%H%M%S")
        return whole + timedelta(seconds=float(f"0.{fraction or 0}"))
    except ValueError:
        return None


def _needed(attributes: Attributes, keyword: str, frame: Frame, zero_too: bool = False) -> float:
    value = attributes.number(keyword)
    if value is None or value < 0 or (value == 0 and not zero_too):
        raise _refusal(frame, f"{keyword} is {'missing' if value is None else f'{value:g}'}")
    return value


def _private(header: Dataset, group: int, creator: str, element: int) -> Any:
    """The value of a private element, or None."""
    try:
        return header.private_block(group, creator)[element].value
    except KeyError:
        return None


def _refusal(frame: Frame, reason: str) -> InputError:
    return InputError(
        f"{frame.path.parent} is PET that cannot be turned into SUV: {reason}. Complete the "
        f"header, {_FACTOR_HINT}."
    )


def uncorrected(frame: Frame) -> tuple[str, ...]:
    """A warning where Corrected Image (0028,0051) lacks attenuation or decay correction."""
    done = {word.upper() for word in words(frame.attributes.get("CorrectedImage") or ())}
    missing = [
        name
        for name, marks in (("attenuation", {"ATTN"}), ("decay", {"DECY", "DECAY"}))
        if done and not done & marks
    ]
    if not missing:
        return ()
    return (f"The PET volume is not corrected for {' and '.join(missing)}: SUV are unreliable.",)
