"""What follows from a file itself: how it is interpolated, and what stands outside its view."""

from __future__ import annotations

from typing import TYPE_CHECKING

from UniFuseLib.apply.interpolations import LABEL_INTERPOLATIONS
from UniFuseLib.errors import InputError
from UniFuseLib.preprocessing.intensity import BACKGROUND, air_level
from UniFuseLib.preprocessing.signs import label_count, whole_numbers

if TYPE_CHECKING:
    import numpy as np

    from UniFuseLib.apply.interpolations import Choice, Interpolation

MODALITIES = {"MR": "mr", "CT": "ct", "PT": "pet"}  # as DICOM states them


def interpolation_of(
    frames: np.ndarray, chosen: Choice, *, says_labels: bool = False
) -> Interpolation:
    """`label` for label maps and `linear` for all else, unless something else was chosen.

    Args:
        frames: `(t, d, h, w)`, or `(t, d, h, w, 3)` of colours.
        chosen: by the user.
        says_labels: the file calls itself a label map.

    Raises:
        InputError: it calls itself one and holds fractions.
    """
    if chosen != "auto":
        return chosen
    if frames.ndim == 5:
        return "linear"
    if says_labels:
        _check_whole(frames)
        return "label"
    if not whole_numbers(frames[0]):
        return "linear"
    return "label" if label_count(frames[0]) else "linear"


def background_of(frames: np.ndarray, modality: str, interpolation: Interpolation) -> float:
    """What stands where the volume was not acquired: air of its modality, 0 for labels, colours.

    Args:
        frames: `(t, d, h, w)`, or `(t, d, h, w, 3)` of colours.
        modality: `mr`, `ct` or `pet`.
        interpolation: of the file.
    """
    if interpolation in LABEL_INTERPOLATIONS or frames.ndim == 5:
        return 0.0
    if modality == "ct":
        return max(BACKGROUND["ct"], float(frames.min()))
    return BACKGROUND[modality] + air_level(frames[0], frames[0].ravel())


def _check_whole(frames: np.ndarray) -> None:
    if not whole_numbers(frames):
        raise InputError(
            "The file calls itself a label map and holds fractions. Choose --interpolation linear "
            "if these are probabilities; else round it to whole numbers first."
        )
