"""Small DICOM series with exactly known geometry and values, written with pydicom."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pydicom
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import UID, ExplicitVRLittleEndian

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

ROOT = "1.2.826.0.1.3680043.8.498."
CLASSES = {
    "CT": "1.2.840.10008.5.1.4.1.1.2",
    "MR": "1.2.840.10008.5.1.4.1.1.4",
    "PT": "1.2.840.10008.5.1.4.1.1.128",
    "SC": "1.2.840.10008.5.1.4.1.1.7",
    "SR": "1.2.840.10008.5.1.4.1.1.88.11",
    "ENHANCED MR": "1.2.840.10008.5.1.4.1.1.4.1",
    "NM": "1.2.840.10008.5.1.4.1.1.20",
}


def turned(degrees: tuple[float, float, float]) -> np.ndarray:
    """`(3, 3)` rotation about x, then y, then z; columns are row, column and normal directions."""
    out = np.eye(3)
    for axis, angle in enumerate(np.deg2rad(degrees)):
        i, j = [(1, 2), (2, 0), (0, 1)][axis]
        turn = np.eye(3)
        turn[i, i] = turn[j, j] = np.cos(angle)
        turn[i, j], turn[j, i] = -np.sin(angle), np.sin(angle)
        out = turn @ out
    return out


@dataclass(frozen=True)
class Layout:
    """Where slices lie, LPS mm: oblique and anisotropic, so that a swapped axis shows."""

    axes: np.ndarray = field(default_factory=lambda: turned((15.0, -20.0, 35.0)))
    spacing: tuple[float, float, float] = (2.5, 1.3, 0.8)  # between slices, rows, columns
    origin: tuple[float, float, float] = (-31.0, 17.0, 43.0)

    def place(self, k: float, j: float, i: float) -> np.ndarray:
        """PS3.3, C.7.6.2.1-1, written out."""
        row, column, normal = self.axes.T
        between, rows, columns = self.spacing
        return np.array(self.origin) + row * columns * i + column * rows * j + normal * between * k


LAYOUT = Layout()


@dataclass(frozen=True)
class SeriesSpec:
    """One series: geometry, tags of all slices, and what to change in each.

    Attributes:
        layout: geometry.
        modality: key of `CLASSES`.
        uid: last part of the SeriesInstanceUID.
        tags: keyword → value, in every slice.
        edit: called with (k, dataset) before a slice is written.
        first: number in the file names and instance numbers of the first slice.
    """

    layout: Layout = LAYOUT
    modality: str = "MR"
    uid: str = "7"
    tags: dict[str, Any] = field(default_factory=dict)
    edit: Callable[[int, Dataset], object] | None = None
    first: int = 1

    def with_tags(self, **tags: Any) -> SeriesSpec:
        return replace(self, tags={**self.tags, **tags})


def noise(shape: tuple[int, int, int] = (6, 9, 11), top: int = 2000) -> np.ndarray:
    """Stored values, no two neighbours alike."""
    return np.random.default_rng(3).integers(0, top, shape).astype(np.uint16)


def write_series(folder: Path, stored: np.ndarray, spec: SeriesSpec | None = None) -> list[Path]:
    """One file a slice, in an order of names that is not the order in space."""
    spec = spec or SeriesSpec()
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for k, plane in enumerate(stored):
        dataset = slice_dataset(plane, k, spec)
        if spec.edit:
            spec.edit(k, dataset)
        name = f"IM{spec.uid}_{(k * 7 + 3) % 97:03d}_{spec.first + k:04d}.dcm"
        dataset.save_as(folder / name, enforce_file_format=True)
        paths.append(folder / name)
    return paths


def slice_dataset(plane: np.ndarray, k: int, spec: SeriesSpec) -> Dataset:
    dataset = image_dataset(plane, spec)
    layout = spec.layout
    dataset.SOPInstanceUID = UID(f"{ROOT}{spec.uid}.{spec.first + k}")
    dataset.file_meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
    dataset.InstanceNumber = spec.first + k
    dataset.ImagePositionPatient = [round(v, 6) for v in layout.place(k, 0, 0)]
    dataset.ImageOrientationPatient = [round(v, 6) for v in layout.axes.T[:2].ravel()]
    dataset.PixelSpacing = list(layout.spacing[1:])
    for keyword, value in spec.tags.items():
        setattr(dataset, keyword, value)
    return dataset


def image_dataset(pixels: np.ndarray, spec: SeriesSpec) -> Dataset:
    """Rows, columns and pixels, with UIDs; no place in the patient."""
    dataset = Dataset()
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset.file_meta.MediaStorageSOPClassUID = UID(CLASSES[spec.modality])
    dataset.SOPClassUID = UID(CLASSES[spec.modality])
    dataset.Modality = spec.modality.split()[-1]
    dataset.SeriesInstanceUID = UID(ROOT + spec.uid)
    dataset.StudyInstanceUID = UID(ROOT + "1")
    dataset.SeriesNumber = 3
    dataset.SeriesDescription = f"series {spec.uid}"
    dataset.Rows, dataset.Columns = pixels.shape[-2:]
    dataset.SamplesPerPixel, dataset.PhotometricInterpretation = 1, "MONOCHROME2"
    dataset.BitsAllocated = dataset.BitsStored = 8 * pixels.dtype.itemsize
    dataset.HighBit = dataset.BitsStored - 1
    dataset.PixelRepresentation = int(np.issubdtype(pixels.dtype, np.signedinteger))
    dataset.PixelData = pixels.tobytes()
    return dataset


def rewrite(path: Path, **tags: Any) -> None:
    """Set elements of a file that is there; None deletes one."""
    dataset = pydicom.dcmread(path)
    for keyword, value in tags.items():
        if value is None:
            delattr(dataset, keyword)
        else:
            setattr(dataset, keyword, value)
    dataset.save_as(path)
