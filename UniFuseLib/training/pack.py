"""A data set → one compact file that training reads with torch and numpy alone.

Every volume keeps its own grid and becomes 8-bit codes of its network intensity (`intensity.py`);
label maps keep their labels. The file is a zip of `.npy` members (readable by `numpy.load`) with
one JSON index.
"""

from __future__ import annotations

import io
import json
import zipfile
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from UniFuseLib.errors import InputError
from UniFuseLib.io.output_folder import disk_advice, make_folder
from UniFuseLib.io.volumes import read_volume
from UniFuseLib.preprocessing import intensity
from UniFuseLib.preprocessing.body import body_mask
from UniFuseLib.preprocessing.checks import check_volume
from UniFuseLib.spatial.resampling import block_factors, resample, shrink
from UniFuseLib.spatial.volume import Grid, Volume, counted_from, with_larger_voxels
from UniFuseLib.training.data import INDEX
from UniFuseLib.training.layouts import Subject, find_subjects, kind_of
from UniFuseLib.training.splits import Split, select

if TYPE_CHECKING:
    from pathlib import Path

    from UniFuseLib.progress import Log

_MARGIN = 4  # voxels kept around what is not background
_MOST_LABELS = _MOST_LEVELS = 256  # what a byte tells apart


class _Form(NamedTuple):
    """How volumes are stored, see `pack`."""

    shape: int | None
    spacing_mm: float | None
    levels: int


def pack(
    root: Path,
    layout: str,
    output: Path,
    log: Log,
    split: Split | None = None,
    split_file: Path | None = None,
    held_out: int | None = None,
    shape: int | None = None,
    spacing_mm: float | None = None,
    levels: int = _MOST_LEVELS,
) -> Path:
    """Write the subjects of `root` to `output` (through a temporary name); `log` takes a line of
    every subject.

    Args:
        root: of the data set.
        layout: of its folders, see `layouts.LAYOUTS`.
        output: the training file.
        log: takes a line of every subject.
        split: one side of the data set, see `splits.select`; None takes all subjects.
        split_file: see `splits.select`.
        held_out: see `splits.select`.
        shape: resize every volume to so many voxels along each axis, as in the paper; None keeps
            its own grid.
        spacing_mm: volumes finer than this become means of blocks of about this size (labels:
            one of each block).
        levels: greys that a volume keeps, 2 to 256; 64 make a file of about two thirds the size.

    Raises:
        InputError: see `find_subjects`, `select`, `read_volume` and `check_volume`; no label, or
            too many for a byte.
        OutputError: no permission, or the disk is full.
    """
    subjects = find_subjects(root, layout)
    if split is not None:
        subjects = select(subjects, layout, split, split_file, held_out)
    make_folder(output.parent)
    partial = output.with_name(output.name + ".partial")
    form = _Form(shape, spacing_mm, levels)
    index: dict[str, Any] = {"version": 1, "layout": layout, "split": split, "subjects": []}
    try:
        with disk_advice(output):
            with zipfile.ZipFile(partial, "w", zipfile.ZIP_LZMA) as archive:
                for number, subject in enumerate(subjects):
                    log(f"{number + 1}/{len(subjects)} {subject.name}")
                    index["subjects"].append(_pack_subject(archive, subject, form, log))
                archive.writestr(INDEX, json.dumps(index))
            partial.replace(output)
    finally:
        partial.unlink(missing_ok=True)
    return output


def _pack_subject(
    archive: zipfile.ZipFile, subject: Subject, form: _Form, log: Log
) -> dict[str, Any]:
    entries = {}
    for role, path in subject.volumes.items():
        name = f"{subject.name}/{role}"
        kind = kind_of(role)
        codes, entry = _encode(_read(path, name, kind, log), name, kind, form)
        member = f"{name}.npy"
        archive.writestr(member, _npy(codes.array))
        entries[role] = {**entry, "member": member, "kind": kind, "affine": codes.affine.tolist()}
    return {"name": subject.name, "volumes": entries}


def _read(path: Path, name: str, kind: str, log: Log) -> Volume:
    """The volume after its checks; `log` takes what was repaired."""
    volume = read_volume(path)
    if kind == "labels":
        return volume
    checked = check_volume(volume, name)
    for warning in checked.warnings:
        log(f"  {warning}")
    return checked.volume


def _encode(volume: Volume, name: str, kind: str, form: _Form) -> tuple[Volume, dict[str, Any]]:
    """uint8 codes and what turns them back; without `shape` only the box around the content."""
    if kind == "labels":
        if form.spacing_mm is not None:
            volume = _thinned(volume, form.spacing_mm)
        codes, entry = _encode_labels(volume, name)
        return _crop(codes, codes.array > 0), entry
    if form.shape is not None:
        return _encode_intensities(_resized(volume, kind, form.shape), kind, form.levels)[:2]
    if form.spacing_mm is not None:
        volume = shrink(volume, (form.spacing_mm,) * 3)
    codes, entry, body = _encode_intensities(volume, kind, form.levels)
    return _crop(codes, body), entry


def _thinned(labels: Volume, spacing_mm: float) -> Volume:
    """Every n-th label along each axis, n as `shrink` takes it: labels have no mean."""
    factors = block_factors(labels.grid, (spacing_mm,) * 3)
    first = [(n - 1) // 2 for n in factors]
    kept = tuple(slice(k, None, n) for k, n in zip(first, factors, strict=True))
    affine = counted_from(labels.affine, first)
    affine[:3, :3] = affine[:3, :3] * factors
    return Volume(labels.array[kept], affine)


def _resized(volume: Volume, kind: str, shape: int) -> Volume:
    """The same extent (voxel faces coincide) with `shape` voxels along every axis."""
    ratio = np.array(volume.grid.shape) / shape
    affine = with_larger_voxels(volume.affine, ratio)
    values, _ = resample(volume, Grid((shape, shape, shape), affine), intensity.BACKGROUND[kind])
    return Volume(values[0, 0].numpy(), affine)


def _encode_intensities(
    volume: Volume, kind: str, levels: int
) -> tuple[Volume, dict[str, Any], np.ndarray]:
    """Codes 0..255 of the network intensity 0..`top`, `levels` different ones at equal distances.

    Returns:
        The codes, what turns them back into the volume's units, and the body.
    """
    body = body_mask(volume.array, volume.grid.spacing, kind)
    fitted = intensity.fit(volume.array, body, kind)
    unit = fitted.forward(volume.array.astype(np.float32))
    top = max(float(unit.max()), 1e-6)
    # dithering is not needed: every map spends its codes where tissue is
    grey = np.round(unit * ((levels - 1) / top)) * (255 / (levels - 1))
    codes = Volume(np.round(grey).astype(np.uint8), volume.affine)
    return codes, {"top": top, "map": fitted.to_json()}, body


def _encode_labels(volume: Volume, name: str) -> tuple[Volume, dict[str, Any]]:
    """Codes 0..n-1 for the n labels that occur; `labels` lists them."""
    labels, codes = np.unique(volume.array, return_inverse=True)
    if not 2 <= len(labels) <= _MOST_LABELS:
        raise InputError(
            f"The {name} volume holds {len(labels)} different values; expected the background and "
            f"1 to {_MOST_LABELS - 1} labels. Merge labels, or take the file out of the data set."
        )
    array = codes.reshape(volume.array.shape).astype(np.uint8)
    return Volume(array, volume.affine), {"labels": labels.astype(int).tolist()}


def _crop(volume: Volume, content: np.ndarray) -> Volume:
    """Only the box around `content`, with a margin."""
    box = [
        np.flatnonzero(content.any(axis=tuple(a for a in range(3) if a != axis)))
        for axis in range(3)
    ]
    low = [max(int(b[0]) - _MARGIN, 0) for b in box]
    high = [min(int(b[-1]) + _MARGIN + 1, n) for b, n in zip(box, volume.array.shape, strict=True)]
    part = tuple(slice(a, b) for a, b in zip(low, high, strict=True))
    return Volume(volume.array[part], counted_from(volume.affine, low))


def _npy(array: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, np.ascontiguousarray(array), allow_pickle=False)
    return buffer.getvalue()
