"""A DICOM series among the files of `unifuse apply`: read as `fuse` reads it, written as NIfTI."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING

import numpy as np
import pytest

pytest.importorskip("pydicom")
from dicom_writer import noise, write_series

from UniFuseLib import cli, read_volume, write_displacement
from UniFuseLib.report.inputs import InputReport

if TYPE_CHECKING:
    from pathlib import Path


def test_a_series_is_moved_and_named_after_its_folder(tmp_path: Path) -> None:
    series = tmp_path / "t2 series"
    series.mkdir()
    write_series(series, noise())
    scan = read_volume(series)
    result = tmp_path / "result"
    result.mkdir()
    u = np.zeros((*scan.array.shape, 3)) + scan.grid.linear[:, 1]  # one voxel along h
    write_displacement(u, scan.grid, result / "deformation.nii.gz")
    about = asdict(InputReport.of(scan))
    report = {"schema_version": 2, "inputs": {"degraded": about, "reference": about}}
    report |= {"degraded_modality": "mr", "reference_modality": "mr"}
    (result / "report.json").write_text(json.dumps(report), encoding="utf-8")
    assert cli.main(["apply", str(result), str(series), "-o", str(tmp_path / "out")]) == 0
    moved = read_volume(tmp_path / "out" / "t2 series.nii.gz")
    np.testing.assert_allclose(moved.array[:, :-1], scan.array[:, 1:], atol=1e-2)
