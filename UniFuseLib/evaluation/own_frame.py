"""Restoration apart from alignment: in the degraded scan's own frame, where nothing is resampled.

The truth brings the clean reference to the degraded scan's grid, the network restores along no
motion at all, and the output is compared with the clean scan that was degraded.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Protocol

import numpy as np
import torch

from UniFuseLib.evaluation.metrics.similarity import mean_squared_error, psnr_of
from UniFuseLib.evaluation.sampling import covered, pull
from UniFuseLib.fusion.greys import greys_of
from UniFuseLib.postprocess import network_result, to_reference_grid
from UniFuseLib.preprocessing.intensity import BACKGROUND
from UniFuseLib.preprocessing.prepare import prepare_pair
from UniFuseLib.preprocessing.working_pair import place
from UniFuseLib.registration.affine import unmoved
from UniFuseLib.restoration.correct import correct
from UniFuseLib.restoration.shipped import shipped_correction
from UniFuseLib.spatial.linear import mapped
from UniFuseLib.spatial.volume import Volume
from UniFuseLib.steps import classify_pair, decided

if TYPE_CHECKING:
    from collections.abc import Callable

    from UniFuseLib.contract import Contract
    from UniFuseLib.simulation.case_folder import Case
    from UniFuseLib.spatial.volume import Grid
    from UniFuseLib.steps import Network

_INVERSION_STEPS = 12  # a field that shrinks distances by half at most is inverted to 1/4000


class RestoreInPlace(Protocol):
    """A degraded volume and a reference on its grid, perfectly aligned → the restored volume."""

    def __call__(
        self, degraded: Volume, reference: Volume, modalities: tuple[str, str]
    ) -> np.ndarray: ...


class OwnFrameFigures(NamedTuple):
    """PSNR against the clean scan in the degraded scan's own frame, inside the body."""

    psnr_db: float  # of the restored volume
    degraded_psnr_db: float  # of the scan as it came; 100 for a clean input
    gain_db: float  # psnr_db - degraded_psnr_db


def own_frame_figures(
    case: Case, restore: RestoreInPlace, unit: Callable[[np.ndarray], np.ndarray]
) -> OwnFrameFigures:
    """Restore the degraded scan of `case` where it lies, and measure.

    Args:
        case: with its truth.
        restore: what is measured, see `restore_in_place`.
        unit: the degraded scan's units → [0, 1].
    """
    grid = case.degraded.grid
    back = inverse_displacement(case.truth, case.reference.grid, grid)
    fill = BACKGROUND[case.reference_modality]
    reference = Volume(pull(case.reference, back, grid, fill=fill), case.degraded.affine)
    body = Volume(case.body.astype(np.float32), case.reference.affine)
    inside = pull(body, back, grid, mode="nearest") > 0.5
    inside &= covered(case.reference.grid, back, grid)
    modalities = (case.degraded_modality, case.reference_modality)
    restored = unit(restore(case.degraded, reference, modalities))
    clean = unit(case.clean_misaligned.array)
    psnr = psnr_of(mean_squared_error(restored, clean, inside))
    before = psnr_of(mean_squared_error(unit(case.degraded.array), clean, inside))
    return OwnFrameFigures(psnr, before, psnr - before)


def inverse_displacement(displacement: np.ndarray, grid: Grid, at: Grid) -> np.ndarray:
    """v with X + u(X) = Y for X = Y + v(Y).

    φ(X) = X + u(X) = A(X + w(X)) with the affine A that fits u best, so that X = A⁻¹Y − w(X) is
    found by iteration however far A turns: v ← A⁻¹Y − Y − w(Y + v), started from w = 0.

    Args:
        displacement: u `(d, h, w, 3)` RAS mm on `grid`; beyond it the border repeats.
        grid: where u lies.
        at: whose voxel places are Y.

    Returns:
        v on `at`, `(d', h', w', 3)` float32 RAS mm.
    """
    here = _places(grid)
    back = np.linalg.inv(_best_affine(here, here + displacement))
    rest = mapped(back, here + displacement) - here
    components = [Volume(np.ascontiguousarray(rest[..., k]), grid.affine) for k in range(3)]
    affine = mapped(back, _places(at)) - _places(at)
    found = affine
    for _ in range(_INVERSION_STEPS):
        found = affine - np.stack([pull(part, found, at) for part in components], axis=-1)
    return found.astype(np.float32)


def _places(grid: Grid) -> np.ndarray:
    """RAS mm of the voxels, `(d, h, w, 3)`."""
    index = np.moveaxis(np.indices(grid.shape, dtype=np.float64), 0, -1)
    return mapped(grid.affine, index)


def _best_affine(points: np.ndarray, moved: np.ndarray) -> np.ndarray:
    """A with the least Σ |A X − Y|² over all voxels, `(4, 4)`."""
    centre, there = points.reshape(-1, 3).mean(0), moved.reshape(-1, 3).mean(0)
    x, y = points.reshape(-1, 3) - centre, moved.reshape(-1, 3) - there
    matrix = np.eye(4)
    matrix[:3, :3] = np.linalg.solve(x.T @ x, x.T @ y).T
    matrix[:3, 3] = there - matrix[:3, :3] @ centre
    return matrix


def restore_in_place(
    degraded: Volume,
    reference: Volume,
    modalities: tuple[str, str],
    *,
    model: Network,
    contract: Contract,
    device: torch.device,
) -> np.ndarray:
    """The restored volume along no motion, in the degraded volume's units and grid.

    As `predict.fuse` restores it: the network, and the correction of the class that it finds.

    Args:
        degraded: as it comes from the scanner.
        reference: on the same grid, aligned.
        modalities: of both, `mr`, `ct` or `pet`.
        model: the network.
        contract: what it expects.
        device: where it lies.
    """
    pair = prepare_pair(degraded, reference, modalities, contract)
    working = place(pair, unmoved())
    with torch.no_grad():
        both = working.degraded.to(device), working.reference.to(device)
        registered = model.register(*both, find_field=False)
        classified = classify_pair(registered.logits, pair, contract)
        p = decided(classified, contract, registered.logits)
        output = model.fuse(registered, probabilities=p)
    correction = shipped_correction(contract.sha256)
    found = network_result(working, output)
    correct(found, pair, working, classified, correction)
    sources = pair.degraded.source, pair.reference.source
    return to_reference_grid(*sources, found, greys_of(pair)).restored
