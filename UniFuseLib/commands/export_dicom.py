"""`unifuse export-dicom RESULT --output DIR`: fused and restored volume as DICOM series."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from UniFuseLib.commands import progress
from UniFuseLib.errors import Cancelled, InputError
from UniFuseLib.io.output_folder import result_folder

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator

    from UniFuseLib.commands.export_result import Kept
    from UniFuseLib.io.dicom_derived import Sources
    from UniFuseLib.result import StoredResult
    from UniFuseLib.spatial.transform import Scan

_SERIES = ("fused", "restored")
_READING = "Reading the files"
_WRITING = {"fused": "Writing the fused series", "restored": "Writing the restored series"}
_SUV = "{SUVbw}g/ml"


def add_parser(subparsers: Any) -> None:
    """Describe the command."""
    parser = subparsers.add_parser(
        "export-dicom",
        help="write the fused and the restored volume of a result as DICOM series",
        description="Write the fused and the restored volume of RESULT as two DICOM series, into "
        "the study of the reference where that was DICOM, else into a new one.",
    )
    parser.add_argument(
        "result", type=Path, metavar="RESULT", help="folder that unifuse fuse has written"
    )
    parser.add_argument(
        "--output", "-o", type=Path, required=True, metavar="DIR", help="new folder for the series"
    )
    for side, what in (("reference", "patient and study"), ("degraded", "the acquisition")):
        parser.add_argument(
            f"--{side}",
            type=Path,
            metavar="DICOM",
            help=f"file or folder of the {side} series, for {what} (default: what was fused)",
        )
    parser.add_argument(
        "--tags",
        type=Path,
        metavar="FILE",
        help="JSON with what no file says: reference and degraded (keyword: value of DICOM), "
        "unit (UCUM code of the values of a PET), frame (new: the result does not lie in the "
        "reference's frame of reference)",
    )
    progress.add_options(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Run the command; nothing that is there is ever replaced."""
    return progress.run(args, _export)


def _export(args: argparse.Namespace) -> dict[str, Any]:
    """Returns what the last line of `--progress json` says."""
    from UniFuseLib.commands.export_result import read_kept
    from UniFuseLib.io.dicom_files import require_pydicom

    require_pydicom("Writing")
    show = progress.reporter(args)
    with (
        progress.stopped_by(args.cancel_file) as cancelled,
        result_folder(args.output, _SERIES, overwrite=None, inputs=(args.result,)) as folder,
    ):
        show(0.0, _READING)
        kept = read_kept(args.result)
        for fraction, name, write in _series(kept, args):
            show(fraction, _WRITING[name])
            write(folder.working / name)
            if cancelled():
                raise Cancelled("Stopped on request; nothing was written.")
        files = folder.publish()
    show(1.0, "Done")
    return {"done": True, "output": str(args.output), "files": [str(file) for file in files]}


def _series(kept: Kept, args: argparse.Namespace) -> Iterator[tuple[float, str, Any]]:
    """(fraction of the work, name, what writes it into a folder) of each series."""
    from functools import partial

    from UniFuseLib.io.dicom_derived import series_of, study_of
    from UniFuseLib.io.dicom_writing import write_series

    sources, unit = _sources(kept, args)
    sources.check_patient()
    study = study_of(sources)
    modalities = {"fused": "OT", "restored": _word(kept.result.modality("degraded"))}
    for fraction, name in ((0.3, "fused"), (0.65, "restored")):
        volume = kept.fused if name == "fused" else kept.restored
        tags = {**study, **series_of(name, modalities[name], unit, sources)}
        yield fraction, name, partial(write_series, volume, tags)


def _word(modality: str) -> str:
    """DICOM's word for it."""
    from UniFuseLib.io.dicom_derived import WORDS

    if modality not in WORDS:
        raise InputError(
            f"The report calls the degraded volume {modality!r}; DICOM series are written of "
            f"{', '.join(WORDS)}."
        )
    return WORDS[modality]


def _sources(kept: Kept, args: argparse.Namespace) -> tuple[Sources, str]:
    """What is known of both scans, and the unit of a PET.

    Where the tool itself has read a PET from DICOM, its values are SUV by body weight.
    """
    from UniFuseLib.io.dicom_derived import Sources, known_of
    from UniFuseLib.io.typed import read_json_object

    stated = {} if args.tags is None else read_json_object(args.tags)
    found = {}
    for side in ("reference", "degraded"):
        file = getattr(args, side) or _fused_file(kept.result, side)
        found[side] = {**_tags_of(stated, side), **({} if file is None else known_of(file))}
    if stated.get("frame") == "new":
        found["reference"].pop("FrameOfReferenceUID", None)
    was_dicom = _fused_file(kept.result, "degraded") is not None
    unit = stated.get("unit", _SUV if was_dicom else "")
    return Sources(found["reference"], found["degraded"]), unit


def _tags_of(stated: dict[str, Any], side: Scan) -> dict[str, Any]:
    tags = stated.get(side, {})
    if not isinstance(tags, dict):
        raise InputError(
            f"--tags: expected an object of DICOM elements under {side!r}, found {tags!r}."
        )
    return tags


def _fused_file(result: StoredResult, side: Scan) -> Path | None:
    """The DICOM file or folder that was fused, where it is still there."""
    from UniFuseLib.io.dicom_files import is_dicom_file

    path = result.path(side)
    if path is None or not path.exists():
        return None
    return path if path.is_dir() or is_dicom_file(path) else None
