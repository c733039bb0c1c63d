"""Stored pixels of DICOM frames → values in the object's units, each frame by its own rescale."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from UniFuseLib.errors import InputError
from UniFuseLib.io.dicom_decoding import stored_pixels
from UniFuseLib.io.dicom_files import damaged, quiet_pydicom

if TYPE_CHECKING:
    from UniFuseLib.io.dicom_frames import Frame

_MOST_BITS = 64  # per sample (PS3.5, 8.1.1)


class Rescale(NamedTuple):
    """value = slope · stored + intercept; `stated` by the header, or else 1 and 0."""

    slope: float
    intercept: float
    stated: bool


def rescale_of(frame: Frame) -> Rescale:
    """Modality rescale of this very frame, else its real-world value mapping (PS3.3, C.7.6.16).

    Raises:
        InputError: a slope of zero, a lookup table, or no number; the file is named.
    """
    if frame.attributes.get("ModalityLUTSequence"):
        raise InputError(
            f"{frame.path} gives its values by a lookup table (ModalityLUTSequence), which is not "
            "supported. Export the series with RescaleSlope and RescaleIntercept."
        )
    for slope_word, intercept_word in (
        ("RescaleSlope", "RescaleIntercept"),
        ("RealWorldValueSlope", "RealWorldValueIntercept"),
    ):
        slope = frame.attributes.number(slope_word)
        intercept = frame.attributes.number(intercept_word)
        if slope == 0:
            raise InputError(
                f"{frame.path} gives a {slope_word} of 0, which turns every voxel into one value. "
                "Export the series again."
            )
        if slope is not None or intercept is not None:
            return Rescale(1.0 if slope is None else slope, intercept or 0.0, stated=True)
    return Rescale(1.0, 0.0, stated=False)


def read_values(frames: list[Frame], as_float: bool) -> np.ndarray:
    """Values of all frames, each with its own slope and intercept.

    Args:
        frames: of one size, in the order wanted.
        as_float: float32 even where slope 1 and whole intercepts would keep integers.

    Returns:
        `(n, rows, columns)`, or `(n, rows, columns, 3)` for RGB; float32, or the smallest of int16
        and int32 that holds every value.

    Raises:
        InputError: pixels that are missing, cut off, or in no known compression.
    """
    rescales = [rescale_of(frame) for frame in frames]
    _check_all_stated(frames, rescales)
    whole = all(r.slope == 1 and r.intercept == round(r.intercept) for r in rescales)
    kind = _type(frames, rescales) if whole and not as_float else np.float32
    out: np.ndarray | None = None
    path, images = None, np.empty(0)
    with quiet_pydicom():
        for n, (frame, rescale) in enumerate(zip(frames, rescales, strict=True)):
            if frame.path != path:
                path, images = frame.path, stored_pixels(frame.path)
            image = images[frame.number]
            if out is None:
                out = np.empty((len(frames), *image.shape), dtype=_kind_for(image, kind))
            if image.shape != out.shape[1:]:
                raise damaged(frame.path, f"{image.shape} pixels where {out.shape[1:]} were due")
            out[n] = _rescaled(image, rescale, out.dtype)
    if out is None:
        raise ValueError("Expected at least one frame.")
    return out


def _check_all_stated(frames: list[Frame], rescales: list[Rescale]) -> None:
    silent = [f for f, rescale in zip(frames, rescales, strict=True) if not rescale.stated]
    if silent and len(silent) < len(frames):
        raise InputError(
            f"{silent[0].path} has no RescaleSlope, but others of its series have: its values "
            "cannot be compared with theirs. Export the series again."
        )


def _type(frames: list[Frame], rescales: list[Rescale]) -> type[np.generic]:
    """Of the values, from the bits that are used and the offsets that are added."""
    limits = [_limits(frame) for frame in frames]
    lowest = min(low + r.intercept for (low, _), r in zip(limits, rescales, strict=True))
    highest = max(high + r.intercept for (_, high), r in zip(limits, rescales, strict=True))
    for kind in (np.int16, np.int32):
        room = np.iinfo(kind)
        if room.min <= lowest and highest <= room.max:
            return kind
    return np.float32


def _limits(frame: Frame) -> tuple[int, int]:
    """Of the stored values."""
    allocated = frame.attributes.whole("BitsAllocated", 32)
    bits = frame.attributes.whole("BitsStored", allocated)
    if not 1 <= bits <= _MOST_BITS:
        raise damaged(frame.path, f"BitsStored is {bits}, expected 1 to {_MOST_BITS}")
    if frame.attributes.get("PixelRepresentation"):
        return -(1 << (bits - 1)), (1 << (bits - 1)) - 1
    return 0, (1 << bits) - 1


def _kind_for(image: np.ndarray, kind: type[np.generic]) -> np.dtype | type[np.generic]:
    """Colours stay as stored; pixels stored as floating point become float32."""
    if image.ndim == 3:
        return image.dtype
    return kind if np.issubdtype(image.dtype, np.integer) else np.float32


def _rescaled(image: np.ndarray, rescale: Rescale, kind: np.dtype) -> np.ndarray:
    if image.ndim == 3:
        return image
    if np.issubdtype(kind, np.integer):
        return image.astype(kind) + kind.type(rescale.intercept)
    values = image.astype(np.float32)
    values *= np.float32(rescale.slope)
    values += np.float32(rescale.intercept)
    return values
