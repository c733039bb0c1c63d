"""One DICOM series → one volume, or a sentence that says why not. The road through `dicom_*`."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from UniFuseLib.errors import InputError
from UniFuseLib.io.dicom_choice import choose_series
from UniFuseLib.io.dicom_files import find_dicom, quiet_pydicom
from UniFuseLib.io.dicom_frames import frames_of, words
from UniFuseLib.io.dicom_geometry import affine_of, arrange
from UniFuseLib.io.dicom_groups import group, pick
from UniFuseLib.io.dicom_hounsfield import to_hounsfield
from UniFuseLib.io.dicom_identity import Identity, identity_of
from UniFuseLib.io.dicom_options import DicomOptions
from UniFuseLib.io.dicom_pixels import read_values, rescale_of
from UniFuseLib.io.dicom_straighten import straighten
from UniFuseLib.io.dicom_suv import suv_scale, uncorrected
from UniFuseLib.spatial.volume import Volume

if TYPE_CHECKING:
    from pathlib import Path

    from UniFuseLib.io.dicom_choice import Series
    from UniFuseLib.io.dicom_frames import Frame
    from UniFuseLib.io.dicom_geometry import Stack


class DicomVolume(NamedTuple):
    """A volume and what its header says beside it.

    Attributes:
        volume: array `(k, j, i)`: HU for CT, SUV for PET, the file's own numbers for others;
            `(k, j, i, 3)` for RGB.
        modality: DICOM tag (0008,0060), such as `CT`, `MR`, `PT`.
        units: `HU`, `SUV`, or empty.
        identity: patient, day and frame of reference.
        series: SeriesInstanceUID and number of the series that was read.
        groups: how many groups of frames the series has.
        warnings: sentences for the report.
    """

    volume: Volume
    modality: str
    units: str
    identity: Identity
    series: tuple[str, str]
    groups: int
    warnings: tuple[str, ...]


class _Quantity(NamedTuple):
    values: np.ndarray
    units: str
    warnings: tuple[str, ...]


def read_dicom(path: Path, options: DicomOptions | None = None) -> DicomVolume:
    """The volume of a folder with a DICOM series, or of one file with many frames.

    Args:
        path: folder, DICOMDIR, or file.
        options: what the user chose.

    Raises:
        InputError: no series, several of them, several groups of frames (they are listed), missing
            slices, damaged files, or values that cannot be brought to HU or SUV.
        MissingDependencyError: pydicom is not installed.
    """
    options = options or DicomOptions()
    chosen = choose_series(find_dicom(path), options, path)
    with quiet_pydicom():
        frames = _frames(chosen.series)
        _check_kind(frames)
        grouped = group(frames)
        picked = pick(grouped.groups, options, str(path))
        stack = arrange(picked.frames)
        quantity = _quantity(stack, options)
    volume, straightened = _volume(quantity.values, stack)
    named = f"Frame group {options.frame_group} was read: {picked.words}."
    warnings = (
        *chosen.warnings,
        *grouped.warnings,
        *(named,) * (len(grouped.groups) > 1),
        *straightened,
        *quantity.warnings,
    )
    return DicomVolume(
        volume,
        chosen.series.tag("Modality"),
        quantity.units,
        identity_of(stack.frames[0].attributes),
        chosen.series.names,
        len(grouped.groups),
        tuple(f"{path}: {warning}" for warning in warnings),
    )


def _frames(series: Series) -> list[Frame]:
    images = [file for file in series.files if "Rows" in file.header]
    frames = [frame for file in images for frame in frames_of(file)]
    return sorted(frames, key=_instance)


def _instance(frame: Frame) -> tuple[int, str, int]:
    """Order of the series, in which groups are numbered."""
    return frame.attributes.whole("InstanceNumber", 0), frame.path.name, frame.number


def _check_kind(frames: list[Frame]) -> None:
    """Refuse colours of a palette, tiled slices, and slices of two patients."""
    first = frames[0].attributes
    folder = frames[0].path.parent
    if first.get("PhotometricInterpretation") == "PALETTE COLOR":
        raise InputError(
            f"{folder} holds palette colours (PALETTE COLOR). Expected intensities or RGB; export "
            "the series again."
        )
    if "MOSAIC" in words(first.get("ImageType") or ()):
        raise InputError(
            f"{folder} holds Siemens mosaics (all slices tiled in one image). Convert the series "
            "with dcm2niix and give the NIfTI file."
        )
    if len({str(frame.attributes.get("PatientID") or "") for frame in frames}) > 1:
        raise InputError(
            f"{folder} holds slices with different PatientID under one SeriesInstanceUID. Separate "
            "the patients."
        )


def _quantity(stack: Stack, options: DicomOptions) -> _Quantity:
    """Values in the unit of their modality."""
    first = stack.frames[0]
    modality = str(first.attributes.get("Modality") or "").strip()
    values = read_values(stack.frames, as_float=modality == "PT")
    inverted = _inverted(first)
    if values.ndim == 4:
        return _Quantity(values, "", inverted)
    if modality == "CT":
        found = to_hounsfield(values, rescale_of(first), options.ct_offset, first.path.parent)
        return _Quantity(found.values, "HU", found.warnings)
    if modality == "PT":
        return _uptake(values, stack, options.suv_factor)
    return _Quantity(values, "", inverted)


def _uptake(values: np.ndarray, stack: Stack, factor: float | None) -> _Quantity:
    first = stack.frames[0]
    if factor is not None:
        values *= np.float32(factor)
        said = f"The PET values were multiplied by {factor:g}, as --suv-factor asks."
        return _Quantity(values, "SUV", (said,))
    scale = suv_scale(stack.frames, first.attributes.layers[-1])
    values *= np.float32(scale.factor)
    return _Quantity(values, "SUV", (*scale.warnings, *uncorrected(first)))


def _inverted(frame: Frame) -> tuple[str, ...]:
    if frame.attributes.get("PhotometricInterpretation") != "MONOCHROME1":
        return ()
    return ("It is meant to be shown inverted (MONOCHROME1); the values were kept.",)


def _volume(values: np.ndarray, stack: Stack) -> tuple[Volume, tuple[str, ...]]:
    if stack.regular:
        return Volume(values, affine_of(stack.frames[0], stack.step)), ()
    straightened = straighten(values, stack)
    return Volume(straightened.array, straightened.affine), straightened.warnings
