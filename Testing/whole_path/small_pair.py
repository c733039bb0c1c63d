"""A small pair of volumes, and untrained weights of the smallest network, for whole runs."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import numpy as np
import torch
from scipy import ndimage

from UniFuseLib.checkpoint import save_model
from UniFuseLib.contract import Contract
from UniFuseLib.degradation import CLASSES
from UniFuseLib.io import volumes as io
from UniFuseLib.network.build import build, preset
from UniFuseLib.preprocessing.intensity import DEFAULT_INTENSITY
from UniFuseLib.spatial.volume import Volume

if TYPE_CHECKING:
    from pathlib import Path

PLAIN = ("--no-overview", "--quiet")
SHAPE = (22, 40, 36)
AFFINE = np.array([[0.1, 0.2, 2.2, -38], [0, -2.1, 0.2, 45], [3.4, 0, -0.1, -40], [0, 0, 0, 1.0]])


def orthogonal(affine: np.ndarray) -> np.ndarray:
    axes, _ = np.linalg.qr(affine[:3, :3])
    out = affine.copy()
    spacing = np.linalg.norm(affine[:3, :3], axis=0)
    out[:3, :3] = axes * np.sign((axes * affine[:3, :3]).sum(axis=0)) * spacing
    return out


def make_pair(folder: Path) -> Path:
    """Write `degraded.nrrd` (CT), `reference.nii.gz` (MR) and `weights.safetensors`."""
    rng = np.random.default_rng(5)
    x = np.stack(np.meshgrid(*[np.linspace(-1, 1, n) for n in SHAPE], indexing="ij"))
    body = (x**2).sum(0) < 0.6
    texture = ndimage.gaussian_filter(rng.normal(size=SHAPE), 2)
    reference = np.where(body, 500 + 4000 * texture, 0) + rng.normal(0, 5, SHAPE)
    degraded = np.where(body, 40 - 2000 * np.roll(texture, 1, axis=1), -1000) + rng.normal(
        0, 20, SHAPE
    )
    affine = orthogonal(AFFINE)
    io.write_volume(
        Volume(np.abs(reference).astype(np.float32), affine), folder / "reference.nii.gz"
    )
    io.write_volume(Volume(degraded.astype(np.int16), affine), folder / "degraded.nrrd")
    torch.manual_seed(0)
    config = preset("small")
    contract = Contract(
        "test", "small", config.to_dict(), CLASSES, 3.0, DEFAULT_INTENSITY, "", "Apache-2.0"
    )
    save_model(build(config), contract, folder / "weights.safetensors")
    return folder


def arguments(files: Path, output: Path, *more: str) -> list[str]:
    """The command line of one run."""
    inputs = [str(files / "degraded.nrrd"), str(files / "reference.nii.gz")]
    return [
        "fuse",
        *inputs,
        "-o",
        str(output),
        "--weights",
        str(files / "weights.safetensors"),
        "--device",
        "cpu",
        *more,
    ]


def start(*argv: str) -> subprocess.Popen[str]:
    """`unifuse` in a process of its own."""
    command = [sys.executable, "-m", "UniFuseLib", *argv]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def left_behind(folder: Path) -> list[str]:
    """Names of everything below a folder."""
    return sorted(p.name for p in folder.rglob("*"))
