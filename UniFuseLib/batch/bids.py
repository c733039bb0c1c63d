"""Pairs of a BIDS folder: the reference of the same subject and session.

Source: Gorgolewski et al., The brain imaging data structure, Scientific Data 2016,
doi:10.1038/sdata.2016.44; file names are `key-value_key-value_suffix`.
"""

from __future__ import annotations

import os
from collections import defaultdict
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from UniFuseLib.batch.case import Case, LeftOut, Plan, Settings
from UniFuseLib.batch.names import check_name
from UniFuseLib.batch.sources import stem_of
from UniFuseLib.errors import InputError
from UniFuseLib.io.paths import shown

if TYPE_CHECKING:
    from collections.abc import Iterator

_SKIPPED = {"derivatives", "sourcedata", "code"}  # of the root; a derivative is named as ROOT


class _File(NamedTuple):
    path: Path
    stem: str

    @property
    def entities(self) -> dict[str, str]:
        """`sub-01_ses-2_T1w` → {sub: 01, ses: 2}."""
        parts = (part.partition("-") for part in self.stem.split("_"))
        return {key: value for key, dash, value in parts if dash}

    @property
    def session(self) -> tuple[str, str]:
        return self.entities.get("sub", ""), self.entities.get("ses", "")


def bids_plan(root: Path, degraded: str, reference: str, settings: Settings) -> Plan:
    """One case for every file that `degraded` matches; its name keeps all entities.

    Args:
        root: of the data set, with folders `sub-*`.
        degraded: pattern of the file name without its extension, such as `*_T2w`.
        reference: likewise; of several in a session, the one that shares most entities.
        settings: of every case.

    Raises:
        InputError: no such folder, or nothing matches.
    """
    files = list(_volumes(root))
    moving = [file for file in files if fnmatchcase(file.stem, degraded)]
    still = [file for file in files if fnmatchcase(file.stem, reference)]
    for role, pattern, found in (("degraded", degraded, moving), ("reference", reference, still)):
        if not found:
            raise InputError(
                f"--{role} {pattern}: none of the {len(files)} volumes under {shown(root)}/sub-* "
                "matches. The pattern is compared with the file name without its extension, for "
                "example '*_T2w'."
            )
    by_session: dict[tuple[str, str], list[_File]] = defaultdict(list)
    for file in still:
        by_session[file.session].append(file)
    cases, left_out = [], []
    for file in moving:
        name = check_name(file.stem, shown(file.path))
        try:
            partner = _partner(file, by_session[file.session])
        except InputError as error:
            left_out.append(LeftOut(name, str(error)))
            continue
        cases.append(Case(name, file.path, partner.path, settings, shown(file.path)))
    return Plan(tuple(cases), tuple(left_out))


def _volumes(root: Path) -> Iterator[_File]:
    """Volumes below `sub-*`, links followed (a data set may be one of links)."""
    if not root.is_dir():
        raise InputError(f"{shown(root)} is not a folder. --bids expects the root of a data set.")
    for subject in sorted(root.absolute().glob("sub-*")):
        for folder, folders, names in os.walk(subject, followlinks=False):
            folders[:] = sorted(set(folders) - _SKIPPED)
            for name in sorted(names):
                stem = stem_of(Path(name))
                if stem is not None:
                    yield _File(Path(folder) / name, stem)


def _partner(file: _File, candidates: list[_File]) -> _File:
    others = [one for one in candidates if one.path != file.path]
    if not others:
        raise InputError(f"{shown(file.path)}: no reference in the same subject and session.")
    own = set(file.entities.items())
    shared = [len(own & set(one.entities.items())) for one in others]
    best = [one for one, count in zip(others, shared, strict=True) if count == max(shared)]
    if len(best) > 1:
        names = ", ".join(one.path.name for one in best)
        raise InputError(
            f"{shown(file.path)}: several references fit equally ({names}). Choose one "
            "with a narrower pattern."
        )
    return best[0]
