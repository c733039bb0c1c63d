"""Files ↔ arrays: what goes to the tool and what it left. Arrays are (k, j, i), matrices index (i,
j, k) → RAS mm.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import SimpleITK as sitk
import vtk
from slicer.i18n import tr as _
from vtk.util.numpy_support import get_vtk_array_type, vtk_to_numpy

from .Errors import FusionError

# What is far below the noise compresses badly, and a scene holds it for ever. Off at most: fused
# values by 0.05 % of their range, a 17th of the noise of a head; restored values that are no whole
# numbers by 0.05 % of themselves, or a 131 000th of the range; displacements by 0.0005 mm along an
# axis, a hundredth of what their grid leaves, so that changes of volume stay right to 0.1 %.
FUSED_PARTS, RESTORED_BITS, RESTORED_PARTS = 1024, 11, 65536
DISPLACEMENT_STEP_MM = 1 / 1024
LPS = np.diag([-1.0, -1.0, 1.0, 1.0])


@dataclass(frozen=True)
class Image:
    """Voxels and their place.

    Attributes:
        data: voxels as VTK keeps them, so that they reach a node without another copy; its own
            geometry is not used.
        ijkToRas: `(4, 4)` index (i, j, k, 1) → RAS mm.
    """

    data: Any
    ijkToRas: np.ndarray

    @classmethod
    def fromArray(cls, array: np.ndarray, ijkToRas: np.ndarray, dtype: Any = None) -> Image:
        """Copy an array `(k, j, i)` or `(k, j, i, c)`; safe, and quick to wait for, in a worker
        thread.
        """
        dtype = np.dtype(dtype or array.dtype)
        data = vtk.vtkImageData()
        data.SetDimensions(*array.shape[2::-1])
        data.AllocateScalars(get_vtk_array_type(dtype), 1 if array.ndim == 3 else array.shape[3])
        image = cls(data, ijkToRas)
        np.copyto(image.array, array, casting="same_kind")
        return image

    @property
    def array(self) -> np.ndarray:
        """`(k, j, i)` or `(k, j, i, c)`, not copied."""
        shape, components = self.data.GetDimensions()[::-1], self.data.GetNumberOfScalarComponents()
        voxels = vtk_to_numpy(self.data.GetPointData().GetScalars())
        return voxels.reshape(shape if components == 1 else (*shape, components))


@dataclass(frozen=True)
class FusionImages:
    """What `unifuse fuse` left in its output folder; `deformation.array` is `(k, j, i, 3)` RAS mm
    on the reference.
    """

    fused: Image
    restored: Image
    deformation: Image
    report: Mapping[str, Any]
    uncertainty: Image | None = None  # mm; None where it was not asked for


def writeImage(image: Image, path: Path, modality: str = "") -> None:
    """Write without compression, which would take longer than the network; RAS → LPS here.

    Args:
        image: voxels and their place.
        path: .nrrd, where the modality is to be kept.
        modality: DICOM's word (`MR`, `CT`, `PT`, …), which the tool reads from the header; "":
            nothing states it.
    """
    array = image.array
    itk = sitk.GetImageFromArray(array, isVector=array.ndim == 4)
    lps = LPS @ image.ijkToRas
    spacing = np.linalg.norm(lps[:3, :3], axis=0)
    itk.SetSpacing(spacing.tolist())
    itk.SetDirection((lps[:3, :3] / spacing).ravel().tolist())
    itk.SetOrigin(lps[:3, 3].tolist())
    if modality:
        itk.SetMetaData("modality", modality)
    sitk.WriteImage(itk, str(path), useCompression=False)


def readImage(path: Path, dtype: Any = None) -> Image:
    """Read one file; LPS → RAS for its place (a vector's components stay as they are).

    SimpleITK and numpy work without Python's lock here: in a thread, reading leaves the window
    alive.
    """
    try:
        itk = sitk.ReadImage(str(path))
    except RuntimeError as error:
        raise FusionError(
            _("The result {file} could not be read: {reason}").format(
                file=path.name, reason=str(error).splitlines()[-1]
            )
        ) from error
    return _fromItk(itk, dtype)


def readVolume(path: Path) -> Image:
    """Read an input: a file, or a folder with one DICOM series.

    Raises:
        FusionError: it cannot be read as a volume.
    """
    try:
        if path.is_dir():
            names = sitk.ImageSeriesReader.GetGDCMSeriesFileNames(str(path))
            return _fromItk(sitk.ReadImage(names))
        return _fromItk(sitk.ReadImage(str(path)))
    except RuntimeError as error:
        raise FusionError(
            _("{file} could not be read: {reason}").format(
                file=path, reason=str(error).splitlines()[-1]
            )
        ) from error


def _fromItk(itk: sitk.Image, dtype: Any = None) -> Image:
    matrix = np.eye(4)
    matrix[:3, :3] = np.reshape(itk.GetDirection(), (3, 3)) * np.asarray(itk.GetSpacing())
    matrix[:3, 3] = itk.GetOrigin()
    return Image.fromArray(sitk.GetArrayViewFromImage(itk), LPS @ matrix, dtype)


def readResult(folder: Path) -> FusionImages:
    """Everything `unifuse fuse` wrote.

    Raises:
        FusionError: a file is missing or unreadable, or holds no finite number.
    """
    kinds = {"fused": None, "restored": None, "deformation": np.float32}
    files = [_resultFile(folder, name) for name in kinds]
    with ThreadPoolExecutor(len(kinds), "UniFuse files") as workers:
        fused, restored, deformation = workers.map(readImage, files, kinds.values())
    displacement = deformation.array
    displacement[..., :2] *= -1  # ITK keeps displacements in LPS mm
    for name, array in (
        ("fused", fused.array),
        ("restored", restored.array),
        ("deformation", displacement),
    ):
        sample = array[::3, ::3, ::3]
        # NIfTI readers turn NaN into 0, so a volume without values may come back constant
        if not np.isfinite(sample).all() or (name == "fused" and sample.min() == sample.max()):
            raise FusionError(
                _(
                    "The {name} volume contains no usable values (NaN only). "
                    "See the log, and choose the device CPU under Advanced."
                ).format(name=name)
            )
    roundParts(fused.array, FUSED_PARTS)
    roundBits(restored.array, RESTORED_BITS)
    roundParts(restored.array, RESTORED_PARTS)
    roundTo(displacement, DISPLACEMENT_STEP_MM)
    report = json.loads((folder / "report.json").read_text(encoding="utf-8"))
    return FusionImages(fused, restored, deformation, report, _uncertaintyIn(folder))


def roundParts(array: np.ndarray, parts: int) -> None:
    """In place, to a power of two of at most the range in so many parts; integers stay."""
    low, high = float(array.min()), float(array.max())
    if array.dtype.kind != "f" or not np.isfinite([low, high]).all() or low == high:
        return
    roundTo(array, 2.0 ** np.floor(np.log2((high - low) / parts)))


def roundTo(array: np.ndarray, step: float) -> None:
    """In place, to multiples of a power of two."""
    np.divide(array, step, out=array)
    np.rint(array, out=array)
    np.multiply(array, step, out=array)


def roundBits(array: np.ndarray, bits: int) -> None:
    """In place, to so many significant bits; only float32 is changed."""
    if array.dtype != np.float32:
        return
    dropped = np.uint32(24 - bits)  # IEEE 754: 24 with the one that is not stored
    words = array.view(np.uint32)
    words += np.uint32(1) << (dropped - np.uint32(1))  # a carry raises the exponent, as it should
    words &= np.uint32(0xFFFFFFFF) << dropped


def _uncertaintyIn(folder: Path) -> Image | None:
    if not any(folder.glob("uncertainty.*")):
        return None
    return readImage(_resultFile(folder, "uncertainty"), np.float32)


def contentWindow(
    array: np.ndarray, percent: tuple[float, float] = (1.0, 99.5)
) -> tuple[float, float]:
    """Percentiles of the voxels that are not background (the darkest value), from at most about 10⁵
    of them.
    """
    step = max(1, int(np.ceil((array.size / 1e5) ** (1 / 3))))
    sample = array[::step, ::step, ::step].ravel()
    content = sample[sample > sample.min()]
    if content.size < 2:
        return float(sample.min()), float(sample.min()) + 1.0
    low, high = np.percentile(content, percent)
    return float(low), float(high if high > low else low + 1.0)


def _resultFile(folder: Path, stem: str) -> Path:
    for path in sorted(folder.glob(f"{stem}.*")):
        if path.suffix in (".gz", ".nii", ".nrrd", ".mha"):
            return path
    raise FusionError(_("The fusion tool did not write {name}. See the log.").format(name=stem))
