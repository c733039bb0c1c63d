"""The overview picture: it renders whatever comes, and says plainly why when it cannot."""

from __future__ import annotations

import dataclasses
import subprocess
import sys
from dataclasses import dataclass, fields, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch
from scipy.spatial.transform import Rotation

from UniFuseLib.errors import MissingDependencyError, OutputError
from UniFuseLib.overview import draw_overview, panels
from UniFuseLib.overview.header import highest_mm
from UniFuseLib.overview.page import compose_page
from UniFuseLib.overview.planes import plane_through, sample_field, sample_mask, sample_plane
from UniFuseLib.overview.sheet import Sheet
from UniFuseLib.preprocessing.intensity import IntensityMap
from UniFuseLib.preprocessing.modality import ModalityGuess
from UniFuseLib.preprocessing.prepare import InputVolume
from UniFuseLib.report.parts import VerdictReport
from UniFuseLib.spatial.composed import ComposedField
from UniFuseLib.spatial.volume import Grid, Volume

if TYPE_CHECKING:
    from UniFuseLib.report.report import Report

Figure = pytest.importorskip("matplotlib.figure").Figure
SHAPE = (9, 23, 19)


@dataclass(frozen=True)
class Result:
    """The attributes of `FusionResult` that the picture reads."""

    fused: Volume
    restored: Volume
    scan: InputVolume
    field: ComposedField
    body: np.ndarray
    coverage: np.ndarray
    report: Report
    label: str = "mr_motion"
    probabilities: dict[str, float] = dataclasses.field(
        default_factory=lambda: {
            "clean": 0.01,
            "mr_motion": 0.97,
            "ct_metal_noise": 0.01,
            "pet_low_dose": 0.01,
        }
    )


def grid_of(shape: tuple[int, int, int], turn: float, spacing: tuple[float, float, float]) -> Grid:
    directions = Rotation.from_rotvec([turn, -0.5 * turn, turn]).as_matrix() @ [
        [0, 0, -1],
        [0, -1, 0],
        [1, 0, 0],
    ]
    affine = np.eye(4)
    affine[:3, :3] = directions * np.array(spacing)
    affine[:3, 3] = -affine[:3, :3] @ ((np.array(shape) - 1) / 2)
    return Grid(shape, affine)


def world(grid: Grid) -> np.ndarray:
    index = np.moveaxis(np.indices(grid.shape, dtype=np.float64), 0, -1)
    return index @ grid.affine[:3, :3].T + grid.affine[:3, 3]


def head(grid: Grid) -> np.ndarray:
    x = world(grid)
    inside = ((x / [26, 30, 20]) ** 2).sum(-1) < 1
    return np.where(inside, 400 + 200 * np.sin(x[..., 0] / 6) * np.cos(x[..., 1] / 7), 0).astype(
        np.float32
    )


def shifted(grid: Grid, by_mm: tuple[float, float, float]) -> ComposedField:
    v = torch.tensor(by_mm).view(1, 3, 1, 1, 1).expand(1, 3, *grid.shape)
    return ComposedField(grid, grid, v, np.eye(4))


def scan_of(volume: Volume) -> InputVolume:
    acquired = np.ones(volume.array.shape[:3], dtype=bool)
    rule = IntensityMap("percentile", scale=600.0)
    return InputVolume(volume, "mr", rule, ModalityGuess("mr", "sure", "it says so"), acquired)


@pytest.fixture
def case(example_report: Report) -> tuple[Result, Volume, Volume]:
    grid, other = grid_of(SHAPE, 0.1, (5.0, 3.0, 3.1)), grid_of((8, 20, 25), -0.2, (6.0, 3.2, 2.6))
    reference, degraded = Volume(head(grid), grid.affine), Volume(head(other), other.affine)
    restored, body = Volume(reference.array * 0.8, grid.affine), reference.array > 0
    return (
        Result(
            restored,
            restored,
            scan_of(degraded),
            shifted(grid, (3.0, -2.0, 1.0)),
            body,
            np.ones_like(body),
            example_report,
        ),
        degraded,
        reference,
    )


def read(path: Path) -> np.ndarray:
    from matplotlib.image import imread

    return np.asarray(imread(path))[..., :3]


def test_page_renders_and_is_not_blank(case: tuple[Result, Volume, Volume], tmp_path: Path) -> None:
    draw_overview(*case, tmp_path / "overview.png")
    picture = read(tmp_path / "overview.png")
    assert picture.shape[1] == 2200
    assert picture.shape[0] > 600
    grey = picture.mean(-1)
    for column in np.array_split(grey[220:-60, 60:2080], 6, axis=1):
        assert column.std() > 0.03
    assert [p.name for p in tmp_path.iterdir()] == ["overview.png"]


@pytest.mark.slow
def test_every_panel_answers_to_its_input(
    case: tuple[Result, Volume, Volume], tmp_path: Path
) -> None:
    result, degraded, reference = case
    draw_overview(*case, tmp_path / "a.png")
    before = read(tmp_path / "a.png")
    half = Volume(result.fused.array * (np.arange(SHAPE[2]) % 2), reference.affine)
    still = shifted(result.field.grid, (0.0, 0.0, 0.0))
    changes: list[tuple[dict[str, Any], set[int]]] = [
        ({"fused": half}, {3}),
        ({"restored": half}, {2}),
        ({"field": still}, {4, 5}),
    ]
    for change, columns in changes:
        draw_overview(replace(result, **change), degraded, reference, tmp_path / "b.png")
        difference = np.abs(read(tmp_path / "b.png") - before).max(-1)[220:-60, 46:2104]
        changed = {
            n
            for n, part in enumerate(np.array_split(difference, 6, axis=1))
            if (part > 0.1).mean() > 0.005
        }
        assert changed == columns, change.keys()


@pytest.mark.slow
def test_colours_uptake_and_empty_body(case: tuple[Result, Volume, Volume], tmp_path: Path) -> None:
    result, degraded, reference = case
    rgb = Volume(np.repeat(result.fused.array[..., None], 3, -1).astype(np.uint8), reference.affine)
    report = replace(result.report, degraded_modality="pet", reference_modality="ct")
    own = np.repeat(degraded.array[..., None], 3, -1).astype(np.uint8)
    colours = scan_of(Volume(own, degraded.affine))
    variants = [
        replace(result, fused=rgb),
        replace(result, fused=rgb, restored=rgb, scan=colours),
        replace(result, report=report, label="pet_low_dose"),
        replace(result, report=report, restored=rgb, scan=colours, fused=rgb),
        replace(result, body=np.zeros(SHAPE, dtype=bool)),
        replace(result, coverage=np.zeros(SHAPE, dtype=bool)),
    ]
    for number, variant in enumerate(variants):
        draw_overview(variant, degraded, reference, tmp_path / f"{number}.png")
        assert read(tmp_path / f"{number}.png").std() > 0.05


def test_cautions_are_written(case: tuple[Result, Volume, Volume]) -> None:
    result, degraded, reference = case

    def words(**change: Any) -> str:
        return "\n".join(
            t.get_text() for t in compose_page(replace(result, **change), degraded, reference).texts
        )

    calm = words()
    assert "MR motion 97 %" in calm
    assert "mean 3.7 mm" in calm
    assert "0.400 → 0.600" in calm
    assert "Research use only" in calm
    assert "Low confidence" not in calm
    assert "covers only" not in calm
    report = replace(result.report, coverage_percent=71.2, warnings=("one", "two"))
    unsure = words(probabilities={name: 0.25 for name in result.probabilities}, report=report)
    for caution in ("(below 60 %)", "covers only 71 % of the body", "2 warnings"):
        assert caution in unsure
    strong = replace(result.report, severity_words="severe", dose_fraction=0.04)
    assert "Severe, about 1/25 of the usual dose" in words(report=strong)
    low = words(report=replace(result.report, sure_from=0.98))
    assert "Low confidence in the degradation type (below 98 %)" in low
    elsewhere = words(report=replace(result.report, class_calibrated=False))
    assert "MR motion 97 %" not in elsewhere
    assert "Degradation type not stated" in elsewhere


def test_a_red_page_is_marked_across_and_begins_with_the_reasons(
    case: tuple[Result, Volume, Volume],
) -> None:
    result, degraded, reference = case

    def texts(verdict: VerdictReport) -> list[Any]:
        report = replace(result.report, verdict=verdict)
        return list(compose_page(replace(result, report=report), degraded, reference).texts)

    judged = VerdictReport("red", 0.97, 8.0, (2.0, 30.0), ("Left and right.", "Little covered."))
    red = {text.get_text(): text for text in texts(judged)}
    assert "Red: do not use this result" in red
    heights = [red[words].get_position()[1] for words in ("•  Left and right.", "MR motion 97 %")]
    assert heights[0] > heights[1]
    assert "DO NOT USE" in red
    amber = [text.get_text() for text in texts(replace(judged, trust="amber"))]
    assert "DO NOT USE" not in amber
    assert "•  Little covered." in amber


def test_grid_lines_lie_where_the_displacement_puts_them() -> None:
    # X + 3 mm = 10 k along R and X − 2 mm = 10 k along A: lines at R = 10 k − 3, A = 10 k + 2
    grid = grid_of((9, 31, 29), 0.1, (5.0, 3.0, 3.1))
    flat = Volume(np.ones(grid.shape, dtype=np.float32), grid.affine)
    shift = shifted(grid, (3.0, -2.0, 0.0))
    plane = plane_through("axial", np.zeros(3), np.array([[-24.0, -26, -9], [24, 26, 9]]), 0.5)
    sheet = Sheet(100)
    shown, moved = partial(sample_plane, flat), partial(sample_field, shift)
    body = partial(sample_mask, flat)
    paint = panels.warped_grid(shown, panels.Window(0, 1), moved, body, 10.0)
    paint(sheet.panel(-0.5, -0.5, pixel=1.0), plane)  # pixels of the page are those of the picture
    across, along = (
        np.concatenate([p.vertices for p in c.get_paths()]) for c in sheet.axes.collections
    )
    right = plane.origin[0] - across[:, 0] * plane.pixel_mm
    anterior = plane.origin[1] - along[:, 1] * plane.pixel_mm
    assert set(np.round(right, 3)) == {-23.0, -13.0, -3.0, 7.0, 17.0}
    assert set(np.round(anterior, 3)) == {-18.0, -8.0, 2.0, 12.0, 22.0}


def test_a_panel_counts_its_own_pixels_from_the_middle_of_the_first() -> None:
    sheet = Sheet(100)
    panel = sheet.panel(10, 20, pixel=2.0)
    panel.image(np.zeros((3, 4)))
    panel.line([0, 3], [0, 2])
    np.testing.assert_array_equal(sheet.axes.images[0].get_extent(), (10, 18, 26, 20))
    np.testing.assert_array_equal(sheet.axes.lines[0].get_xydata(), [[11, 21], [17, 25]])
    assert (sheet.axes.get_xlim(), sheet.axes.get_ylim()) == ((0, 2200), (100, 0))


def test_edges_follow_the_border_of_what_is_visible() -> None:
    picture = np.zeros((60, 80), dtype=np.float32)
    picture[20:40, 30:60] = 500
    edges = panels.edge_function(picture, panels.Window(0, 500), pixel_mm=1.0)
    assert edges is not None
    assert np.isfinite(edges[20, 35:55]).all()  # on the border
    assert edges[17, 45] * edges[22, 45] < 0  # changes sign across it
    assert np.isnan(edges[:10]).all()
    assert panels.edge_function(np.full((9, 9), np.nan), panels.Window(0, 1), 1.0) is None


def test_ct_is_shown_in_the_soft_tissue_window() -> None:
    window = panels.window_of(np.full(7, 3000.0), "ct")
    assert (window.low, window.high) == (-160, 240)
    assert panels.caption("ct", window) == "CT, W 400 L 40 HU"


def test_scale_of_the_map_is_round_and_reaches_far_enough(
    case: tuple[Result, Volume, Volume],
) -> None:
    assert highest_mm(case[0]) == 4.0  # ‖(3, −2, 1)‖ = 3.74 mm
    assert (
        highest_mm(replace(case[0], field=shifted(case[0].field.grid, (90.0, -60.0, 30.0))))
        >= 112.0
    )


def test_missing_matplotlib_says_what_to_install(
    case: tuple[Result, Volume, Volume], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    with pytest.raises(MissingDependencyError, match="pip install matplotlib"):
        draw_overview(*case, tmp_path / "overview.png")
    assert not list(tmp_path.iterdir())


def test_fuse_returns_what_the_picture_reads() -> None:
    from UniFuseLib.fusion_result import FusionResult

    given = {f.name for f in fields(FusionResult)}
    assert {f.name for f in fields(Result)} <= given


def test_importing_needs_no_matplotlib() -> None:
    code = "import sys, UniFuseLib.overview; sys.exit('matplotlib' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_unwritable_place_is_named(case: tuple[Result, Volume, Volume], tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="missing"):
        draw_overview(*case, tmp_path / "missing" / "overview.png")


def test_nothing_half_written_stays(
    case: tuple[Result, Volume, Volume], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full_disk(self: Any, target: Path, **_: Any) -> None:
        Path(target).write_bytes(b"half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Figure, "savefig", full_disk)
    with pytest.raises(OutputError, match="No space left"):
        draw_overview(*case, tmp_path / "overview.png")
    assert not list(tmp_path.iterdir())
