"""Which files of a simulated case share a grid, and the check that they do."""

from __future__ import annotations

from typing import TYPE_CHECKING

from UniFuseLib.errors import InputError

if TYPE_CHECKING:
    from pathlib import Path

    from UniFuseLib.spatial.volume import Grid, Volume

#: grid → the other files that lie on it
_ON_GRID: dict[str, tuple[str, ...]] = {
    "reference": ("clean_aligned", "body", "field", "labels_reference"),
    "degraded": ("clean_misaligned", "labels_degraded"),
}


def check_grids(here: Path, volumes: dict[str, Volume], field_grid: Grid) -> None:
    """Every file of a case lies on the grid that it belongs to.

    Args:
        here: folder of the case, for the message.
        volumes: by the names of `case_folder.FILES` and `LABEL_FILES`, without `field`.
        field_grid: of the true field.

    Raises:
        InputError: two geometries contradict each other.
    """
    grids = {name: volume.grid for name, volume in volumes.items()} | {"field": field_grid}
    for standard, followers in _ON_GRID.items():
        for name in followers:
            if name in grids:
                _check_same(here, standard, grids[standard], name, grids[name])


def _check_same(here: Path, standard: str, expected: Grid, name: str, grid: Grid) -> None:
    # NIfTI stores orientation in float32: allow a hundredth of a millimetre far from the origin
    if grid.same_as(expected, tolerance_mm=1e-2):
        return
    raise InputError(
        f"'{here}': {name} contradicts the geometry of {standard}: "
        f"expected shape {expected.shape}, spacing {expected.spacing.round(3).tolist()} mm, "
        f"got {grid.shape}, {grid.spacing.round(3).tolist()} mm, "
        "or another origin or direction."
    )
