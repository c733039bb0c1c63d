"""CT whose header does not lead to Hounsfield units: recognised, and never guessed in silence."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from UniFuseLib.errors import InputError

if TYPE_CHECKING:
    from pathlib import Path

    from UniFuseLib.io.dicom_pixels import Rescale

_PADDING_HU = -1500  # what is lower was never measured: -2000, -3024 or -32768 around the scan
_FEW = 1e-3  # of the voxels: a crop of soft tissue in HU has more below 0, stored values none
_STORED = 4095  # the largest value of the 12 bits in which scanners store CT


class Hounsfield(NamedTuple):
    """Values in HU, and sentences about how they came to be."""

    values: np.ndarray
    warnings: tuple[str, ...]


def to_hounsfield(
    values: np.ndarray, rescale: Rescale, offset: float | None, folder: Path
) -> Hounsfield:
    """CT values in HU.

    Args:
        values: of CT, with the header's rescale.
        rescale: of the header.
        offset: HU of the stored value 0, as the user said; None: not said.
        folder: for sentences.

    Raises:
        InputError: no value is negative and the header adds no offset: these are stored values.
    """
    if rescale.intercept != 0 or _has_negatives(values):
        return Hounsfield(values, _kept(rescale.stated, offset))
    if offset is None:
        raise InputError(_question(values, rescale.stated, folder))
    whole = offset == round(offset) and np.issubdtype(values.dtype, np.integer)
    moved = values + (values.dtype.type(offset) if whole else np.float32(offset))
    return Hounsfield(moved, (f"{offset:g} was added to the CT values, as --ct-offset asks.",))


def _has_negatives(values: np.ndarray) -> bool:
    return bool(((values < 0) & (values > _PADDING_HU)).mean() > _FEW)


def _question(values: np.ndarray, stated: bool, folder: Path) -> str:
    problem = "RescaleIntercept is 0" if stated else "RescaleIntercept is missing"
    highest = float(values.max())
    bits = " (stored values of 12 bits)" if highest <= _STORED else ""
    return (
        f"{folder} is CT, but not in Hounsfield units: {problem}, and the values lie between "
        f"{float(values.min()):g} and {highest:g}{bits}, without air. Give the HU of the value 0 "
        "with --ct-offset (mostly -1024; 0 keeps the values)."
    )


def _kept(stated: bool, offset: float | None) -> tuple[str, ...]:
    if offset is not None:
        return ("--ct-offset was not used: the CT values are in HU already.",)
    if not stated:
        return ("RescaleIntercept is missing; the CT values hold air and are taken as HU.",)
    return ()
