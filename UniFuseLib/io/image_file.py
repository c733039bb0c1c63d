"""Image files, whatever they hold: scan, time series, label map, segmentation of 3D Slicer; and the
same file again with other voxels.
"""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import SimpleITK as sitk

from UniFuseLib.io.dicom_files import is_dicom_file, refuse_archive
from UniFuseLib.io.file_header import FileHeader, ReadOptions
from UniFuseLib.io.files import Header, file_header, load_frames
from UniFuseLib.io.nrrd_writing import segment_pairs, write_nrrd
from UniFuseLib.io.paths import readable_path
from UniFuseLib.io.volumes import read_volume_with_header, to_image
from UniFuseLib.io.writing import WRITABLE, write_image
from UniFuseLib.spatial.volume import Grid

if TYPE_CHECKING:
    from pathlib import Path

    from UniFuseLib.io.dicom_options import DicomOptions

# suffix of a format that is read only → what is written in its place
_REPLACED = {".nhdr": ".nrrd", ".mhd": ".mha", ".mgz": ".nii.gz", ".mgh": ".nii.gz"}


class ImageFile(NamedTuple):
    """One file."""

    frames: np.ndarray  # (t, d, h, w), or (1, d, h, w, 3) of colours; the file's type and units
    grid: Grid
    header: Header
    frame_step: float = 1.0  # s
    frames_first: bool = False  # NRRD: frames or layers are the fastest axis
    pairs: dict[str, str] = {}  # noqa: RUF012  key/value pairs of NRRD, never changed

    @property
    def colour(self) -> bool:
        return self.frames.ndim == 5


def read_image(
    path: Path | str, dicom: DicomOptions | None = None, options: ReadOptions | None = None
) -> ImageFile:
    """A volume, or several on one grid, in any format that `read_volume` knows.

    Args:
        path: file, or folder with one DICOM series.
        dicom: choices where a DICOM folder leaves it open.
        options: choices where another file does.

    Raises:
        InputError: see `read_volume`; several frames are allowed.
    """
    path = readable_path(path)
    options = options or ReadOptions()
    if path.is_dir() or is_dicom_file(path):
        volume, described = read_volume_with_header(path, dicom, options)
        return ImageFile(volume.array[None], volume.grid, described)
    refuse_archive(path)
    with contextlib.ExitStack() as kept:
        header = file_header(path, options, kept)
        frames, affine, described = load_frames(path, header, options)
    grid = Grid(frames.shape[1:4], affine)
    return _image_file(frames, grid, described, header)


def _image_file(frames: np.ndarray, grid: Grid, described: Header, header: FileHeader) -> ImageFile:
    first = header.frames_first and len(header.data.shape) == 4
    return ImageFile(frames, grid, described, header.frame_step, first, header.pairs)


def output_name(path: Path) -> str:
    """The name of `path` as a file that can be written: its own, or with `.nii.gz`.

    Args:
        path: of the input, a file or a DICOM folder.
    """
    name = path.resolve().name if path.name in ("", ".", "..") else path.name
    lower = name.lower()
    if lower.endswith(WRITABLE):
        return name
    for suffix, other in _REPLACED.items():
        if lower.endswith(suffix):
            return name[: -len(suffix)] + other
    return f"{name}.nii.gz"


def write_like(image: ImageFile, frames: np.ndarray, grid: Grid, path: Path) -> None:
    """Write other voxels as the same kind of file: frames, layers, segments, time step.

    Args:
        image: what was read.
        frames: like `image.frames`, on `grid`.
        grid: with perpendicular axes.
        path: its suffix is one of `writing.WRITABLE`.

    Raises:
        OutputError: the disk refuses, or a sheared grid.
    """
    if path.name.lower().endswith(".nrrd"):
        _write_nrrd(image, frames, grid, path)
    elif len(frames) == 1:
        write_image(to_image(frames[0], grid), path)
    else:
        joined = sitk.JoinSeries([to_image(f, grid) for f in frames], 0.0, image.frame_step)
        write_image(joined, path)


def _write_nrrd(image: ImageFile, frames: np.ndarray, grid: Grid, path: Path) -> None:
    pairs = segment_pairs(image.pairs, frames) if not image.colour else image.pairs
    if image.colour:
        write_nrrd(path, frames[0], grid, pairs, kind="RGB-color")
    elif image.frames_first or len(frames) > 1:
        write_nrrd(path, np.moveaxis(frames, 0, -1), grid, pairs, kind="list")
    else:
        write_nrrd(path, frames[0], grid, pairs)
