"""One DICOM series from a folder, or a sentence that says why not."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import SimpleITK as sitk

from UniFuseLib.errors import InputError

_POSITION, _ORIENTATION, _MODALITY, _DESCRIPTION = (
    "0020|0032",
    "0020|0037",
    "0008|0060",
    "0008|103e",
)


def read_series(folder: Path) -> tuple[sitk.Image, list[str], list[str]]:
    """The volume, its files in slice order, and warnings.

    Raises:
        InputError: no series, several series (they are listed), missing slices, a tilted gantry,
            several frames.
    """
    files = _the_only_series(folder)
    warnings = _check_slices(folder, files)
    reader = sitk.ImageSeriesReader()
    reader.SetFileNames(files)
    try:
        image = sitk.ReadImage(files[0]) if len(files) == 1 else reader.Execute()
    except RuntimeError as error:
        raise InputError(
            f"Cannot read the DICOM series in {folder}: {str(error).strip().splitlines()[-1]}"
        ) from error
    if image.GetDimension() != 3 or min(image.GetSize()) < 2:
        size = " × ".join(str(n) for n in image.GetSize())
        raise InputError(
            f"{folder} holds a 2-D image or a time series ({size}). Expected one 3-D volume."
        )
    return image, files, warnings


def series_modality(file: str) -> str:
    """DICOM tag (0008,0060), such as `CT`, `MR`, `PT`; empty when absent."""
    return _tags(file, (_MODALITY,))[_MODALITY]


def _the_only_series(folder: Path) -> list[str]:
    found = {
        s: list(sitk.ImageSeriesReader.GetGDCMSeriesFileNames(str(folder), s))
        for s in _series_ids(folder)
    }
    if not found:
        raise InputError(
            f"{folder} holds no DICOM series. Expected the files of one series, or the path of a file."
        )
    if len(found) > 1:
        listed = "; ".join(
            _describe(files) for files in sorted(found.values(), key=len, reverse=True)
        )
        raise InputError(
            f"{folder} holds {len(found)} DICOM series: {listed}. Put the files of the wanted one into a folder of "
            "its own and give that folder."
        )
    return next(iter(found.values()))


def _series_ids(folder: Path) -> tuple[str, ...]:
    try:
        return tuple(sitk.ImageSeriesReader.GetGDCMSeriesIDs(str(folder)))
    except RuntimeError as error:
        raise InputError(f"Cannot list {folder}: {error}") from error


def _describe(files: list[str]) -> str:
    tags = _tags(files[0], (_MODALITY, _DESCRIPTION))
    name = " ".join(t for t in (tags[_MODALITY], tags[_DESCRIPTION]) if t) or "without description"
    return f"{name} ({len(files)} files, the first is {Path(files[0]).name})"


def _tags(file: str, keys: tuple[str, ...]) -> dict[str, str]:
    reader = sitk.ImageFileReader()
    reader.SetFileName(file)
    reader.ReadImageInformation()
    return {k: reader.GetMetaData(k).strip() if reader.HasMetaDataKey(k) else "" for k in keys}


def _check_slices(folder: Path, files: list[str]) -> list[str]:
    """Refuse a geometry that SimpleITK would silently straighten: gaps, double positions, shear."""
    tags = [_tags(f, (_POSITION, _ORIENTATION)) for f in files]
    if len(files) < 2 or not all(t[_POSITION] and t[_ORIENTATION] for t in tags):
        return []
    points = np.array([[float(v) for v in t[_POSITION].split("\\")] for t in tags])
    row, column = np.array([float(v) for v in tags[0][_ORIENTATION].split("\\")]).reshape(2, 3)
    normal = np.cross(row, column)
    steps = np.diff(points, axis=0)
    heights = steps @ normal
    typical = float(np.median(heights))
    if abs(typical) < 1e-3 or np.abs(heights).min() < 0.1 * abs(typical):
        raise InputError(
            f"{folder} holds several images at one slice position (a time series?). Pick one frame."
        )
    uneven = float(np.abs(heights - typical).max() / abs(typical))
    if uneven > 0.1:
        raise InputError(
            f"{folder} has uneven slice distances ({np.abs(heights).min():.2f} to {np.abs(heights).max():.2f} mm): "
            "slices are missing, or the series is not one volume. Complete it, or resample it with a DICOM tool."
        )
    sideways = float(np.linalg.norm(steps - heights[:, None] * normal, axis=1).max())
    if sideways > 0.05 * abs(typical):
        raise InputError(
            f"{folder} was taken with a tilted gantry. Straighten it first (dcm2niix does that)."
        )
    return [f"{folder}: slice distances differ by {100 * uneven:.1f} %."] if uneven > 0.01 else []
