"""The kinds of case of `verdict_cases.py`, right and wrong."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy import ndimage
from scipy.spatial.transform import Rotation
from verdict_changes import (
    body_points,
    bottle,
    brought,
    deformed,
    degraded_by,
    fill_of,
    mirrored,
    rigid,
    slab,
    stripped,
    thick,
)
from verdict_pairs import GROUPS, Case, Draw, Entry, Pack, Pair, Truth, related

from UniFuseLib.registration.affine_parameters import rigid_matrix
from UniFuseLib.spatial.volume import Volume

if TYPE_CHECKING:
    from collections.abc import Callable


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
        self.degraded = brought(volume, stranger.modality, self.centre, self.draw)
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
    m.degraded, m.related = bottle(m.draw, m.degraded, m.one.modality), False


def _strange(pack: Pack, draw: Draw, group: str, other: Entry) -> Pair:
    """A pair of another patient of the group; the second is not used."""
    for _ in range(50):
        found = related(pack, draw, group)
        if found[0].patient != other.patient:
            return found[1], found[0], found[3], found[2]
    raise ValueError(f"No other patient in {group}.")


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
