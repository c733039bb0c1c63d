"""Which volume the affine registration pulls, and at what spacings, by how much each one shows."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from UniFuseLib.registration.alignment_volume import AlignmentVolume

# A descriptor sees two voxels to each side: fewer across and a slab has none
_LEAST_ACROSS = 6.0
_FINEST_MM = 3.0  # no volume is seen finer (`alignment_volume.FINEST_MM`)
# Of the other one's body. Slabs have 0.16 to 0.69 of it, whole scans of one region 0.88 and more of
# each other, stripped brains with their padding 0.76 and more (decision 0045)
_MUCH_SMALLER = 0.75
_STAYS = ("pet", "ct", "mr")  # of two modalities the first one is not pulled


class Levels(NamedTuple):
    """Spacings, mm, coarse to fine."""

    coarse: float = 8.0
    medium: float = 5.0
    fine: float = 3.5

    @property
    def whole(self) -> bool:
        """No thin slab, for which they would be finer."""
        return self == Levels()


def levels_of(points: np.ndarray) -> Levels:
    """Those of a whole body, finer where it is a thin slab.

    Args:
        points: `(n, 3)` RAS mm of the body that is compared.
    """
    most = max(thickness_mm(points) / _LEAST_ACROSS, _FINEST_MM)
    whole = Levels()
    return Levels(*(min(spacing, most) for spacing in whole))


def better_as_reference(degraded: AlignmentVolume, reference: AlignmentVolume) -> bool:
    """Whether the reference had better be pulled onto the degraded volume, and the pose turned.

    The body of the one that is not pulled is compared wholly. A slab is part of what the other one
    saw: wholly compared, a pose gains nothing by crossing more of the other body. Of two modalities
    a PET stays, whose few voxels are blurred anew at every pose, and a CT beside an MR, whose bones
    say how much a place counts. A stripped volume is known to be air where it was stripped only
    beside the other one's skin: so it is pulled.

    Args:
        degraded: one side.
        reference: the other one.
    """
    if degraded.seen_ml() < _MUCH_SMALLER * reference.body_ml():
        return True
    if reference.seen_ml() < _MUCH_SMALLER * degraded.body_ml():
        return False
    if degraded.modality != reference.modality:
        return _STAYS.index(degraded.modality) < _STAYS.index(reference.modality)
    if degraded.modality != "mr":
        return False
    least = _MUCH_SMALLER * degraded.body_ml()
    return reference.body_ml() < least <= reference.seen_ml()


def thickness_mm(points: np.ndarray) -> float:
    """Of a plate with the same standard deviation along the direction where it is least.

    Args:
        points: `(n, 3)` RAS mm, evenly spread.
    """
    covariance = np.cov(points.T)
    least = np.linalg.eigvalsh(covariance)[0]
    return float(np.sqrt(12 * max(least, 0.0)))
