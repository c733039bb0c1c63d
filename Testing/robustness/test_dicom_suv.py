"""PET → SUV by body weight: the values that a calculator gives, for every vendor's way."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence

from Testing.robustness.dicom_writer import SeriesSpec, noise, rewrite, write_series
from UniFuseLib.errors import InputError
from UniFuseLib.io.dicom_options import DicomOptions
from UniFuseLib.io.dicom_series import read_dicom

if TYPE_CHECKING:
    from pathlib import Path

STORED = noise((4, 9, 11), top=30000)
HALF_LIFE = 6586.2  # seconds, F-18
DOSE, WEIGHT = 3.7e8, 74.0
UNDECAYED = WEIGHT * 1000 / DOSE  # SUV per Bq/ml at injection: 2.0e-4


def drug(**changes: Any) -> Sequence:
    item = Dataset()
    values = {
        "RadionuclideTotalDose": DOSE,
        "RadionuclideHalfLife": HALF_LIFE,
        "RadiopharmaceuticalStartTime": "090000.00",
        **changes,
    }
    for keyword, value in values.items():
        if value is not None:
            setattr(item, keyword, value)
    return Sequence([item])


TAGS: dict[str, Any] = {
    "Units": "BQML",
    "DecayCorrection": "START",
    "CorrectedImage": ["ATTN", "DECY", "SCAT"],
    "PatientWeight": WEIGHT,
    "SeriesDate": "20200310",
    "SeriesTime": "100000",
    "AcquisitionDate": "20200310",
    "AcquisitionTime": "100000.000",
    "RescaleSlope": 1.5,
    "RescaleIntercept": 0,
    "RadiopharmaceuticalInformationSequence": drug(),
}
PET = SeriesSpec(modality="PT", tags=TAGS)


def factor_of(folder: Path, spec: SeriesSpec) -> float:
    """SUV per Bq/ml, which must be one for all voxels."""
    write_series(folder, STORED, spec)
    found = read_dicom(folder)
    assert found.units == "SUV"
    ratio = found.volume.array[STORED > 0] / (1.5 * STORED[STORED > 0])
    np.testing.assert_allclose(ratio, ratio[0], rtol=1e-5)
    return float(ratio[0])


def decayed(seconds: float) -> float:
    return UNDECAYED * 2 ** (seconds / HALF_LIFE)


def test_one_hour_after_injection(tmp_path: Path) -> None:
    """74 kg, 370 MBq, one hour: 2e-4 · 2^(3600 / 6586.2) = 2.921e-4."""
    assert factor_of(tmp_path, PET) == pytest.approx(2.9213e-4, rel=1e-4)


def test_decay_corrected_to_administration(tmp_path: Path) -> None:
    spec = PET.with_tags(DecayCorrection="ADMIN")
    assert factor_of(tmp_path, spec) == pytest.approx(2.0e-4, rel=1e-6)


def test_later_beds_count_from_the_series_start(tmp_path: Path) -> None:
    def edit(k: int, dataset: Dataset) -> None:
        dataset.AcquisitionTime = f"10{k:02d}00"

    assert factor_of(tmp_path, replace(PET, edit=edit)) == pytest.approx(decayed(3600), rel=1e-5)


def test_injection_before_midnight(tmp_path: Path) -> None:
    tags = {"SeriesTime": "003000", "AcquisitionTime": "003000"}
    items = drug(RadiopharmaceuticalStartTime="233000")
    spec = PET.with_tags(**tags, RadiopharmaceuticalInformationSequence=items)
    assert factor_of(tmp_path, spec) == pytest.approx(decayed(3600), rel=1e-5)


def test_injection_with_its_date(tmp_path: Path) -> None:
    items = drug(RadiopharmaceuticalStartDateTime="20200310083000.50+0100")
    spec = PET.with_tags(RadiopharmaceuticalInformationSequence=items)
    assert factor_of(tmp_path, spec) == pytest.approx(decayed(5399.5), rel=1e-5)


def test_post_processed_ge_series_has_a_private_scan_time(tmp_path: Path) -> None:
    def edit(k: int, dataset: Dataset) -> None:
        block = dataset.private_block(0x0009, "GEMS_PETD_01", create=True)
        block.add_new(0x0D, "DT", "20200310100000.00")

    spec = replace(PET.with_tags(SeriesTime="154500"), edit=edit)
    assert factor_of(tmp_path, spec) == pytest.approx(decayed(3600), rel=1e-5)


def test_post_processed_series_is_computed_back_from_its_frames(tmp_path: Path) -> None:
    """Bed 2 starts 180 s after the scan; its mean count rate lies just before its middle."""
    tags = {
        "SeriesTime": "154500",
        "AcquisitionTime": "100300",
        "ActualFrameDuration": 120000,
        "FrameReferenceTime": 239936.9,
    }
    found = factor_of(tmp_path, PET.with_tags(**tags))
    assert found == pytest.approx(decayed(3600), rel=1e-5)


def test_philips_counts(tmp_path: Path) -> None:
    def edit(k: int, dataset: Dataset) -> None:
        block = dataset.private_block(0x7053, "Philips PET Private Group", create=True)
        block.add_new(0x00, "DS", "0.000123")

    spec = replace(PET.with_tags(Units="CNTS"), edit=edit)
    assert factor_of(tmp_path, spec) == pytest.approx(1.23e-4, rel=1e-5)


def test_philips_counts_with_the_factor_to_activity_alone(tmp_path: Path) -> None:
    def edit(k: int, dataset: Dataset) -> None:
        block = dataset.private_block(0x7053, "Philips PET Private Group", create=True)
        block.add_new(0x09, "DS", "2.5")

    spec = replace(PET.with_tags(Units="CNTS"), edit=edit)
    assert factor_of(tmp_path, spec) == pytest.approx(2.5 * decayed(3600), rel=1e-5)


def test_gml_is_suv_already(tmp_path: Path) -> None:
    assert factor_of(tmp_path, PET.with_tags(Units="GML")) == pytest.approx(1.0)


def test_suv_by_lean_mass_is_said(tmp_path: Path) -> None:
    write_series(tmp_path, STORED, PET.with_tags(Units="GML", SUVType="LBM"))
    assert "SUV of type LBM" in read_dicom(tmp_path).warnings[0]


def test_pet_without_attenuation_correction_is_said(tmp_path: Path) -> None:
    write_series(tmp_path, STORED, PET.with_tags(CorrectedImage=["DECY"]))
    assert "not corrected for attenuation" in read_dicom(tmp_path).warnings[0]


@pytest.mark.parametrize(
    ("tags", "named"),
    [
        ({"PatientWeight": None}, "PatientWeight is missing"),
        ({"PatientWeight": 0}, "PatientWeight is 0"),
        ({"PatientWeight": 74000}, "PatientWeight is 74000 kg"),
        ({"RadiopharmaceuticalInformationSequence": None}, "RadionuclideTotalDose is missing"),
        (
            {"RadiopharmaceuticalInformationSequence": drug(RadionuclideTotalDose=370)},
            "RadionuclideTotalDose is 370 Bq",
        ),
        (
            {"RadiopharmaceuticalInformationSequence": drug(RadionuclideHalfLife=None)},
            "RadionuclideHalfLife is missing",
        ),
        (
            {"RadiopharmaceuticalInformationSequence": drug(RadiopharmaceuticalStartTime=None)},
            "RadiopharmaceuticalStartDateTime and RadiopharmaceuticalStartTime are missing",
        ),
        (
            {
                "RadiopharmaceuticalInformationSequence": drug(
                    RadiopharmaceuticalStartDateTime="20190310090000"
                )
            },
            "hours apart; expected 0 to 24",
        ),
        ({"DecayCorrection": "NONE"}, "DecayCorrection is NONE"),
        ({"DecayCorrection": None}, "DecayCorrection is missing"),
        ({"AcquisitionTime": None}, "AcquisitionDate or AcquisitionTime is missing"),
        ({"SeriesTime": "154500"}, "FrameReferenceTime is missing"),
        ({"Units": None}, "Units is missing"),
        ({"Units": "PROPCPS"}, "its unit is PROPCPS"),
        ({"Units": "CNTS"}, r"private factors of Philips"),
    ],
)
def test_what_is_missing_is_named_and_a_factor_helps(
    tmp_path: Path, tags: dict[str, Any], named: str
) -> None:
    for path in write_series(tmp_path, STORED, PET):
        rewrite(path, **tags)
    with pytest.raises(InputError, match=rf"{named}.*--suv-factor"):
        read_dicom(tmp_path)
    found = read_dicom(tmp_path, DicomOptions(suv_factor=3e-4))
    np.testing.assert_allclose(found.volume.array, STORED * 4.5e-4, rtol=1e-5)
    assert "multiplied by 0.0003" in found.warnings[0]
