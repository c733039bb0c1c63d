"""Where the volumes of a data set lie on disk: one function a layout, folder → subjects."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from UniFuseLib.errors import InputError

Kind = Literal["mr", "ct", "pet", "labels"]


@dataclass(frozen=True)
class Subject:
    """Aligned volumes of one person and session.

    Attributes:
        name: unique within the data set.
        volumes: role (`t1`, `t2`, `flair`, `mr`, `ct`, `pet`, `labels`) → file or DICOM folder.
    """

    name: str
    volumes: dict[str, Path]


def kind_of(role: str) -> Kind:
    """What a role holds; every MR contrast is `mr`."""
    kinds: dict[str, Kind] = {"ct": "ct", "pet": "pet", "labels": "labels"}
    return kinds.get(role, "mr")


def unifuse(root: Path) -> list[Subject]:
    """`ct_pet_mr/*/{ct,pet_suv,mr_t1}`, `mr_multi/*/{t1,t2,flair}`, `labels/*`, all `.nii.gz`."""
    roles = {"ct": "ct", "pet_suv": "pet", "mr_t1": "t1", "t1": "t1", "t1w": "t1", "t2": "t2", "t2w": "t2"}
    roles["flair"] = "flair"
    subjects = []
    for folder in sorted([*root.glob("ct_pet_mr/*/"), *root.glob("mr_multi/*/")]):
        found = {roles[name]: path for path in sorted(folder.glob("*.nii.gz")) if (name := _stem(path)) in roles}
        subjects.append(Subject(f"{folder.parent.name}/{folder.name}", found))
    subjects += [Subject(f"labels/{_stem(path)}", {"labels": path}) for path in sorted(root.glob("labels/*.nii.gz"))]
    return subjects


LAYOUTS: dict[str, Callable[[Path], list[Subject]]] = {"unifuse": unifuse}


def find_subjects(root: Path, layout: str) -> list[Subject]:
    """All subjects with at least one volume.

    Raises:
        InputError: an unknown layout, or nothing found.
    """
    if layout not in LAYOUTS:
        raise InputError(f"Expected a layout of {sorted(LAYOUTS)}, got '{layout}'.")
    subjects = [subject for subject in LAYOUTS[layout](root) if subject.volumes]
    if not subjects:
        raise InputError(f"No volume of the layout '{layout}' lies under '{root}'. {LAYOUTS[layout].__doc__}")
    return subjects


def _stem(path: Path) -> str:
    return path.name.split(".")[0]
