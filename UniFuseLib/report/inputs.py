"""The parts of `report.json` about what went in."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from UniFuseLib.preprocessing.intensity import (
    IntensityMap,  # noqa: TC001 (read from the annotation)
)
from UniFuseLib.spatial.axes import orientation_code

if TYPE_CHECKING:
    from UniFuseLib.preprocessing.modality import ModalityGuess
    from UniFuseLib.spatial.volume import Volume


@dataclass(frozen=True)
class InputReport:
    """Geometry of an input, array order (d, h, w)."""

    shape: tuple[int, ...]
    spacing_mm: tuple[float, ...]
    orientation: str
    origin_ras_mm: tuple[float, ...]
    dtype: str
    path: str | None = None
    affine_ras: tuple[tuple[float, ...], ...] | None = None

    @classmethod
    def of(cls, volume: Volume) -> InputReport:
        """Without a path, which a volume does not know."""
        grid = volume.grid
        return cls(
            shape=volume.array.shape,
            spacing_mm=tuple(round(float(s), 5) for s in grid.spacing),
            orientation=orientation_code(grid),
            origin_ras_mm=tuple(round(float(v), 4) for v in grid.affine[:3, 3]),
            dtype=str(volume.array.dtype),
            affine_ras=tuple(tuple(row) for row in np.round(grid.affine, 9).tolist()),
        )


@dataclass(frozen=True)
class InputsReport:
    """Both inputs."""

    degraded: InputReport
    reference: InputReport


@dataclass(frozen=True)
class ModalityReport:
    """How the modality of an input was found."""

    confidence: str
    reason: str


@dataclass(frozen=True)
class ModalitiesReport:
    degraded: ModalityReport
    reference: ModalityReport

    @classmethod
    def of(cls, degraded: ModalityGuess, reference: ModalityGuess) -> ModalitiesReport:
        found = (ModalityReport(guess.confidence, guess.reason) for guess in (degraded, reference))
        return cls(*found)


@dataclass(frozen=True)
class IntensityReport:
    """The rules that turned own units into network intensities."""

    degraded: IntensityMap
    reference: IntensityMap
