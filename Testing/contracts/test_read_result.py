"""`read_result`: a folder as `unifuse fuse` writes it, and folders that are something else."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from Testing.contracts.conftest import places
from UniFuseLib import read_result, write_displacement
from UniFuseLib.errors import InputError
from UniFuseLib.spatial.nodes import nodes_over

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from UniFuseLib.spatial.volume import Grid


def test_both_grids_and_the_field_come_back(
    make_result: Callable[..., Path], reference_frame: Grid, oblique_grid: Grid
) -> None:
    result = read_result(make_result())
    assert result.transform.grid.same_as(reference_frame)
    assert result.transform.grid_of("degraded").same_as(oblique_grid)
    u = np.random.default_rng(0).normal(size=(*reference_frame.shape, 3))
    np.testing.assert_allclose(result.transform.displacement, u, atol=1e-6)
    assert result.modality("degraded") == "mr"
    assert result.path("degraded") is None


def test_a_report_without_affine_has_no_degraded_grid(make_result: Callable[..., Path]) -> None:
    folder = make_result()
    report = json.loads((folder / "report.json").read_text("utf-8"))
    del report["inputs"]["degraded"]["affine_ras"]
    (folder / "report.json").write_text(json.dumps(report), encoding="utf-8")
    assert read_result(folder).transform.degraded_grid is None


def test_a_folder_of_something_else_is_named_so(
    make_result: Callable[..., Path], tmp_path: Path
) -> None:
    other = tmp_path / "other"
    other.mkdir()
    with pytest.raises(InputError, match=r"holds no deformation.nii.gz and no report.json"):
        read_result(other)
    with pytest.raises(InputError, match="does not exist"):
        read_result(tmp_path / "none")
    folder = make_result()
    with pytest.raises(InputError, match="is a file; expected the folder"):
        read_result(folder / "report.json")
    (folder / "deformation.nrrd").write_bytes((folder / "deformation.nii.gz").read_bytes())
    with pytest.raises(InputError, match="two deformations"):
        read_result(folder)


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"schema_version": 9}, "schema version 9; this version of UniFuse reads 2"),
        ({"inputs": []}, "'inputs.degraded.shape': expected a list, found null"),
        ({"degraded_modality": 3}, "'degraded_modality': expected a text, found 3"),
    ],
)
def test_a_report_of_another_kind_is_refused(
    make_result: Callable[..., Path], changes: dict[str, Any], sentence: str
) -> None:
    with pytest.raises(InputError, match=sentence):
        read_result(make_result(**changes))


def test_a_field_of_another_result_is_refused(
    make_result: Callable[..., Path], oblique_grid: Grid
) -> None:
    folder = make_result()
    u = np.zeros((*oblique_grid.shape, 3))
    write_displacement(u, oblique_grid, folder / "deformation.nii.gz")
    with pytest.raises(InputError, match="7 × 9 × 11 voxels, and the reference in report.json 13"):
        read_result(folder)


def test_a_field_on_fewer_voxels_comes_back_on_the_reference(
    make_result: Callable[..., Path], reference_frame: Grid
) -> None:
    folder = make_result()
    slope = np.array([[0.02, -0.01, 0.03], [0.01, 0.04, -0.02], [-0.03, 0.02, 0.01]])
    nodes = nodes_over(reference_frame, 4.0)
    assert nodes.shape != reference_frame.shape
    write_displacement(places(nodes) @ slope.T, nodes, folder / "deformation.nii.gz")
    transform = read_result(folder).transform
    assert transform.grid.same_as(reference_frame)
    np.testing.assert_allclose(transform.displacement, places(reference_frame) @ slope.T, atol=1e-4)


def test_a_field_without_numbers_is_refused(
    make_result: Callable[..., Path], reference_frame: Grid
) -> None:
    folder = make_result()
    (folder / "deformation.nii.gz").unlink()
    u = np.full((*reference_frame.shape, 3), np.nan)
    write_displacement(u, reference_frame, folder / "deformation.nrrd")
    with pytest.raises(InputError, match="not finite"):
        read_result(folder)
