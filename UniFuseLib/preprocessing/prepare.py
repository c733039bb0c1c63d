"""Two volumes, checked: their modality, one channel, body, intensity rule, and the working grid.

One road for a run (`predict.py`) and for the calibration of the classifier; it goes on in
`working_pair.py`.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from UniFuseLib.degradation import DEGRADATION_OF
from UniFuseLib.errors import InputError
from UniFuseLib.preprocessing.body import acquired_mask, body_mask
from UniFuseLib.preprocessing.checks import check_volume, copy_warning
from UniFuseLib.preprocessing.colour import luma
from UniFuseLib.preprocessing.guidance import (
    GivenMask,
    GivenPoses,
    Guidance,
    Mask,
    check_word,
    given_poses,
    mask_on,
)
from UniFuseLib.preprocessing.intensity import IntensityMap, fit
from UniFuseLib.preprocessing.modality import ModalityEvidence, ModalityGuess, guess_modality
from UniFuseLib.preprocessing.shared_grid import shared_grid
from UniFuseLib.registration.alignment_volume import AlignmentVolume, alignment_volume
from UniFuseLib.severity.noise import metal_of
from UniFuseLib.severity.traces import traces_of
from UniFuseLib.spatial.axes import canonical
from UniFuseLib.spatial.volume import Grid, Volume

if TYPE_CHECKING:
    from UniFuseLib.contract import Contract
    from UniFuseLib.severity.head import Traces


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


@dataclass(frozen=True)
class PreparedVolume:
    """One input after its checks.

    Attributes:
        name: `degraded` or `reference`, for sentences.
        source: it on its own grid.
        scalar: luma of colours; axes as in `spatial.axes.canonical`.
        body: bool, on the axes of `scalar`.
        acquired: bool, likewise: False where NaN, a fill value or padding stands.
        mask: bool, likewise: what the user lets be compared; None: all.
        warnings: for the user.
    """

    name: str
    source: InputVolume
    scalar: Volume
    body: np.ndarray
    acquired: np.ndarray
    mask: np.ndarray | None
    warnings: tuple[str, ...]

    @cached_property
    def side(self) -> AlignmentVolume:
        """What the registration and the verdict see of it.

        Raises:
            InputError: its mask leaves nothing to compare.
        """
        source = self.source
        seen = alignment_volume(
            self.scalar, self.body, source.modality, source.intensity, self.mask
        )
        if not seen.compared.any():
            raise InputError(
                f"The {self.name} mask leaves nothing of the patient to compare: what it holds "
                "lies outside the body, or is thinner than 3 mm. Draw what is to be compared, or "
                "leave the mask out."
            )
        return seen

    @cached_property
    def traces(self) -> Traces | None:
        """Of the degradation that its modality can have; None of fewer than three slices."""
        label = DEGRADATION_OF.get(self.source.modality, "clean")
        return traces_of(label, self.scalar, self.body)

    @property
    def metal_ml(self) -> float:
        """Metal in a CT; 0 of another modality, and of fewer than three slices."""
        if self.source.modality != "ct" or self.traces is None:
            return 0.0
        return metal_of(self.traces)

    @property
    def voxel_mm(self) -> float:
        """The median of the sides of its voxels, as the scanner made them."""
        return float(np.median(self.source.volume.grid.spacing))

    @property
    def compared(self) -> np.ndarray:
        """`acquired`, as far as the user lets it be compared."""
        return self.acquired if self.mask is None else self.acquired & self.mask


class PreparedPair(NamedTuple):
    """Both inputs, and the grid they will be compared on."""

    degraded: PreparedVolume
    reference: PreparedVolume
    grid: Grid
    guidance: Guidance
    given: GivenPoses
    warnings: tuple[str, ...]
    copied: tuple[str, ...] = ()  # a sentence, where both are one volume

    @property
    def masked(self) -> bool:
        """Whether the user lets only a part be compared."""
        return self.degraded.mask is not None or self.reference.mask is not None

    @property
    def doubts(self) -> tuple[str, ...]:
        """What speaks against the pair itself, in sentences.

        Both are one volume, or the headers or the numbers say otherwise than `modalities`.
        """
        guesses = self.degraded.source.guess, self.reference.source.guess
        against = (sentence for guess in guesses for sentence in guess.against)
        return (*self.copied, *against)

    @property
    def modalities(self) -> tuple[str, str]:
        """(of the degraded volume, of the reference)."""
        return self.degraded.source.modality, self.reference.source.modality


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
    copied = copy_warning(first.source.volume, second.source.volume)
    warnings = (*copied, *first.warnings, *second.warnings, *working.warnings, *given.warnings)
    return PreparedPair(first, second, working.grid, guidance, given, warnings, copied)


def prepare(
    volume: Volume,
    name: str,
    modality: str | ModalityEvidence,
    contract: Contract,
    mask: GivenMask = None,
) -> PreparedVolume:
    """One input: checked, its modality found, one channel on canonical axes, its body, its rule.

    Args:
        volume: as it comes from the scanner.
        name: `degraded` or `reference`, for the sentences.
        modality: `auto`, `mr`, `ct` or `pet`, or all that is known of it.
        contract: of the weights, with the intensity rules.
        mask: of the user; values above 0 are compared, or the body.

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
    acquired = known & acquired_mask(scalar.array, kind) if kind == "mr" else known
    chosen = _mask_of(mask, checked.volume, body, name)
    lifted = _lifted(name, intensity)
    warnings = (*checked.warnings, *guess.warnings, *lifted, *chosen.warnings)
    return PreparedVolume(
        name=name,
        source=source,
        scalar=scalar,
        body=body,
        acquired=acquired,
        mask=chosen.array,
        warnings=warnings,
    )


def _mask_of(mask: GivenMask, volume: Volume, body: np.ndarray, name: str) -> Mask:
    """What the user lets be compared, on canonical axes as `body` is."""
    if isinstance(mask, str):
        check_word(mask, name)
        return Mask(body, ())
    chosen = mask_on(mask, volume, name)
    if chosen.array is None:
        return chosen
    return chosen._replace(array=canonical(Volume(chosen.array, volume.affine)).array)


def _lifted(name: str, intensity: IntensityMap) -> tuple[str, ...]:
    """Said where what counts as air lies far above 0."""
    if intensity.offset <= 0:
        return ()
    return (
        f"All values of the {name} volume lie far above 0, as with an offset: "
        f"{intensity.offset:.6g} was taken as air.",
    )
