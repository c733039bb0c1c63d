"""What the affine registration compares, by the modalities of a pair."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import Tensor


class Loss(NamedTuple):
    """How a voxel counts whose descriptors differ by q = mean over channels of r²."""

    value: Callable[[Tensor], Tensor]  # 0 where nothing differs
    weight: Callable[[Tensor], Tensor]  # 2 dvalue/dq, of reweighted least squares


class Measures(NamedTuple):
    """How much each measure counts, and the descriptors' loss."""

    information: float  # per nat
    descriptors: float  # per unit of the loss
    loss: Loss
    contrast_power: dict[str, float]  # modality → power of its intensities that is described
    by_bone: bool = False  # voxels count as much as they move with the bones


# by its size: every voxel has a say, one outlier does not rule
CHARBONNIER = Loss(
    value=lambda q: (q + 0.02**2).sqrt(),
    weight=lambda q: (q + 0.02**2).rsqrt(),
)
# saturating (r of 0.15 is half of the most): voxels that do not fit at all have next to no say
GEMAN_MCCLURE = Loss(
    value=lambda q: q / (q + 0.15**2),
    weight=lambda q: 2 * 0.15**2 / (q + 0.15**2).square(),
)
# Measured (decision 0045): a weight of 10 is as good, of 1 worse. Mutual information of uptake and
# anatomy does not measure place. Network intensities of PET are roots of the uptake: descriptors of
# uptake^1.5 find the same edges as those of a CT, not the blurred skirt around them
_OF_ANATOMY = Measures(
    information=1.0,
    descriptors=3.0,
    loss=CHARBONNIER,
    contrast_power={},
)
_OF_UPTAKE = Measures(
    information=0.0,
    descriptors=3.0,
    loss=GEMAN_MCCLURE,
    contrast_power={"pet": 3.0},
)


def measures_of(degraded: str, reference: str) -> Measures:
    """The measures for a pair of modalities.

    Bone is what two sessions of CT and MR share; skin and muscle lie elsewhere.

    Args:
        degraded: `mr`, `ct` or `pet`.
        reference: `mr`, `ct` or `pet`.
    """
    if "pet" in (degraded, reference):
        return _OF_UPTAKE
    ct_and_mr = {degraded, reference} == {"ct", "mr"}
    return _OF_ANATOMY._replace(by_bone=ct_and_mr)


def information_alone(measures: Measures) -> Measures:
    """The same without descriptors.

    Args:
        measures: of a pair.
    """
    return measures._replace(information=_OF_ANATOMY.information, descriptors=0.0)


def descriptors_alone(measures: Measures) -> Measures:
    """Descriptors of anatomy without mutual information, other ones than a pair with PET has.

    Args:
        measures: of a pair.
    """
    return _OF_ANATOMY._replace(information=0.0, by_bone=measures.by_bone)
