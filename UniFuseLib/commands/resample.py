"""`unifuse resample INPUT OUTPUT`: a volume on a regular grid, for files whose axes are sheared."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

from UniFuseLib.commands.options import add_reading, log
from UniFuseLib.errors import InputError
from UniFuseLib.process import available_memory, in_bytes

if TYPE_CHECKING:
    import argparse

    from UniFuseLib.spatial.volume import Volume

_BYTES_PER_VOXEL = 12  # values, their coverage, and the copy that is written, float32


def add_parser(subparsers: Any) -> None:
    """Describe the command."""
    parser = subparsers.add_parser(
        "resample",
        help="put a volume with sheared axes onto a regular grid",
        description="Resample INPUT onto the nearest grid with perpendicular axes, the same voxel "
        "sizes and the whole field of view, trilinear, float32.",
    )
    parser.add_argument("input", type=Path, metavar="INPUT", help="volume in any known format")
    parser.add_argument("output", type=Path, metavar="OUTPUT", help=".nii, .nii.gz, .nrrd or .mha")
    add_reading(parser)
    parser.add_argument("--overwrite", action="store_true", help="replace OUTPUT if it exists")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Run the command."""
    from UniFuseLib.io.file_header import ReadOptions
    from UniFuseLib.io.output_folder import check_files
    from UniFuseLib.io.volumes import read_volume_with_header, write_volume

    check_files([args.output], args.overwrite, (args.input,))
    volume, header = read_volume_with_header(
        args.input, options=ReadOptions(args.header, args.assume_orientation)
    )
    for warning in header.warnings:
        log(f"unifuse: warning: {warning}")
    write_volume(regular(volume), args.output, overwrite=args.overwrite)
    return 0


def regular(volume: Volume) -> Volume:
    """The volume on a grid with perpendicular axes that holds its whole field of view.

    Args:
        volume: `(d, h, w)`, on any grid; outside its field of view the lowest value is set.

    Raises:
        InputError: axes that are so oblique that the memory does not hold the regular grid.
    """
    from UniFuseLib.spatial.axes import perpendicular_grid
    from UniFuseLib.spatial.resampling import resample
    from UniFuseLib.spatial.volume import Volume

    grid = perpendicular_grid(volume.grid)
    needed, free = _BYTES_PER_VOXEL * math.prod(grid.shape), available_memory()
    if free is not None and needed > free:
        raise InputError(
            f"A regular grid over these axes has {' × '.join(map(str, grid.shape))} voxels and "
            f"takes {in_bytes(needed)} of memory; {in_bytes(free)} are free. Check the "
            "axes in the header of the volume."
        )
    values, _ = resample(volume, grid, float(volume.array.min()))
    return Volume(values[0, 0].numpy(), grid.affine)
