"""Images → files that are complete under their names or not there at all; ITK writes them."""

from __future__ import annotations

import contextlib
import shutil
import uuid
from pathlib import Path
from typing import TYPE_CHECKING

import SimpleITK as sitk

from UniFuseLib.errors import InputError, OutputError
from UniFuseLib.io.nifti import nifti_data
from UniFuseLib.io.nifti_header import is_nifti
from UniFuseLib.io.paths import expanded, holds_utf8, shown, temporary_folder
from UniFuseLib.io.publication import move_new
from UniFuseLib.process import in_bytes

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

WRITABLE = (".nii", ".nii.gz", ".nrrd", ".mha")


def check_suffix(path: Path) -> str:
    """The suffix of `WRITABLE` that a name ends in.

    Raises:
        OutputError: none of them.
    """
    suffix = next(
        (s for s in sorted(WRITABLE, key=len, reverse=True) if path.name.lower().endswith(s)), None
    )
    if suffix is None:
        raise OutputError(
            f"Cannot write {shown(path.name)}: expected a name that ends in {', '.join(WRITABLE)}."
        )
    return suffix


def write_image(image: sitk.Image, path: Path, *, overwrite: bool = True) -> None:
    """Write SimpleITK's picture; see `write_file`."""
    compressed = check_suffix(path) == ".nii.gz"

    def write(place: Path) -> None:
        with quiet_itk(), _written_by_itk(place) as plain:
            sitk.WriteImage(image, str(plain), compressed)

    write_file(path, write, overwrite=overwrite)


def write_file(path: Path, write: Callable[[Path], None], *, overwrite: bool = True) -> None:
    """Write an image; complete under its name, or not there at all.

    Args:
        path: of the image.
        write: takes another name in the same folder, with the same suffix.
        overwrite: whether a file of that name is replaced.

    Raises:
        OutputError: no permission, disk full, a suffix that is not in `WRITABLE`, or a file of
            that name where `overwrite` is False.
    """
    check_suffix(path)
    write_whole(path, write, overwrite=overwrite)


def write_whole(path: Path, write: Callable[[Path], None], *, overwrite: bool = True) -> None:
    """Write a file of any format; complete under its name, or not there at all.

    Args:
        path: of the file.
        write: takes another name in the same folder, with the same suffix.
        overwrite: whether a file of that name is replaced.

    Raises:
        OutputError: no permission, disk full, or a file of that name where `overwrite` is False.
    """
    path = expanded(path)
    suffix = ".nii.gz" if path.name.lower().endswith(".nii.gz") else path.suffix.lower()
    temporary = path.with_name(f".{uuid.uuid4().hex}{suffix}")
    try:
        write(temporary)
        _check_written(temporary)
        if overwrite:
            temporary.replace(path)
        else:
            move_new(temporary, path)
    except FileExistsError as error:
        raise OutputError(
            f"{shown(path)} exists. Choose another name, or add --overwrite."
        ) from error
    except (RuntimeError, OSError) as error:
        raise OutputError(_why_not_written(path, error)) from error
    finally:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)


@contextlib.contextmanager
def _written_by_itk(path: Path) -> Iterator[Path]:
    """A name that ITK can take; what was written there comes to `path`."""
    if holds_utf8(path):
        yield path
        return
    with temporary_folder() as folder:
        plain = Path(folder) / f"output{''.join(path.suffixes[-2:])}"
        yield plain
        shutil.copyfile(plain, path)


def _check_written(path: Path) -> None:
    # SimpleITK stays silent when the disk fills up while it writes NIfTI
    if is_nifti(path) and not _complete(path):
        raise OSError(28, "No space left on device")


def _complete(path: Path) -> bool:
    """True when a NIfTI file holds all the bytes that its header promises."""
    try:
        data = nifti_data(path)
    except InputError:
        return False
    promised = data.offset + data.bytes
    if data.compression == "none":
        return path.stat().st_size >= promised
    return _trailer(path) == promised % 2**32


def _trailer(path: Path) -> int:
    """What a gzip file says of its own length, modulo 2^32."""
    with path.open("rb") as file:
        file.seek(-4, 2)
        return int.from_bytes(file.read(4), "little")


def _why_not_written(path: Path, error: Exception) -> str:
    folder = path.parent
    if not folder.is_dir():
        return (
            f"Cannot write {shown(path)}: the folder {shown(folder)} does not exist or is not a "
            "folder."
        )
    free = shutil.disk_usage(folder).free
    reason = (
        error.strerror
        if isinstance(error, OSError) and error.strerror
        else str(error).strip().splitlines()[-1]
    )
    return (
        f"Cannot write {shown(path)}: {reason} ({in_bytes(free)} free). "
        "Check permission and free space, or choose another folder. Nothing was left behind."
    )


@contextlib.contextmanager
def quiet_itk() -> Iterator[None]:
    """ITK's own warnings are for its developers; ours are sentences in the report."""
    before = sitk.ProcessObject.GetGlobalWarningDisplay()
    sitk.ProcessObject.SetGlobalWarningDisplay(False)
    try:
        yield
    finally:
        sitk.ProcessObject.SetGlobalWarningDisplay(before)
