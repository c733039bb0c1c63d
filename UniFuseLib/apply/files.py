"""Files of one scan → the same files at the places of the other, each in its own format."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from UniFuseLib.apply.choices import MODALITIES, background_of, interpolation_of
from UniFuseLib.apply.in_memory import refuse_folded
from UniFuseLib.apply.interpolations import LABEL_INTERPOLATIONS
from UniFuseLib.apply.resampling import Pull, pull_towards, resample_frames
from UniFuseLib.errors import InputError
from UniFuseLib.io.file_header import ReadOptions
from UniFuseLib.io.geometry_file import is_geometry, read_geometry, write_bytes
from UniFuseLib.io.image_file import ImageFile, output_name, read_image, write_like
from UniFuseLib.io.paths import shown
from UniFuseLib.io.volumes import write_displacement

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from UniFuseLib.apply.interpolations import Choice
    from UniFuseLib.io.geometry import GeometryFile, Space
    from UniFuseLib.result import Result
    from UniFuseLib.spatial.transform import InverseField, RoundTrip, Scan, Transform
    from UniFuseLib.spatial.volume import Grid

INVERSE = "inverse_deformation.nii.gz"
_GRADIENTS = "DWMRI_"  # pairs of NRRD that hold directions


@dataclass(frozen=True)
class ApplyOptions:
    """What is done to every file.

    Attributes:
        to: the scan whose places are wanted; the files belong to the other one.
        interpolation: of images.
        grid: onto which voxels images come; None: those of the scan `to`.
        space: of points and surfaces whose file does not state it.
        write_inverse: also write v on the voxels of the degraded volume.
        reading: choices where an image file leaves its geometry open.
    """

    to: Scan = "reference"
    interpolation: Choice = "auto"
    grid: Grid | None = None
    space: Space = "LPS"
    write_inverse: bool = False
    reading: ReadOptions = field(default_factory=ReadOptions)


class AppliedFile(NamedTuple):
    """One file that was written."""

    name: str
    treatment: str  # what was done, in words
    warnings: tuple[str, ...] = ()


class Application(NamedTuple):
    """All files of one call."""

    direction: str  # a sentence
    files: tuple[AppliedFile, ...]
    round_trip: RoundTrip | None  # where the inverse was computed on voxels


class _Lazy:
    """What all images of a call share is computed when the first one needs it."""

    def __init__(self, transform: Transform, options: ApplyOptions) -> None:
        self._transform, self._options = transform, options
        self._pull: Pull | None = None

    @property
    def pull(self) -> Pull:
        if self._pull is None:
            self._pull = pull_towards(self._transform, self._options.to, self._options.grid)
        return self._pull

    @property
    def computed(self) -> Pull | None:
        return self._pull


def output_names(files: list[Path], options: ApplyOptions) -> tuple[str, ...]:
    """The name of every file that will be written.

    Args:
        files: of the user.
        options: of the call.

    Raises:
        InputError: two files would get one name.
    """
    names = [path.name if is_geometry(path) else output_name(path) for path in files]
    extra = [INVERSE] if options.write_inverse else []
    for name in names:
        if [some.lower() for some in (*names, *extra)].count(name.lower()) > 1:
            raise InputError(
                f"Two of the files would be written as {shown(name)}. Rename one, or apply them "
                "into two folders."
            )
    return (*names, *extra)


def apply_files(
    result: Result,
    files: list[Path],
    folder: Path,
    options: ApplyOptions,
    progress: Callable[[float, str], None] | None = None,
) -> Application:
    """Write every file at its new places into `folder`, under the names of `output_names`.

    Args:
        result: of `read_result`.
        files: images, DICOM folders, points and surfaces of the scan that is not `options.to`.
        folder: exists.
        options: of the call.
        progress: (fraction 0 to 1, name of the file).

    Raises:
        InputError: a file that cannot be read, a label map with fractions, points where the field
            folds; the message names the file.
        OutputError: the disk refuses.
    """
    shared = _Lazy(result.transform, options)
    applied = []
    for number, (path, name) in enumerate(zip(files, output_names(files, options), strict=False)):
        if progress is not None:
            progress(number / len(files), name)
        target = folder / name
        try:
            if is_geometry(path):
                applied.append(_apply_geometry(result.transform, path, target, options))
            else:
                applied.append(_apply_image(result, path, target, shared, options))
        except InputError as error:
            raise InputError(_naming(path, str(error))) from error
    inverse = _inverse(result.transform, shared, options)
    if options.write_inverse and inverse is not None:
        write_displacement(inverse.displacement, inverse.grid, folder / INVERSE)
    trip = None if inverse is None else result.transform.round_trip(inverse)
    return Application(direction_sentence(options.to), tuple(applied), trip)


def _inverse(transform: Transform, shared: _Lazy, options: ApplyOptions) -> InverseField | None:
    """v where an image needed it; on the degraded volume's own voxels where it is to be written."""
    computed = None if shared.computed is None else shared.computed.inverse
    if not options.write_inverse or (computed is not None and options.grid is None):
        return computed
    return transform.inverse(transform.degraded_grid or options.grid)


def direction_sentence(to: Scan) -> str:
    """What was applied, for the user.

    Args:
        to: the scan whose places are wanted.
    """
    if to == "reference":
        return (
            "Direction: degraded → reference. Images read the degraded scan at X + u(X); points "
            "and surfaces are moved with the inverse."
        )
    return (
        "Direction: reference → degraded. Points and surfaces are moved from X to X + u(X); "
        "images read the reference through the inverse."
    )


def _naming(path: Path, sentence: str) -> str:
    return sentence if shown(path) in sentence else f"{shown(path)}: {sentence}"


def _apply_image(
    result: Result, path: Path, target: Path, shared: _Lazy, options: ApplyOptions
) -> AppliedFile:
    image = read_image(path, options=options.reading)
    chosen = interpolation_of(
        image.frames, options.interpolation, says_labels=image.header.says_labels
    )
    source: Scan = "degraded" if options.to == "reference" else "reference"
    modality = MODALITIES.get(image.header.modality, result.modality(source))
    fill = background_of(image.frames, modality, chosen)
    moved = resample_frames(image.frames, image.grid, shared.pull, chosen, fill)
    write_like(image, moved, shared.pull.grid, target)
    remarks = _remarks(image, moved, shared.pull, chosen)
    warnings = (*image.header.warnings, *_in_place(result, path, options.to), *remarks)
    count = f"{len(image.frames)} frames, " if len(image.frames) > 1 else ""
    return AppliedFile(target.name, f"{count}{chosen}, background {fill:g}", warnings)


def _in_place(result: Result, path: Path, to: Scan) -> tuple[str, ...]:
    """A sentence where the file is the very scan that the others are brought to."""
    scan, other = result.path(to), result.path("degraded" if to == "reference" else "reference")
    named = path.resolve()
    if scan is None or scan.resolve() != named or (other and other.resolve() == named):
        return ()
    back = "degraded" if to == "reference" else "reference"
    return (
        f"It is the {to} volume of this result and lay in its place already. Name files of the "
        f"{back} scan, or add --to {back}.",
    )


def _remarks(image: ImageFile, moved: np.ndarray, pull: Pull, chosen: str) -> tuple[str, ...]:
    found = []
    if pull.known is not None and not pull.known.all():
        missing = int((~pull.known).sum())
        found.append(
            f"{missing} voxels ({100 * missing / pull.known.size:.2g} %) have no single place in "
            "the reference, because the deformation folds there; they hold the background."
        )
    if chosen in LABEL_INTERPOLATIONS:
        lost = np.setdiff1d(np.unique(image.frames), np.unique(moved))
        if lost.size:
            values = ", ".join(f"{v:g}" for v in lost[:10])
            found.append(
                f"Labels {values} have no voxel left: they lie outside the new field of view, or "
                "are smaller than its voxels."
            )
    if any(key.startswith(_GRADIENTS) for key in image.pairs):
        found.append("Directions of diffusion gradients in the header were not turned.")
    return tuple(found)


def _apply_geometry(
    transform: Transform, path: Path, target: Path, options: ApplyOptions
) -> AppliedFile:
    given = read_geometry(path, options.space)
    moved = transform.move(given.points, options.to)
    refuse_folded(moved.exists, given.name)
    normals = _turned(transform, given, moved.points, options.to)
    write_bytes(given.with_points(moved.points, normals), target)
    warnings: tuple[str, ...] = ()
    if moved.beyond.any():
        warnings = (
            f"{int(moved.beyond.sum())} of {len(moved.points)} points lie outside the field of "
            "view of the reference; they were moved like its nearest voxel.",
        )
    return AppliedFile(target.name, f"{len(moved.points)} points", warnings)


def _turned(
    transform: Transform, given: GeometryFile, moved: np.ndarray, to: Scan
) -> np.ndarray | None:
    """Normals of the moved surface: J^-T n, J the derivative of the map, unit length."""
    if given.normals is None:
        return None
    if to == "degraded":
        jacobian = transform.field.jacobian(given.points)
        normals = np.linalg.solve(jacobian.swapaxes(1, 2), given.normals[..., None])[..., 0]
    else:
        jacobian = transform.field.jacobian(moved)
        normals = np.einsum("nji,nj->ni", jacobian, given.normals)
    length = np.linalg.norm(normals, axis=1, keepdims=True)
    return np.divide(normals, length, out=np.zeros_like(normals), where=length > 0)
