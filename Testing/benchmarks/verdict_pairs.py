"""The pairs of one patient that the cases of `verdict_cases.py` begin with."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import torch
from scipy import ndimage

from UniFuseLib.simulation.contrast import apply_contrast, sample_contrast, split_soft_tissue
from UniFuseLib.spatial.volume import Volume

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


class Entry(NamedTuple):
    """One volume of the pack."""

    name: str
    patient: str
    anatomy: str
    contrast: str

    @property
    def modality(self) -> str:
        return self.contrast if self.contrast in ("ct", "pet") else "mr"


class Truth(NamedTuple):
    """Where a point of the reference lies in the degraded volume."""

    motion: np.ndarray  # (4, 4): RAS mm
    deform: Callable[[np.ndarray], np.ndarray] | None  # points → points, before the motion

    def __call__(self, points: np.ndarray) -> np.ndarray:
        still = points if self.deform is None else self.deform(points)
        return still @ self.motion[:3, :3].T + self.motion[:3, 3]


class Case(NamedTuple):
    """A pair, and what is true of it."""

    degraded: Volume
    reference: Volume
    modalities: tuple[str, str]
    truth: Truth | None  # None: no pose is right
    align: str
    note: str


class Pack:
    """The volumes by patient."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        index = json.loads((folder / "index.json").read_text(encoding="utf-8"))
        self.entries = [Entry(**row) for row in index]

    def of(self, patient: str, contrast: str) -> Entry | None:
        found = [e for e in self.entries if (e.patient, e.contrast) == (patient, contrast)]
        return found[0] if found else None

    def read(self, entry: Entry) -> Volume:
        with np.load(self._folder / f"{entry.name}.npz") as stored:
            array = stored["array"]
            if entry.contrast == "pet":
                array = array.astype(np.float32) / 50
            return Volume(array, stored["affine"])


class Draw:
    """Everything random of one case."""

    def __init__(self, number: int) -> None:
        self.rng = np.random.default_rng([18, number])

    def pick(self, options: Any) -> Any:
        return options[int(self.rng.integers(len(options)))]

    def chance(self, probability: float) -> bool:
        return bool(self.rng.random() < probability)

    def torch(self) -> torch.Generator:
        return torch.Generator().manual_seed(int(self.rng.integers(2**31)))


GROUPS = ("mr", "head", "limb", "pet", "synthetic", "made")


Pair = tuple[Entry, Entry, Volume, Volume]  # degraded, reference, and their voxels, in one frame


def related(pack: Pack, draw: Draw, group: str) -> Pair:
    """A pair of one patient in one frame."""
    if group == "mr":
        head = draw.pick([e for e in pack.entries if e.contrast == "flair"])
        first, second = draw.rng.permutation(["t1", "t2", "flair"])[:2]
        return _read(pack, pack.of(head.patient, first), pack.of(head.patient, second))
    if group == "head":
        mr = draw.pick([e for e in pack.entries if e.contrast == "mr"])
        ct = pack.of(mr.patient, "ct")
        return _read(pack, *((ct, mr) if draw.chance(0.6) else (mr, ct)))
    if group == "limb":
        mr = draw.pick([e for e in pack.entries if e.anatomy == "limb" and e.contrast == "t1"])
        ct = pack.of(mr.patient, "ct")
        return _read(pack, *((ct, mr) if draw.chance(0.6) else (mr, ct)))
    if group == "pet":
        pet = draw.pick([e for e in pack.entries if e.contrast == "pet"])
        mr = pack.of(pet.patient, "t1")
        ct = pack.of(pet.patient, "ct")
        return _read(pack, pet, mr if mr and draw.chance(0.3) else ct)
    if group == "synthetic":
        return _synthetic(pack, draw)
    return _made(pack, draw)


def _read(pack: Pack, degraded: Any, reference: Any) -> Pair:
    return degraded, reference, pack.read(degraded), pack.read(reference)


def _synthetic(pack: Pack, draw: Draw) -> Pair:
    """Two contrasts of one label map."""
    entry = draw.pick([e for e in pack.entries if e.contrast == "labels"])
    labels = pack.read(entry)
    spacing = tuple(float(s) for s in labels.grid.spacing)
    tissue = torch.from_numpy(labels.array.astype(np.int64))
    tissue = split_soft_tissue(tissue, spacing, int(draw.rng.integers(2**31)))
    styles = draw.pick(
        [
            ("t2", "t1"),
            ("flair", "t1"),
            ("ct", "t1"),
            ("t1", "ct"),
            ("ct", "t2"),
            ("pet", "ct"),
            ("random", "t1"),
            ("t1", "t2"),
        ]
    )
    made = []
    for style in styles:
        picture = apply_contrast(tissue, spacing, sample_contrast(draw.torch(), style))
        array = picture.numpy().round(2) if style == "pet" else picture.numpy().round()
        kind = style if style in ("ct", "pet") else "t1"
        made.append((entry._replace(contrast=kind), Volume(array, labels.affine)))
    return made[0][0], made[1][0], made[0][1], made[1][1]


def _made(pack: Pack, draw: Draw) -> Pair:
    """A CT and an MR-like contrast made from it, tissue by tissue."""
    entry = draw.pick(
        [
            e
            for e in pack.entries
            if e.contrast == "ct" and e.anatomy != "limb" and not e.patient.startswith("wba")
        ]
    )
    ct = pack.read(entry)
    mr = Volume(mr_like(ct.array.astype(np.float32), draw), ct.affine)
    as_mr = entry._replace(contrast="t1")
    if draw.chance(0.5):
        return entry, as_mr, ct, mr
    return as_mr, entry, mr, ct


def mr_like(hu: np.ndarray, draw: Draw) -> np.ndarray:
    """Hounsfield units through a curve of a T1: fat bright, bone dark, with noise and bias."""
    rng = draw.rng
    knots = [-1024, -300, -150, -90, -30, 10, 30, 45, 60, 110, 250, 1500]
    values = np.array([0, 0, 500, 900, 500, 250, 520, 420, 560, 620, 250, 60.0])
    values *= np.exp(rng.normal(0, 0.2, len(values)))
    smooth = ndimage.gaussian_filter(hu, 0.5)
    picture = np.interp(smooth, knots, values)
    bias = ndimage.zoom(rng.normal(0, 0.15, (4, 4, 4)), np.array(hu.shape) / 4, order=1)
    noise = rng.normal(0, 20, (2, *hu.shape))
    return np.hypot(picture * np.exp(bias) + noise[0], noise[1]).round().astype(np.float32)
