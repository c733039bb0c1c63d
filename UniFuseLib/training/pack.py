"""A data set → one compact file that training reads with torch and numpy alone.

Every volume keeps its own grid and becomes 8-bit codes of its network intensity (`intensity.py`); label maps keep their
labels. The file is a zip of `.npy` members (readable by `numpy.load`) with one JSON index.
"""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from UniFuseLib import intensity
from UniFuseLib.io import read_volume
from UniFuseLib.preprocess import body_mask
from UniFuseLib.training.data import INDEX
from UniFuseLib.training.layouts import Subject, find_subjects, kind_of
from UniFuseLib.volume import Volume

_MARGIN = 4  # voxels kept around what is not background


def pack(root: Path, layout: str, output: Path, report: Callable[[str], None]) -> Path:
    """Write all subjects of `root` to `output` (through a temporary name); `report` hears of every subject.

    Raises:
        InputError: see `find_subjects` and `read_volume`.
    """
    subjects = find_subjects(root, layout)
    partial = output.with_name(output.name + ".partial")
    index: dict[str, Any] = {"version": 1, "layout": layout, "subjects": []}
    try:
        with zipfile.ZipFile(partial, "w", zipfile.ZIP_LZMA) as archive:
            for number, subject in enumerate(subjects):
                report(f"{number + 1}/{len(subjects)} {subject.name}")
                index["subjects"].append(_pack_subject(archive, subject))
            archive.writestr(INDEX, json.dumps(index))
        partial.replace(output)
    finally:
        partial.unlink(missing_ok=True)
    return output


def _pack_subject(archive: zipfile.ZipFile, subject: Subject) -> dict[str, Any]:
    entries = {}
    for role, path in subject.volumes.items():
        volume = read_volume(path)
        encode = _encode_labels if kind_of(role) == "labels" else _encode_intensities
        cropped, entry = encode(volume, kind_of(role))
        member = f"{subject.name}/{role}.npy"
        archive.writestr(member, _npy(cropped.array))
        entries[role] = {**entry, "member": member, "kind": kind_of(role), "affine": cropped.affine.tolist()}
    return {"name": subject.name, "volumes": entries}


def _encode_intensities(volume: Volume, kind: str) -> tuple[Volume, dict[str, Any]]:
    """Codes 0..255 of the network intensity 0..`top`; `map` turns intensities back into the volume's units."""
    body = body_mask(volume.array, volume.grid.spacing, kind)
    fitted = intensity.fit(volume.array, body, kind)
    unit = fitted.forward(volume.array.astype(np.float32))
    top = max(float(unit.max()), 1e-6)
    # dithering is not needed: every map spends its codes where tissue is
    codes = Volume(np.round(unit * (255 / top)).astype(np.uint8), volume.affine)
    return _crop(codes, body), {"top": top, "map": fitted.to_json()}


def _encode_labels(volume: Volume, kind: str) -> tuple[Volume, dict[str, Any]]:
    """Codes 0..n-1 for the n labels that occur; `labels` lists them."""
    labels, codes = np.unique(volume.array, return_inverse=True)
    array = codes.reshape(volume.array.shape).astype(np.uint8)
    return _crop(Volume(array, volume.affine), array > 0), {"labels": labels.astype(int).tolist()}


def _crop(volume: Volume, content: np.ndarray) -> Volume:
    """Only the box around `content`, with a margin."""
    box = [np.flatnonzero(content.any(axis=tuple(a for a in range(3) if a != axis))) for axis in range(3)]
    low = [max(int(b[0]) - _MARGIN, 0) for b in box]
    high = [min(int(b[-1]) + _MARGIN + 1, n) for b, n in zip(box, volume.array.shape, strict=True)]
    affine = volume.affine.copy()
    affine[:3, 3] = affine[:3, :3] @ np.array(low) + affine[:3, 3]
    return Volume(volume.array[tuple(slice(a, b) for a, b in zip(low, high, strict=True))], affine)


def _npy(array: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, np.ascontiguousarray(array), allow_pickle=False)
    return buffer.getvalue()
