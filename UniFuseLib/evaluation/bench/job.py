"""What a stage's process is told: which work, on which case, from which earlier stages."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from UniFuseLib.errors import InputError
from UniFuseLib.io.json_files import read_json, write_json
from UniFuseLib.io.volumes import read_displacement, read_volume

if TYPE_CHECKING:
    import numpy as np

    from UniFuseLib.spatial.volume import Volume

Kind = Literal["restore", "register", "fuse", "model"]
RESTORED, FIELD = "restored.nii.gz", "field.nii.gz"


@dataclass(frozen=True)
class StageInput:
    """What earlier stages left.

    Attributes:
        restoration: name of the baseline.
        restored: folder of its stage.
        registration: name of the baseline, for a fusion.
        registered: folder of its stage, for a fusion.
    """

    restoration: str
    restored: str
    registration: str = ""
    registered: str = ""

    def volume(self) -> Volume:
        return read_volume(Path(self.restored) / RESTORED)

    def displacement(self) -> np.ndarray:
        """`(d, h, w, 3)` RAS mm on the reference grid."""
        return read_displacement(Path(self.registered) / FIELD)[0]


@dataclass(frozen=True)
class Job:
    """One stage to run.

    Attributes:
        kind: of the stage.
        name: the baseline's.
        cases: folder of the cases.
        case_id: the case.
        output: folder for `stage.json` and the stage's volumes.
        key: stands in the answer; `--resume` compares it.
        inputs: of `register` one restoration, of `fuse` every alignment.
        weights: of the model; None for the shipped ones.
        device: of the model.
        refine: of the model.
        fusions: further fusion methods on what the model aligned and restored.
    """

    kind: Kind
    name: str
    cases: str
    case_id: str
    output: str
    key: str
    inputs: tuple[StageInput, ...] = ()
    weights: str | None = None
    device: str = "cpu"
    refine: str = "auto"
    fusions: tuple[str, ...] = ()


def write_job(job: Job, path: Path) -> None:
    """Store a job for `python -m UniFuseLib.evaluation.bench.stage`."""
    write_json(asdict(job), path)


def read_job(path: Path) -> Job:
    """Inverse of `write_job`.

    Raises:
        InputError: there is no such job.
    """
    content = read_json(path)
    if content is None:
        raise InputError(f"Cannot read the job '{path}'.")
    inputs = tuple(StageInput(**source) for source in content.pop("inputs"))
    return Job(**{**content, "inputs": inputs, "fusions": tuple(content["fusions"])})
