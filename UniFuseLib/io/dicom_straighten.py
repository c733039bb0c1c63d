"""Images that do not lie on a regular grid → the grid, by linear interpolation."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from scipy import ndimage

from UniFuseLib.errors import InputError
from UniFuseLib.io.dicom_geometry import TOLERATED_MM, affine_of

if TYPE_CHECKING:
    from UniFuseLib.io.dicom_geometry import Stack

_DECIMALS = 3  # of a pixel: noise of the header's decimals asks for no margin
_MOST_SLICES = 2  # times as many as there were, where distances differ much


class Straightened(NamedTuple):
    """What `straighten` returns."""

    array: np.ndarray
    affine: np.ndarray
    warnings: tuple[str, ...]


class _Margins(NamedTuple):
    """Whole pixels that the drift asks for before the first row and column, and after the last."""

    before: np.ndarray
    after: np.ndarray


def straighten(planes: np.ndarray, stack: Stack) -> Straightened:
    """out(x) = planes(x) on a regular grid with axes row, column and normal.

    Within a plane, out[y, x] = plane[y - dy, x - dx] with the drift (dy, dx) of that image; along
    the normal, neighbours are mixed only where distances are uneven. Places that no image covers
    get the lowest value there is.

    Args:
        planes: `(n, rows, columns)` in the order of the stack, any unit.
        stack: how they lie.

    Returns:
        array `(n', rows', columns')` float32, affine `(4, 4)` array index → RAS mm, and sentences.

    Raises:
        InputError: colours, or images that drift apart by more than half of their width.
    """
    frame = stack.frames[0]
    if planes.ndim != 3:
        raise InputError(f"{frame.path.parent} holds colour images on an irregular grid.")
    pixels = np.round(stack.drift[:, ::-1] / frame.spacing, _DECIMALS)
    margins = _Margins(np.floor(pixels.min(axis=0)), np.ceil(pixels.max(axis=0)))
    if (margins.after - margins.before > np.array(frame.shape) / 2).any():
        raise InputError(
            f"The images in {frame.path.parent} drift apart by {stack.drift_mm:.0f} mm: they are "
            "not one volume. Remove what does not belong to it."
        )
    moved = _undo_drift(planes, pixels, margins)
    array, step = moved, stack.step
    if stack.uneven_mm > TOLERATED_MM:
        array, step = _even_out(moved, stack.heights)
    affine = affine_of(frame, step)
    affine[:3, 3] += affine[:3, 1:3] @ margins.before
    return Straightened(array, affine, _said(stack, step))


def _undo_drift(planes: np.ndarray, pixels: np.ndarray, margins: _Margins) -> np.ndarray:
    size = planes.shape[1:] + (margins.after - margins.before).astype(int)
    lowest = float(planes.min())
    out = np.empty((len(planes), *size), dtype=np.float32)
    for plane, drift, place in zip(planes, pixels, out, strict=True):
        ndimage.affine_transform(
            plane.astype(np.float32),
            np.eye(2),
            offset=margins.before - drift,
            output=place,
            output_shape=place.shape,
            order=1,
            cval=lowest,
        )
    return out


def _even_out(planes: np.ndarray, heights: np.ndarray) -> tuple[np.ndarray, float]:
    """Planes at even heights, and their distance in mm: the least there was, within limits."""
    count = min(round(float(heights[-1] / np.diff(heights).min())) + 1, _MOST_SLICES * len(heights))
    wanted = np.linspace(0, heights[-1], count)
    after = np.clip(np.searchsorted(heights, wanted), 1, len(heights) - 1)
    part = (wanted - heights[after - 1]) / (heights[after] - heights[after - 1])
    out = np.empty((count, *planes.shape[1:]), dtype=np.float32)
    for n in range(count):
        out[n] = (1 - part[n]) * planes[after[n] - 1] + part[n] * planes[after[n]]
    return out, float(wanted[1])


def _said(stack: Stack, step: float) -> tuple[str, ...]:
    sentences = []
    if stack.drift_mm > TOLERATED_MM or stack.uneven_mm <= TOLERATED_MM:
        sentences.append(_drift_said(stack))
    if stack.uneven_mm > TOLERATED_MM:
        gaps = np.diff(stack.heights)
        sentences.append(
            f"Slice distances of {gaps.min():.2f} to {gaps.max():.2f} mm: the series was resampled "
            f"to {step:.2f} mm."
        )
    return tuple(sentences)


def _drift_said(stack: Stack) -> str:
    line = np.outer(stack.heights / stack.heights[-1], stack.drift[-1])
    if np.linalg.norm(stack.drift - line, axis=1).max() > TOLERATED_MM:
        what = "The images are shifted against each other"
    else:
        tilt = np.degrees(np.arctan2(np.linalg.norm(stack.drift[-1]), stack.heights[-1]))
        what = f"The gantry was tilted by {tilt:.1f}°"
    return f"{what} (up to {stack.drift_mm:.1f} mm): the series was resampled onto a regular grid."
