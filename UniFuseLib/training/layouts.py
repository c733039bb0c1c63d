"""Where the volumes of a data set lie on disk: one function a layout, folder → subjects."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from UniFuseLib.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

Kind = Literal["mr", "ct", "pet", "labels"]
_SUFFIXES = (".nii.gz", ".nii")


@dataclass(frozen=True)
class Subject:
    """Aligned volumes of one person and session.

    Attributes:
        name: unique within the data set.
        volumes: role (`t1`, `t2`, `flair`, `t1ce`, `mr`, `ct`, `pet`, `labels`) → file or DICOM
            folder.
        person: who; sessions of one person never come apart in a split. Empty: every subject is a
            person.
    """

    name: str
    volumes: dict[str, Path]
    person: str = ""


def kind_of(role: str) -> Kind:
    """What a role holds; every MR contrast is `mr`."""
    kinds: dict[str, Kind] = {"ct": "ct", "pet": "pet", "labels": "labels"}
    return kinds.get(role, "mr")


#: folders of scans that stand alone: a partner is made of them while training (`made_contrast`)
_SINGLES = {"ct_headneck_openkbp": "ct", "ct_torso": "ct", "ct_single": "ct", "mr_t1_head": "t1"}


def unifuse(root: Path) -> list[Subject]:
    """`ct_pet_mr/*/{ct,pet_suv,mr_t1}`, `mr_multi/*/{t1,t2,flair}`, `labels/*`, and scans that
    stand alone: `{ct_headneck_openkbp,ct_torso,ct_single}/*_ct`, `mr_t1_head/*_t1`; all
    `.nii[.gz]`.
    """
    roles = {"ct": "ct", "flair": "flair", "mr_t1": "t1", "pet_suv": "pet", "t1": "t1", "t1w": "t1"}
    roles |= {"t2": "t2", "t2w": "t2"}
    folders = sorted([*root.glob("ct_pet_mr/*/"), *root.glob("mr_multi/*/")])
    subjects = [Subject(_name(folder), _files(folder, roles)) for folder in folders]
    for folder, role in _SINGLES.items():
        subjects += _one_file_each(root / folder, f"_{role}", role)
    return subjects + _one_file_each(root / "labels", "", "labels")


def _one_file_each(folder: Path, ending: str, role: str) -> list[Subject]:
    """Every `<name><ending>.nii[.gz]` of a folder as a subject of its own."""
    paths = [path for suffix in _SUFFIXES for path in folder.glob(f"*{ending}{suffix}")]
    subjects = []
    for name in sorted({_stem(path) for path in paths}):
        files = _files(folder, {name: role})
        subjects.append(Subject(f"{folder.name}/{name.removesuffix(ending)}", files))
    return subjects


def brats2020(root: Path) -> list[Subject]:
    """`BraTS20_{Training,Validation}_XXX/<the same>_{t1,t2,flair,t1ce}.nii[.gz]`, at any depth
    (Menze et al. 2015).
    """
    roles = {name: name for name in ("t1", "t2", "flair", "t1ce")}
    folders = [path for path in sorted(root.rglob("BraTS20_*_[0-9]*")) if path.is_dir()]
    # some downloads hold a folder of the file's name around each file
    folders = [path for path in folders if not path.name.endswith(_SUFFIXES)]
    return [Subject(folder.name, _files(folder, roles, f"{folder.name}_")) for folder in folders]


def synthrad2023(root: Path) -> list[Subject]:
    """`Task1/{brain,pelvis}/1BA001/{mr,ct}.nii.gz` (Thummerer et al. 2023); `mask.nii.gz` is not
    needed.
    """
    task = root / "Task1" if (root / "Task1").is_dir() else root
    folders = sorted([*task.glob("brain/1B*/"), *task.glob("pelvis/1P*/")])
    roles = {"mr": "mr", "ct": "ct"}
    return [Subject(_name(folder), _files(folder, roles)) for folder in folders]


def fdgpetct(root: Path) -> list[Subject]:
    """`<patient>/<study>/{CTres,SUV}.nii.gz`: FDG-PET-CT-Lesions as NIfTI (Gatidis et al. 2022).

    CTres is the CT on the grid of the PET; `PET` (Bq/ml), `CT` and `SEG` are not needed.
    """
    roles = {"CTres": "ct", "SUV": "pet"}
    paths = [path for name in roles for path in root.rglob(f"{name}.nii*")]
    subjects = []
    for study in sorted({path.parent for path in paths}):
        files = _files(study, roles)
        subjects.append(Subject(_name(study), files, person=study.parent.name))
    return subjects


LAYOUTS: dict[str, Callable[[Path], list[Subject]]] = {
    "unifuse": unifuse,
    "brats2020": brats2020,
    "synthrad2023": synthrad2023,
    "fdgpetct": fdgpetct,
}


def find_subjects(root: Path, layout: str) -> list[Subject]:
    """All subjects with at least one volume.

    Raises:
        InputError: an unknown layout, or nothing found.
    """
    if layout not in LAYOUTS:
        raise InputError(f"Expected a layout of {sorted(LAYOUTS)}, got '{layout}'.")
    subjects = [subject for subject in LAYOUTS[layout](root) if subject.volumes]
    if not subjects:
        raise InputError(
            f"No volume of the layout '{layout}' lies under '{root}'. {LAYOUTS[layout].__doc__}"
        )
    return subjects


def _files(folder: Path, roles: dict[str, str], prefix: str = "") -> dict[str, Path]:
    """Role → file for every name of `roles` that is there, compressed or not."""
    found = {}
    for name, role in roles.items():
        paths = (folder / f"{prefix}{name}{suffix}" for suffix in _SUFFIXES)
        if path := next((p for p in paths if p.is_file()), None):
            found[role] = path
    return found


def _name(folder: Path) -> str:
    return f"{folder.parent.name}/{folder.name}"


def _stem(path: Path) -> str:
    return path.name.removesuffix(".gz").removesuffix(".nii")
