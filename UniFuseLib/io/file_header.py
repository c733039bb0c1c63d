"""What the header of any format comes down to, before a single voxel is read."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

import numpy as np

if TYPE_CHECKING:
    from UniFuseLib.io.voxels import VoxelData

Form = Literal["auto", "sform", "qform"]
Orientation = Literal["LPS", "RAS"]
LPS_TO_RAS = np.diag([-1.0, -1.0, 1.0, 1.0])  # its own inverse


@dataclass(frozen=True)
class ReadOptions:
    """What a user decides where a file leaves it open.

    Attributes:
        header: which geometry of a NIfTI file counts; `auto`: the sform where it is set, else the
            qform.
        assume_orientation: directions of the voxel axes of a file that gives none: `LPS` (i, j, k
            run towards left, posterior, superior) or `RAS`; None refuses such a file.
    """

    header: Form = "auto"
    assume_orientation: Orientation | None = None


@dataclass(frozen=True)
class FileHeader:
    """One file, as its header describes it.

    Attributes:
        data: where the voxels lie; `data.shape` is (…, k, j, i), and components last if there are.
        affine: `(4, 4)` index (i, j, k) → RAS mm, perhaps sheared; None: the file has no
            orientation.
        spacing: mm along i, j, k; NaN where it is not known.
        components: numbers per voxel.
        slope: value = slope · stored + intercept.
        intercept: see `slope`.
        form: `sform` or `qform` of NIfTI, else empty.
        modality: as the file states it (`MR`, `CT`, `PT`), else empty.
        units: of the values, as the file states them, else empty.
        says_labels: the file calls itself a label map.
        warnings: sentences for the report.
        frame_step: of a fourth axis, s; 1 where the file gives none.
        frames_first: the components of a voxel are frames or layers (NRRD's kind `list`).
        pairs: key/value pairs of NRRD.
    """

    data: VoxelData
    affine: np.ndarray | None
    spacing: tuple[float, ...]
    components: int = 1
    slope: float = 1.0
    intercept: float = 0.0
    form: str = ""
    modality: str = ""
    units: str = ""
    says_labels: bool = False
    warnings: tuple[str, ...] = ()
    frame_step: float = 1.0
    frames_first: bool = False
    pairs: dict[str, str] = field(default_factory=dict)
