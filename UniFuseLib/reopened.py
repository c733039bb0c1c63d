"""A result that lies in files, as the run returned it: for its page, which is drawn from that.

The body, the repaired scan and the coverage are in no file; they follow from the inputs as they did
in the run.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch

from UniFuseLib.contract import standard_contract
from UniFuseLib.fusion_result import FusionResult
from UniFuseLib.preprocessing.prepare import prepare
from UniFuseLib.pulled_scan import PulledScan
from UniFuseLib.spatial.axes import from_canonical
from UniFuseLib.spatial.composed import ComposedField
from UniFuseLib.spatial.resampling import row_blocks

if TYPE_CHECKING:
    from UniFuseLib.preprocessing.prepare import InputVolume
    from UniFuseLib.report.report import Report
    from UniFuseLib.spatial.field import DisplacementField
    from UniFuseLib.spatial.volume import Volume


def reopened(
    fused: Volume,
    restored: Volume,
    field: DisplacementField,
    report: Report,
    degraded: Volume,
    reference: Volume,
) -> FusionResult:
    """What `fuse` returned for these two volumes, as far as the files keep it.

    Args:
        fused: on the grid of the reference.
        restored: likewise.
        field: u, on any nodes over the reference.
        report: of the run.
        degraded: the input.
        reference: the input.

    Raises:
        InputError: an input that cannot be used.
    """
    contract = standard_contract()
    scan = prepare(degraded, "degraded", report.degraded_modality, contract).source
    clean = prepare(reference, "reference", report.reference_modality, contract)
    between = ComposedField(reference.grid, field.grid, _channels(field), np.eye(4))
    return FusionResult(
        fused=fused,
        restored=restored,
        field=between,
        scan=scan,
        probabilities=report.probabilities,
        label=report.label,
        report=report,
        body=from_canonical(clean.body, reference.grid),
        coverage=_coverage(scan, between),
    )


def _channels(field: DisplacementField) -> torch.Tensor:
    """u `(1, 3, d, h, w)` float32."""
    return torch.from_numpy(np.moveaxis(field.displacement, -1, 0).copy())[None]


def _coverage(scan: InputVolume, field: ComposedField) -> np.ndarray:
    """`(d, h, w)` bool: X + u(X) lies in the degraded field of view."""
    pulled = PulledScan(scan, field.grid)
    covered = np.empty(field.grid.shape, dtype=bool)
    for rows in row_blocks(field.grid.shape):
        u = torch.from_numpy(field[rows]).movedim(-1, 0)[None]
        covered[rows] = pulled.at(rows, u).covered[0, 0].numpy()
    return covered
