"""One input case: how its file is made, what must come out, and what did."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, NamedTuple

import numpy as np

from UniFuseLib.errors import UniFuseError
from UniFuseLib.io.file_header import ReadOptions
from UniFuseLib.io.volumes import read_volume_with_header
from UniFuseLib.preprocessing.checks import check_volume
from UniFuseLib.preprocessing.modality import ModalityEvidence, guess_modality

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from UniFuseLib.spatial.volume import Volume

Outcome = Literal["right", "said", "refused", "wrong", "silent wrong", "traceback"]
SIZE = (11, 9, 7)  # voxels along i, j, k
SPACING = (0.8, 1.3, 2.1)  # mm
TOLERANCE_MM = 0.06  # at the corners: float32 headers, and what is made perpendicular


class FileCase(NamedTuple):
    """A file, and what reading it must give."""

    kind: str
    name: str
    make: Callable[[Path], Path]  # folder → file
    expected: Outcome
    sentence: str = ""  # pattern of the warning or the refusal
    options: ReadOptions = ReadOptions()
    affine: np.ndarray | None = None  # (i, j, k) → RAS mm; None: AFFINE
    values: np.ndarray | None = None  # (k, j, i); None: VALUES


class VolumeCase(NamedTuple):
    """A volume, what is known of it, and the modality that must come out."""

    kind: str
    name: str
    make: Callable[[], Volume]
    expected: Outcome
    modality: str = ""
    sentence: str = ""
    evidence: ModalityEvidence = ModalityEvidence()


class Seen(NamedTuple):
    """What came out."""

    outcome: Outcome
    sentence: str


def _affine() -> np.ndarray:
    """Oblique, no axis along R, A or S."""
    c, s = np.cos(0.3), np.sin(0.3)
    d, t = np.cos(0.2), np.sin(0.2)
    turn = np.array([[c, -s, 0], [s, c, 0], [0, 0, 1]]) @ [[1, 0, 0], [0, d, -t], [0, t, d]]
    affine = np.eye(4)
    affine[:3, :3] = turn * SPACING
    affine[:3, 3] = 4.0, -9.0, 17.0
    return affine


AFFINE = _affine()
# no two voxels alike, so that a swapped axis shows; no label map, no other modality than MR
VALUES = np.random.default_rng(5).permutation(int(np.prod(SIZE))).reshape(SIZE[::-1])
VALUES = VALUES.astype(np.float32)


def see(case: FileCase | VolumeCase, folder: Path) -> Seen:
    """Run a case; whatever is no sentence of ours is a traceback."""
    try:
        return _file(case, folder) if isinstance(case, FileCase) else _volume(case)
    except UniFuseError as error:
        return Seen("refused", str(error))
    except Exception as error:
        return Seen("traceback", repr(error))


def _file(case: FileCase, folder: Path) -> Seen:
    volume, header = read_volume_with_header(case.make(folder), options=case.options)
    words = " ".join(header.warnings)
    if not _same(volume, case):
        return Seen("wrong" if words else "silent wrong", words)
    return Seen("said" if words else "right", words)


def _same(volume: Volume, case: FileCase) -> bool:
    values = VALUES if case.values is None else case.values
    expected = (AFFINE if case.affine is None else case.affine)[:, [2, 1, 0, 3]]
    corners = volume.grid.corners()
    wanted = type(volume.grid)(values.shape[:3], expected).corners()
    near = np.abs(corners - wanted).max() < TOLERANCE_MM
    return bool(near) and np.array_equal(volume.array, values, equal_nan=True)


def _volume(case: VolumeCase) -> Seen:
    checked = check_volume(case.make(), "degraded", says_labels=case.evidence.says_labels)
    guess = guess_modality(checked.volume, "degraded", case.evidence)
    words = " ".join((*checked.warnings, *guess.warnings))
    if guess.modality != case.modality:
        return Seen("wrong" if words else "silent wrong", words or guess.reason)
    return Seen("said" if words else "right", words)
