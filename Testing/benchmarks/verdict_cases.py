#!/usr/bin/env python3
"""Pairs that fit and pairs that cannot: what the evidence of the verdict looks like on each.

    python Testing/benchmarks/verdict_cases.py PACK --output rows.jsonl --workers 16 --seconds 300

PACK comes from `verdict_pack.py`. A case is drawn from its number alone; a row is written when its
case is done, and cases whose rows are there already are not done again. The truth of a pair that
fits is a rigid motion in the header of the degraded volume and, in a third of them, a smooth
deformation of its voxels.
"""

from __future__ import annotations

import argparse
import json
import math
import multiprocessing
import os
import sys
import time
import traceback
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import torch
from scipy import ndimage
from scipy.spatial.transform import Rotation

from UniFuseLib.checkpoint import load_model
from UniFuseLib.errors import InputError
from UniFuseLib.predict import _classify, _refine
from UniFuseLib.preprocessing.prepare import place, alignment_side, prepare_pair, working_pair
from UniFuseLib.registration.affine import AffineResult
from UniFuseLib.registration.affine_parameters import distance_mm, rigid_matrix
from UniFuseLib.registration.bspline_refinement import steps_for
from UniFuseLib.simulation.contrast import apply_contrast, sample_contrast, split_soft_tissue
from UniFuseLib.simulation.degrade import apply_degradation, sample_degradation, slice_axis
from UniFuseLib.spatial.volume import Volume
from UniFuseLib.verdict.evidence import evidence_of
from UniFuseLib.verdict.field import mapped

if TYPE_CHECKING:
    from collections.abc import Callable

_WORKING_MM = 2.0
_VOXELS = 1.5e6  # of a working grid; shoulders are looked at more coarsely
_POINTS = 3000
_DEGRADED_CLASS = {"mr": "mr_motion", "ct": "ct_metal_noise", "pet": "pet_low_dose"}


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


# --- pairs of one patient --------------------------------------------------------------------

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
    mr = Volume(_mr_like(ct.array.astype(np.float32), draw), ct.affine)
    as_mr = entry._replace(contrast="t1")
    if draw.chance(0.5):
        return entry, as_mr, ct, mr
    return as_mr, entry, mr, ct


def _mr_like(hu: np.ndarray, draw: Draw) -> np.ndarray:
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


GROUPS = ("mr", "head", "limb", "pet", "synthetic", "made")


# --- what is done to a pair ------------------------------------------------------------------


def body_points(volume: Volume, modality: str) -> np.ndarray:
    """Roughly the body, for centres and scales: brighter than air."""
    level = -300 if modality == "ct" else 0.1 * np.percentile(volume.array, 98)
    index = np.argwhere(volume.array > level)[::50]
    return index @ volume.grid.linear.T + volume.grid.origin


def rigid(draw: Draw, centre: np.ndarray, degrees: float, mm: float) -> np.ndarray:
    """A turn about any axis and a shift in any direction."""
    rng = draw.rng
    axis, shift = (v / np.linalg.norm(v) for v in rng.normal(size=(2, 3)))
    rotation = Rotation.from_rotvec(np.deg2rad(degrees) * axis).as_matrix()
    return rigid_matrix(rotation, centre, centre + mm * shift)


def deformed(draw: Draw, volume: Volume, fill: float, amplitude: float) -> tuple[Volume, Any]:
    """The volume read through a smooth displacement, and where a point went.

    out(Y) = volume(Y + u(Y)), so what lay at X lies at Y with Y + u(Y) = X.
    """
    rng = draw.rng
    corners = volume.grid.corners()
    low, high = corners.min(0) - 50, corners.max(0) + 50
    pitch = 40.0
    counts = np.ceil((high - low) / pitch).astype(int) + 3
    control = rng.normal(size=(3, *counts))
    control = np.stack([ndimage.gaussian_filter(c, 0.7) for c in control])
    control *= amplitude / np.sqrt((control**2).sum(0)).mean()

    def u(points: np.ndarray) -> np.ndarray:
        places = ((points - low) / pitch).T
        return np.stack(
            [ndimage.map_coordinates(c, places, order=2, mode="nearest") for c in control], axis=1
        )

    index = np.indices(volume.array.shape).reshape(3, -1)
    coarse = [np.linspace(0, n - 1, max(2, n // 4)) for n in volume.array.shape]
    nodes = np.stack(np.meshgrid(*coarse, indexing="ij"), -1).reshape(-1, 3)
    at_nodes = u(nodes @ volume.grid.linear.T + volume.grid.origin)
    at_nodes = at_nodes @ np.linalg.inv(volume.grid.linear).T
    shape = tuple(len(c) for c in coarse)
    scale = [(len(c) - 1) / max(n - 1, 1) for c, n in zip(coarse, volume.array.shape, strict=True)]
    small = index * np.array(scale)[:, None]
    shift = [
        ndimage.map_coordinates(at_nodes[:, k].reshape(shape), small, order=1) for k in range(3)
    ]
    array = ndimage.map_coordinates(
        volume.array.astype(np.float32), index + np.stack(shift), order=1, cval=fill
    ).reshape(volume.array.shape)

    def where(points: np.ndarray) -> np.ndarray:
        there = points.copy()
        for _ in range(15):
            there = points - u(there)
        return there

    if np.issubdtype(volume.array.dtype, np.integer):
        array = array.round()
    return Volume(array.astype(volume.array.dtype), volume.affine), where


def slab(draw: Draw, volume: Volume, share: float, axis: int | None = None) -> Volume:
    """A part of the volume along one axis."""
    axis = int(draw.rng.integers(3)) if axis is None else axis
    n = volume.array.shape[axis]
    count = max(5, round(share * n))
    first = int(draw.rng.integers(max(1, n - count + 1)))
    affine = volume.affine.copy()
    affine[:3, 3] += first * affine[:3, axis]
    return Volume(volume.array.take(range(first, min(n, first + count)), axis=axis), affine)


def thick(draw: Draw, volume: Volume) -> Volume:
    """Means over slices of about 6 mm."""
    axis = slice_axis(volume.grid)
    factor = max(2, round(6.0 / float(volume.grid.spacing[axis])))
    n = volume.array.shape[axis] // factor * factor
    moved = np.moveaxis(volume.array.astype(np.float32), axis, 0)[:n]
    mean = moved.reshape(n // factor, factor, *moved.shape[1:]).mean(1)
    affine = volume.affine.copy()
    affine[:3, 3] += (factor - 1) / 2 * affine[:3, axis]
    affine[:3, axis] *= factor
    return Volume(np.moveaxis(mean, 0, axis).round(2), affine)


def stripped(volume: Volume) -> Volume:
    """Without what lies within 14 mm of the outside; 0 there."""
    body = ndimage.gaussian_filter(volume.array.astype(np.float32), 1) > 0.1 * np.percentile(
        volume.array, 98
    )
    body = np.pad(ndimage.binary_fill_holes(ndimage.binary_closing(body, iterations=2)), 1)
    depth = ndimage.distance_transform_edt(body, sampling=volume.grid.spacing)[1:-1, 1:-1, 1:-1]
    return Volume(np.where(depth > 14, volume.array, 0), volume.affine)


def degraded_by(draw: Draw, volume: Volume, modality: str, severity: float) -> Volume:
    """The simulated degradation of its modality."""
    axis = slice_axis(volume.grid)
    spacing = tuple(float(s) for s in volume.grid.spacing)
    tensor = torch.from_numpy(volume.array.astype(np.float32))
    generator = draw.torch()
    parameters = sample_degradation(
        _DEGRADED_CLASS[modality], generator, tensor, spacing, severity, axis
    )
    array = apply_degradation(tensor, spacing, parameters, axis).numpy()
    return Volume(array, volume.affine)


def mirrored(volume: Volume) -> Volume:
    """Left and right exchanged: the array along its most lateral axis, under the same header."""
    axis = int(np.abs(volume.grid.directions[0]).argmax())
    return Volume(np.flip(volume.array, axis).copy(), volume.affine)


def fill_of(volume: Volume, modality: str) -> float:
    return -1000.0 if modality == "ct" else 0.0


# --- the kinds of case -----------------------------------------------------------------------

GOOD = ("plain", "plain", "deformed", "deformed", "degraded", "thick", "slab", "stripped", "still")
WRONG = (
    "patient",
    "patient",
    "mirrored",
    "mirrored",
    "body part",
    "body part",
    "noise",
    "phantom",
    "modality",
    "turned header",
    "sliver",
    "sliver",
    "unaligned",
    "unaligned",
    "unaligned",
    "displaced",
    "displaced",
)


@dataclass
class Making:
    """A pair of one patient on its way to a case; every kind changes what it is about."""

    pack: Pack
    draw: Draw
    group: str
    one: Entry
    other: Entry
    degraded: Volume
    reference: Volume
    centre: np.ndarray
    motion: np.ndarray
    modalities: tuple[str, str]
    patient_degraded: str
    deform: Any = None
    align: str = "deformable"
    related: bool = True

    @property
    def fill(self) -> float:
        return fill_of(self.degraded, self.one.modality)

    def bend(self, amplitude: float) -> None:
        """Smoothly, by about that many mm."""
        self.degraded, self.deform = deformed(self.draw, self.degraded, self.fill, amplitude)

    def become(self, stranger: Entry, volume: Volume) -> None:
        """The volume of somebody else, where the patient lies."""
        self.patient_degraded = stranger.patient
        self.modalities = (stranger.modality, self.modalities[1])
        self.degraded = _brought(volume, stranger.modality, self.centre, self.draw)
        self.related = False


def _plain(m: Making) -> None:
    """Moved, and nothing else."""


def _still(m: Making) -> None:
    m.motion = np.eye(4)


def _deformed(m: Making) -> None:
    m.bend(m.draw.rng.uniform(1.0, 5.0))


def _degraded(m: Making) -> None:
    severity = float(m.draw.rng.uniform(0.3, 1))
    m.degraded = degraded_by(m.draw, m.degraded, m.one.modality, severity)


def _thick(m: Making) -> None:
    m.degraded = thick(m.draw, m.degraded)


def _slab(m: Making) -> None:
    m.degraded = slab(m.draw, m.degraded, m.draw.rng.uniform(0.4, 0.8))


def _sliver(m: Making) -> None:
    m.degraded = slab(m.draw, m.degraded, m.draw.rng.uniform(0.03, 0.25))


def _stripped(m: Making) -> None:
    if m.one.modality == "mr":
        m.degraded = stripped(m.degraded)


def _turned_header(m: Making) -> None:
    turn = m.draw.pick([90.0, 180.0])
    axis = np.eye(3)[int(m.draw.rng.integers(3))]
    rotation = Rotation.from_rotvec(np.deg2rad(turn) * axis).as_matrix()
    m.motion = rigid_matrix(rotation, m.centre, m.centre + m.draw.rng.normal(0, 10, 3))


def _unaligned(m: Making) -> None:
    m.align = "none"
    rng = m.draw.rng
    length = float(np.exp(rng.uniform(np.log(1.5), np.log(40))))
    m.motion = rigid(m.draw, m.centre, 0.4 * length * rng.random(), length * rng.random())


def _beside(m: Making) -> None:
    _unaligned(m)
    m.align = "displaced"


def _wrong_modality(m: Making) -> None:
    swap = {"ct": "mr", "mr": m.draw.pick(["pet", "pet"]), "pet": "mr"}
    m.modalities = (swap[m.modalities[0]], m.modalities[1])


def _other_patient(m: Making) -> None:
    same = [
        entry
        for entry in m.pack.entries
        if entry.anatomy == m.other.anatomy
        and entry.patient != m.other.patient
        and entry.modality == m.one.modality
        and entry.contrast != "labels"
    ]
    stranger = m.draw.pick(same) if same else None
    if stranger is None or m.group == "synthetic":
        _, entry, _, volume = _strange(m.pack, m.draw, m.group, m.other)
        m.become(entry, volume)
    else:
        m.become(stranger, m.pack.read(stranger))


def _other_part(m: Making) -> None:
    heads = ("brain", "head")
    same = (m.other.anatomy, *heads) if m.other.anatomy in heads else (m.other.anatomy,)
    entries = m.pack.entries
    far = [e for e in entries if e.anatomy not in same and e.contrast != "labels"]
    stranger = m.draw.pick(far)
    m.become(stranger, m.pack.read(stranger))


def _mirrored(m: Making) -> None:
    m.degraded, m.related = mirrored(m.degraded), False


def _noise(m: Making) -> None:
    rng = m.draw.rng
    white = rng.normal(size=m.degraded.array.shape)
    texture = ndimage.gaussian_filter(white, rng.uniform(0.5, 4))
    texture = texture / texture.std()
    values = {"ct": 200 * texture, "pet": np.abs(texture), "mr": 300 + 100 * texture}
    array = values[m.one.modality].astype(np.float32).round(2)
    m.degraded, m.related = Volume(array, m.degraded.affine), False


def _bottle(m: Making) -> None:
    m.degraded, m.related = _phantom(m.draw, m.degraded, m.one.modality), False


KINDS: dict[str, Callable[[Making], None]] = {
    "plain": _plain,
    "still": _still,
    "deformed": _deformed,
    "degraded": _degraded,
    "thick": _thick,
    "slab": _slab,
    "stripped": _stripped,
    "sliver": _sliver,
    "turned header": _turned_header,
    "unaligned": _unaligned,
    "displaced": _beside,
    "modality": _wrong_modality,
    "patient": _other_patient,
    "body part": _other_part,
    "mirrored": _mirrored,
    "noise": _noise,
    "phantom": _bottle,
}
_NOT_BENT = ("still", "deformed", "noise", "phantom")


def make(pack: Pack, number: int) -> tuple[Case, dict[str, Any]]:
    """The case of one number, and what is written about it: half of them fit."""
    draw = Draw(number)
    good = number % 2 == 0
    kinds = GOOD if good else WRONG
    kind = kinds[(number // 2) % len(kinds)]
    group = GROUPS[(number // 2 + number // (2 * len(kinds))) % len(GROUPS)]
    one, other, degraded, reference = related(pack, draw, group)
    centre = body_points(reference, other.modality).mean(axis=0)
    motion = rigid(draw, centre, draw.rng.uniform(0, 12), draw.rng.uniform(0, 15))
    modalities = (one.modality, other.modality)
    making = Making(
        pack, draw, group, one, other, degraded, reference, centre, motion, modalities, one.patient
    )
    if draw.chance(0.25) and kind not in _NOT_BENT:
        making.bend(draw.rng.uniform(0.3, 1.5))
    KINDS[kind](making)
    about = {
        "kind": kind,
        "good": good,
        "group": group,
        "patient": other.patient,
        "patient_degraded": making.patient_degraded,
        "anatomy": other.anatomy,
        "modalities": " on ".join(making.modalities),
    }
    return _case(making), about


def _case(m: Making) -> Case:
    moved = Volume(m.degraded.array, m.motion @ m.degraded.affine)
    truth = Truth(m.motion, m.deform) if m.related else None
    note = f"{m.one.name} on {m.other.name}"
    return Case(moved, m.reference, m.modalities, truth, m.align, note)


def _strange(pack: Pack, draw: Draw, group: str, other: Entry) -> Pair:
    """A pair of another patient of the group; the second is not used."""
    for _ in range(50):
        found = related(pack, draw, group)
        if found[0].patient != other.patient:
            return found[1], found[0], found[3], found[2]
    raise ValueError(f"No other patient in {group}.")


def _brought(volume: Volume, modality: str, centre: np.ndarray, draw: Draw) -> Volume:
    """Its middle to the reference's, as two patients in one scanner lie."""
    middle = body_points(volume, modality).mean(axis=0)
    affine = volume.affine.copy()
    affine[:3, 3] += centre - middle + draw.rng.normal(0, 8, 3)
    return Volume(volume.array, affine)


def _phantom(draw: Draw, like: Volume, modality: str) -> Volume:
    """A bottle with spheres in it."""
    index = np.indices(like.array.shape).astype(np.float32)
    unit = [(i - (n - 1) / 2) / (n / 2) for i, n in zip(index, like.array.shape, strict=True)]
    values = np.where(unit[1] ** 2 + unit[2] ** 2 < 0.7, 1.0, 0.0)
    for _ in range(8):
        centre, size = draw.rng.uniform(-0.6, 0.6, 3), draw.rng.uniform(0.1, 0.25)
        distance = sum((u - c) ** 2 for u, c in zip(unit, centre, strict=True))
        values = np.where(distance < size**2, draw.rng.uniform(0.2, 2.0), values)
    noise = draw.rng.normal(0, 0.03, values.shape)
    scaled = {
        "ct": 1000 * (values + noise) - 1000,
        "pet": 5 * np.abs(values + noise),
        "mr": np.abs(500 * (values + noise)),
    }
    return Volume(scaled[modality].astype(np.float32).round(2), like.affine)


# --- the road, and one row -------------------------------------------------------------------


def run(case: Case, network: Any, contract: Any, draw: Draw) -> dict[str, Any]:
    """As `predict.fuse` does it up to the field, then the evidence."""
    grid = case.reference.grid
    extent_mm = np.array(grid.shape) * grid.spacing
    spacing = max(_WORKING_MM, float((extent_mm.prod() / _VOXELS) ** (1 / 3)))
    pair = prepare_pair(case.degraded, case.reference, case.modalities, contract, spacing)
    if case.align == "displaced":
        working = _displaced(pair, case, draw)
    else:
        working = working_pair(pair, case.align)  # type: ignore[arg-type]
    registered = network.register(working.degraded, working.reference)
    steps = steps_for("auto", *pair.modalities)
    refined = _refine(pair, working, registered.flow, steps, "deformable", lambda _: None)
    classified = _classify(registered.logits, pair, contract)
    began = time.process_time()
    evidence = evidence_of(pair, working, refined.flow, classified.probabilities)
    spent = time.process_time() - began
    error = _error(case, pair, working, refined.flow)
    return {"evidence": evidence, "verdict_cpu_s": spent, **error}


def _displaced(pair: Any, case: Case, draw: Draw) -> Any:
    """A search that ended beside the truth: its evidence, another pose."""
    found = working_pair(pair, "rigid").alignment
    points = alignment_side(pair.reference, "reference").points(_POINTS)
    centre = points.mean(axis=0)
    length = float(np.exp(draw.rng.uniform(np.log(1.5), np.log(25))))
    beside = rigid(draw, centre, 0.3 * length * draw.rng.random(), length * draw.rng.random())
    matrix = found.matrix @ beside
    return place(pair, AffineResult(matrix, "rigid", found.evidence, ()))


def _error(case: Case, pair: Any, working: Any, flow: torch.Tensor) -> dict[str, Any]:
    """Mean distance to the truth inside the body, and where the degraded volume has data."""
    points = alignment_side(pair.reference, "reference").points(_POINTS)
    moved = distance_mm(working.alignment.matrix, np.eye(4), points)
    common = {"followed": working.alignment.followed, "pose_mm": moved}
    if case.truth is None:
        return {"error_mm": None, "error_seen_mm": None, **common}
    true = case.truth(points)
    length = np.linalg.norm(
        mapped(points, working.alignment.matrix, flow, working.grid) - true, axis=1
    )
    index = np.linalg.solve(case.degraded.affine, np.c_[true, np.ones(len(true))].T)[:3].T
    held = ((index > -0.5) & (index < np.array(case.degraded.array.shape) - 0.5)).all(axis=1)
    return {
        "error_mm": float(length.mean()),
        "error_seen_mm": float(length[held].mean()) if held.any() else None,
        "seen_true": float(held.mean()),
        "before_mm": float(np.linalg.norm(true - points, axis=1).mean()),
        **common,
    }


def row(pack: Pack, network: Any, contract: Any, number: int) -> dict[str, Any]:
    """Everything about one case."""
    began = time.process_time()
    case, about = make(pack, number)
    out: dict[str, Any] = {"number": number, "note": case.note, "align": case.align, **about}
    try:
        with torch.no_grad():
            out |= run(case, network, contract, Draw(1_000_000 + number))
    except InputError as error:
        out["refused"] = str(error)
    out["cpu_s"] = time.process_time() - began
    return out


def work(pack_folder: Path, numbers: list[int], output: Path, until: float) -> None:
    """One process: its numbers, until the time is over."""
    torch.set_num_threads(1)
    pack = Pack(pack_folder)
    network, contract = load_model(None, torch.device("cpu"))
    for number in numbers:
        if time.time() > until:
            return
        try:
            text = json.dumps(_rounded(row(pack, network, contract, number)))
        except Exception:  # a case that fails is a row as well; the others go on
            text = json.dumps({"number": number, "failed": traceback.format_exc()[-1500:]})
        with output.open("a", encoding="utf-8") as file:  # one write: whole lines among processes
            file.write(text + "\n")


def _rounded(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _rounded(v) for key, v in value.items()}
    if isinstance(value, float):
        return round(value, 5) if math.isfinite(value) else None
    return value


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("pack", type=Path)
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--seconds", type=float, default=3e6, help="no case begins later")
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--cases", type=int, default=1200)
    args = parser.parse_args()
    until = time.time() + args.seconds
    done = set()
    if args.output.exists():
        lines = args.output.read_text(encoding="utf-8").splitlines()
        done = {json.loads(line)["number"] for line in lines if line.endswith("}")}
    numbers = [n for n in range(args.first, args.first + args.cases) if n not in done]
    context = multiprocessing.get_context("spawn")
    processes = [
        context.Process(
            target=work, args=(args.pack, numbers[k :: args.workers], args.output, until)
        )
        for k in range(args.workers)
    ]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    sys.stdout.write(f"{len(args.output.read_text().splitlines())} rows in {args.output}\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
