"""Volumes in the units that hospitals have, and what must be made of them."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
from model import VolumeCase
from scipy import ndimage

from UniFuseLib.preprocessing.modality import ModalityEvidence
from UniFuseLib.spatial.volume import Volume

if TYPE_CHECKING:
    from collections.abc import Callable

SHAPE = (20, 28, 24)
FINE, COARSE = (3.0, 1.0, 1.3), (4.0, 3.5, 3.0)  # mm


def _ball(radius: float, centre: float = 0.0) -> np.ndarray:
    axes = np.meshgrid(*[np.linspace(-1, 1, n) for n in SHAPE], indexing="ij")
    return np.sum([(x - centre) ** 2 for x in axes], axis=0) < radius**2


def _noise(scale: float, seed: int = 3) -> np.ndarray:
    return np.random.default_rng(seed).normal(0, scale, SHAPE)


BODY, ORGAN, SPOT = _ball(0.8), _ball(0.45, 0.1), _ball(0.12, 0.3)


def hu() -> np.ndarray:
    """Air, fat and organs, bone; Hounsfield units."""
    values = np.where(BODY, -100.0, -1000.0)
    values[ORGAN], values[SPOT] = 50.0, 900.0
    return np.round(values + _noise(15))


def mr() -> np.ndarray:
    """Magnitudes: no value below zero, tissues from dark to bright."""
    values = np.where(BODY, 250.0, 0.0)
    values[ORGAN], values[SPOT] = 480.0, 800.0
    textured = values * (1 + ndimage.gaussian_filter(_noise(0.5, 8), 1.0))
    return np.abs(textured + _noise(12))


def suv() -> np.ndarray:
    """Uptake with a hot spot, no whole numbers."""
    values = np.where(BODY, 0.8, 0.01)
    values[_ball(0.2, 0.3)] = 12.0
    return ndimage.gaussian_filter(values, 0.4) + np.abs(_noise(0.02))


def labels(count: int) -> np.ndarray:
    """Connected regions of whole numbers."""
    seeds = np.random.default_rng(6).uniform(0, SHAPE, (count, 3))
    places = np.moveaxis(np.indices(SHAPE), 0, -1)[..., None, :]
    nearest = np.linalg.norm(places - seeds, axis=-1).argmin(axis=-1)
    return np.where(BODY, 1 + nearest, 0)


def _z_scored(values: np.ndarray, inside: np.ndarray | None = None) -> np.ndarray:
    some = values if inside is None else values[inside]
    scored = (values - some.mean()) / some.std()
    return scored if inside is None else np.where(inside, scored, 0.0)


def _with(values: np.ndarray, fill: float, where: np.ndarray | None = None) -> np.ndarray:
    return np.where(~_ball(1.2) if where is None else where, fill, values)


def _volume(make: Callable[[], np.ndarray], spacing: tuple[float, ...], dtype: str) -> Volume:
    return Volume(make().astype(dtype), np.diag([*spacing, 1.0]))


def _case(
    kind: str,
    name: str,
    make: Callable[[], np.ndarray],
    expected: Any,
    modality: str = "",
    sentence: str = "",
    spacing: tuple[float, ...] = FINE,
    dtype: str = "f4",
    **evidence: Any,
) -> VolumeCase:
    volume = partial(_volume, make, spacing, dtype)
    known = ModalityEvidence(**evidence)
    return VolumeCase(kind, name, volume, expected, modality, sentence, known)


def _numbers() -> list[VolumeCase]:
    one = partial(_case, "modality by numbers")
    unsure = "uncertain.*--degraded-modality"
    return [
        one("HU", hu, "right", "ct", dtype="i2"),
        one("HU, float", hu, "right", "ct"),
        one("MR", mr, "right", "mr", dtype="u2"),
        one("MR, float", mr, "right", "mr"),
        one("SUV", suv, "right", "pet", spacing=COARSE),
        one("SUV on a fine grid", suv, "said", "pet", unsure),
        one("CT + 1024", lambda: np.clip(hu() + 1024, 0, 4095), "said", "mr",
            f"1024 added.*{unsure}|uncertain.*1024", dtype="i2"),
        one("CT in 0 to 1", lambda: np.clip((hu() + 1000) / 3000, 0, 1), "said", "mr", unsure),
        one("MR in 0 to 1", lambda: mr() / mr().max(), "said", "mr", unsure),
        one("MR, z-scores", lambda: _z_scored(mr()), "said", "mr", unsure),
        one("MR, z-scores of the body", lambda: _z_scored(mr(), BODY), "said", "mr", "uncertain"),
        one("PET, z-scores", lambda: _z_scored(suv()), "said", "mr", unsure, spacing=COARSE),
        one("phase from -4096 to 4095",
            lambda: np.random.default_rng(1).integers(-4096, 4096, SHAPE), "said", "mr", unsure),
        one("phase from -pi to pi", lambda: _noise(1.8).clip(-np.pi, np.pi), "said", "mr", unsure),
        one("subtraction", lambda: (mr() - mr()[::-1]) * 2, "said", "mr", unsure),
        one("subtraction as large as HU", lambda: _noise(400), "said", "mr", unsure),
        one("ADC map, a few below zero", lambda: mr() * 3 - 20, "right", "mr", dtype="i2"),
    ]  # fmt: skip


def _evidence() -> list[VolumeCase]:
    one = partial(_case, "modality stated")
    cases = [
        one("DICOM says MR", mr, "right", "mr", stated="MR"),
        one("DICOM says PT, fine grid", suv, "right", "pet", stated="PT"),
        one("DICOM says MR, values are HU", hu, "said", "mr", "look like Hounsfield", stated="MR"),
        one("set to mr, DICOM says CT", hu, "said", "mr", "CT by", chosen="mr", stated="CT"),
        one("set to ct, values are MR", mr, "said", "ct", "do not look like", chosen="ct"),
        one("set to ct, CT + 1024", lambda: hu() + 1024, "refused", sentence="rescale 1,-1024",
            chosen="ct"),
        one("DICOM says CT, CT + 1024", lambda: hu() + 1024, "refused", sentence="rescale",
            stated="CT"),
        one("set to ct, 0 to 1", lambda: np.clip((hu() + 1000) / 3000, 0, 1), "refused",
            sentence="not in Hounsfield units.*rescale", chosen="ct"),
        one("set to ct, z-scores", lambda: _z_scored(hu()), "refused", sentence="not in Hounsfield",
            chosen="ct"),
        one("set to something else", mr, "refused", sentence="Unknown", chosen="us"),
        one("name says MR, z-scores", lambda: _z_scored(mr()), "right", "mr", named="MR"),
        one("name says PT, fine grid", suv, "right", "pet", named="PT"),
        one("name says CT, values are MR", mr, "said", "mr", "name .* suggests CT", named="CT"),
        one("name says MR, values are HU", hu, "said", "ct", "name .* suggests MR", named="MR"),
        one("name says CT, CT + 1024", lambda: hu() + 1024, "refused", sentence="rescale",
            named="CT"),
    ]  # fmt: skip
    for stated in ("US", "XC", "SM", "RTDOSE", "MG", "NM", "SEG"):
        cases.append(one(f"DICOM says {stated}", mr, "refused", sentence=stated, stated=stated))
    cases.append(one("DICOM says US, set to mr", mr, "right", "mr", stated="US", chosen="mr"))
    return cases


def _colours() -> list[VolumeCase]:
    def rgb() -> np.ndarray:
        return np.random.default_rng(2).integers(0, 255, (*SHAPE, 3))

    one = partial(_case, "colours", make=rgb, dtype="u1")
    return [
        one("RGB", expected="said", modality="pet", sentence="colours.*--degraded-modality"),
        one("RGB, set to pet", expected="right", modality="pet", chosen="pet"),
        one("RGB of an ultrasound", expected="refused", sentence="ultrasound", stated="US"),
    ]


def _label_maps() -> list[VolumeCase]:
    one = partial(_case, "label maps", expected="refused")
    cases = [
        one("binary mask", lambda: BODY, sentence="binary mask", dtype="u1"),
        one("mask of 0 and 255", lambda: BODY * 255, sentence="binary mask", dtype="u1"),
        one("mask of floats", lambda: BODY * 0.5, sentence="binary mask"),
        one("file says so", lambda: labels(3), sentence="label map", says_labels=True),
    ]
    for count in (2, 5, 30):
        name = f"{count} labels"
        cases.append(one(name, partial(labels, count), sentence="label map", dtype="i2"))
    cases.append(
        one("labels of FreeSurfer", lambda: labels(9) * 1001, sentence="label", dtype="i4")
    )
    for name, make, dtype in (("8 bits", lambda: mr() / 4, "u1"), ("12 bits", mr, "u2")):
        cases.append(_case("label maps", f"MR of {name} is none", make, "right", "mr", dtype=dtype))
    few = lambda: np.clip(np.round(hu() / 20) * 20, -1000, 600)  # noqa: E731 (as the ones above)
    cases.append(
        _case("label maps", "CT of few greys, clipped, is none", few, "right", "ct", dtype="i2")
    )
    return cases


def _fills() -> list[VolumeCase]:
    one = partial(_case, "not acquired", expected="said")
    cases = []
    for fill in (-2000.0, -3024.0, -32768.0):
        for name, make, modality in (("CT", hu, "ct"), ("MR", mr, "mr")):
            cases.append(
                one(f"{name} with the fill value {fill:g}", partial(_filled, make, fill),
                    modality=modality, sentence=f"fill value {fill:g}")
            )  # fmt: skip
    cases += [
        one("PET with the fill value -1", partial(_filled, suv, -1.0), modality="pet",
            sentence="fill value -1", spacing=COARSE),
        one("CT padded with 0", partial(_filled, hu, 0.0), modality="ct", sentence="fill value 0"),
        one("MR padded with 65535", partial(_filled, mr, 65535.0), modality="mr",
            sentence="fill value 65535", dtype="u2"),
        one("CT with NaN around the patient", partial(_filled, hu, np.nan), modality="ct",
            sentence="NaN around the patient"),
        one("MR, nine tenths NaN", lambda: _with(mr(), np.nan, ~_ball(0.6)), modality="mr",
            sentence="NaN around"),
        one("a few NaN inside", lambda: _with(mr(), np.nan, SPOT & _ball(0.4, 0.3)), modality="mr",
            sentence="nearest valid"),
    ]  # fmt: skip
    cases += [
        _case("not acquired", "NaN inside", lambda: _with(mr(), np.nan, _ball(0.7)), "refused",
              sentence="% of the degraded volume is NaN"),
        _case("not acquired", "nothing but NaN", lambda: _with(mr(), np.nan, mr() > -1), "refused",
              sentence="every voxel"),
        _case("not acquired", "CT with air of -1024 around",
              lambda: np.maximum(_filled(hu, -1024.0), -1024), "right", "ct"),
        _case("not acquired", "MR padded with 0", partial(_filled, mr, 0.0), "right", "mr"),
        _case("not acquired", "constant", lambda: np.full(SHAPE, 7.0), "refused",
              sentence="constant"),
        _case("units", "voxels of micrometres", mr, "refused", sentence="wrong",
              spacing=(0.003, 0.001, 0.001)),
        _case("units", "voxels of metres", mr, "refused", sentence="wrong",
              spacing=(3000.0, 1000.0, 1000.0)),
    ]  # fmt: skip
    return cases


def _filled(make: Callable[[], np.ndarray], fill: float) -> np.ndarray:
    return _with(make(), fill)


CASES = [*_numbers(), *_evidence(), *_colours(), *_label_maps(), *_fills()]
