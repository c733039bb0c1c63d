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
from UniFuseLib.postprocess import network_result, to_reference_grid
from UniFuseLib.preprocessing.intensity import BACKGROUND
from UniFuseLib.preprocessing.prepare import place, prepare_pair
from UniFuseLib.registration.affine import unmoved
from UniFuseLib.spatial.volume import Volume

if TYPE_CHECKING:
    from collections.abc import Callable

    from UniFuseLib.contract import Contract
    from UniFuseLib.predict import Network
    from UniFuseLib.simulation.case_folder import Case
    from UniFuseLib.spatial.volume import Grid

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
    """v with X + u(X) = Y for X = Y + v(Y): v ← -u(Y + v), started from no motion.

    Args:
        displacement: u `(d, h, w, 3)` RAS mm on `grid`; beyond it the border repeats.
        grid: where u lies.
        at: whose voxel places are Y.

    Returns:
        v on `at`, `(d', h', w', 3)` float32 RAS mm.
    """
    components = [Volume(np.ascontiguousarray(displacement[..., k]), grid.affine) for k in range(3)]
    found = np.zeros((*at.shape, 3), np.float32)
    for _ in range(_INVERSION_STEPS):
        found = -np.stack([pull(component, found, at) for component in components], axis=-1)
    return found


def restore_in_place(
    degraded: Volume,
    reference: Volume,
    modalities: tuple[str, str],
    *,
    model: Network,
    contract: Contract,
    device: torch.device,
) -> np.ndarray:
    """The network's restored volume along no motion, in the degraded volume's units and grid.

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
        registered = model.register(working.degraded.to(device), working.reference.to(device))
        output = model.fuse(registered, torch.zeros_like(registered.flow))
    found = network_result(working, output)
    return to_reference_grid(pair.degraded.source, pair.reference.source, found).restored
