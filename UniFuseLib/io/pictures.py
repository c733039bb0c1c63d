"""2-D pictures: PNG, JPEG, TIFF and DICOM of one frame, grey or RGB, read and written by ITK."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import SimpleITK as sitk

from UniFuseLib.errors import InputError, OutputError

if TYPE_CHECKING:
    from pathlib import Path

READ = (".png", ".jpg", ".jpeg", ".tif", ".tiff", ".dcm")
WRITTEN = (".png", ".jpg", ".jpeg", ".tif", ".tiff")
_JPEG = (".jpg", ".jpeg")
_START_OF_SCAN, _END_OF_IMAGE = b"\xff\xda", b"\xff\xd9"
_EIGHT_BITS = 255


def read_picture(path: Path) -> np.ndarray:
    """`(h, w)` grey or `(h, w, 3)` RGB, float32, 0..1.

    8-bit pictures are divided by 255, 16-bit ones of PNG and TIFF by 65535; other values (DICOM)
    run from their least to their greatest. Transparency is left out.

    Raises:
        InputError: not such a picture, several frames, a value that is not a number.
    """
    if path.suffix.lower() not in READ or not path.is_file():
        raise InputError(f"Expected a picture ({', '.join(READ)}), got '{path}'.")
    try:
        whole = path.suffix.lower() not in _JPEG or _ends(path.read_bytes())
        image = sitk.ReadImage(str(path)) if whole else None
    except (RuntimeError, OSError) as error:
        raise InputError(f"Cannot read the picture '{path}'. Export it again as PNG.") from error
    if image is None:
        raise InputError(f"The picture '{path}' is truncated. Copy or export it again.")
    array = sitk.GetArrayFromImage(image)
    if image.GetDimension() == 3:
        if len(array) != 1:
            raise InputError(f"Expected one frame in '{path}', got {len(array)}.")
        array = array[0]
    if array.ndim == 3 and array.shape[2] == 4:
        array = array[..., :3]
    if array.ndim == 3 and array.shape[2] != 3:
        array = array[..., 0]  # grey with transparency
    return _unit(array, path)


def _ends(jpeg: bytes) -> bool:
    """The last scan has an end: ITK fills the rest of a cut one with grey, without a word."""
    return jpeg.rfind(_END_OF_IMAGE) > jpeg.rfind(_START_OF_SCAN)


def _unit(array: np.ndarray, path: Path) -> np.ndarray:
    values = array.astype(np.float32)
    if not np.isfinite(values).all():
        raise InputError(f"Expected numbers in '{path}', got NaN or infinity. Repair the picture.")
    if path.suffix.lower() != ".dcm" and array.dtype in (np.uint8, np.uint16):
        return values / float(np.iinfo(array.dtype).max)
    low, high = float(values.min()), float(values.max())
    return (values - low) / (high - low) if high > low else np.zeros_like(values)


def write_picture(picture: np.ndarray, path: Path) -> None:
    """`(h, w)` or `(h, w, 3)`, 0..1, as 8 bits a channel.

    Raises:
        OutputError: a format that is not written, or no place for it.
    """
    if path.suffix.lower() not in WRITTEN:
        raise OutputError(f"Expected a name that ends in {', '.join(WRITTEN)}, got '{path.name}'.")
    codes = (picture.clip(0, 1) * _EIGHT_BITS).round().astype(np.uint8)
    partial = path.with_name(f".partial-{path.name}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        sitk.WriteImage(sitk.GetImageFromArray(codes, isVector=codes.ndim == 3), str(partial))
        partial.replace(path)
    except (OSError, RuntimeError) as error:
        partial.unlink(missing_ok=True)
        raise OutputError(f"Cannot write '{path}'. Check permission and free space.") from error
