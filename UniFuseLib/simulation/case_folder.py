"""Cases with known truth: the folders that `unifuse simulate` makes, read and checked.

DIR/cases.json names the cases; DIR/<id>/case.json describes one and names its files, see `Case`.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

import numpy as np

from UniFuseLib.degradation import CLASSES
from UniFuseLib.errors import InputError
from UniFuseLib.evaluation.metrics.similarity import correlation
from UniFuseLib.evaluation.sampling import covered, pull
from UniFuseLib.io.json_files import read_json
from UniFuseLib.io.volumes import read_displacement, read_volume

if TYPE_CHECKING:
    from UniFuseLib.spatial.volume import Grid, Volume

TASKS = ("mr", "ctmr", "petct")
BINS = ("0-3", "3-8", "8-15")  # mean displacement inside the body, mm
VERSION = 1
# two interpolations of one clean scan stay above 0.9; a field with a wrong sign or axis seldom
# reaches this
LEAST_AGREEMENT = 0.6
_FILES = ("degraded", "reference", "field", "clean_aligned", "clean_misaligned", "body")
_LABELS = ("labels_reference", "labels_degraded")
_GRIDS: dict[str, tuple[str, ...]] = {
    "reference": ("clean_aligned", "body", "field", "labels_reference"),
    "degraded": ("clean_misaligned", "labels_degraded"),
}
_TEXTS = ("id", "task", "bin", "class", "degraded_modality", "reference_modality")


@dataclass(frozen=True)
class Case:
    """One degraded scan, its reference, and the truth about both.

    Attributes:
        id, task, bin: as in `case.json`.
        patient: folder of the reference's source file; the id where `case.json` names no source.
        label: the degradation class.
        degraded, clean_misaligned: on the degraded scan's own grid, its units.
        reference, clean_aligned: on the reference grid; `clean_aligned` in the degraded scan's
            units.
        truth: `(d, h, w, 3)` RAS mm on the reference grid: reference point X belongs to degraded
            point X + u(X).
        body: `(d, h, w)` bool, reference grid.
        labels_reference, labels_degraded: integer label maps on the two grids, or None.
        checksum: of `case.json`; changes when the case was made anew.
    """

    id: str
    task: str
    bin: str
    label: str
    seed: int
    degraded_modality: str
    reference_modality: str
    degraded: Volume
    reference: Volume
    clean_aligned: Volume
    clean_misaligned: Volume
    truth: np.ndarray
    body: np.ndarray
    labels_reference: Volume | None
    labels_degraded: Volume | None
    checksum: str
    patient: str


def read_index(folder: Path) -> list[str]:
    """The case ids of a folder, in the order of its `cases.json`.

    Raises:
        InputError: no such folder, no `cases.json`, another version, or no case in it.
    """
    index = read_json(folder / "cases.json")
    if index is None:
        raise InputError(
            f"Expected a readable '{folder / 'cases.json'}', found none. "
            "Make cases with 'unifuse simulate ... --output DIR' and give that DIR."
        )
    ids = index.get("cases") if isinstance(index, dict) else None
    if not ids or not all(isinstance(i, str) for i in ids) or index.get("version") != VERSION:
        raise InputError(
            f"Expected version {VERSION} and at least one case id in '{folder / 'cases.json'}'."
        )
    return list(dict.fromkeys(ids))


def case_checksum(folder: Path, case_id: str) -> str | None:
    """SHA-256 of `case.json`; None when it cannot be read."""
    try:
        return hashlib.sha256((folder / case_id / "case.json").read_bytes()).hexdigest()
    except OSError:
        return None


def read_case(folder: Path, case_id: str) -> Case:
    """One case with all its volumes, checked against its own description.

    Raises:
        InputError: a file is missing or unreadable, or a geometry contradicts the truth; the
            message names both.
    """
    here = folder / case_id
    text = _description(here)
    paths = _paths(here, text["files"])
    truth, field_grid = read_displacement(paths["field"])
    volumes = {name: read_volume(path) for name, path in paths.items() if name != "field"}
    case = Case(
        id=text["id"],
        task=text["task"],
        bin=text["bin"],
        label=text["class"],
        seed=int(text.get("seed", 0)),
        degraded_modality=text["degraded_modality"],
        reference_modality=text["reference_modality"],
        degraded=volumes["degraded"],
        reference=volumes["reference"],
        clean_aligned=volumes["clean_aligned"],
        clean_misaligned=volumes["clean_misaligned"],
        truth=truth,
        body=volumes["body"].array > 0,
        labels_reference=volumes.get("labels_reference"),
        labels_degraded=volumes.get("labels_degraded"),
        checksum=case_checksum(folder, case_id) or "",
        patient=_patient(text),
    )
    _check_grids(here, volumes, field_grid)
    _check_truth(here, case, text.get("mean_displacement_mm"))
    return case


def _patient(text: dict[str, Any]) -> str:
    source = (text.get("sources") or {}).get("reference")
    return str(PurePosixPath(source).parent) if source else str(text["id"])


def _description(here: Path) -> dict[str, Any]:
    text = read_json(here / "case.json")
    if not isinstance(text, dict) or not isinstance(text.get("files"), dict):
        raise InputError(
            f"Expected a readable '{here / 'case.json'}' with a list of files, found none."
        )
    missing = [key for key in _TEXTS if not isinstance(text.get(key), str)]
    if missing:
        raise InputError(f"'{here / 'case.json'}' lacks {', '.join(missing)}.")
    for key, allowed in (("task", TASKS), ("bin", BINS), ("class", CLASSES)):
        if text[key] not in allowed:
            raise InputError(
                f"'{here / 'case.json'}': expected {key} to be one of {allowed}, got {text[key]!r}."
            )
    if text["id"] != here.name:
        raise InputError(
            f"'{here / 'case.json'}' describes case {text['id']!r}; expected {here.name!r}."
        )
    return text


def _paths(here: Path, files: dict[str, str]) -> dict[str, Path]:
    named = {name: here / files[name] for name in (*_FILES, *_LABELS) if name in files}
    absent = [name for name in _FILES if name not in named]
    absent += [path.name for path in named.values() if not path.is_file()]
    if absent:
        raise InputError(f"'{here}': missing {', '.join(absent)}.")
    return named


def _check_grids(here: Path, volumes: dict[str, Volume], field_grid: Grid) -> None:
    grids = {name: volume.grid for name, volume in volumes.items()} | {"field": field_grid}
    for standard, followers in _GRIDS.items():
        _check_same(here, standard, grids[standard], {n: grids[n] for n in followers if n in grids})


def _check_same(here: Path, name: str, expected: Grid, grids: dict[str, Grid]) -> None:
    for other, grid in grids.items():
        # NIfTI stores orientation in float32: allow a hundredth of a millimetre far from the origin
        if not grid.same_as(expected, tolerance_mm=1e-2):
            raise InputError(
                f"'{here}': {other} contradicts the geometry of {name}: expected shape {expected.shape}, spacing "
                f"{expected.spacing.round(3).tolist()} mm, got {grid.shape}, {grid.spacing.round(3).tolist()} mm, "
                "or another origin or direction."
            )


def _check_truth(here: Path, case: Case, stated_mm: float | None) -> None:
    """The field is finite, as long as it says, and brings the clean scan where the aligned clean
    scan is.
    """
    if not case.body.any():
        raise InputError(f"'{here}': the body mask is empty, so nothing can be measured.")
    if not np.isfinite(case.truth).all():
        raise InputError(f"'{here}': the true field holds NaN or infinity.")
    mean = float(np.linalg.norm(case.truth[case.body], axis=1).mean())
    if stated_mm is not None and abs(mean - stated_mm) > 0.05 + 0.01 * abs(stated_mm):
        raise InputError(
            f"'{here}': the true field moves the body by {mean:.2f} mm on average, case.json says {stated_mm:.2f} mm."
        )
    with_truth, without = _agreement(case, case.truth), _agreement(case, None)
    if with_truth < max(without - 0.02, LEAST_AGREEMENT):
        raise InputError(
            f"'{here}': the true field does not bring clean_misaligned onto clean_aligned "
            f"(correlation {with_truth:.3f}, without it {without:.3f}): wrong sign, axes or grid."
        )


def _agreement(case: Case, displacement: np.ndarray | None) -> float:
    """Correlation of the clean misaligned scan, pulled through the field, with the clean aligned
    one.
    """
    grid = case.reference.grid
    seen = case.body & covered(case.clean_misaligned.grid, displacement, grid)
    if not seen.any():
        return 0.0
    return correlation(
        pull(case.clean_misaligned, displacement, grid), case.clean_aligned.array, seen
    )
