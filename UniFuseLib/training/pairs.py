"""Which two aligned volumes of one subject become a sample: real scans, a label map's synthetic
ones, or a scan and a contrast made from it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from UniFuseLib.errors import InputError
from UniFuseLib.simulation.parameters import choice, uniform
from UniFuseLib.simulation.tasks import PAPER_TASKS, TASKS
from UniFuseLib.training.made_contrast import made_pair
from UniFuseLib.training.synthesis import synthetic_pair, synthetic_scanner

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import torch

    from UniFuseLib.spatial.volume import Grid
    from UniFuseLib.training.data import PackedSubject, PackedVolume
    from UniFuseLib.training.sample_settings import SampleSettings

# the reference that goes with a degraded modality in the three tasks; the other ones are drawn less
# often
_TASK_REFERENCE = {TASKS[name].degraded: TASKS[name].reference for name in PAPER_TASKS}
_TASK_SHARE = 2 / 3
_MARGIN_MM = 30.0  # the misaligned, tilted crop of a made pair reads beyond its own edge
_TRIES = 8  # points drawn until one lies in tissue
_TISSUE_CODE = 25  # of 255


class Pair(NamedTuple):
    """Two aligned volumes; the first one gets misaligned and degraded."""

    degraded: PackedVolume
    reference: PackedVolume
    scanner: Grid  # of the degraded scan, as its scanner makes it; its extent does not matter


def draw_pair(
    subjects: list[PackedSubject],
    settings: SampleSettings,
    spacing_mm: float,
    generator: torch.Generator,
) -> tuple[Pair, np.ndarray]:
    """A pair of different volumes of one subject, and a point of the body, RAS mm.

    Args:
        subjects: of the training file.
        settings: shares of synthetic and of made pairs, pairings.
        spacing_mm: of the crop.
        generator: of the sample.

    Raises:
        InputError: no subject has what is asked for.
    """
    real = [subject for subject in subjects if "labels" not in subject.volumes]
    labels = [subject for subject in subjects if "labels" in subject.volumes]
    if labels and (not real or uniform(generator, 0, 1) < settings.synthetic):
        return _synthetic(labels, settings, spacing_mm, generator)
    if settings.made and uniform(generator, 0, 1) < settings.made:
        return _made(real, settings.crop, spacing_mm, generator)
    return _real(real, settings.pairings, generator)


def _synthetic(
    subjects: list[PackedSubject],
    settings: SampleSettings,
    spacing_mm: float,
    generator: torch.Generator,
) -> tuple[Pair, np.ndarray]:
    """Two scans of a label map."""
    subject = choice(generator, tuple(subjects))
    labels = subject.volumes["labels"]
    centre = _point_inside(labels, generator)
    scans = synthetic_pair(labels, centre, settings.crop, spacing_mm, settings.thick, generator)
    scanner = synthetic_scanner(scans[0], spacing_mm, generator)
    return Pair(*scans, scanner), centre


def _real(
    subjects: list[PackedSubject],
    pairings: tuple[tuple[str, str], ...],
    generator: torch.Generator,
) -> tuple[Pair, np.ndarray]:
    """Degraded modality first, then the reference's, then the subject: every class is drawn as
    often as the others.
    """
    by_kind: dict[str, dict[str, list[Pair]]] = {}
    for pair in _pairs_of(subjects, pairings):
        of_degraded = by_kind.setdefault(pair.degraded.kind, {})
        of_degraded.setdefault(pair.reference.kind, []).append(pair)
    if not by_kind:
        raise InputError(
            f"No subject has two volumes that pair up (asked for: {pairings or 'any two'}). "
            "Pack other data, or change 'pairings' in the configuration."
        )
    kind = choice(generator, tuple(sorted(by_kind)))
    references = by_kind[kind]
    reference_kind = _reference_kind(kind, sorted(references), generator)
    pair = choice(generator, tuple(references[reference_kind]))
    return pair, _point_inside(pair.reference, generator)


def _pairs_of(
    subjects: Sequence[PackedSubject], pairings: tuple[tuple[str, str], ...]
) -> Iterator[Pair]:
    """Those of `pairings` (degraded, reference role), of every subject; empty: any two."""
    for subject in subjects:
        for role, degraded in subject.volumes.items():
            for other, reference in subject.volumes.items():
                wanted = (role, other) in pairings if pairings else role != other
                if wanted:
                    yield Pair(degraded, reference, degraded.grid)


def _made(
    subjects: list[PackedSubject], crop: int, spacing_mm: float, generator: torch.Generator
) -> tuple[Pair, np.ndarray]:
    """A scan and a contrast made from it; scans that stand alone are drawn as often as all others
    together.
    """
    alone: list[list[PackedVolume]] = []
    together: list[list[PackedVolume]] = []
    for subject in subjects:
        scans = [scan for scan in subject.volumes.values() if scan.kind in ("ct", "mr")]
        if scans:
            kin = alone if len(subject.volumes) == 1 else together
            kin.append(scans)
    groups = tuple(tuple(group) for group in (alone, together) if group)
    if not groups:
        raise InputError(
            "No subject has a CT or MR from which a contrast could be made. Set made = 0 in the "
            "configuration."
        )
    group = choice(generator, groups)
    of_one = choice(generator, group)
    scan = choice(generator, tuple(of_one))
    centre = _point_inside(scan, generator)
    side = crop * spacing_mm + _MARGIN_MM
    made = made_pair(scan, centre, side, spacing_mm, generator)
    return Pair(*made), centre


def _reference_kind(degraded: str, kinds: list[str], generator: torch.Generator) -> str:
    """One of `kinds`; that of the task takes `_TASK_SHARE`. MR of one patient are few: drawn alike
    with MR of a limb on CT or PET, motion of T2 and FLAIR would hardly be met."""
    task = _TASK_REFERENCE[degraded]
    others = tuple(kind for kind in kinds if kind != task)
    if task in kinds and (not others or uniform(generator, 0, 1) < _TASK_SHARE):
        return task
    return choice(generator, others)


def _point_inside(volume: PackedVolume, generator: torch.Generator) -> np.ndarray:
    """RAS mm of a voxel that is not background (the best of a few)."""
    index = np.zeros(3)
    best = -1
    enough = 0 if volume.labels else _TISSUE_CODE
    for _ in range(_TRIES):
        drawn = [int(uniform(generator, 0.15, 0.85) * n) for n in volume.codes.shape]
        code = int(volume.codes[tuple(drawn)])
        if code > best:
            index = np.array(drawn)
            best = code
        if best > enough:
            break
    return volume.grid.linear @ index + volume.grid.origin
