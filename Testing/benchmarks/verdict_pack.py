#!/usr/bin/env python3
"""Small copies of real volumes for `verdict_cases.py`: about 2 mm, 16 bits, no image reader.

    python Testing/benchmarks/verdict_pack.py DATA PACK

DATA holds `train` and `val`; PACK gets one `.npz` for each volume and `index.json`.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from scipy import ndimage

from UniFuseLib.io.volumes import read_volume
from UniFuseLib.spatial.resampling import shrink
from UniFuseLib.spatial.volume import Volume

if TYPE_CHECKING:
    from collections.abc import Iterator

_MARGIN_MM = 12.0
_AIR_HU = -1000.0
_LARGEST = 1000  # of a stored MR or PET volume


class Source(NamedTuple):
    """One volume of a patient."""

    path: Path
    patient: str
    anatomy: str
    contrast: str  # t1, t2, flair, mr, ct, pet, labels
    mm: float  # voxels are made about that large, where they are finer


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("pack", type=Path)
    parser.add_argument("--limbs", type=int, default=9, help="patients with CT, MR and PET")
    parser.add_argument("--pet", type=int, default=8, help="patients with CT and PET alone")
    parser.add_argument("--necks", type=int, default=16, help="patients with CT of head and neck")
    args = parser.parse_args()
    args.pack.mkdir(parents=True, exist_ok=True)
    index = []
    for source in sources(args):
        volume = packed(read_volume(source.path), source)
        name = f"{source.patient}_{source.contrast}"
        np.savez_compressed(args.pack / f"{name}.npz", array=volume.array, affine=volume.affine)
        index.append(
            {
                "name": name,
                "patient": source.patient,
                "anatomy": source.anatomy,
                "contrast": source.contrast,
            }
        )
    (args.pack / "index.json").write_text(json.dumps(index, indent=1) + "\n", encoding="utf-8")
    size = sum(file.stat().st_size for file in args.pack.glob("*"))
    sys.stdout.write(f"{len(index)} volumes, {size / 2**20:.1f} MiB\n")
    return 0


def sources(args: argparse.Namespace) -> Iterator[Source]:
    """Every volume that is packed."""
    data: Path = args.data
    yield from _heads(data)
    folders = sorted([*data.glob("val/ct_pet_mr/*"), *data.glob("train/ct_pet_mr/*")])
    limbs = [folder for folder in folders if (folder / "mr_t1.nii.gz").exists()]
    validation = [folder for folder in limbs if "val" in folder.parts]
    limbs = (validation + [folder for folder in limbs if folder not in validation])[: args.limbs]
    for folder in limbs:
        yield Source(folder / "mr_t1.nii.gz", folder.name, "limb", "t1", 2.2)
        yield Source(folder / "ct.nii.gz", folder.name, "limb", "ct", 2.2)
        yield Source(folder / "pet_suv.nii.gz", folder.name, "limb", "pet", 2.2)
    others = [f for f in folders if not (f / "mr_t1.nii.gz").exists()][:: 28 // max(1, args.pet)]
    for folder in others[: args.pet]:
        yield Source(folder / "ct.nii.gz", folder.name, "limb", "ct", 4.0)
        yield Source(folder / "pet_suv.nii.gz", folder.name, "limb", "pet", 2.2)
    necks = [*data.glob("val/ct_headneck_openkbp/*"), *data.glob("train/ct_headneck_openkbp/*")]
    for file in sorted(necks, key=lambda f: f.name)[: args.necks]:
        yield Source(file, file.name.split("_")[0], "neck", "ct", 2.0)
    yield Source(data / "train/ct_torso/tsABD_ct.nii.gz", "tsABD", "abdomen", "ct", 3.0)
    yield Source(data / "val/ct_torso/onkoTH_ct.nii.gz", "onkoTH", "thorax", "ct", 3.0)


def _heads(data: Path) -> Iterator[Source]:
    for folder in sorted([*data.glob("train/mr_multi/*"), *data.glob("val/mr_multi/*")]):
        patient = folder.name.split("_study")[0]
        if folder.name == "openms_patient01_study2":
            continue  # the same patient again
        anatomy = "brain" if "MNI" in folder.name else "head"
        for contrast in ("t1", "t2", "flair"):
            names = (f"{contrast}.nii.gz", f"{contrast}w.nii.gz")
            (path,) = (folder / name for name in names if (folder / name).exists())
            yield Source(path, patient, anatomy, contrast, 2.0)
    for folder in sorted(data.glob("val/heads_real/*")):
        yield Source(folder / "mr.nii.gz", folder.name, "head", "mr", 1.9)
        yield Source(folder / "ct.nii.gz", folder.name, "head", "ct", 1.9)
    for file in sorted([*data.glob("train/labels/*"), *data.glob("val/labels/*")])[::2]:
        yield Source(file, file.name.split(".")[0], "head", "labels", 2.0)
    yield Source(data / "train/mr_t1_head/sagT1_t1.nii.gz", "sagT1", "head", "t1", 1.8)
    yield Source(data / "val/ct_head/cranium0051_ct.nii.gz", "cranium0051", "head", "ct", 2.0)
    yield Source(data / "val/ct_head/onkoHN_ct.nii.gz", "onkoHN", "head", "ct", 2.5)


def packed(volume: Volume, source: Source) -> Volume:
    """Coarser, cropped to the patient, whole numbers."""
    if source.contrast == "labels":
        return _cropped(_thinned(volume, source.mm), above=0)
    coarse = shrink(volume, (source.mm,) * 3)
    if source.contrast == "ct":
        coarse = _smaller(coarse, source.mm)
        rounded = Volume((4 * np.round(coarse.array / 4)).astype(np.int16), coarse.affine)
        return _cropped(rounded, above=-500)
    scale = 50.0 if source.contrast == "pet" else _LARGEST / np.percentile(coarse.array, 99.8)
    coarse = _smaller(coarse, source.mm) if source.contrast != "pet" else coarse
    values = np.round(np.clip(coarse.array * scale, -32000, 32000)).astype(np.int16)
    return _cropped(Volume(values, coarse.affine), above=0.05 * float(values.max()))


def _smaller(volume: Volume, mm: float) -> Volume:
    """With voxels of `mm` along axes that are finer, by a blur and interpolation."""
    zoom = np.minimum(volume.grid.spacing / mm, 1.0)
    if zoom.min() > 0.95:
        return volume
    shape = np.maximum(np.round(np.array(volume.array.shape) * zoom), 1).astype(int)
    step = 1 / zoom
    blurred = ndimage.gaussian_filter(volume.array.astype(np.float32), 0.4 * (step - 1))
    array = ndimage.affine_transform(blurred, np.diag(step), output_shape=tuple(shape), order=1)
    affine = volume.affine.copy()
    affine[:3, :3] = affine[:3, :3] * step
    return Volume(array, affine)


def _thinned(volume: Volume, mm: float) -> Volume:
    """Every n-th label."""
    step = np.maximum(np.round(mm / volume.grid.spacing), 1).astype(int)
    array = volume.array[tuple(slice(None, None, s) for s in step)].astype(np.int16)
    affine = volume.affine.copy()
    affine[:3, :3] = affine[:3, :3] * step
    return Volume(array, affine)


def _cropped(volume: Volume, above: float) -> Volume:
    """The box around the largest part that is brighter."""
    content = ndimage.binary_opening(volume.array > above)
    labels, count = ndimage.label(content)
    if count == 0:
        return volume
    sizes = np.bincount(labels.ravel())[1:]
    found = np.argwhere(labels == sizes.argmax() + 1)
    margin = np.ceil(_MARGIN_MM / volume.grid.spacing).astype(int)
    first = np.maximum(found.min(0) - margin, 0)
    last = np.minimum(found.max(0) + margin + 1, volume.array.shape)
    affine = volume.affine.copy()
    affine[:3, 3] += affine[:3, :3] @ first
    box = tuple(slice(a, b) for a, b in zip(first, last, strict=True))
    return Volume(volume.array[box], affine)


if __name__ == "__main__":
    raise SystemExit(main())
