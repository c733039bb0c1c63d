"""Which of the series of a folder is read."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from UniFuseLib.errors import InputError
from UniFuseLib.io.dicom_frames import Attributes, words

if TYPE_CHECKING:
    from pathlib import Path

    from UniFuseLib.io.dicom_files import DicomFile
    from UniFuseLib.io.dicom_options import DicomOptions

_SLICES = 3  # fewer images are not a volume: localisers, screenshots
# Objects that belong to a series of images but are none (PS3.3, C.7.3.1.1.1).
_NOT_SCANS = frozenset(
    "SEG RTDOSE RTSTRUCT RTPLAN RTIMAGE RTRECORD REG SR PR KO DOC FID RWV PLAN".split()
)


class Series(NamedTuple):
    """Files with one SeriesInstanceUID."""

    uid: str
    files: list[DicomFile]

    def tag(self, keyword: str) -> str:
        """Of the first file; empty when absent."""
        return str(self.files[0].header.get(keyword) or "").strip()

    @property
    def names(self) -> tuple[str, str]:
        """What the user may call it: UID and number."""
        return self.uid, self.tag("SeriesNumber")

    @property
    def images(self) -> int:
        """Frames of all files."""
        scans = (Attributes(f.path, f.header) for f in self.files if "Rows" in f.header)
        return sum(attributes.whole("NumberOfFrames", 1) for attributes in scans)

    @property
    def is_volume(self) -> bool:
        """By number of images and kind: worth listing beside others."""
        localiser = all(
            "LOCALIZER" in words(file.header.get("ImageType") or ()) for file in self.files
        )
        return self.images >= _SLICES and not localiser and self.tag("Modality") not in _NOT_SCANS

    @property
    def words(self) -> str:
        """Number, modality, description, slices and UID."""
        number = self.tag("SeriesNumber") or "without number"
        slices = "1 slice" if self.images == 1 else f"{self.images} slices"
        name = f"'{self.tag('SeriesDescription')}'" if self.tag("SeriesDescription") else "unnamed"
        return f"series {number}, {self.tag('Modality') or '?'}, {name}, {slices}, UID {self.uid}"


class Choice(NamedTuple):
    """The series, and sentences about what was left out."""

    series: Series
    warnings: tuple[str, ...]


def choose_series(files: list[DicomFile], options: DicomOptions, folder: Path) -> Choice:
    """The series that is wanted by UID or number, or the only one that can be a volume.

    Args:
        files: all that was found.
        options: what the user chose.
        folder: for sentences.

    Raises:
        InputError: several series and none chosen, or none as wanted (they are listed).
    """
    every = _by_uid(files)
    found = [series for series in every if options.series in series.names]
    if options.series is not None and (found or not options.optional):
        return Choice(_wanted(every, found, options.series, folder), ())
    volumes = [series for series in every if series.is_volume]
    if len(volumes) > 1:
        raise InputError(
            f"{folder} holds {len(volumes)} DICOM series: {_listed(volumes)}. Choose one with "
            "--series UID."
        )
    if volumes:
        return Choice(volumes[0], _left_out(every, volumes[0]))
    return Choice(_largest_of_images(every, folder), ())


def _by_uid(files: list[DicomFile]) -> list[Series]:
    series: dict[str, list[DicomFile]] = {}
    for file in files:
        series.setdefault(str(file.header.get("SeriesInstanceUID") or ""), []).append(file)
    return [Series(uid, members) for uid, members in series.items()]


def _wanted(every: list[Series], found: list[Series], wanted: str, folder: Path) -> Series:
    if len(found) == 1:
        return found[0]
    problem = "two series of number" if found else "no series"
    raise InputError(
        f"{folder} holds {problem} {wanted}, but: {_listed(found or every)}. Choose one with "
        "--series UID."
    )


def _largest_of_images(every: list[Series], folder: Path) -> Series:
    scans = [s for s in every if s.images and s.tag("Modality") not in _NOT_SCANS]
    if not scans:
        kinds = ", ".join(sorted({series.tag("Modality") or "?" for series in every}))
        raise InputError(
            f"{folder} holds DICOM objects ({kinds}), but no scan. Expected the images of one "
            "CT, MR or PET series."
        )
    return max(scans, key=lambda series: series.images)


def _left_out(every: list[Series], chosen: Series) -> tuple[str, ...]:
    others = [series for series in every if series is not chosen]
    if not others:
        return ()
    names = "; ".join(
        f"{series.tag('Modality') or '?'} {series.tag('SeriesDescription')}".strip()
        + f" ({len(series.files)} {'file' if len(series.files) == 1 else 'files'})"
        for series in others
    )
    return (f"Left out, since they are not volumes: {names}.",)


def _listed(series: list[Series]) -> str:
    return "; ".join(one.words for one in sorted(series, key=lambda s: s.images, reverse=True))
