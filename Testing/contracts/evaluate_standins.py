"""Stand-ins for the model that `evaluate` measures, and changes to folders of cases."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import TYPE_CHECKING

import numpy as np

from UniFuseLib.evaluation.sampling import pull
from UniFuseLib.report.report import VerdictReport
from UniFuseLib.spatial.volume import Volume

if TYPE_CHECKING:
    from pathlib import Path


def make_index(folder: Path, names: list[str]) -> None:
    (folder / "cases.json").write_text(json.dumps({"version": 1, "cases": names}))


JUDGED = VerdictReport("amber", 0.4, 2.0, (0.0, 1000.0))


def reported(*, class_calibrated: bool = True) -> SimpleNamespace:
    """What is read of a report."""
    return SimpleNamespace(
        warnings=("a doubt",), verdict=JUDGED, severity=0.5, class_calibrated=class_calibrated
    )


@dataclass(frozen=True)
class Result:
    fused: Volume
    restored: Volume
    displacement: np.ndarray
    probabilities: dict[str, float]
    label: str
    report: SimpleNamespace = field(default_factory=reported)

    @property
    def coverage(self) -> np.ndarray:
        return np.ones(self.displacement.shape[:3], bool)


def identity(
    degraded: Volume, reference: Volume, *, degraded_modality: str, reference_modality: str
) -> Result:
    """Does nothing: shows the degraded volume where its header says it lies."""
    here = pull(degraded, None, reference.grid)
    still = np.zeros((*reference.array.shape, 3), np.float32)
    fused = Volume(np.full(reference.array.shape, 0.5, np.float32), reference.affine)
    answer = {"mr": "mr_motion", "ct": "ct_metal_noise", "pet": "clean"}[degraded_modality]
    others = {
        n: 0.1 for n in ("clean", "mr_motion", "ct_metal_noise", "pet_low_dose") if n != answer
    }
    return Result(fused, Volume(here, reference.affine), still, {answer: 0.7, **others}, answer)


def rewrite(path: Path, **changes: object) -> None:
    path.write_text(json.dumps({**json.loads(path.read_text(encoding="utf-8")), **changes}))


def remove_field(case: Path) -> None:
    (case / "field.nii.gz").unlink()
