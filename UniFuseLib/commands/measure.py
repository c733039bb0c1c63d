"""`unifuse measure RESULT`: displacement, change of volume and folds, region by region."""

from __future__ import annotations

import argparse
import csv
import io
from pathlib import Path
from typing import TYPE_CHECKING, Any

from UniFuseLib.commands.options import add_reading, log
from UniFuseLib.errors import InputError

if TYPE_CHECKING:
    from UniFuseLib.apply.regional import RegionFigures
    from UniFuseLib.io.image_file import ImageFile
    from UniFuseLib.spatial.transform import Transform

_EPILOG = """\
columns of the table, one row for each region of the reference:
  volume_ml              volume in the reference
  volume_change_percent  volume of the same tissue in the degraded scan, compared with that;
                         +10: 10 % larger there
  displacement_*_mm      distance between a place of the reference and the same anatomy in the
                         degraded scan: mean, 95th percentile, maximum
  right_mm, anterior_mm, superior_mm, direction
                         mean displacement from the reference to the degraded scan
  jacobian_p1, p50, p99  percentiles of the local volume ratio, 1: unchanged
  folded_percent         part where the deformation folds (ratio ≤ 0)
"""


def add_parser(subparsers: Any) -> None:
    """Describe the command."""
    parser = subparsers.add_parser(
        "measure",
        help="measure a deformation, region by region",
        description="Measure the deformation in RESULT: in the whole field of view, or in each\n"
        "region of a label map or segmentation.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "result", type=Path, metavar="RESULT", help="folder that unifuse fuse has written"
    )
    parser.add_argument(
        "--labels", type=Path, metavar="SEG", help="label map or .seg.nrrd with the regions"
    )
    parser.add_argument(
        "--labels-of",
        choices=("reference", "degraded"),
        default="reference",
        help="scan that SEG was drawn on; regions of the degraded scan are moved to the reference "
        "(default: reference)",
    )
    parser.add_argument(
        "--output", "-o", type=Path, metavar="FILE.csv", help="table (default: on stdout)"
    )
    parser.add_argument("--json", action="store_true", help="print the figures as JSON on stdout")
    parser.add_argument(
        "--displacement-volume",
        type=Path,
        metavar="IMAGE",
        help="also write the length of the displacement at every voxel, mm",
    )
    parser.add_argument(
        "--jacobian-volume",
        type=Path,
        metavar="IMAGE",
        help="also write the local volume ratio at every voxel",
    )
    add_reading(parser)
    parser.add_argument("--overwrite", action="store_true", help="replace files that exist")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Run the command."""
    from UniFuseLib.apply.regional import measure_regions
    from UniFuseLib.io.json_files import to_json_text, write_text
    from UniFuseLib.result import read_result

    _check_outputs(args)
    transform = read_result(args.result).transform
    rows = _measured(args, transform, measure_regions)
    _write_volumes(args, transform)
    if args.output is not None:
        write_text(_table(rows), args.output)
        log(f"{len(rows)} {'region' if len(rows) == 1 else 'regions'}: {args.output}")
    if args.json:
        print(to_json_text({"regions": rows}), end="")
    elif args.output is None:
        print(_table(rows), end="")
    return 0


def _measured(args: argparse.Namespace, transform: Transform, measure: Any) -> list[RegionFigures]:
    labels = _labels(args)
    try:
        found: list[RegionFigures] = measure(transform, labels, args.labels_of)
    except InputError as error:
        if labels is None:
            raise
        raise InputError(f"{args.labels}: {error}") from error
    return found


def _labels(args: argparse.Namespace) -> ImageFile | None:
    from UniFuseLib.io.file_header import ReadOptions
    from UniFuseLib.io.image_file import read_image

    if args.labels is None:
        return None
    image = read_image(args.labels, options=ReadOptions(args.header, args.assume_orientation))
    for warning in (*image.header.warnings, *_no_labels(args.labels, image)):
        log(f"unifuse: warning: {warning}")
    return image


def _no_labels(path: Path, image: ImageFile) -> tuple[str, ...]:
    from UniFuseLib.preprocessing.signs import is_graded

    if image.colour or image.header.says_labels or not is_graded(image.frames[0]):
        return ()
    return (f"{path} looks like a scan, not like a label map: every grey is taken for a region.",)


def _check_outputs(args: argparse.Namespace) -> None:
    """Before anything is computed."""
    from UniFuseLib.commands.fuse_files import files_of
    from UniFuseLib.io.output_folder import check_files
    from UniFuseLib.io.writing import check_suffix

    for image in (args.displacement_volume, args.jacobian_volume):
        if image is not None:
            check_suffix(image)
    outputs = (args.output, args.displacement_volume, args.jacobian_volume)
    labels = () if args.labels is None else (args.labels,)
    inputs = (*labels, *files_of(args.result))
    check_files([path for path in outputs if path is not None], args.overwrite, inputs)


def _write_volumes(args: argparse.Namespace, transform: Transform) -> None:
    import numpy as np

    from UniFuseLib.apply.regional import determinant_of
    from UniFuseLib.io.volumes import write_volume
    from UniFuseLib.spatial.volume import Volume

    if args.displacement_volume is not None:
        length = np.linalg.norm(transform.displacement, axis=-1)
        write_volume(Volume(length, transform.grid.affine), args.displacement_volume)
    if args.jacobian_volume is not None:
        ratio = determinant_of(transform)
        write_volume(Volume(ratio, transform.grid.affine), args.jacobian_volume)


def _table(rows: list[RegionFigures]) -> str:
    target = io.StringIO()
    writer = csv.DictWriter(target, rows[0]._fields, lineterminator="\n")
    writer.writeheader()
    writer.writerows(row._asdict() for row in rows)
    return target.getvalue()
