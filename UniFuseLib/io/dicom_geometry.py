"""Frames of one group → a regular grid, and how far each image lies from it in mm.

All errors are measured as what they add up to at the corners of the images: a gantry tilt, a
drift of the table, uneven distances and rounding in the header then share one bound.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from UniFuseLib.errors import InputError
from UniFuseLib.io.file_header import LPS_TO_RAS

if TYPE_CHECKING:
    from UniFuseLib.io.dicom_frames import Frame

# Below, the images are taken as if on the regular grid: an eighth of the spacing of a fine
# scan, and of the order of decimals that exporters drop.
TOLERATED_MM = 0.3
_MISSING = 1.5  # times the usual distance: an image less, whichever way distances are rounded


class Stack(NamedTuple):
    """Images in order along the normal.

    Attributes:
        frames: sorted; row × column points from the first to the last.
        heights: `(n,)` mm along the normal, the first is 0.
        drift: `(n, 2)` mm along the row and the column direction, of each image from the grid.
        step: mm between neighbours of the regular grid.
    """

    frames: list[Frame]
    heights: np.ndarray
    drift: np.ndarray
    step: float

    @property
    def uneven_mm(self) -> float:
        """The largest distance of an image from its place on the regular grid, along the normal."""
        return float(abs(self.heights - self.step * np.arange(len(self.heights))).max())

    @property
    def drift_mm(self) -> float:
        """The largest distance within the image plane."""
        return float(np.linalg.norm(self.drift, axis=1).max())

    @property
    def regular(self) -> bool:
        return bool(np.hypot(self.uneven_mm, self.drift_mm) <= TOLERATED_MM)


def arrange(frames: list[Frame]) -> Stack:
    """Sort the images and measure them against a regular grid through the first and the last.

    Raises:
        InputError: a single image, an image that is turned or scaled otherwise, missing slices.
    """
    if len(frames) < 2:
        raise InputError(
            f"{frames[0].path} is a 2-D image ({frames[0].shape[1]} × {frames[0].shape[0]}). "
            "Expected a 3-D volume; give the folder with the whole series."
        )
    first = frames[0]
    frames = sorted(frames, key=lambda frame: float(frame.position @ first.normal))
    _check_alike(frames)
    offsets = np.stack([frame.position - frames[0].position for frame in frames])
    heights = offsets @ frames[0].normal
    _check_gaps(frames, np.diff(heights))
    step = float(heights[-1]) / (len(frames) - 1)
    return Stack(frames, heights, offsets @ frames[0].axes.T, step)


def affine_of(frame: Frame, step: float) -> np.ndarray:
    """`(4, 4)` array index (k, j, i) → RAS mm, of the grid whose first image is `frame`.

    DICOM PS3.3, equation C.7.6.2.1-1: P = S + X Δi i + Y Δj j, with k along row × column.

    Args:
        frame: the first image.
        step: mm between images.
    """
    affine = np.eye(4)
    affine[:3, 0] = frame.normal * step
    affine[:3, 1] = frame.axes[1] * frame.spacing[0]
    affine[:3, 2] = frame.axes[0] * frame.spacing[1]
    affine[:3, 3] = frame.position
    return LPS_TO_RAS @ affine


def _check_alike(frames: list[Frame]) -> None:
    """Every image has the orientation and the spacing of the first, at its far corner."""
    far = _far_corner(frames[0])
    for frame in frames:
        moved = np.linalg.norm(_far_corner(frame) - far, axis=1).max()
        if moved > TOLERATED_MM:
            raise InputError(
                f"{frame.path.parent} is not one volume: the orientation or pixel spacing of "
                f"{frame.name} is not that of {frames[0].name} (a corner lies {moved:.2f} mm "
                "elsewhere). Remove what does not belong to it."
            )


def _far_corner(frame: Frame) -> np.ndarray:
    """`(3, 3)` mm from the first pixel: the last of its row, of its column, and of both."""
    row = frame.axes[0] * frame.spacing[1] * (frame.shape[1] - 1)
    column = frame.axes[1] * frame.spacing[0] * (frame.shape[0] - 1)
    return np.stack([row, column, row + column])


def _check_gaps(frames: list[Frame], gaps: np.ndarray) -> None:
    """A wide gap is filled where the slices are as thick as it is wide; else slices are missing."""
    usual = float(np.median(gaps))
    for n in np.flatnonzero(gaps > _MISSING * usual):
        before, after = frames[n], frames[n + 1]
        thickness = min(_thickness(before), _thickness(after))
        if gaps[n] > _MISSING * thickness:
            raise InputError(
                f"{before.path.parent} has uneven slice distances ({gaps.min():.2f} to "
                f"{gaps.max():.2f} mm): slices are missing between {before.name} and "
                f"{after.name}. Complete the series."
            )


def _thickness(frame: Frame) -> float:
    try:
        return float(frame.attributes.get("SliceThickness") or 0)
    except (TypeError, ValueError):
        return 0.0
