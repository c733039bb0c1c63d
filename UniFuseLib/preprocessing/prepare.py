"""Two volumes, checked and brought to one working grid: what the network reads.

One road for a run (`predict.py`) and for the calibration of the classifier.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, NamedTuple

import numpy as np

from UniFuseLib.errors import InputError
from UniFuseLib.preprocessing.body import acquired_mask, body_mask
from UniFuseLib.preprocessing.checks import check_volume, fields_of_view, overlap
from UniFuseLib.preprocessing.colour import luma
from UniFuseLib.preprocessing.guidance import GivenPoses, Guidance, given_poses, mask_on
from UniFuseLib.preprocessing.intensity import IntensityMap, fit
from UniFuseLib.preprocessing.modality import ModalityEvidence, ModalityGuess, guess_modality
from UniFuseLib.registration.affine import AffineResult, Freedom, register, unmoved
from UniFuseLib.registration.alignment_volume import alignment_volume
from UniFuseLib.spatial.axes import canonical, working_grid
from UniFuseLib.spatial.resampling import resample
from UniFuseLib.spatial.volume import Grid, Volume

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import Tensor

    from UniFuseLib.contract import Contract
    from UniFuseLib.registration.alignment_volume import AlignmentVolume

Align = Literal["deformable", "affine", "rigid", "none"]
# how far the alignment may go → freedom of the motion before the network
FREEDOM: dict[str, Freedom | None] = {
    "deformable": "rigid",
    "affine": "affine",
    "rigid": "rigid",
    "none": None,
}
LARGEST_WORKING_GRID = 256**3  # voxels
WHOLLY = 0.99  # of an interpolated mask: all that it was interpolated from
_AFFINE_SHARE = 0.9  # of the time of `working_pair` on the sample pair; resampling takes the rest


class InputVolume(NamedTuple):
    """One input on its own grid, after its repair."""

    volume: Volume
    modality: str
    intensity: IntensityMap
    guess: ModalityGuess
    acquired: np.ndarray  # (d, h, w) bool: False where NaN or a fill value stood

    @property
    def background(self) -> float:
        """What stands outside the field of view, in the volume's units."""
        return self.intensity.background(self.modality)

    @property
    def air(self) -> float:
        """`background` as a network intensity."""
        units = np.array([self.background], dtype=np.float32)
        return float(self.intensity.forward(units)[0])


class PreparedVolume(NamedTuple):
    """One input after its checks."""

    source: InputVolume
    scalar: Volume  # luma of colours; axes as in `spatial.axes.canonical`
    body: np.ndarray  # bool, on the axes of `scalar`
    acquired: np.ndarray  # bool, likewise: False where NaN, a fill value or padding stands
    mask: np.ndarray | None  # bool, likewise: what the user lets be compared; None: all
    warnings: tuple[str, ...]

    @property
    def compared(self) -> np.ndarray:
        """`acquired`, as far as the user lets it be compared."""
        return self.acquired if self.mask is None else self.acquired & self.mask


class WorkingGrid(NamedTuple):
    """The grid that the network works on."""

    grid: Grid
    warnings: tuple[str, ...]


class PreparedPair(NamedTuple):
    """Both inputs, and the grid they will be compared on."""

    degraded: PreparedVolume
    reference: PreparedVolume
    grid: Grid
    guidance: Guidance
    given: GivenPoses
    warnings: tuple[str, ...]

    @property
    def masked(self) -> bool:
        """Whether the user lets only a part be compared."""
        return self.degraded.mask is not None or self.reference.mask is not None

    @property
    def modalities(self) -> tuple[str, str]:
        """(of the degraded volume, of the reference)."""
        return self.degraded.source.modality, self.reference.source.modality


class WorkingPair(NamedTuple):
    """Both inputs on the working grid, network intensities `(1, 1, d, h, w)`, CPU."""

    grid: Grid
    degraded_unaligned: Tensor
    degraded: Tensor  # pulled through the affine
    reference: Tensor
    mask: Tensor  # bool: the body, where the degraded volume has content
    compared: Tensor  # bool: `mask`, as far as the user lets both volumes be compared
    # bool: the field of view without padding, as far as the user lets it be compared
    degraded_acquired: Tensor  # pulled as `degraded`
    reference_acquired: Tensor
    alignment: AffineResult


def prepare_pair(
    degraded: Volume,
    reference: Volume,
    modalities: tuple[str | ModalityEvidence, str | ModalityEvidence],
    contract: Contract,
    working_spacing: float | None = None,
    guidance: Guidance | None = None,
) -> PreparedPair:
    """Both inputs checked, with modality, body and intensity rule, and their working grid.

    Args:
        degraded: as it comes from the scanner.
        reference: of the same patient.
        modalities: of both, `auto`, `mr`, `ct` or `pet`, or all that is known of it.
        contract: of the weights.
        working_spacing: mm, isotropic; None takes the contract's.
        guidance: what the user says of their alignment.

    Raises:
        InputError: an input that cannot be used (see `prepare`), a reference whose grid no file
            can hold, or a guidance that leaves nothing to compare or in view.
    """
    guidance = guidance or Guidance()
    given = given_poses(guidance, reference.grid, degraded.grid)
    first = prepare(degraded, "degraded", modalities[0], contract, guidance.degraded_mask)
    second = prepare(reference, "reference", modalities[1], contract, guidance.reference_mask)
    working = shared_grid(reference.grid, working_spacing or contract.working_spacing_mm)
    warnings = (*first.warnings, *second.warnings, *working.warnings, *given.warnings)
    return PreparedPair(first, second, working.grid, guidance, given, warnings)


def prepare(
    volume: Volume,
    name: str,
    modality: str | ModalityEvidence,
    contract: Contract,
    mask: Volume | None = None,
) -> PreparedVolume:
    """One input: checked, its modality found, one channel on canonical axes, its body, its rule.

    Args:
        volume: as it comes from the scanner.
        name: `degraded` or `reference`, for the sentences.
        modality: `auto`, `mr`, `ct` or `pet`, or all that is known of it.
        contract: of the weights, with the intensity rules.
        mask: of the user; values above 0 are compared.

    Raises:
        InputError: see `checks.check_volume`, `modality.guess_modality` and `guidance.mask_on`.
    """
    evidence = modality if isinstance(modality, ModalityEvidence) else ModalityEvidence(modality)
    checked = check_volume(volume, name, says_labels=evidence.says_labels)
    guess = guess_modality(checked.volume, name, evidence)
    kind = guess.modality
    scalar = canonical(Volume(luma(checked.volume.array), checked.volume.affine))
    known = canonical(Volume(checked.acquired, checked.volume.affine)).array
    body = body_mask(scalar.array, scalar.grid.spacing, kind) & known
    intensity = fit(scalar.array, body, kind, contract.intensity)
    source = InputVolume(checked.volume, kind, intensity, guess, checked.acquired)
    acquired = known & acquired_mask(scalar.array, kind)
    chosen = mask_on(mask, checked.volume, name)
    stored = None if chosen.array is None else Volume(chosen.array, checked.volume.affine)
    warnings = (*checked.warnings, *guess.warnings, *chosen.warnings)
    return PreparedVolume(
        source=source,
        scalar=scalar,
        body=body,
        acquired=acquired,
        mask=None if stored is None else canonical(stored).array,
        warnings=warnings,
    )


def shared_grid(reference: Grid, spacing: float) -> WorkingGrid:
    """The isotropic grid over `reference`; coarser than `spacing` mm where it would be too large.

    Args:
        reference: which the results will lie on.
        spacing: mm.

    Raises:
        InputError: the axes of `reference` are not perpendicular.
    """
    if reference.sheared:
        raise InputError(
            "The axes of the reference volume are not perpendicular (a sheared grid, or a tilted "
            "scan), and image files cannot store such a grid. Resample it onto perpendicular axes "
            "and try again."
        )
    grid = working_grid(reference, spacing)
    voxels = float(np.prod(grid.shape))
    if voxels <= LARGEST_WORKING_GRID:
        return WorkingGrid(grid, ())
    coarser = spacing * (voxels / LARGEST_WORKING_GRID) ** (1 / 3) * 1.01
    warning = (
        f"Large reference field of view: processed at {coarser:.2f} mm instead of {spacing:.2f} mm."
        " Crop the reference to the region of interest for a finer alignment."
    )
    return WorkingGrid(working_grid(reference, coarser), (warning,))


def working_pair(
    pair: PreparedPair,
    align: Align = "deformable",
    progress: Callable[[float], None] | None = None,
) -> WorkingPair:
    """Both inputs on the working grid, the degraded one moved to the reference.

    Args:
        pair: the checked inputs.
        align: how far the alignment may go; `none` keeps the geometry of the files.
        progress: called with the fraction done (0 to 1); may raise to stop.

    Raises:
        InputError: an `align` that does not exist, nothing of the degraded volume lies in the
            reference's field of view, neither before nor after the alignment, or the masks leave
            nothing to compare.
    """
    if align not in FREEDOM:
        raise InputError(f"Unknown align {align!r}. Expected {', '.join(FREEDOM)}.")

    def affine_progress(fraction: float) -> None:
        if progress is not None:
            progress(_AFFINE_SHARE * fraction)

    working = place(pair, _alignment(pair, FREEDOM[align], affine_progress))
    if pair.masked and not working.compared.any():
        raise InputError(
            "The masks leave nothing to compare: once the volumes are aligned, no place of the body"
            " lies inside both. Draw them on the same anatomy, or leave one out."
        )
    return working


def _alignment(
    pair: PreparedPair, freedom: Freedom | None, progress: Callable[[float], None]
) -> AffineResult:
    """What the volumes say about where they lie, or the geometry of the files."""
    grids = pair.degraded.source.volume.grid, pair.reference.source.volume.grid
    given = pair.given.matrices
    apart = overlap(*grids) == 0 and not given
    if freedom is None:
        found = unmoved(given)
    else:
        seen = _seen(pair.degraded, "degraded"), _seen(pair.reference, "reference")
        found = register(*seen, freedom, progress, given)
    if apart and not found.followed:
        raise InputError(
            f"The fields of view do not overlap: {fields_of_view(*grids)}. "
            + ("" if freedom is None else "No pose was found in which the volumes agree. ")
            + "If both show the same patient, bring them together first (3D Slicer: Volumes > "
            "Volume Information > Center Volume, or a hardened transform) and try again."
        )
    if not apart:
        return found
    warning = (
        f"The fields of view do not overlap as the files place them ({fields_of_view(*grids)}): "
        "the pose was found from the pictures alone. Check it."
    )
    return found._replace(warnings=(warning, *found.warnings))


def _seen(one: PreparedVolume, name: str) -> AlignmentVolume:
    """What the registration sees of it."""
    source = one.source
    seen = alignment_volume(one.scalar, one.body, source.modality, source.intensity, one.mask)
    if not seen.compared.any():
        raise InputError(
            f"The {name} mask leaves nothing of the patient to compare: what it holds lies outside "
            "the body, or is thinner than 3 mm. Draw what is to be compared, or leave the mask out."
        )
    return seen


def place(pair: PreparedPair, start: AffineResult) -> WorkingPair:
    """Both inputs on the working grid; degraded(A X) is its volume with the affine A⁻¹ · affine."""
    degraded, reference, grid = pair.degraded, pair.reference, pair.grid
    moved = Volume(degraded.scalar.array, np.linalg.inv(start.matrix) @ degraded.scalar.affine)
    fill = degraded.source.background
    to_network = degraded.source.intensity.forward
    unaligned, _ = resample(degraded.scalar, grid, fill)
    aligned, coverage = resample(moved, grid, fill)
    reference_values, _ = resample(reference.scalar, grid, reference.source.background)
    body, _ = resample(Volume(reference.body, reference.scalar.affine), grid, 0.0)
    acquired = _wholly(Volume(degraded.acquired, moved.affine), grid)
    mask = (body > 0.5) & (coverage > 0.5) & acquired
    degraded_acquired = _wholly(Volume(degraded.compared, moved.affine), grid)
    reference_acquired = _wholly(Volume(reference.compared, reference.scalar.affine), grid)
    return WorkingPair(
        grid=grid,
        degraded_unaligned=to_network(unaligned),
        degraded=to_network(aligned),
        reference=reference.source.intensity.forward(reference_values),
        mask=mask,
        compared=mask & degraded_acquired & reference_acquired if pair.masked else mask,
        degraded_acquired=degraded_acquired,
        reference_acquired=reference_acquired,
        alignment=start,
    )


def _wholly(mask: Volume, grid: Grid) -> Tensor:
    """bool `(1, 1, d, h, w)`: voxels of `grid` that read nothing from outside the mask."""
    share, _ = resample(Volume(mask.array.astype(np.float32), mask.affine), grid, 0.0)
    return share > WHOLLY
