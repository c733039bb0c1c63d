"""Options for DICOM inputs: what the user decides where a folder leaves it open."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from UniFuseLib.errors import InputError
from UniFuseLib.io.dicom_identity import compare
from UniFuseLib.io.dicom_options import DicomOptions

if TYPE_CHECKING:
    import argparse

    from UniFuseLib.io.volumes import Header

_TWICE = "; given twice: the first for DEGRADED, the second for REFERENCE"


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the group `DICOM` to a command that reads DEGRADED and REFERENCE."""
    group = parser.add_argument_group("DICOM")
    group.add_argument(
        "--series",
        action="append",
        metavar="UID",
        help="series to read, by SeriesInstanceUID or number, where a folder holds several"
        + _TWICE,
    )
    group.add_argument(
        "--frame-group",
        action="append",
        type=int,
        metavar="N",
        help="echo, time point or stack to read, by its number in the list that is shown" + _TWICE,
    )
    group.add_argument(
        "--ct-offset",
        action="append",
        type=float,
        metavar="HU",
        help="HU of the stored value 0, for CT without RescaleIntercept (usually -1024)" + _TWICE,
    )
    group.add_argument(
        "--suv-factor",
        action="append",
        type=float,
        metavar="F",
        help="SUV per unit of the file, for PET whose header is not enough to compute SUV" + _TWICE,
    )
    group.add_argument(
        "--allow-different-patient",
        action="store_true",
        help="continue even if the volumes have different PatientIDs",
    )


def options_of(args: argparse.Namespace, which: int) -> DicomOptions:
    """Choices for one input.

    Args:
        args: parsed command line.
        which: 0 for DEGRADED, 1 for REFERENCE.

    Raises:
        InputError: an option was given more than twice.
    """
    return DicomOptions(
        series=_of_input(args.series, which, "--series"),
        frame_group=_of_input(args.frame_group, which, "--frame-group"),
        ct_offset=_of_input(args.ct_offset, which, "--ct-offset"),
        suv_factor=_of_input(args.suv_factor, which, "--suv-factor"),
        optional=True,
    )


def check_inputs(args: argparse.Namespace, degraded: Header, reference: Header) -> tuple[str, ...]:
    """Sentences about what differs between the two, after all choices met an input.

    Raises:
        InputError: a series or frame group that neither input has, one series for both, or two
            patients.
    """
    headers = (degraded, reference)
    for wanted in args.series or ():
        if not any(wanted in header.series for header in headers):
            raise InputError(
                f"--series {wanted}: neither input holds this series. Check the UID or number."
            )
    if args.series and degraded.series == reference.series:
        raise InputError(
            f"--series {args.series[0]}: both inputs are this series. Give --series twice: first "
            "for DEGRADED, then for REFERENCE."
        )
    if args.frame_group and not any(header.frame_groups > 1 for header in headers):
        raise InputError("--frame-group: neither input has several groups of frames. Leave it out.")
    return compare(degraded.identity, reference.identity, args.allow_different_patient)


def _of_input(values: list[Any] | None, which: int, option: str) -> Any:
    if not values:
        return None
    if len(values) > 2:
        raise InputError(f"{option} was given {len(values)} times; expected once or twice.")
    return values[min(which, len(values) - 1)]
