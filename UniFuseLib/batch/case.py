"""What the parts of a batch tell each other: pairs, tasks, outcomes."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal, NamedTuple

Settings = dict[str, Any]  # option of `unifuse fuse`, by its name in Python → value, as in JSON
STATE_FOLDER = ".unifuse-batch"  # in the output folder: lock, tracebacks
THUMBNAIL = "thumbnail.png"  # in the folder of a case


@dataclass(frozen=True)
class Case:
    """One pair.

    Attributes:
        name: of its folder in the output; see `names.check_name`.
        degraded: file or DICOM folder, absolute.
        reference: likewise.
        settings: of its run.
        where: for sentences: the row of a table, or a file.
    """

    name: str
    degraded: Path
    reference: Path
    settings: Settings = field(default_factory=dict)
    where: str = ""


class LeftOut(NamedTuple):
    """A row or file that is not a case."""

    name: str
    sentence: str


@dataclass(frozen=True)
class Plan:
    """All that a source holds.

    Attributes:
        cases: with names that differ on every file system.
        left_out: rows and files without a partner, with broken options and the like.
        notes: sentences for the user.
    """

    cases: tuple[Case, ...]
    left_out: tuple[LeftOut, ...] = ()
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Task:
    """One case as it goes to a worker, perhaps on another machine: plain values only.

    Attributes:
        output: folder of the whole batch.
        name: of the case's folder in it.
        degraded: absolute path.
        reference: absolute path.
        settings: of the run.
        record: what `case.json` will hold: inputs and settings that the result follows from.
        replace: a finished result of another record is there and shall go.
    """

    output: str
    name: str
    degraded: str
    reference: str
    settings: Settings
    record: dict[str, Any]
    replace: bool = False

    @property
    def target(self) -> Path:
        return Path(self.output) / self.name

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True)
class Outcome:
    """How one task ended; `sentence` says why it failed."""

    name: str
    state: Literal["done", "failed"]
    sentence: str = ""
    exit_code: int = 0
    seconds: float = 0.0

    def to_json(self) -> dict[str, Any]:
        return asdict(self)
