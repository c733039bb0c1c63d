"""Both input volumes of a command: read, rescaled where asked, with what is known of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from UniFuseLib.commands import dicom
from UniFuseLib.errors import InputError
from UniFuseLib.io.file_header import ReadOptions
from UniFuseLib.io.volumes import Header, read_volume_with_header
from UniFuseLib.preprocessing.modality import ModalityEvidence
from UniFuseLib.spatial.volume import Volume

if TYPE_CHECKING:
    import argparse


class Inputs(NamedTuple):
    """Both volumes as they were read."""

    degraded: Volume
    reference: Volume
    modalities: tuple[ModalityEvidence, ModalityEvidence]
    warnings: tuple[str, ...]
    differences: tuple[str, ...]  # in patient, day or frame of reference; among the warnings too
    two_patients: bool  # as the files say


def read_inputs(args: argparse.Namespace) -> Inputs:
    """Both volumes of `unifuse fuse`, and all that is known of their modality.

    Args:
        args: of the command line.

    Raises:
        InputError: see `io.volumes.read_volume`; also a reference with sheared axes.
    """
    options = ReadOptions(args.header, args.assume_orientation)
    degraded, first = read_volume_with_header(args.degraded, dicom.options_of(args, 0), options)
    reference, second = read_volume_with_header(args.reference, dicom.options_of(args, 1), options)
    _check_perpendicular(second)
    differences = dicom.check_inputs(args, first, second)
    modalities = (
        _evidence(args.degraded_modality, first),
        _evidence(args.reference_modality, second),
    )
    degraded, in_units = _rescaled(degraded, "degraded", args.degraded_rescale)
    reference, reference_in_units = _rescaled(reference, "reference", args.reference_rescale)
    rescaled = (*in_units, *reference_in_units)
    warnings = (*first.warnings, *second.warnings, *differences, *rescaled)
    ids = {header.identity.patient_id for header in (first, second)} - {""}
    return Inputs(degraded, reference, modalities, warnings, differences, len(ids) > 1)


def _evidence(chosen: str, header: Header) -> ModalityEvidence:
    return ModalityEvidence(
        chosen, header.modality, header.stated_by, header.name_hint, header.says_labels
    )


def _rescaled(
    volume: Volume, name: str, rescale: tuple[float, float] | None
) -> tuple[Volume, tuple[str, ...]]:
    """slope · x + intercept, float32, and what was done."""
    if rescale is None:
        return volume, ()
    slope, intercept = rescale
    values = volume.array.astype("float32") * slope + intercept
    sentence = f"The {name} volume was rescaled as asked: {slope:g} × value + {intercept:g}."
    return Volume(values, volume.affine), (sentence,)


def _check_perpendicular(reference: Header) -> None:
    """Results lie on the grid of the reference, and image files need perpendicular axes."""
    if reference.shear_mm:
        raise InputError(
            f"The axes of {reference.source} are not perpendicular ({reference.shear_mm:.1f} mm at "
            "the corners), and image files cannot store results on such a grid. Resample it first: "
            f"unifuse resample {reference.source} RESAMPLED.nii.gz"
        )
