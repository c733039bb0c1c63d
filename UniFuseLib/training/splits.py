"""Which subjects train and which are held out: the paper's splits (Sec. 4.1).

They come from a fixed seed or from a file.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Literal

import numpy as np

from UniFuseLib.errors import InputError
from UniFuseLib.io.json_files import write_json
from UniFuseLib.io.output_folder import is_taken
from UniFuseLib.io.typed import read_json_as

if TYPE_CHECKING:
    from pathlib import Path

    from UniFuseLib.training.layouts import Subject

Split = Literal["train", "val"]
SPLITS: tuple[Split, ...] = ("train", "val")
#: pairs that the paper tests on; BraTS2020 has folders of its own for them (369 / 125)
HELD_OUT = {"synthrad2023": 62, "fdgpetct": 500}
_SEED = 2023


def select(
    subjects: list[Subject],
    layout: str,
    split: Split,
    file: Path | None = None,
    held_out: int | None = None,
) -> list[Subject]:
    """The subjects of one side of the split.

    Args:
        subjects: of the whole data set.
        layout: of the data set, key of `layouts.LAYOUTS`.
        split: the side.
        file: JSON `{"train": [names], "val": [names]}`; read where it exists, else the layout's
            split is written to it.
        held_out: subjects of `val` instead of the paper's number.

    Raises:
        InputError: a layout without a split, too few subjects, a file that does not fit, or an
            empty side.
        OutputError: the file cannot be written.
    """
    if file is not None and is_taken(file):
        names = _read(file)
    else:
        names = _split_of(subjects, layout, held_out)
        if file is not None:
            write_json(names, file)
    chosen = [subject for subject in subjects if subject.name in set(names[split])]
    if not chosen:
        raise InputError(
            f"None of the {len(subjects)} subjects belongs to '{split}'. "
            "Give the folder that holds the whole data set, training and validation."
        )
    return chosen


def hold_out(subjects: list[Subject], count: int, seed: int = _SEED) -> set[str]:
    """Names of exactly `count` random subjects, whole persons only; the same for the same names and
    seed.

    Raises:
        InputError: not that many subjects, or no choice of whole persons was met.
    """
    if not 0 < count < len(subjects):
        raise InputError(
            f"Expected more than {count} subjects to hold out {count}, got {len(subjects)}. "
            "Get the whole data set, or choose another number with --held-out."
        )
    sessions = Counter(_person(subject) for subject in subjects)
    persons = sorted(sessions)
    chosen: set[str] = set()
    missing = count
    for place in np.random.default_rng(seed).permutation(len(persons)):
        person = persons[place]
        if sessions[person] <= missing:
            chosen.add(person)
            missing -= sessions[person]
    if missing:
        raise InputError(
            f"Cannot hold out exactly {count} subjects without splitting a patient. "
            "Choose another number with --held-out."
        )
    return {subject.name for subject in subjects if _person(subject) in chosen}


def _person(subject: Subject) -> str:
    return subject.person or subject.name


def _split_of(subjects: list[Subject], layout: str, held_out: int | None) -> dict[str, list[str]]:
    if layout == "brats2020" and held_out is None:
        val = {subject.name for subject in subjects if "_Validation_" in subject.name}
    elif held_out is not None or layout in HELD_OUT:
        val = hold_out(subjects, held_out if held_out is not None else HELD_OUT[layout])
    else:
        raise InputError(
            f"The layout '{layout}' has no split of its own. Omit --split, or give the number of "
            "held-out subjects with --held-out."
        )
    sides: dict[str, list[str]] = {"train": [], "val": []}
    for subject in subjects:
        sides["val" if subject.name in val else "train"].append(subject.name)
    return sides


def _read(file: Path) -> dict[str, list[str]]:
    names = read_json_as(dict[str, list[str]], file)
    if set(names) != set(SPLITS):
        raise InputError(
            f'Expected {{"train": [names], "val": [names]}} in \'{file}\', found the keys '
            f"{', '.join(names) or 'none'}."
        )
    return names
