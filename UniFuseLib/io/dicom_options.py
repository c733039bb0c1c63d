"""What the user may decide where a DICOM folder leaves it open."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class DicomOptions:
    """Choices for one input; None: take what is there if it is the only thing there.

    Attributes:
        series: SeriesInstanceUID, or series number, of the wanted series.
        frame_group: number of the wanted group of frames, from 1, as the refusal lists them.
        ct_offset: HU of the stored value 0, for CT whose header states none.
        suv_factor: SUV per unit of the file, for PET whose header does not lead to SUV.
        optional: the choices were made for either of two inputs: a series that is not here and a
            group where there is only one are passed over.
    """

    series: str | None = None
    frame_group: int | None = None
    ct_offset: float | None = None
    suv_factor: float | None = None
    optional: bool = False
