"""A head without any symmetry, as a function of RAS mm: scans of it lie on any grid."""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from UniFuseLib.preprocessing.body import body_mask
from UniFuseLib.preprocessing.intensity import fit
from UniFuseLib.registration.affine_parameters import BodyFrame, matrix_of
from UniFuseLib.registration.alignment_volume import AlignmentVolume, alignment_volume
from UniFuseLib.spatial.axes import canonical
from UniFuseLib.spatial.volume import Grid, Volume

FRAME = BodyFrame(np.array([4.0, -7.0, 11.0]), 60.0)
MODALITY = {"t1": "mr", "t2": "mr", "ct": "ct"}


def turned(shape: tuple[int, int, int], spacing: tuple[float, ...], degrees: float) -> Grid:
    """About the origin, d → S, h → P, w → L, turned about an oblique axis."""
    axis = np.array([0.36, 0.48, 0.8])
    cross = np.cross(np.eye(3), axis)
    angle = np.deg2rad(degrees)
    turn = np.eye(3) - np.sin(angle) * cross + (1 - np.cos(angle)) * cross @ cross
    affine = np.eye(4)
    affine[:3, :3] = turn @ np.array([[0.0, 0, -1], [0, -1, 0], [1, 0, 0]]) @ np.diag(spacing)
    affine[:3, 3] = -affine[:3, :3] @ ((np.array(shape) - 1) / 2)
    return Grid(shape, affine)


REFERENCE = turned((44, 50, 42), (3.4, 3.3, 3.7), 9)
DEGRADED = turned((50, 44, 45), (3.0, 3.9, 3.6), -14)


def places(on: Grid) -> np.ndarray:
    """`(d, h, w, 3)` RAS mm."""
    index = np.stack(np.meshgrid(*[np.arange(n) for n in on.shape], indexing="ij"), axis=-1)
    return index @ on.affine[:3, :3].T + on.affine[:3, 3]


def skull(points: np.ndarray) -> np.ndarray:
    """1 on the skin of an egg with a nose, less inside."""
    r, a, s = np.moveaxis(points, -1, 0)
    width, length = 48 * (1 + 0.006 * a), 62 * (1 + 0.005 * s)
    egg = np.sqrt(((r + 0.15 * s) / width) ** 2 + (a / length) ** 2 + (s / 54) ** 2)
    nose = np.exp(-((points - [5, 58, -22]) ** 2).sum(-1) / 250)
    return egg - 0.35 * nose


def radius(points: np.ndarray) -> np.ndarray:
    """Below 1 inside the head, and in a neck that leaves the picture: no turn fits it on itself."""
    r, a, s = np.moveaxis(points, -1, 0)
    neck = np.sqrt(((r - 3) / 27) ** 2 + ((a + 22) / 29) ** 2) + np.maximum(s + 20, 0) / 20
    return np.minimum(skull(points), neck)


def tissue(points: np.ndarray, seed: int = 3) -> np.ndarray:
    """-1 to 1: blobs of about a centimetre."""
    rng = np.random.default_rng(seed)
    centres, strengths = rng.uniform(-38, 38, (30, 3)), rng.uniform(-1, 1, 30)
    pairs = zip(centres, strengths, strict=True)
    return np.tanh(2 * sum(w * np.exp(-((points - c) ** 2).sum(-1) / 110) for c, w in pairs))


def values(points: np.ndarray, contrast: str) -> np.ndarray:
    """What a scanner shows there, own units."""
    r, t = radius(points), tissue(points)
    inside = 1 / (1 + np.exp((r - 1) * 40))
    bone = np.exp(-(((skull(points) - 0.88) / 0.05) ** 2)) * (r > 0.5)
    if contrast == "ct":
        return -1000 + inside * (1030 + 25 * t + 900 * bone)
    soft = 500 + 350 * t if contrast == "t1" else 1100 * (0.75 - 0.5 * t) ** 2
    return inside * (1 - 0.9 * bone) * soft


def scan(
    on: Grid, contrast: str, motion: np.ndarray | None = None, noise: float = 0.0, seed: int = 8
) -> Volume:
    """The head moved by `motion`: point `motion` X of the world shows what X is."""
    back = np.linalg.inv(np.eye(4) if motion is None else motion)
    shown = values(places(on) @ back[:3, :3].T + back[:3, 3], contrast)
    if noise:
        grain = np.random.default_rng(seed).normal(size=shown.shape)
        shown = shown + noise * ndimage.gaussian_filter(grain, 0.6)
    return Volume(shown.astype(np.float32), on.affine)


def seen(volume: Volume, modality: str) -> AlignmentVolume:
    """As `preprocessing.prepare` hands it to the registration."""
    stored = canonical(volume)
    body = body_mask(stored.array, stored.grid.spacing, modality)
    return alignment_volume(stored, body, modality, fit(stored.array, body, modality))


def rigid(parameters: tuple[float, ...]) -> np.ndarray:
    """Three shifts in mm and three turns in degrees, about the middle of the head."""
    turns = np.deg2rad(parameters[3:]) * FRAME.radius
    return matrix_of(np.concatenate([parameters[:3], turns]), FRAME)


def error_mm(found: np.ndarray, truth: np.ndarray) -> float:
    """Mean distance inside the head between where both matrices send a point."""
    points = places(REFERENCE)[radius(places(REFERENCE)) < 1]
    difference = found - truth
    moved = points @ difference[:3, :3].T + difference[:3, 3]
    return float(np.linalg.norm(moved, axis=1).mean())
