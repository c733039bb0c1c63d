"""Steps of the road that bring two rooms together; `predict.py` shows their order."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
import torch

from UniFuseLib.degradation import DEGRADATION_OF, Classification, classify, is_calibrated
from UniFuseLib.device import autocast
from UniFuseLib.fusion.methods import UNIFUSE
from UniFuseLib.fusion.on_reference import fuse_again
from UniFuseLib.registration.bspline_pair import RefinementPair, Side
from UniFuseLib.registration.bspline_refinement import Refined
from UniFuseLib.registration.deformation import Deformed, deform
from UniFuseLib.restored_own import restore_own
from UniFuseLib.severity.presence import presence_of
from UniFuseLib.spatial.displacement import no_flow
from UniFuseLib.spatial.transform import Transform
from UniFuseLib.spatial.volume import Volume

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import Tensor

    from UniFuseLib.contract import Contract
    from UniFuseLib.fusion.greys import Greys
    from UniFuseLib.network.blend import Base
    from UniFuseLib.postprocess import NetworkResult, ReferenceGridResult
    from UniFuseLib.preprocessing.prepare import PreparedPair, PreparedVolume
    from UniFuseLib.preprocessing.working_pair import Align, WorkingPair
    from UniFuseLib.spatial.composed import ComposedField


# Of an MR's body: whole heads show 0.89 and more of each other, stripped ones a third (0104)
_LEAST_SHOWN = 0.7
_MR = DEGRADATION_OF["mr"]
_MOST_VOXELS = 2_400_000  # of the reference that are looked at: half a CPU second


class Network(Protocol):
    """What `fuse` asks of a network; `network.unifuse.UniFuse` answers it."""

    def register(self, degraded: Tensor, reference: Tensor, *, find_field: bool = True) -> Any:
        """Two `(1, 1, d, h, w)` → what `network.unifuse.Registered` holds."""

    def classify(self, degraded: Tensor, reference: Tensor) -> Tensor:
        """Two `(1, 1, d, h, w)` → class logits of the first one `(1, classes)`."""

    def fuse(
        self,
        registered: Any,
        flow: Tensor | None = None,
        base: Base = "reference",
        probabilities: Tensor | None = None,
    ) -> Any:
        """→ what `network.unifuse.UniFuseOutput` holds."""


class NetworkRun:
    """The network on one pair: run once, with its field only where that is asked for first.

    Args:
        network: see `Network`.
        pair: the checked inputs.
        working: both on the working grid.
        device: of the network.
        precision: of its forward pass.
    """

    def __init__(
        self,
        network: Network,
        pair: PreparedPair,
        working: WorkingPair,
        device: torch.device,
        precision: str,
    ) -> None:
        self.network, self.pair, self.working = network, pair, working
        self.device, self.precision = device, precision
        self._registered: Any = None

    def flow(self) -> Tensor:
        """φ `(1, 3, d, h, w)`, voxels of the working grid; where there are masks, that of what they
        hold: elsewhere both volumes are air.
        """
        if self.pair.masked:
            flow: Tensor = self._run(*self._shown(), find_field=True).flow
            return flow
        self._registered = self._run(*self._whole(), find_field=True)
        return self._registered.flow

    def registered(self) -> Any:
        """What `network.unifuse.Registered` holds of the whole volumes; φ may be at rest."""
        if self._registered is None:
            self._registered = self._run(*self._whole(), find_field=False)
        return self._registered

    def class_of_reference(self, slices: slice) -> Tensor:
        """Class logits `(1, classes)` of the reference, in these slices alone."""
        exchanged = self.working.reference, self.working.degraded
        both = (volume[:, :, slices].to(self.device) for volume in exchanged)
        with autocast(self.precision, self.device):
            return self.network.classify(*both)

    def _run(self, degraded: Tensor, reference: Tensor, *, find_field: bool) -> Any:
        with autocast(self.precision, self.device):
            both = degraded.to(self.device), reference.to(self.device)
            return self.network.register(*both, find_field=find_field)

    def _whole(self) -> tuple[Tensor, Tensor]:
        return self.working.degraded, self.working.reference

    def _shown(self) -> tuple[Tensor, Tensor]:
        both = self.working.degraded_acquired & self.working.reference_acquired
        degraded, reference = self._whole()
        return (
            torch.where(both, degraded, self.pair.degraded.source.air),
            torch.where(both, reference, self.pair.reference.source.air),
        )


def deform_pair(
    pair: PreparedPair,
    working: WorkingPair,
    device: torch.device,
    predict: Callable[[], Tensor],
    steps: int,
    align: Align,
    progress: Callable[[float], None],
) -> Deformed:
    """What moves beyond the pose, as far as the volumes of this pair support it.

    Args:
        pair: the checked inputs.
        working: both on the working grid.
        device: that computes.
        predict: makes the network's φ `(1, 3, d, h, w)`, voxels, on `device`; may not be asked.
        steps: of the refinement; 0: off.
        align: how far the alignment may go.
        progress: takes a fraction.
    """
    if align != "deformable":
        rest = no_flow(working.degraded.to(device))
        return Deformed(rest, "rest", Refined(rest, 0, None, 0))
    compared = RefinementPair(
        degraded=Side(working.degraded, working.degraded_acquired),
        reference=Side(working.reference, working.reference_acquired),
        body=working.mask,
        spacing=float(working.grid.spacing[0]),
    ).to(device)
    return deform(compared, predict, pair.modalities, steps, progress)


def fuse_by_method(
    method: str,
    native: ReferenceGridResult,
    pair: PreparedPair,
    greys: Greys,
    device: torch.device,
) -> ReferenceGridResult:
    """The same with the fused volume of another method, where one is asked for.

    Args:
        method: one of `fusion.methods.METHODS`.
        native: on the reference grid.
        pair: the checked inputs.
        greys: of the fused volume.
        device: of the method's network, if it has one.
    """
    if method == UNIFUSE:
        return native
    aligned = native.restored, native.coverage
    again = fuse_again(method, *aligned, pair.reference.source, greys, device)
    return native._replace(fused=again)


def restore_degraded(pair: PreparedPair, found: NetworkResult, field: ComposedField) -> Volume:
    """The degraded volume restored where it lies, on its own grid.

    Args:
        pair: the checked inputs.
        found: what the network changed, on the working grid.
        field: u on the reference grid.
    """
    degraded, reference = pair.degraded.source, pair.reference.source
    transform = Transform(field.whole(), reference.volume.grid, degraded.volume.grid)
    restored = restore_own(degraded, found, transform)
    return Volume(restored.array, degraded.volume.affine)


def classify_pair(logits: Tensor, pair: PreparedPair, contract: Contract) -> Classification:
    """p of Eq. 1, among the classes that the modality can have, and what the scan's traces say.

    Args:
        logits: `(1, classes)`.
        pair: whose degraded volume was classified.
        contract: of the network.
    """
    return _classified(logits, pair.degraded, float(pair.grid.spacing[0]), contract)


def decided(classified: Classification, contract: Contract, logits: Tensor) -> Tensor:
    """p `(1, classes)` that counts, for a network that restores by it.

    Args:
        classified: of the degraded volume.
        contract: of the network.
        logits: of the network, `(1, classes)`; the same type and device.
    """
    return logits.new_tensor([[classified.probabilities[name] for name in contract.classes]])


def classify_reference(run: NetworkRun, contract: Contract) -> Classification | None:
    """The same of the reference, as if it were the degraded one; a patient's metal is no sign.

    Of an MR the network alone decides: the probability from which on a reference is called degraded
    was measured so (0104).

    Args:
        run: network and pair.
        contract: of the network.

    Returns:
        None at a spacing that no class is stated at, and of an MR of which the degraded volume
        shows too little: the network takes what is lacking there for motion.
    """
    pair, working = run.pair, run.working
    spacing_mm = float(pair.grid.spacing[0])
    partial = pair.modalities[1] == "mr" and _shown_share(pair.reference, working) < _LEAST_SHOWN
    if partial or not is_calibrated(spacing_mm, contract.working_spacing_mm):
        return None
    middle = _middle_slices(working.grid.shape)
    logits = run.class_of_reference(middle)
    return _classified(logits, pair.reference, spacing_mm, contract, as_reference=True)


def _middle_slices(shape: tuple[int, int, int]) -> slice:
    depth, height, width = shape
    surplus = max(0, depth - max(1, _MOST_VOXELS // (height * width)))
    return slice(surplus // 2, depth - (surplus - surplus // 2))


def _shown_share(reference: PreparedVolume, working: WorkingPair) -> float:
    """Part of the reference's body that the degraded volume shows; stripped away is not shown."""
    body_mm3 = float(reference.body.sum()) * float(np.prod(reference.scalar.grid.spacing))
    shown_mm3 = float(working.mask.sum()) * float(np.prod(working.grid.spacing))
    return shown_mm3 / max(body_mm3, 1.0)


def _classified(
    logits: Tensor,
    scan: PreparedVolume,
    spacing_mm: float,
    contract: Contract,
    *,
    as_reference: bool = False,
) -> Classification:
    heads = {k: head for k, head in contract.presence.items() if not (as_reference and k == _MR)}
    raw = torch.softmax(logits.float().cpu()[0], dim=0).tolist()
    raw_probabilities = dict(zip(contract.classes, raw, strict=True))
    return classify(
        raw_probabilities,
        scan.source.modality,
        contract.sure_from,
        spacing_mm,
        contract.working_spacing_mm,
        lambda network: presence_of(scan, network, heads, metal_counts=not as_reference),
        scan.voxel_mm,
        scan.metal_ml,
    )
