"""`unifuse fuse --dry-run`: what a pair will cost, from the headers, before anything is read."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from UniFuseLib import cli
from UniFuseLib.commands import cost as cost_command
from UniFuseLib.errors import DeviceError, InputError
from UniFuseLib.estimate import CPU_SECONDS, MEMORY_BYTES, Size, check_memory, estimate
from UniFuseLib.io.volumes import read_grid, read_volume, write_volume
from UniFuseLib.process import in_bytes
from UniFuseLib.spatial.volume import Grid, Volume

FIGURES = Path(__file__).resolve().parents[2] / "docs" / "results" / "cost-model.json"


@pytest.fixture(scope="module")
def measured() -> dict[str, Any]:
    figures: dict[str, Any] = json.loads(FIGURES.read_text(encoding="utf-8"))
    return figures


def oblique(shape: tuple[int, int, int], spacing: tuple[float, float, float]) -> Grid:
    c, s = np.cos(0.3), np.sin(0.3)
    affine = np.array([[0, -s, c, 4], [0, c, s, -9], [1, 0, 0, 2], [0, 0, 0, 1.0]])
    affine[:3, :3] *= spacing
    return Grid(shape, affine)


DEGRADED = oblique((9, 11, 7), (3.0, 1.2, 1.7))
REFERENCE = oblique((12, 20, 31), (2.5, 1.5, 1.0))


@pytest.fixture
def pair(tmp_path: Path) -> list[str]:
    paths = []
    for name, grid in (("degraded.nii.gz", DEGRADED), ("reference.nrrd", REFERENCE)):
        rng = np.random.default_rng(1)
        array = rng.integers(0, 900, grid.shape).astype(np.int16)
        write_volume(Volume(array, grid.affine), tmp_path / name)
        paths.append(str(tmp_path / name))
    return paths


def dry(pair: list[str], *more: str) -> int:
    return cli.main(["fuse", *pair, "-o", str(Path(pair[0]).parent / "out"), "--dry-run", *more])


def test_the_coefficients_are_the_measured_ones(measured: dict[str, Any]) -> None:
    for model, name in ((MEMORY_BYTES, "peak_bytes"), (CPU_SECONDS, "cpu_seconds")):
        fitted = measured[name]
        keys = ("base", "per_reference_voxel", "per_working_voxel", "per_degraded_voxel")
        assert tuple(model)[:4] == pytest.approx([fitted[key] for key in keys])
        errors = fitted["lowest_relative_error"], fitted["highest_relative_error"]
        assert model.within == max(map(abs, errors))


def test_the_model_holds_for_every_measured_run(measured: dict[str, Any]) -> None:
    for run in measured["runs"]:
        size = Size(run["reference_voxels"], run["working_voxels"], run["degraded_voxels"], 1.5)
        for model, name in ((MEMORY_BYTES, "peak_bytes"), (CPU_SECONDS, "cpu_seconds")):
            assert model.of(size) == pytest.approx(run[name], rel=model.within + 0.001)


def test_each_grid_counts_as_what_it_is() -> None:
    found = estimate(DEGRADED, REFERENCE, 2.0).size
    assert found.degraded_voxels == 9 * 11 * 7
    assert found.reference_voxels == 12 * 20 * 31
    extents = (12 * 2.5, 20 * 1.5, 31 * 1.0)
    assert found.working_voxels == math.prod(math.ceil(extent / 2.0) for extent in extents)
    other = estimate(REFERENCE, DEGRADED, 2.0).size
    assert other.reference_voxels == found.degraded_voxels


def test_a_grid_is_read_without_its_voxels(pair: list[str]) -> None:
    for path in pair:
        grid, volume = read_grid(path), read_volume(path)
        assert grid.shape == volume.array.shape
        np.testing.assert_allclose(grid.affine, volume.affine)
    cut = Path(pair[1])
    cut.write_bytes(cut.read_bytes()[:-100])
    assert read_grid(cut).shape == REFERENCE.shape
    with pytest.raises(InputError):
        read_volume(cut)


def test_a_dry_run_says_it_all_and_writes_nothing(
    pair: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    before = sorted(Path(pair[0]).parent.iterdir())
    assert dry(pair) == 0
    said = capsys.readouterr()
    for word in ("Voxels:", "Memory: about", "Time: about", "Disk: about", "are free"):
        assert word in said.err
    assert dry(pair, "--json", "--working-spacing", "3") == 0
    facts = json.loads(capsys.readouterr().out)
    assert facts["working_mm"] == 3.0
    assert facts["reference_voxels"] == 12 * 20 * 31
    assert 0 < facts["disk_bytes_low"] < facts["disk_bytes_high"]
    assert sorted(Path(pair[0]).parent.iterdir()) == before


def test_what_is_written_raw_is_known_to_the_byte() -> None:
    voxels, vectors = 12 * 20 * 31, 12
    raw = estimate(REFERENCE, REFERENCE, 2.0, uncompressed=True, field_spacing="full").disk
    for found, restored in ((raw.low, 2), (raw.high, 4)):
        volumes = voxels * (4 + restored + vectors)
        assert volumes < found < volumes + 4e6  # and a picture
    packed = estimate(REFERENCE, REFERENCE, 2.0).disk
    assert packed.low < raw.low
    # nodes 8 mm apart, the outermost on the outermost voxels: 27.5, 28.5 and 30 mm
    coarse = estimate(REFERENCE, REFERENCE, 2.0, field_spacing=8.0, uncompressed=True).disk
    assert raw.low - coarse.low == vectors * (voxels - 5 * 5 * 5)


def test_a_map_of_the_uncertainty_takes_time_and_disk_space() -> None:
    plain = estimate(DEGRADED, REFERENCE, 2.0)
    found = estimate(DEGRADED, REFERENCE, 2.0, uncertainty=True)
    assert found.disk.high > plain.disk.high
    for side, mapped_alone in ((160, False), (240, True)):  # 15 and 52 litres
        grid = Grid((side, side, side), REFERENCE.affine)
        more = estimate(grid, grid, 2.0, uncertainty=True).cpu_seconds
        seconds = 0.27 * side**3 * 2.5 * 1.5 * 1.0 / 1e6 if mapped_alone else 0.0
        assert more - estimate(grid, grid, 2.0).cpu_seconds == pytest.approx(seconds, abs=0.25)
    assert found.memory_bytes == plain.memory_bytes


def test_what_the_memory_cannot_hold_is_refused_in_words() -> None:
    found = estimate(DEGRADED, REFERENCE, 2.0)
    check_memory(found, found.memory_bytes)
    check_memory(found, None)
    said = rf"needs about {in_bytes(found.memory_bytes)} of memory.* --exceed-memory"
    with pytest.raises(DeviceError, match=said):
        check_memory(found, found.memory_bytes - 1)


@pytest.mark.parametrize("option", [("--dry-run",), ("--no-overview", "--device", "cpu")])
def test_a_run_is_refused_before_it_begins_unless_the_user_insists(
    pair: list[str],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    option: tuple[str, ...],
) -> None:
    monkeypatch.setattr(cost_command, "available_memory", lambda: 10_000_000)
    monkeypatch.setattr("UniFuseLib.process.available_memory", lambda: 10_000_000)
    command = ["fuse", *pair, "-o", str(Path(pair[0]).parent / "out"), *option]
    assert cli.main(command) == DeviceError.exit_code
    assert "--exceed-memory" in capsys.readouterr().err
    assert not (Path(pair[0]).parent / "out").exists()
    if "--dry-run" in option:
        assert cli.main([*command, "--exceed-memory"]) == 0


def test_what_cannot_be_fused_is_no_estimate(
    pair: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert dry([pair[0], str(Path(pair[1]).parent / "nowhere.nii")]) == InputError.exit_code
    assert "does not exist" in capsys.readouterr().err
