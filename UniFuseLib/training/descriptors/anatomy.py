"""Two aligned pictures of one anatomy: from a label map, a CT, a real pair, one MR, or random
shapes.

Everything that is drawn per sample (which, where, how turned) is drawn on the CPU from NumPy's
generator; voxels stay on the device.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from UniFuseLib.errors import InputError
from UniFuseLib.spatial.linear import mapped
from UniFuseLib.spatial.volume import counted_from
from UniFuseLib.training.descriptors import contrasts

if TYPE_CHECKING:
    from UniFuseLib.training.data import PackedSubject, PackedVolume

_POINTS = 2048  # of the body that crops are drawn around, of every volume
_BODY_CODE = 25  # of 255: above air
# what crops are made of: heads come from label maps and from CT of head and neck
_SHARES = {"labels": 0.33, "ct": 0.33, "real": 0.28, "shapes": 0.06}
_THICK = 0.35  # share of pictures with thick slices
_BOTH_THICK = 0.2  # share of pairs whose slices are thick and of the same kind, as of routine heads
_THICK_MM = (2.5, 6.5)
#: how exact the truth of a pair is, in voxels of the descriptors that count as one place (see
#: `loss.py`): two sessions of a limb differ by 1 to 3 mm, and PET has no detail below that
SLACK = {"exact": 1.0, "real": 2.0}


class Field(NamedTuple):
    """Network intensities on their own grid."""

    values: Tensor  # (d, h, w) float32
    affine: np.ndarray  # (4, 4) index → RAS mm


class Pictures(NamedTuple):
    """Two fields of one anatomy, and how well they are aligned."""

    first: Field
    second: Field
    slack: float


@dataclass(frozen=True)
class Anatomy:
    """One thing to make pairs of.

    Attributes:
        kind: `labels`, `ct` (one CT, or one MR: the second contrast is made) or `real` (two scans).
        group: what validation reports it under.
        volumes: one, or the two of a real pair.
        points: `(n, 3)` RAS mm inside the body.
    """

    name: str
    kind: str
    group: str
    volumes: tuple[PackedVolume, ...]
    points: np.ndarray


def anatomies_of(subjects: list[PackedSubject]) -> list[Anatomy]:
    """Every label map, every CT and T1 for itself, every real pair of different contrast."""
    found = []
    for subject in subjects:
        roles = sorted(subject.volumes)
        for role in roles:
            volume = subject.volumes[role]
            if volume.kind in ("labels", "ct") or len(roles) == 1:
                kind = "labels" if volume.kind == "labels" else "ct"
                group = "labels" if kind == "labels" else f"{volume.kind} and a curve of it"
                found.append(_anatomy(subject.name, kind, group, volume))
        for n, role in enumerate(roles):
            for other in roles[n + 1 :]:
                pair = subject.volumes[role], subject.volumes[other]
                group = " and ".join(sorted((role, other)))
                found.append(_anatomy(subject.name, "real", group, *pair))
    if not found:
        raise InputError("The training file holds no volume to make descriptors from.")
    return found


def draw(anatomies: list[Anatomy], random: np.random.Generator) -> Anatomy | None:
    """One of them, kinds by their shares and groups of real pairs alike; None: random shapes."""
    kinds = {a.kind for a in anatomies}
    shares = {kind: share for kind, share in _SHARES.items() if kind in kinds or kind == "shapes"}
    names = sorted(shares)
    weights = np.array([shares[name] for name in names])
    kind = names[random.choice(len(names), p=weights / weights.sum())]
    if kind == "shapes":
        return None
    of_kind = [a for a in anatomies if a.kind == kind]
    groups = sorted({a.group for a in of_kind})
    if kind == "real":
        group = groups[random.integers(len(groups))]
        of_kind = [a for a in of_kind if a.group == group]
    return of_kind[random.integers(len(of_kind))]


def pictures(
    anatomy: Anatomy, corners: np.ndarray, random: np.random.Generator, noise: torch.Generator
) -> Pictures:
    """Two contrasts of the part of `anatomy` between `corners` (`(n, 3)` RAS mm)."""
    first, second = (_part(volume, corners) for volume in (anatomy.volumes[0], anatomy.volumes[-1]))
    slack = SLACK["exact"]
    if anatomy.kind == "labels":
        volume = anatomy.volumes[0]
        names = torch.tensor(volume.labels, device=first.values.device)
        spacing = float(volume.grid.spacing.mean())
        looks = contrasts.looks_of_labels(first.values.long(), names, spacing, random, noise)
        pair = [Field(look, first.affine) for look in looks]
    elif anatomy.kind == "ct":
        pair = list(_made_of_one(first, anatomy.volumes[0].kind, random))
    else:
        pair, slack = [first, second], SLACK["real"]
        if {volume.kind for volume in anatomy.volumes} == {"mr"}:
            slack = SLACK["exact"]
        pair = [_windowed(f, v.kind, random) for f, v in zip(pair, anatomy.volumes, strict=True)]
    if random.random() < 0.5:
        pair.reverse()
    return _with_slices(pair[0], pair[1], slack, random)


def shape_pictures(
    centre: np.ndarray,
    size: int,
    spacing_mm: float,
    random: np.random.Generator,
    noise: torch.Generator,
) -> Pictures:
    """Two contrasts of random shapes in a cube around `centre`."""
    affine = np.diag([spacing_mm] * 3 + [1.0])
    affine[:3, 3] = centre - spacing_mm * (size - 1) / 2
    a, b = contrasts.looks_of_shapes(size, random, noise)
    return _with_slices(Field(a, affine), Field(b, affine), SLACK["exact"], random)


def _made_of_one(field: Field, kind: str, random: np.random.Generator) -> tuple[Field, Field]:
    """The scan itself, and a contrast made from it."""
    if kind == "ct":
        curve, own = contrasts.mr_like(random), contrasts.ct_window(random)
    else:
        curve, own = contrasts.any_curve(random, 1.2), contrasts.any_curve(random, 1.2)
        own = (
            own
            if random.random() < 0.3
            else contrasts.Curve(np.linspace(0, 1.2, len(own.values)), 1.2)
        )
    if kind == "ct" and random.random() < 0.2:  # two MR-like ones
        own = contrasts.mr_like(random)
    smoothed = contrasts.softened(field.values)
    return Field(own(field.values), field.affine), Field(curve(smoothed), field.affine)


def _windowed(field: Field, kind: str, random: np.random.Generator) -> Field:
    return Field(contrasts.ct_window(random)(field.values), field.affine) if kind == "ct" else field


def _part(volume: PackedVolume, corners: np.ndarray) -> Field:
    """The voxels between `corners` and one more to each side; codes for labels, else network
    intensities.
    """
    index = mapped(np.linalg.inv(volume.grid.affine), corners)
    size = np.array(volume.grid.shape)
    low = np.clip(np.floor(index.min(axis=0)).astype(int) - 1, 0, size - 2)
    high = np.clip(np.ceil(index.max(axis=0)).astype(int) + 2, low + 2, size)
    codes = volume.codes[tuple(slice(int(a), int(b)) for a, b in zip(low, high, strict=True))]
    values = codes.float() if volume.labels else codes.float() * (volume.top / 255)
    return Field(values, counted_from(volume.grid.affine, low))


def _with_slices(
    first: Field, second: Field, slack: float, random: np.random.Generator
) -> Pictures:
    """Both as scanners slice them."""
    if random.random() < _BOTH_THICK:
        thickness, across = random.uniform(*_THICK_MM), _across(random)
        fields = [_thick(field, thickness, across, random) for field in (first, second)]
    else:
        fields = [_sometimes_thick(field, random) for field in (first, second)]
    return Pictures(fields[0], fields[1], slack)


def _sometimes_thick(field: Field, random: np.random.Generator) -> Field:
    if random.random() > _THICK:
        return field
    return _thick(field, random.uniform(*_THICK_MM), _across(random), random)


def _across(random: np.random.Generator) -> int:
    """The axis of R, A, S that slices are stacked along: mostly from foot to head."""
    return 2 if random.random() < 0.8 else int(random.integers(3))


def _thick(field: Field, thickness_mm: float, across: int, random: np.random.Generator) -> Field:
    """Slices of `thickness_mm` along the array axis nearest to the axis `across` of R, A, S."""
    axis = int(np.abs(field.affine[across, :3]).argmax())
    spacing = float(np.linalg.norm(field.affine[:3, axis]))
    count = round(thickness_mm / spacing)
    length = field.values.shape[axis]
    phase = int(random.integers(max(count, 1)))
    if count < 2 or (length - phase) // count < 2:
        return field
    return thickened(field, axis, count, phase)


def thickened(field: Field, axis: int, count: int, phase: int) -> Field:
    """Means of `count` voxels along `axis`, the first mean from voxel `phase` on."""
    kernel = [count if k == axis else 1 for k in range(3)]
    rest = field.values.narrow(axis, phase, field.values.shape[axis] - phase)
    affine = field.affine.copy()
    affine[:3, 3] += affine[:3, axis] * (phase + (count - 1) / 2)
    affine[:3, axis] *= count
    return Field(F.avg_pool3d(rest[None, None], kernel)[0, 0], affine)


def _anatomy(name: str, kind: str, group: str, *volumes: PackedVolume) -> Anatomy:
    volume = volumes[0]
    codes = volume.codes.cpu().numpy()
    inside = np.argwhere(codes > (0 if volume.labels else _BODY_CODE))
    if not len(inside):
        raise InputError(f"The volume of '{name}' in the training file is empty. Pack it again.")
    chosen = inside[np.random.default_rng(0).integers(len(inside), size=_POINTS)]
    return Anatomy(
        name,
        kind,
        group,
        volumes,
        mapped(volume.grid.affine, chosen),
    )
