"""Frames of one series → groups that are one volume each: by stack, echo, time and the like."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from UniFuseLib.errors import InputError
from UniFuseLib.io.dicom_frames import words

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterable

    from UniFuseLib.io.dicom_frames import Frame
    from UniFuseLib.io.dicom_options import DicomOptions

# What may tell images at one place apart, the most telling first: (keywords, word of the list).
_DIMENSIONS: tuple[tuple[tuple[str, ...], str], ...] = (
    (("EchoTime", "EffectiveEchoTime"), "echo time (ms)"),
    (("EchoNumbers",), "echo"),
    (("InversionTime",), "inversion time (ms)"),
    (("DiffusionBValue",), "b-value (s/mm²)"),
    (("DiffusionGradientOrientation",), "diffusion direction"),
    (("ComplexImageComponent",), "component"),
    (("FrameType", "ImageType"), "image type"),
    (("KVP",), "tube voltage (kV)"),
    (("ConvolutionKernel",), "kernel"),
    (("TemporalPositionIndex", "TemporalPositionIdentifier"), "time point"),
    (("NominalCardiacTriggerDelayTime", "TriggerTime"), "trigger time (ms)"),
    (("FrameReferenceTime",), "time (ms)"),
    (("AcquisitionNumber",), "acquisition"),
    (("AcquisitionDateTime", "AcquisitionTime", "FrameAcquisitionDateTime"), "acquisition time"),
    (("ContentTime",), "content time"),
    (("SOPClassUID",), "kind of object"),
)
_SAME_PLACE_MM = 0.01  # decimals that exporters keep; slices are never so close
_SAME_DIRECTION = np.cos(np.deg2rad(1.0))  # less is measured in mm, see dicom_geometry
_SLICES = 3  # fewer are not a volume: a localiser, a preview


class Group(NamedTuple):
    """Frames that lie at different places, side by side; `words` tells them from other groups."""

    frames: list[Frame]
    words: str


class Grouped(NamedTuple):
    """Groups in the order of the series, and sentences about what was left out."""

    groups: list[Group]
    warnings: tuple[str, ...]


def group(frames: list[Frame]) -> Grouped:
    """Split by stack and orientation, then by whatever tells images at one place apart.

    Raises:
        InputError: images at one place that nothing tells apart.
    """
    stacks = _stacks([frame for frame in frames if not frame.is_localiser] or frames)
    whole = [stack for stack in stacks if len(stack) >= _SLICES] or stacks
    left_out = len(frames) - sum(map(len, whole))
    several = len(whole) > 1
    groups = [
        Group(part.frames, ", ".join(filter(None, (_stack_said(n, stack) * several, part.words))))
        for n, stack in enumerate(whole, 1)
        for part in _split(stack)
    ]
    return Grouped(groups, _left_out(left_out))


def pick(groups: list[Group], options: DicomOptions, series: str) -> Group:
    """The group whose number is wanted, from 1; the only one where there is one.

    Args:
        groups: of `group`.
        options: what the user chose.
        series: how sentences call the series.

    Raises:
        InputError: several groups and none chosen, or no group of that number.
    """
    wanted = options.frame_group
    if len(groups) == 1 and (wanted is None or options.optional):
        return groups[0]
    if wanted is not None and 1 <= wanted <= len(groups):
        return groups[wanted - 1]
    listed = "; ".join(
        f"{n}: {group.words or 'all'} ({len(group.frames)} slices)"
        for n, group in enumerate(groups, 1)
    )
    chosen = "" if wanted is None else f", and none has the number {wanted}"
    several = f"{len(groups)} groups" if len(groups) > 1 else "1 group"
    raise InputError(
        f"{series} holds {several} of frames{chosen}: {listed}. Choose one with --frame-group N."
    )


def _stack_said(number: int, stack: list[Frame]) -> str:
    plane = ("sagittal", "coronal", "axial")[int(abs(stack[0].normal).argmax())]
    return f"stack {number}, {plane}"


def _left_out(count: int) -> tuple[str, ...]:
    if not count:
        return ()
    images = "1 image" if count == 1 else f"{count} images"
    return (f"{images} of the series (localiser, or a single slice of its own) left out.",)


def _stacks(frames: list[Frame]) -> list[list[Frame]]:
    """Frames of one size, one orientation and one stack each, in the order of the series."""
    stacks: list[list[Frame]] = []
    for frame in frames:
        home = next((stack for stack in stacks if _belongs(frame, stack[0])), None)
        if home is None:
            stacks.append([frame])
        else:
            home.append(frame)
    return stacks


def _belongs(frame: Frame, other: Frame) -> bool:
    if frame.shape != other.shape:
        return False
    if frame.attributes.get("StackID") != other.attributes.get("StackID"):
        return False
    return bool((frame.axes * other.axes).sum(axis=1).min() > _SAME_DIRECTION)


def _split(frames: list[Frame]) -> list[Group]:
    """Groups without two frames at one place."""
    return _split_by(frames, "", _DIMENSIONS)


def _split_by(
    frames: list[Frame], said: str, dimensions: tuple[tuple[tuple[str, ...], str], ...]
) -> list[Group]:
    most = _most_at_one_place(frames)
    if most == 1:
        return [Group(frames, said)]
    for n, (keywords, word) in enumerate(dimensions):
        parts = _parts(frames, keywords)
        # more values than images at a place: each slice has its own, it tells no volumes apart
        if 1 < len(parts) <= most:
            return [
                found
                for value, part in parts.items()
                for found in _split_by(part, _also(said, word, value), dimensions[n + 1 :])
            ]
    raise InputError(_nothing_tells_apart(frames))


def _parts(frames: list[Frame], keywords: tuple[str, ...]) -> dict[Hashable, list[Frame]]:
    parts: dict[Hashable, list[Frame]] = {}
    for frame in frames:
        parts.setdefault(_value(frame, keywords), []).append(frame)
    return parts


def _value(frame: Frame, keywords: tuple[str, ...]) -> Hashable:
    found = (frame.attributes.get(keyword) for keyword in keywords)
    value = next((v for v in found if v not in (None, "")), "")
    return str(value) if isinstance(value, (str, int, float)) else " ".join(words(value))


def _also(said: str, word: str, value: Hashable) -> str:
    return ", ".join(filter(None, (said, f"{word} {value or 'none'}")))


def _most_at_one_place(frames: list[Frame]) -> int:
    return max(Counter(_places(frames)).values())


def _places(frames: Iterable[Frame]) -> list[int]:
    """Numbers of the places along the normal; images closer than `_SAME_PLACE_MM` share one."""
    frames = list(frames)
    heights = np.array([frame.position @ frames[0].normal for frame in frames])
    order = np.argsort(heights)
    numbers = np.empty(len(frames), dtype=int)
    numbers[order] = np.cumsum(np.diff(heights[order], prepend=heights[order[0]]) > _SAME_PLACE_MM)
    return [int(n) for n in numbers]


def _nothing_tells_apart(frames: list[Frame]) -> str:
    places = _places(frames)
    place = Counter(places).most_common(1)[0][0]
    same = [frame.name for frame, at in zip(frames, places, strict=True) if at == place]
    return (
        f"{frames[0].path.parent} holds {len(same)} images at one slice position that nothing in "
        f"the header tells apart ({same[0]} and {same[1]}; a time series or copies?). "
        "Remove those that do not belong to the volume."
    )
