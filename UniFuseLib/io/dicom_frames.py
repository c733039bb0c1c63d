"""DICOM objects → frames: where each 2-D image lies, whatever kind of object holds it.

Classic objects hold one frame; enhanced ones hold many, each with functional groups of its own
(PS3.3, C.7.6.16); other multi-frame objects (NM) give the first position and a distance.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from UniFuseLib.errors import InputError
from UniFuseLib.io.dicom_files import damage_named, damaged

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from pydicom.dataset import Dataset

    from UniFuseLib.io.dicom_files import DicomFile


class Attributes:
    """DICOM keyword → value: of the frame, else of all frames, else of the object.

    Args:
        path: file, for sentences.
        layers: datasets or dicts, the most particular one first.
    """

    def __init__(self, path: Path, *layers: Any) -> None:
        self.path = path
        self.layers = layers

    def get(self, keyword: str) -> Any:
        """None when no layer has it; InputError when its bytes cannot be read."""
        try:
            return next((layer.get(keyword) for layer in self.layers if keyword in layer), None)
        except Exception as error:  # what pydicom raises on damaged bytes is of many types
            raise self._unusable(keyword, "bytes that cannot be read") from error

    def numbers(self, keyword: str) -> tuple[float, ...] | None:
        """Finite numbers; None when absent or empty.

        Raises:
            InputError: something that is not a finite number; file and keyword are named.
        """
        value = self.get(keyword)
        if value is None or value == "":
            return None
        try:
            plain = isinstance(value, (str, int, float))
            found = tuple(float(v) for v in ((value,) if plain else value))
        except (TypeError, ValueError) as error:
            raise self._unusable(keyword, value) from error
        if not np.isfinite(found).all():
            raise self._unusable(keyword, value)
        return found or None

    def number(self, keyword: str) -> float | None:
        """The first of `numbers`."""
        found = self.numbers(keyword)
        return None if found is None else found[0]

    def whole(self, keyword: str, default: int) -> int:
        """`number` as a whole number."""
        found = self.number(keyword)
        return default if found is None else int(found)

    def _unusable(self, keyword: str, value: Any) -> InputError:
        return InputError(
            f"{self.path} gives {keyword} as {value!s}; expected finite numbers. Export the series "
            "again."
        )


class Frame(NamedTuple):
    """One 2-D image in the patient, LPS mm.

    Attributes:
        path: file that holds it.
        number: of this frame in the file, from 0.
        shape: rows, columns.
        position: `(3,)` centre of the first pixel, LPS mm.
        axes: `(2, 3)` unit vectors in LPS along a row (column index grows), then down a column.
        spacing: mm between rows, between columns.
        attributes: DICOM keyword → value, as this frame has it.
    """

    path: Path
    number: int
    shape: tuple[int, int]
    position: np.ndarray
    axes: np.ndarray
    spacing: tuple[float, float]
    attributes: Attributes

    @property
    def normal(self) -> np.ndarray:
        """`(3,)` unit vector, row × column, LPS."""
        return np.cross(self.axes[0], self.axes[1])

    @property
    def is_localiser(self) -> bool:
        """As Image Type or Frame Type says."""
        types = (self.attributes.get(k) or () for k in ("ImageType", "FrameType"))
        return any("LOCALIZER" in words(value) for value in types)

    @property
    def name(self) -> str:
        """For sentences: the file, and which of its frames where it holds several."""
        several = self.attributes.whole("NumberOfFrames", 1) > 1
        return f"{self.path.name}, frame {self.number + 1}" if several else self.path.name


def frames_of(file: DicomFile) -> list[Frame]:
    """Every frame of an object that holds images.

    Raises:
        InputError: a frame without position, orientation or spacing, or a header that contradicts
            itself; the file is named.
    """
    with damage_named(file.path):
        return [_frame(index, attributes) for index, attributes in enumerate(attributes_of(file))]


def attributes_of(file: DicomFile) -> list[Attributes]:
    """What the header says about each frame, functional groups included."""
    header = file.header
    whole = Attributes(file.path, header)
    count = whole.whole("NumberOfFrames", 1)
    if "PerFrameFunctionalGroupsSequence" in header:
        return _enhanced(file, count)
    if count > 1:
        return _equidistant(file, count)
    return [whole]


def words(value: Any) -> tuple[str, ...]:
    """A value of one or several strings, as several."""
    several = hasattr(value, "__iter__") and not isinstance(value, str)
    return tuple(str(v) for v in value) if several else (str(value),)


def _frame(index: int, attributes: Attributes) -> Frame:
    path = attributes.path
    position = _expected(attributes, "ImagePositionPatient", 3)
    axes = np.reshape(_expected(attributes, "ImageOrientationPatient", 6), (2, 3))
    spacing = _expected(attributes, "PixelSpacing", 2)
    lengths = np.linalg.norm(axes, axis=1)
    # 1e-2: four decimals in the header, and the vectors of some exporters are rounded to two
    if abs(lengths - 1).max() > 1e-2 or abs(axes[0] @ axes[1]) > 1e-2:
        raise InputError(
            f"{path} gives an ImageOrientationPatient that is not a pair of perpendicular unit "
            "vectors. Export the series again."
        )
    if min(spacing) <= 0:
        raise InputError(
            f"{path} gives a PixelSpacing of {spacing[0]:g} × {spacing[1]:g} mm; expected positive "
            "numbers. Export the series again."
        )
    shape = attributes.whole("Rows", 0), attributes.whole("Columns", 0)
    axes = _perpendicular(axes / lengths[:, None])
    return Frame(path, index, shape, np.array(position), axes, (spacing[0], spacing[1]), attributes)


def _perpendicular(axes: np.ndarray) -> np.ndarray:
    """Both vectors turned by the same small angle, so that rounding in the header favours none."""
    sum_, difference = axes[0] + axes[1], axes[0] - axes[1]
    sum_, difference = sum_ / np.linalg.norm(sum_), difference / np.linalg.norm(difference)
    return np.stack([sum_ + difference, sum_ - difference]) / np.sqrt(2)


def _expected(attributes: Attributes, keyword: str, count: int) -> tuple[float, ...]:
    found = attributes.numbers(keyword)
    if found is None or len(found) != count:
        raise InputError(
            f"{attributes.path} has no usable {keyword}, so its place in the patient is unknown. "
            "Remove the file if it is not a slice of the volume, or export the series again."
        )
    return found


def _enhanced(file: DicomFile, count: int) -> list[Attributes]:
    header = file.header
    groups = header.PerFrameFunctionalGroupsSequence
    if len(groups) != count:
        raise damaged(file.path, f"it announces {count} frames and describes {len(groups)}")
    shared: dict[str, Any] = {}
    for item in header.get("SharedFunctionalGroupsSequence") or ():
        shared.update(_macros(item))
    return [Attributes(file.path, _macros(item), shared, header) for item in groups]


def _macros(item: Dataset) -> dict[str, Any]:
    """The attributes of all functional groups of one item, flat: no two macros share a keyword."""
    return {
        element.keyword: element.value
        for macro in item
        if macro.VR == "SQ" and macro.value
        for element in _deep(macro.value[0])
        if element.keyword
    }


def _deep(item: Dataset) -> Iterator[Any]:
    """Elements of an item, and the diffusion direction, which lies one level deeper."""
    for element in item:
        yield element
        if element.keyword == "DiffusionGradientDirectionSequence" and element.value:
            yield from element.value[0]


def _equidistant(file: DicomFile, count: int) -> list[Attributes]:
    """Frames of an NM or other multi-frame object: one position, one distance (PS3.3, C.8.4.15)."""
    detectors = (file.header.get("DetectorInformationSequence") or ())[:1]
    whole = Attributes(file.path, *detectors, file.header)
    first = np.array(_expected(whole, "ImagePositionPatient", 3))
    axes = np.reshape(_expected(whole, "ImageOrientationPatient", 6), (2, 3))
    step = _expected(whole, "SpacingBetweenSlices", 1)[0] * np.cross(*axes)
    return [
        Attributes(file.path, {"ImagePositionPatient": list(first + k * step)}, *whole.layers)
        for k in range(count)
    ]
