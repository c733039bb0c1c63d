"""MR, CT or PET: from the header where it says so, else from intensities and grid."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import numpy as np

if TYPE_CHECKING:
    from UniFuseLib.preprocessing.intensity import Modality
    from UniFuseLib.spatial.volume import Volume

_HINTS: dict[str, Modality | Literal["auto"]] = {"MR": "mr", "CT": "ct", "PT": "pet", "PET": "pet"}
# Rules of thumb, not fitted: between what the three usually are. Wrong answers are corrected by
# naming the modality.
_CT_AIR_HU = -50.0  # air of CT is near -1000; MR and PET are not negative beyond noise
_CT_AIR_SHARE = 0.05  # of the bright end: noise around zero is no air
_PET_VOXEL_MM = 2.5  # PET is reconstructed on coarser grids
_PET_HOT = 2.2  # P99.9 over P95: uptake has hot spots
_SUV = (1.0, 100.0)  # P99.9 of standardised uptake values
_PLANES = 64  # are enough to see the intensities


def detect_modality(volume: Volume) -> Modality:
    """`mr`, `ct` or `pet` from the intensities and the grid.

    CT has air far below zero. PET is coarse, has hot spots and the range of standardised uptake
    values: two of the three signs decide against MR.
    """
    if volume.array.ndim == 4:
        return "pet"  # colour maps of PET are the usual RGB volumes
    array = volume.array[:: max(1, volume.array.shape[0] // _PLANES)]
    low, p95, p999 = (float(v) for v in np.percentile(array, (0.5, 95, 99.9)))
    if low < _CT_AIR_HU and -low > _CT_AIR_SHARE * p999:
        return "ct"
    coarse = float(np.sort(volume.grid.spacing)[1]) > _PET_VOXEL_MM
    hot = p999 > _PET_HOT * p95
    uptake = not _whole_numbers(array) and _SUV[0] < p999 < _SUV[1]
    return "pet" if sum((coarse, hot, uptake)) >= 2 else "mr"


def modality_from_header(hint: str) -> Modality | Literal["auto"]:
    """`MR`, `CT`, `PT` of DICOM (0008,0060) → ours; `auto` for anything else."""
    return _HINTS.get(hint.strip().upper(), "auto")


def _whole_numbers(array: np.ndarray) -> bool:
    if np.issubdtype(array.dtype, np.integer):
        return True
    return bool((array == np.round(array)).all())
