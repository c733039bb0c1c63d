"""`unifuse export-result RESULT --output DIR`: a result written again as `unifuse fuse` writes it.

3D Slicer keeps results in nodes; what it saves of them becomes the folder of a run, with its page.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from UniFuseLib.commands import progress
from UniFuseLib.commands.fuse_files import (
    OWN,
    RAW_OWN,
    RAW_UNCERTAINTY,
    RAW_VOLUMES,
    RESULTS,
    UNCERTAINTY,
    VOLUMES,
)
from UniFuseLib.errors import Cancelled, InputError, UniFuseError
from UniFuseLib.io.output_folder import result_folder

if TYPE_CHECKING:
    import argparse

    from UniFuseLib.result import StoredResult
    from UniFuseLib.spatial.volume import Volume

_READING, _WRITING, _DRAWING = "Reading the files", "Writing the files", "Drawing the overview"
_PAGE = "overview.png"


class Kept(NamedTuple):
    """What the files of a result hold."""

    result: StoredResult
    fused: Volume
    restored: Volume
    others: dict[str, Volume]  # file name → volume, where it was asked for


def add_parser(subparsers: Any) -> None:
    """Describe the command."""
    parser = subparsers.add_parser(
        "export-result",
        help="write a result again, compressed and with its overview",
        description="Write RESULT into a new folder as unifuse fuse writes it: compressed volumes, "
        "deformation, report and, where both inputs are named, the overview.",
    )
    parser.add_argument(
        "result", type=Path, metavar="RESULT", help="folder that unifuse fuse has written"
    )
    parser.add_argument(
        "--output", "-o", type=Path, required=True, metavar="DIR", help="folder for the files"
    )
    for side in ("degraded", "reference"):
        parser.add_argument(
            f"--{side}", type=Path, metavar="FILE", help=f"the {side} volume, for the overview"
        )
    progress.add_options(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Run the command; nothing that is there is ever replaced."""
    return progress.run(args, _export)


def _export(args: argparse.Namespace) -> dict[str, Any]:
    """Returns what the last line of `--progress json` says."""
    show = progress.reporter(args)
    with (
        progress.stopped_by(args.cancel_file) as cancelled,
        result_folder(args.output, RESULTS, overwrite=None, inputs=(args.result,)) as folder,
    ):
        show(0.0, _READING)
        kept = read_kept(args.result)
        show(0.3, _WRITING)
        _write(kept, folder.working)
        show(0.6, _DRAWING)
        missed = _draw(kept, args, folder.working / _PAGE)
        if cancelled():
            raise Cancelled("Stopped on request; nothing was written.")
        files = folder.publish()
    show(1.0, "Done")
    return {
        "done": True,
        "output": str(args.output),
        "files": [str(file) for file in files],
        "warnings": missed,
    }


def read_kept(folder: Path) -> Kept:
    """The files of a result, compressed or raw.

    Args:
        folder: that `unifuse fuse` or 3D Slicer has written.

    Raises:
        InputError: a file is missing, damaged or of another result.
    """
    from UniFuseLib.io.paths import readable_path
    from UniFuseLib.io.volumes import read_volume
    from UniFuseLib.result import read_stored

    folder = readable_path(folder)
    names = zip(VOLUMES[:2], RAW_VOLUMES[:2], strict=True)
    files = [_one_of(folder, *either) for either in names]
    result = read_stored(folder, any_version=True)
    fused, restored = (_on_grid_of(result, file, read_volume(file)) for file in files)
    others = {
        name: read_volume(folder / found)
        for name, raw in ((OWN, RAW_OWN), (UNCERTAINTY, RAW_UNCERTAINTY))
        for found in (name, raw)
        if (folder / found).is_file()
    }
    return Kept(result, fused, restored, others)


def _one_of(folder: Path, *names: str) -> Path:
    from UniFuseLib.io.paths import shown

    found = [folder / name for name in names if (folder / name).is_file()]
    if not found:
        raise InputError(
            f"{shown(folder)} is not a result of unifuse fuse: it holds no {names[0]}. Name the "
            "folder that was given to unifuse fuse --output."
        )
    return found[0]


def _on_grid_of(result: StoredResult, file: Path, volume: Volume) -> Volume:
    """The volume, if its voxels are those that the deformation belongs to."""
    from UniFuseLib.io.paths import shown
    from UniFuseLib.spatial.nodes import same_corners

    if not same_corners(result.field.grid, volume.grid):
        raise InputError(
            f"{shown(file)} and {shown(result.file)} do not lie at the same place: they are of two "
            "results. Copy the whole folder again."
        )
    return volume


def _write(kept: Kept, folder: Path) -> None:
    from UniFuseLib.io.json_files import write_text
    from UniFuseLib.io.volumes import write_displacement, write_volume

    fused, restored, deformation = VOLUMES
    write_volume(kept.fused, folder / fused, precision="scaled")
    write_volume(kept.restored, folder / restored, precision="rounded")
    field = kept.result.field
    write_displacement(field.displacement, field.grid, folder / deformation)
    for name, volume in kept.others.items():
        write_volume(volume, folder / name, precision="rounded")
    text = json.dumps(kept.result.report, indent=2, ensure_ascii=False)
    write_text(text + "\n", folder / "report.json")


def _draw(kept: Kept, args: argparse.Namespace, path: Path) -> list[str]:
    """Draws the overview; returns a sentence where it cannot, for whatever reason."""
    if args.degraded is None or args.reference is None:
        return [f"{path.name} was not drawn: it needs both volumes."]
    try:
        _draw_page(kept, args, path)
    except UniFuseError as error:
        reason = str(error)
    except Exception as error:  # no picture is worth the volumes
        reason = " ".join(str(error).split()) or type(error).__name__
    else:
        return []
    path.unlink(missing_ok=True)
    return [f"{path.name} was not drawn: {reason}"]


def _draw_page(kept: Kept, args: argparse.Namespace, path: Path) -> None:
    from UniFuseLib.io.volumes import read_volume
    from UniFuseLib.overview import draw_overview
    from UniFuseLib.reopened import reopened
    from UniFuseLib.report.report import Report

    degraded, reference = read_volume(args.degraded), read_volume(args.reference)
    report = Report.from_json(kept.result.report)
    result = reopened(kept.fused, kept.restored, kept.result.field, report, degraded, reference)
    draw_overview(result, degraded, reference, path)
