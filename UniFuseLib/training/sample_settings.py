"""What training samples are drawn from, and how often."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from UniFuseLib.simulation.misalignment import REMAINDER, MisalignmentRange

if TYPE_CHECKING:
    from UniFuseLib.training.config import SampleFrame


@dataclass(frozen=True)
class SampleSettings:
    """What is drawn.

    Attributes:
        crop: voxels along each axis.
        pairings: (degraded, reference) roles of real subjects; empty: every ordered pair.
        frame: `crop` is an isotropic cube around a point of the body; `whole` is the whole
            reference, resized to the cube as in the paper (Sec. 4.1: 160³ with random cropping and
            scaling).
        spacings_mm: of a crop, one is drawn (few, so that projectors are reused).
        synthetic: share of samples that come from label maps. clean: share of inputs without
            degradation.
        partial: share of volumes whose field of view ends inside the crop. thick: of synthetic
            scans with thick slices.
        still: share of samples without misalignment. ranges: of the misalignment.
        made: share of the real samples that pair a CT or MR with a contrast made from itself.
    """

    crop: int = 64
    pairings: tuple[tuple[str, str], ...] = ()
    frame: SampleFrame = "crop"
    spacings_mm: tuple[float, ...] = (1.5, 2.0)
    synthetic: float = 0.35
    clean: float = 0.25
    partial: float = 0.0
    thick: float = 0.0
    still: float = 0.2
    ranges: MisalignmentRange = REMAINDER
    made: float = 0.0
