"""What one fusion will cost, before it begins: memory, time and disk, from the sizes of the grids.

    y = base + a · reference voxels + b · working voxels + c · degraded voxels

Coefficients: of runs on one core, MR on MR with refinement, the most expensive pair
(`Testing/benchmarks/cost_model.py`, `docs/results/cost-model.json`). Time: least squares of
relative errors. Memory: the lowest on average that no run exceeded.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

from UniFuseLib.disk import Disk, disk_of
from UniFuseLib.errors import DeviceError
from UniFuseLib.preprocessing.shared_grid import shared_grid
from UniFuseLib.process import in_bytes
from UniFuseLib.spatial.nodes import AUTO
from UniFuseLib.verdict.affordable import affordable

if TYPE_CHECKING:
    from UniFuseLib.spatial.volume import Grid

# 83 pairs took 0.13 to 0.38 s for a litre of the reference's field of view, 0.26 s on the whole
# (decision 0074)
_UNCERTAINTY_SECONDS_PER_MM3 = 0.27e-6


class LinearCost(NamedTuple):
    """Coefficients of the formula above."""

    base: float
    per_reference_voxel: float
    per_working_voxel: float
    per_degraded_voxel: float
    within: float  # largest relative error that was found

    def of(self, size: Size) -> float:
        """In the unit of the coefficients."""
        return (
            self.base
            + self.per_reference_voxel * size.reference_voxels
            + self.per_working_voxel * size.working_voxels
            + self.per_degraded_voxel * size.degraded_voxels
        )


MEMORY_BYTES = LinearCost(772.1e6, 11.73, 231.2, 4.017, within=0.193)
CPU_SECONDS = LinearCost(4.403, 5.185e-7, 3.037e-6, 6.908e-8, within=0.196)


class Size(NamedTuple):
    """Numbers of voxels that a fusion works on."""

    reference_voxels: int
    working_voxels: int
    degraded_voxels: int
    working_mm: float


class Cost(NamedTuple):
    """What a fusion takes."""

    size: Size
    memory_bytes: int  # at its peak, on the CPU
    cpu_seconds: float  # of one core of the machine that was measured
    disk: Disk


def estimate(
    degraded: Grid,
    reference: Grid,
    working_mm: float,
    *,
    uncertainty: bool = False,
    field_spacing: float | str = AUTO,
    uncompressed: bool = False,
) -> Cost:
    """The cost of one fusion.

    Args:
        degraded: grid of the degraded volume.
        reference: grid of the reference, which the results will lie on.
        working_mm: voxel size of the working grid that is asked for.
        uncertainty: whether its map is asked for.
        field_spacing: of the deformation's file, see `spatial.stored`.
        uncompressed: whether volumes are written raw.

    Raises:
        InputError: see `preprocessing.shared_grid`.
    """
    working = shared_grid(reference, working_mm).grid
    size = Size(
        reference_voxels=math.prod(reference.shape),
        working_voxels=math.prod(working.shape),
        degraded_voxels=math.prod(degraded.shape),
        working_mm=round(float(working.spacing[0]), 3),
    )
    seen_mm3 = size.working_voxels * float(working.spacing.prod())
    mapped_alone = uncertainty and not affordable(reference)  # else the verdict has it already
    more_seconds = _UNCERTAINTY_SECONDS_PER_MM3 * seen_mm3 if mapped_alone else 0.0
    return Cost(
        size=size,
        memory_bytes=round(MEMORY_BYTES.of(size)),
        cpu_seconds=round(CPU_SECONDS.of(size) + more_seconds, 1),
        disk=disk_of(reference, field_spacing, uncertainty=uncertainty, uncompressed=uncompressed),
    )


def check_memory(cost: Cost, available: int | None) -> None:
    """Refuse what the machine cannot hold.

    Args:
        cost: of the fusion.
        available: bytes that are free; None: not known.

    Raises:
        DeviceError: the estimate is more than that.
    """
    if available is None or cost.memory_bytes <= available:
        return
    raise DeviceError(
        f"This pair needs about {in_bytes(cost.memory_bytes)} of memory, and "
        f"{in_bytes(available)} are free. Close other programs, choose a larger --working-spacing "
        f"than {cost.size.working_mm:g}, crop the reference, or add --exceed-memory to try it "
        "anyway."
    )
