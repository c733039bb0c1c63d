"""The folder that `unifuse fuse` has written, read again: the deformation and the report."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from UniFuseLib.apply.in_memory import apply_to_points, apply_to_volume
from UniFuseLib.errors import InputError
from UniFuseLib.io.paths import readable_path, shown
from UniFuseLib.io.plain_values import FieldError, from_plain
from UniFuseLib.io.typed import read_json_object
from UniFuseLib.io.volumes import read_displacement
from UniFuseLib.report.report import SCHEMA_VERSION
from UniFuseLib.spatial.coarser import sampled
from UniFuseLib.spatial.field import DisplacementField
from UniFuseLib.spatial.nodes import same_corners
from UniFuseLib.spatial.transform import Transform
from UniFuseLib.spatial.volume import Grid

if TYPE_CHECKING:
    from UniFuseLib.apply.interpolations import Choice
    from UniFuseLib.spatial.transform import Scan
    from UniFuseLib.spatial.volume import Volume

REPORT = "report.json"
DEFORMATIONS = ("deformation.nii.gz", "deformation.nrrd")
_SIDES: tuple[Scan, Scan] = ("degraded", "reference")


@dataclass(frozen=True)
class InputVoxels:
    """What is read of `inputs.degraded` and `inputs.reference`."""

    shape: tuple[int, ...]
    affine_ras: tuple[tuple[float, ...], ...] | None

    @property
    def grid(self) -> Grid | None:
        if self.affine_ras is None:
            return None
        return Grid(self.shape[:3], np.array(self.affine_ras))  # type: ignore[arg-type]


@dataclass(frozen=True, eq=False)
class _Folder:
    """One fusion on disk, with its report."""

    folder: Path
    report: dict[str, Any]

    def modality(self, side: Scan) -> str:
        """`mr`, `ct` or `pet`.

        Args:
            side: of the degraded volume or of the reference.
        """
        return str(self.report[f"{side}_modality"])

    def path(self, side: Scan) -> Path | None:
        """The file or folder that was fused; None where the report does not name it.

        Args:
            side: the degraded volume or the reference.
        """
        path = self.report["inputs"][side].get("path")
        return Path(path) if isinstance(path, str) else None


@dataclass(frozen=True, eq=False)
class StoredResult(_Folder):
    """One fusion as its files keep it.

    Attributes:
        folder: where it lies.
        report: content of `report.json` (docs/report-schema.md).
        file: of the deformation.
        field: the deformation, on the nodes that are stored.
        inputs: what the report says of the voxels of both volumes.
    """

    file: Path
    field: DisplacementField
    inputs: dict[Scan, InputVoxels]


@dataclass(frozen=True, eq=False)
class Result(_Folder):
    """One fusion on disk.

    Attributes:
        folder: where it lies.
        report: content of `report.json` (docs/report-schema.md).
        transform: its deformation, in both directions.
    """

    transform: Transform

    def apply(
        self,
        volume: Volume,
        to: Scan = "reference",
        interpolation: Choice = "auto",
        grid: Grid | None = None,
    ) -> Volume:
        """A volume of the other scan on the voxels of the scan `to`; see `apply.in_memory`.

        Args:
            volume: scan, label map or colours.
            to: the scan whose places are wanted; `volume` belongs to the other one.
            interpolation: `auto`, `linear`, `bspline`, `label` or `nearest`.
            grid: onto which voxels; None: those of the scan `to`.

        Raises:
            InputError: a label map with fractions, no overlap, or a grid that is not known.
        """
        modality = self.modality("degraded" if to == "reference" else "reference")
        return apply_to_volume(self.transform, volume, to, modality, interpolation, grid)

    def apply_to_points(self, points: np.ndarray, to: Scan = "reference") -> np.ndarray:
        """Where the same anatomy lies in the scan `to`, `(n, 3)` RAS mm.

        Args:
            points: `(n, 3)` RAS mm in the other scan.
            to: the scan whose places are wanted.

        Raises:
            InputError: the deformation folds at one of them.
        """
        return apply_to_points(self.transform, points, to)


def read_result(folder: Path | str) -> Result:
    """The result in a folder of `unifuse fuse`.

    Args:
        folder: with `deformation.nii.gz` (or `.nrrd`) and `report.json`.

    Raises:
        InputError: no such folder, a file is missing or damaged, or another version wrote it.
    """
    stored = read_stored(folder)
    nodes, reference = stored.field.grid, stored.inputs["reference"]
    grid = nodes if tuple(reference.shape[:3]) == nodes.shape else reference.grid
    if grid is None or not same_corners(nodes, grid):
        raise InputError(
            f"{shown(stored.file)} has {_size(nodes.shape)} voxels, and the reference in {REPORT} "
            f"{_size(reference.shape)}: they are of two results. Copy the whole folder again."
        )
    u = stored.field.displacement if grid is nodes else sampled(stored.field, grid)
    transform = Transform(u, grid, stored.inputs["degraded"].grid)
    return Result(stored.folder, stored.report, transform)


def read_stored(folder: Path | str, *, any_version: bool = False) -> StoredResult:
    """Deformation and report of a result as they are stored.

    Args:
        folder: see `read_result`.
        any_version: also of reports with other contents, as long as both volumes are in them.

    Raises:
        InputError: see `read_result`.
    """
    folder = readable_path(folder)
    deformation = _deformation(folder)
    report = read_json_object(folder / REPORT)
    if not any_version:
        _check_version(folder, report)
    inputs = {side: _input(folder, report, side) for side in _SIDES}
    displacement, nodes = read_displacement(deformation)
    if not np.isfinite(displacement).all():
        raise InputError(
            f"{shown(deformation)} holds values that are not finite: it is damaged. Copy it again."
        )
    field = DisplacementField(displacement, nodes)
    return StoredResult(folder, report, deformation, field, inputs)


def _deformation(folder: Path) -> Path:
    if not folder.is_dir():
        raise InputError(
            f"{shown(folder)} is a file; expected the folder that unifuse fuse has written."
        )
    found = [folder / name for name in DEFORMATIONS if (folder / name).is_file()]
    missing = [] if found else [DEFORMATIONS[0]]
    if not (folder / REPORT).is_file():
        missing.append(REPORT)
    if missing:
        raise InputError(
            f"{shown(folder)} is not a result of unifuse fuse: it holds no "
            f"{' and no '.join(missing)}. Name the folder that was given to unifuse fuse --output."
        )
    if len(found) > 1:
        raise InputError(
            f"{shown(folder)} holds two deformations ({' and '.join(DEFORMATIONS)}). Remove the "
            "one that does not belong to its report."
        )
    return found[0]


def _check_version(folder: Path, report: dict[str, Any]) -> None:
    version = report.get("schema_version")
    if version != SCHEMA_VERSION:
        raise InputError(
            f"{shown(folder / REPORT)} has the schema version {version!r}; this version of UniFuse "
            f"reads {SCHEMA_VERSION}. Fuse the volumes again, or use the version that wrote it."
        )


def _input(folder: Path, report: dict[str, Any], side: str) -> InputVoxels:
    inputs = report.get("inputs")
    values = inputs.get(side) if isinstance(inputs, dict) else None
    content = values if isinstance(values, dict) else {}
    wanted = {"shape": content.get("shape"), "affine_ras": content.get("affine_ras")}
    try:
        from_plain(str, report.get(f"{side}_modality"), f"{side}_modality")
        found: InputVoxels = from_plain(InputVoxels, wanted, f"inputs.{side}")
        return found
    except FieldError as wrong:
        raise InputError(
            f"{shown(folder / REPORT)}: {wrong}. Copy the result again, or fuse the volumes again."
        ) from wrong


def _size(shape: tuple[int, ...]) -> str:
    return " × ".join(map(str, shape))
