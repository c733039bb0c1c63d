"""The call that evaluation measures, and what it reads of the answer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    import numpy as np

    from UniFuseLib.spatial.volume import Volume


class Warned(Protocol):
    """What evaluation reads of a `report.Report`."""

    @property
    def warnings(self) -> tuple[str, ...]: ...


class Fused(Protocol):
    """What evaluation reads of a `fusion_result.FusionResult`."""

    @property
    def fused(self) -> Volume: ...
    @property
    def restored(self) -> Volume: ...
    @property
    def displacement(self) -> np.ndarray: ...
    @property
    def probabilities(self) -> dict[str, float]: ...
    @property
    def label(self) -> str: ...
    @property
    def report(self) -> Warned: ...


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
