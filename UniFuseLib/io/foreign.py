"""Formats that only ITK reads (TIFF, VTK, GIPL, MRC, MINC, DICOM in one file, …).

Some of ITK's readers end the process on a damaged file. So they run in a process of their own,
which can fail without taking this one along.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np

from UniFuseLib.errors import InputError
from UniFuseLib.io.file_header import LPS_TO_RAS, FileHeader
from UniFuseLib.io.paths import named_for_itk, shown
from UniFuseLib.io.voxels import VoxelData, damaged
from UniFuseLib.process import available_memory

_SECONDS = 300.0
_SCRIPT = Path(__file__).with_name("foreign_process.py")
# ITK's readers of formats that store the patient's axes
_ORIENTED = (
    "GDCMImageIO",
    "MINCImageIO",
    "HDF5ImageIO",
    "GE4ImageIO",
    "GE5ImageIO",
    "Bruker2dseqImageIO",
)
_UNSIZED = ("TIFFImageIO", "LSMImageIO", "BMPImageIO", "JPEGImageIO", "PNGImageIO")


def foreign_file(path: Path, folder: Path) -> FileHeader:
    """Let ITK read a file in another process; its voxels lie in `folder` then.

    Args:
        path: exists.
        folder: for the raw voxels, which the caller removes.

    Raises:
        InputError: no known format, damaged, or too large for the memory.
    """
    voxels = folder / "voxels.raw"
    with named_for_itk(path) as plain:
        about = _run(path, plain, voxels)
    shape = tuple(about["size"][::-1])
    components = about["components"]
    full = shape if components == 1 else (*shape, components)
    dtype = np.dtype(about["dtype"])
    data = VoxelData(voxels, full, dtype)
    oriented = about["reader"] in _ORIENTED and len(shape) >= 3
    affine = _affine(about) if oriented else None
    sized = about["reader"] not in _UNSIZED
    spacing = tuple(float(s) if sized else float("nan") for s in about["spacing"][:3])
    return FileHeader(data, affine, spacing, components, modality=about["modality"])


def _run(path: Path, plain: Path, voxels: Path) -> dict[str, Any]:
    limit = available_memory() or 0
    command = [sys.executable, str(_SCRIPT), str(plain.absolute()), str(voxels), str(limit)]
    try:
        done = subprocess.run(command, capture_output=True, timeout=_SECONDS, check=False)
    except subprocess.TimeoutExpired as error:
        raise damaged(path, f"ITK did not finish it in {_SECONDS:g} s") from error
    try:
        about = json.loads(done.stdout.decode("utf-8", "replace").strip().splitlines()[-1])
    except (ValueError, IndexError) as error:
        raise damaged(path, "ITK's reader ended on it") from error
    if "error" in about:
        raise _refused(path, str(about["error"]))
    return about


def _refused(path: Path, reason: str) -> InputError:
    if "determine" in reason or "ImageIO" in reason:
        return InputError(
            f"{shown(path)} is in no known format. Expected NIfTI, NRRD, MHA, MGZ, or a DICOM "
            "series folder."
        )
    if "pacing" in reason:
        return InputError(
            f"{shown(path)} gives a voxel spacing that is zero or not a number. Repair the "
            "header and try again."
        )
    return InputError(f"Cannot read {shown(path)}: {reason} Is the file complete?")


def _affine(about: dict[str, Any]) -> np.ndarray:
    """Index (i, j, k) → RAS mm."""
    rank = len(about["spacing"])
    direction = np.array(about["direction"], dtype=np.float64).reshape(rank, rank)[:3, :3]
    affine = np.eye(4)
    affine[:3, :3] = direction * np.array(about["spacing"][:3])
    affine[:3, 3] = about["origin"][:3]
    return LPS_TO_RAS @ affine
