"""The call that evaluation measures, and what it reads of the answer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    import numpy as np

    from UniFuseLib.spatial.volume import Volume


class Judged(Protocol):
    """What evaluation reads of a `report.VerdictReport`."""

    @property
    def trust(self) -> str | None: ...
    @property
    def probability_off_by_3_mm(self) -> float | None: ...
    @property
    def expected_error_mm(self) -> float | None: ...
    @property
    def interval_mm(self) -> tuple[float, float] | None: ...


class Reported(Protocol):
    """What evaluation reads of a `report.Report`."""

    @property
    def warnings(self) -> tuple[str, ...]: ...
    @property
    def verdict(self) -> Judged: ...
    @property
    def severity(self) -> float | None: ...
    @property
    def class_calibrated(self) -> bool: ...


class Fused(Protocol):
    """What evaluation reads of a `fusion_result.FusionResult`."""

    @property
    def fused(self) -> Volume: ...
    @property
    def restored(self) -> Volume: ...
    @property
    def displacement(self) -> np.ndarray: ...
    @property
    def coverage(self) -> np.ndarray: ...
    @property
    def probabilities(self) -> dict[str, float]: ...
    @property
    def label(self) -> str: ...
    @property
    def report(self) -> Reported: ...


class Fuse(Protocol):
    """The call of `predict.fuse`: it is given what a user would give, never the truth."""

    def __call__(
        self,
        degraded: Volume,
        reference: Volume,
        *,
        degraded_modality: str,
        reference_modality: str,
    ) -> Fused: ...


def stated_class(result: Fused) -> dict[str, Any]:
    """`class_found` and `confidence` of a case; both None where the report states no class."""
    if not result.report.class_calibrated:
        return {"class_found": None, "confidence": None}
    confidence = float(result.probabilities[result.label])
    return {"class_found": result.label, "confidence": confidence}
