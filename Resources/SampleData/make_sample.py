"""Make the shipped sample from published scans: `python make_sample.py --data ROOT [--output DIR] [--redraw]`.

ROOT holds val/mr_multi/openms_patient04_study1/{t1w,t2w}.nii.gz and val/ct_pet_mr/STS_010/{ct,mr_t1,pet_suv}.nii.gz
(see ATTRIBUTION.md). Misalignment and motion have the parameters that the sample.json beside this script holds,
so the same scans give the same voxels; `--redraw` draws new parameters from the seeds below.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
from dataclasses import asdict
from pathlib import Path

import numpy as np
import torch
from scipy import ndimage
from scipy.spatial.transform import Rotation

from UniFuseLib.io.volumes import read_volume, write_volume
from UniFuseLib.preprocessing.body import body_mask
from UniFuseLib.simulation.displacement_scale import mean_displacement, scale_to_mean
from UniFuseLib.simulation.misalignment import Misalignment, MisalignmentRange, sample_misalignment
from UniFuseLib.simulation.misalignment_field import Deformation
from UniFuseLib.simulation.mr_motion import MotionParameters, apply_motion, sample_motion
from UniFuseLib.simulation.parameters import tupled
from UniFuseLib.spatial.volume import Grid, Volume

HERE = Path(__file__).resolve().parent
HEAD, LEG = "val/mr_multi/openms_patient04_study1", "val/ct_pet_mr/STS_010"
HEAD_SOURCE = {"collection": "Open MS data, longitudinal", "subject": "patient04, study 1", "licence": "CC BY"}
LEG_SOURCE = {"collection": "Soft-tissue-sarcoma, IBSI 1 validation", "subject": "STS_010", "licence": "CC BY 3.0"}
MISALIGNMENT_SEED, MOTION_SEED = 5, 8
MOTION_SEVERITY = 0.6
MEAN_DISPLACEMENT_MM = 6.0
#: a turned and shifted head, and some 2 mm that no affine can explain
RANGE = MisalignmentRange(rotation_deg=6, translation_mm=6, scale=0.03, elastic_mm=16, control_mm=(40, 60))

# id: file read, modality, contrast, units, role, source
COPIES = {
    "reference": (f"{HEAD}/t1w.nii.gz", "mr", "T1", "arbitrary", "clean reference", HEAD_SOURCE),
    "head_t2": (f"{HEAD}/t2w.nii.gz", "mr", "T2", "arbitrary", "clean source, aligned with reference", HEAD_SOURCE),
    "leg_ct": (f"{LEG}/ct.nii.gz", "ct", "CT", "HU", "clean source, aligned with leg_t1 and leg_pet", LEG_SOURCE),
    "leg_t1": (f"{LEG}/mr_t1.nii.gz", "mr", "T1", "arbitrary", "clean source, aligned with leg_ct", LEG_SOURCE),
    "leg_pet": (f"{LEG}/pet_suv.nii.gz", "pet", "FDG-PET", "SUV", "clean source, aligned with leg_ct", LEG_SOURCE),
}
TASKS = {
    "mr": {"degraded": "head_t2", "reference": "reference"},
    "ctmr": {"degraded": "leg_ct", "reference": "leg_t1"},
    "petct": {"degraded": "leg_pet", "reference": "leg_ct"},
}


def scanner_grid(reference: Grid) -> Grid:
    """The grid of the second scan: tilted by 6° about R, slices of 3.3 mm, other axis codes and field of view."""
    tilt = np.eye(4)
    tilt[:3, :3] = Rotation.from_rotvec([np.deg2rad(6.0), 0, np.deg2rad(-3.0)]).as_matrix()
    directions = tilt[:3, :3] @ reference.directions * np.array([1, -1, -1])  # S A R instead of S P L
    spacing, shape = np.array([3.3, 1.05, 1.05]), (44, 200, 176)
    affine = np.eye(4)
    affine[:3, :3] = directions * spacing
    affine[:3, 3] = reference.corners().mean(0) - affine[:3, :3] @ ((np.array(shape) - 1) / 2)
    return Grid(shape, affine)


def misalign(clean: Volume, deformation: Deformation, grid: Grid) -> np.ndarray:
    """out[x] = clean(ψ(X(x))), cubic interpolation, zero outside: `grid.shape` float32."""
    psi = deformation.psi(grid)[0].permute(1, 2, 3, 0).numpy().astype(np.float64)
    index = np.moveaxis(np.indices(grid.shape, dtype=np.float64), 0, -1)
    world = index @ grid.affine[:3, :3].T + grid.affine[:3, 3] + psi
    inverse = np.linalg.inv(clean.affine)
    located = np.moveaxis(world @ inverse[:3, :3].T + inverse[:3, 3], -1, 0)
    moved = ndimage.map_coordinates(clean.array.astype(np.float32), located, order=3, mode="constant")
    return np.clip(moved, 0, None).astype(np.float32)


def draw_parameters(reference: Volume, points: np.ndarray) -> tuple[Misalignment, MotionParameters]:
    """New parameters from the seeds; they change when the simulators change the order of their draws."""
    drawn = sample_misalignment(
        torch.Generator().manual_seed(MISALIGNMENT_SEED), (reference.grid, scanner_grid(reference.grid)), RANGE
    )
    motion = sample_motion(torch.Generator().manual_seed(MOTION_SEED), MOTION_SEVERITY)
    return scale_to_mean(drawn, points, MEAN_DISPLACEMENT_MM), motion


def stored_parameters(path: Path) -> tuple[Misalignment, MotionParameters]:
    """Those of an existing sample.json."""
    pair = json.loads(path.read_text(encoding="utf-8"))["pair"]
    motion = {name: tupled(value) for name, value in pair["degradation"]["parameters"].items()}
    return Misalignment.from_json(pair["misalignment"]["parameters"]), MotionParameters(**motion)


def degrade(reference: Volume, clean: Volume, redraw: bool) -> tuple[Volume, dict]:
    """The degraded scan of the pair, and everything needed to make it again."""
    body = body_mask(reference.array, reference.grid.spacing, "mr")
    points = np.argwhere(body)[::37] @ reference.affine[:3, :3].T + reference.affine[:3, 3]
    misalignment, motion = draw_parameters(reference, points) if redraw else stored_parameters(HERE / "sample.json")
    grid, deformation = scanner_grid(reference.grid), Deformation(misalignment)
    moved = torch.as_tensor(misalign(clean, deformation, grid))
    spacing = tuple(float(s) for s in grid.spacing)
    array = apply_motion(moved, spacing, motion).numpy()  # type: ignore[arg-type]
    record = {
        "class": "mr_motion",
        "degradation": {"seed": MOTION_SEED, "simulator": "mr_motion", "parameters": asdict(motion)},
        "misalignment": {"seed": MISALIGNMENT_SEED, "simulator": "misalignment", "parameters": asdict(misalignment)},
        "mean_displacement_mm": round(mean_displacement(deformation, points), 3),
    }
    return Volume(np.rint(array).clip(0, 32767).astype(np.int16), grid.affine), record


def describe(path: Path, volume: Volume, modality: str, contrast: str, units: str, role: str, source: dict) -> dict:
    """One entry of `files` in sample.json; shape and spacing in array order (d, h, w)."""
    return {
        "file": path.name,
        "modality": modality,
        "contrast": contrast,
        "units": units,
        "role": role,
        "shape": list(volume.grid.shape),
        "spacing_mm": [round(float(s), 4) for s in volume.grid.spacing],
        "bytes": path.stat().st_size,
        "sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
        "source": source,
    }


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True, metavar="ROOT")
    parser.add_argument("--output", type=Path, default=HERE, metavar="DIR")
    parser.add_argument("--redraw", action="store_true", help="new misalignment and motion from the seeds")
    options = parser.parse_args()
    options.output.mkdir(parents=True, exist_ok=True)
    files, volumes = {}, {}
    for name, (source_path, *words) in COPIES.items():
        volume = read_volume(options.data / source_path)
        array = volume.array if words[0] == "pet" else volume.array.astype(np.int16)
        volumes[name] = Volume(array, volume.affine)
        path = options.output / f"{name}.nii.gz"
        write_volume(volumes[name], path)
        files[name] = describe(path, volumes[name], *words)
    degraded, record = degrade(volumes["reference"], volumes["head_t2"], options.redraw)
    path = options.output / "degraded.nii.gz"
    write_volume(degraded, path)
    role = "head_t2, misaligned and with motion, on a grid of its own"
    files["degraded"] = describe(path, degraded, "mr", "T2", "arbitrary", role, HEAD_SOURCE)
    pair = {"task": "mr", "degraded": "degraded", "reference": "reference", "clean_aligned": "head_t2", **record}
    sample = {"version": 1, "pair": pair, "tasks": TASKS, "files": files}
    (options.output / "sample.json").write_text(json.dumps(sample, indent=2, ensure_ascii=False) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
