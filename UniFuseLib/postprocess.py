"""From the working grid back to the reference grid, at the reference's own resolution.

The degraded volume is sampled once, from its own voxels, at X + u(X); the network adds what it
changed. So neither volume loses detail to the working grid, and resampling with the written field
gives `aligned` again.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import torch
from torch import Tensor

from UniFuseLib.errors import WeightsError
from UniFuseLib.preprocessing.colour import luma, luma_of_channels
from UniFuseLib.pulled_scan import PulledScan, empty_volume, own_type, write_rows
from UniFuseLib.spatial.composed import ComposedField
from UniFuseLib.spatial.displacement import flow_to_world
from UniFuseLib.spatial.resampling import block, row_blocks, sample_box

if TYPE_CHECKING:
    from UniFuseLib.fusion.greys import Greys
    from UniFuseLib.network.unifuse import UniFuseOutput
    from UniFuseLib.preprocessing.intensity import IntensityMap
    from UniFuseLib.preprocessing.prepare import InputVolume
    from UniFuseLib.preprocessing.working_pair import WorkingPair
    from UniFuseLib.pulled_scan import Pulled
    from UniFuseLib.spatial.volume import Grid


class NetworkResult(NamedTuple):
    """What the network found on the working grid: CPU, float32, `(1, 1, d, h, w)` if not said."""

    grid: Grid
    flow: Tensor  # φ (1, 3, d, h, w), voxels of `grid`, pull
    affine: np.ndarray  # A (4, 4), RAS reference point → RAS degraded point
    stacked: Tensor  # (1, 8, d, h, w), `maps` in their order

    @property
    def maps(self) -> NetworkMaps:
        """Views of them."""
        return split_maps(self.stacked)


class NetworkMaps(NamedTuple):
    """What is carried over to the reference grid; network intensities if not said otherwise."""

    aligned: Tensor  # degraded pulled through affine and flow
    restored: Tensor
    blend: Tensor  # weight of the reference, 0..1
    fusion_residual: Tensor  # fused - (restored + blend · (reference - restored))
    detail_weight: Tensor  # 0..1, of what the working grid cannot carry of the degraded volume
    displacement: Tensor  # v (1, 3, d, h, w), RAS mm


class ReferenceGridResult(NamedTuple):
    """On the reference grid; arrays `(d, h, w)`, colours `(d, h, w, 3)`."""

    fused: np.ndarray  # greys float32, 0 to about 1, or colours uint8
    restored: np.ndarray  # the degraded volume's own units; greys in its own type (`own_type`)
    field: ComposedField  # u, RAS mm: X reads the degraded volume at X + u(X)
    coverage: np.ndarray  # bool: the degraded scan has data at X + u(X)


def network_result(pair: WorkingPair, output: UniFuseOutput) -> NetworkResult:
    """The network's output as maps that can be carried over to another grid.

    Raises:
        WeightsError: the network gave NaN or an infinite number.
    """
    restored = output.restored.float().cpu()
    fused = output.fused.float().cpu()
    blend = output.blend.float().cpu()
    flow = output.flow.float().cpu()
    mixed = restored + blend * (pair.reference - restored)
    maps = NetworkMaps(
        aligned=output.moved.float().cpu(),
        restored=restored,
        blend=blend,
        fusion_residual=fused - mixed,
        detail_weight=output.detail_weight.float().cpu(),
        displacement=flow_to_world(flow, pair.grid),
    )
    _check_finite(maps)
    return NetworkResult(pair.grid, flow, pair.alignment.matrix, torch.cat(maps, dim=1))


def _check_finite(maps: NetworkMaps) -> None:
    """Refuse what would be written as a volume of NaN."""
    broken = [
        name
        for name, values in maps._asdict().items()
        # one NaN or infinite number makes the sum so; no temporary as large as the map
        if not math.isfinite(float(values.sum(dtype=torch.float64)))
    ]
    if broken:
        raise WeightsError(
            f"Expected finite numbers of the network, got NaN or infinite ones ({broken[0]}). "
            "float16 cannot hold large numbers: use --precision float32. If it ran in float32, its "
            "weights are broken: use those that were shipped."
        )


def to_reference_grid(
    degraded: InputVolume, reference: InputVolume, found: NetworkResult, greys: Greys
) -> ReferenceGridResult:
    """The degraded volume at X + u(X), and what the network made of it."""
    grid = reference.volume.grid
    field = ComposedField(grid, found.grid, found.maps.displacement, found.affine)
    scan = PulledScan(degraded, grid)
    kept = own_type(degraded.volume.array, degraded.background)
    result = _empty(field, scan.colour, kept)
    to_working = grid.index_to_index(found.grid)
    for rows in row_blocks(grid.shape):
        maps = split_maps(sample_box(found.stacked, to_working, block(grid.shape, rows)))
        pulled = scan.at(rows, field.composed(maps.displacement, rows))
        clean = greys.reference.forward(_reference_values(reference.volume.array[rows]))
        restored, fused = _compose(pulled, clean, maps, degraded, greys.degraded)
        write_rows(result.fused, rows, fused)
        write_rows(result.restored, rows, restored)
        write_rows(result.coverage, rows, pulled.covered)
    return result


def split_maps(stacked: Tensor) -> NetworkMaps:
    """The inverse of `torch.cat(maps, dim=1)`."""
    channels = [1, 1, 1, 1, 1, 3]
    return NetworkMaps(*stacked.split(channels, dim=1))


def _reference_values(array: np.ndarray) -> Tensor:
    """`(1, 1, rows, h, w)` float32, own units; of colours the luma."""
    values = np.asarray(luma(array), dtype=np.float32)
    return torch.from_numpy(values)[None, None]


def _compose(
    pulled: Pulled,
    clean: Tensor,
    maps: NetworkMaps,
    degraded: InputVolume,
    greys: IntensityMap,
) -> tuple[Tensor, Tensor]:
    """Restored (own units) and fused (greys, or colours 0..255) of one block.

    Args:
        pulled: the degraded volume there.
        clean: reference, `(1, 1, ...)` greys.
        maps: at the block's voxels.
        degraded: whose intensity map and modality are meant.
        greys: own units of the degraded volume → what the fused volume shows of it.
    """
    values, covered = pulled
    colour = values.shape[1] == 3
    grey = luma_of_channels(values) if colour else values
    intensities = degraded.intensity.forward(grey)
    beyond_grid = intensities - maps.aligned
    restored = maps.restored + maps.detail_weight * beyond_grid
    own = own_units(grey, intensities, restored, maps.detail_weight, degraded.intensity)
    shown = restored if greys is degraded.intensity else greys.forward(own)
    own = torch.where(covered, own, degraded.background)
    mixed = shown + maps.blend * (clean - shown) + maps.fusion_residual
    fused = torch.where(covered, mixed.clip(min=0.0), clean)
    if not colour:
        return own, fused
    # Eq. 13: the colour (what a channel has beyond the luma) moves with the volume and comes back
    chroma = values - grey
    covered_chroma = torch.where(covered, chroma, 0.0)
    coloured_own = own + chroma
    coloured_fused = 255 * fused + covered_chroma
    return coloured_own.clip(0, 255), coloured_fused.clip(0, 255)


def own_units(
    grey: Tensor, intensities: Tensor, restored: Tensor, detail_weight: Tensor, rule: IntensityMap
) -> Tensor:
    """f⁻¹(restored) + w · (x - f⁻¹(f(x))): what f clips comes back where detail is kept.

    Args:
        grey: x, the degraded volume in its own units.
        intensities: f(x).
        restored: network intensities.
        detail_weight: w, 0 to 1.
        rule: f.
    """
    unclipped = rule.inverse(restored)
    lost_by_clipping = grey - rule.inverse(intensities)
    return unclipped + detail_weight * lost_by_clipping


def _empty(field: ComposedField, colour: bool, own: np.dtype) -> ReferenceGridResult:
    shape = field.grid.shape
    return ReferenceGridResult(
        fused=empty_volume(shape, colour),
        restored=empty_volume(shape, colour, own),
        field=field,
        coverage=np.empty(shape, dtype=bool),
    )
