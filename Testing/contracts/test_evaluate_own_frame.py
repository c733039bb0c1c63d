"""Restoration in the degraded scan's own frame: the frame is right, the figures are known."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch
from scipy.spatial.transform import Rotation

from UniFuseLib.contract import standard_contract
from UniFuseLib.evaluation.case_evaluator import case_evaluator
from UniFuseLib.evaluation.cases import read_case
from UniFuseLib.evaluation.evaluate import evaluate
from UniFuseLib.evaluation.metrics.similarity import correlation
from UniFuseLib.evaluation.own_frame import (
    inverse_displacement,
    own_frame_figures,
    restore_in_place,
)
from UniFuseLib.evaluation.sampling import covered, pull
from UniFuseLib.network.oufr import Unified
from UniFuseLib.network.unifuse import Registered, UniFuseOutput
from UniFuseLib.spatial.volume import Grid, Volume

if TYPE_CHECKING:
    from pathlib import Path


def oblique(shape: tuple[int, int, int], spacing: tuple[float, float, float], seed: int) -> Grid:
    turn, _ = np.linalg.qr(np.random.default_rng(seed).normal(size=(3, 3)))
    affine = np.eye(4)
    affine[:3, :3] = turn * spacing
    affine[:3, 3] = -affine[:3, :3] @ ((np.array(shape) - 1) / 2)
    return Grid(shape, affine)


def places(grid: Grid) -> np.ndarray:
    index = np.moveaxis(np.indices(grid.shape), 0, -1)
    return np.asarray(index @ grid.affine[:3, :3].T + grid.affine[:3, 3])


def test_the_inverse_of_an_affine_field_between_oblique_anisotropic_grids() -> None:
    """Y = M X + t: v(Y) = M⁻¹(Y - t) - Y; swapped axes and signs are far off."""
    matrix = np.array([[1.02, 0.10, -0.05], [-0.08, 0.97, 0.06], [0.04, -0.07, 1.05]])
    shift = np.array([2.0, -3.0, 4.0])
    of, at = oblique((24, 20, 28), (4.0, 5.0, 3.5), 1), oblique((9, 11, 7), (3.0, 2.0, 4.0), 2)
    field = places(of) @ (matrix - np.eye(3)).T + shift
    expected = (places(at) - shift) @ np.linalg.inv(matrix).T - places(at)
    found = inverse_displacement(field, of, at)
    assert np.abs(found - expected).max() < 0.01
    assert np.abs(expected).max() > 3


def test_the_inverse_of_a_large_turn_with_an_elastic_part() -> None:
    """v(φ(X)) = X − φ(X) for φ = a turn by 150° after a smooth displacement of 2 mm."""
    of, at = oblique((24, 20, 28), (4.0, 5.0, 3.5), 1), oblique((9, 11, 7), (3.0, 2.0, 4.0), 2)
    turn = Rotation.from_rotvec(np.deg2rad(150) * np.array([2, 1, -2]) / 3).as_matrix()

    def phi(points: np.ndarray) -> np.ndarray:
        bent = points + 2 * np.sin(points[..., [1, 2, 0]] / 15)
        return np.asarray(bent @ turn.T + [20.0, -5.0, 9.0])

    seen = _moved(at, turn)  # where φ leaves the middle of `of`
    found = inverse_displacement(phi(places(of)) - places(of), of, seen)
    back = places(seen) + found
    assert np.abs(phi(back) - places(seen)).max() < 0.1
    assert np.linalg.norm(found, axis=-1).mean() > 10


def _moved(grid: Grid, turn: np.ndarray) -> Grid:
    affine = grid.affine.copy()
    affine[:3] = turn @ affine[:3]
    affine[:3, 3] += [20.0, -5.0, 9.0]
    return Grid(grid.shape, affine)


def test_the_reference_is_brought_to_the_degraded_scan(
    case_folder: Path, shifts: dict[str, np.ndarray]
) -> None:
    case = read_case(case_folder, "a")
    case = replace(case, reference=case.clean_aligned)  # so that it is known what comes
    seen: list[tuple[Volume, Volume]] = []

    def as_it_came(degraded: Volume, reference: Volume, modalities: tuple[str, str]) -> np.ndarray:
        assert modalities == (case.degraded_modality, case.reference_modality)
        seen.append((degraded, reference))
        return degraded.array

    figures = own_frame_figures(case, as_it_came, case_evaluator(case).unit)
    ((degraded, reference),) = seen
    assert reference.grid.same_as(degraded.grid)
    inside = covered(
        case.reference.grid, np.zeros((*degraded.grid.shape, 3)) - shifts["a"], degraded.grid
    )
    there = correlation(reference.array, case.clean_misaligned.array, inside)
    unmoved = pull(case.reference, None, degraded.grid)
    assert there > 0.95 > correlation(unmoved, case.clean_misaligned.array, inside) + 0.2
    assert figures.gain_db == 0
    assert figures.psnr_db == figures.degraded_psnr_db


def test_a_perfect_restoration_has_100_db(case_folder: Path) -> None:
    case = read_case(case_folder, "b")
    unit = case_evaluator(case).unit
    perfect = own_frame_figures(case, lambda *_: case.clean_misaligned.array, unit)
    assert perfect.psnr_db == pytest.approx(100)
    assert perfect.gain_db == pytest.approx(100 - perfect.degraded_psnr_db)


class Halves:
    """Restores half the intensity; its field, where it is asked for one, is not at rest."""

    def register(
        self, degraded: torch.Tensor, reference: torch.Tensor, *, find_field: bool = True
    ) -> Registered:
        self.degraded = degraded
        flow = torch.full((1, 3, *degraded.shape[2:]), float(find_field))
        unified = Unified(degraded, reference)
        return Registered(flow, torch.zeros(1, 4), unified, (), (), None)  # type: ignore[arg-type]

    def fuse(self, registered: Registered, *, probabilities: torch.Tensor) -> UniFuseOutput:
        flow = registered.flow
        assert not flow.any()
        assert float(probabilities.sum()) == pytest.approx(1)
        nothing = torch.zeros_like(self.degraded)
        return UniFuseOutput(
            fused=self.degraded / 2,
            moved=self.degraded,
            restored=self.degraded / 2,
            blend=nothing,
            detail_weight=nothing,
            flow=flow,
            logits=registered.logits,
            unified=registered.unified,
            coarse_flows=(),
        )


def test_the_network_works_in_place_and_in_the_scans_units() -> None:
    grid = oblique((20, 24, 18), (3.0, 2.5, 3.5), 5)
    distance = np.linalg.norm(places(grid), axis=-1)
    array = (600 * np.clip(1.3 - distance / 20, 0, 1)).astype(np.float32)
    volume = Volume(array, grid.affine)
    restored = restore_in_place(
        volume,
        volume,
        ("mr", "mr"),
        model=Halves(),  # type: ignore[arg-type]
        contract=standard_contract(),
        device=torch.device("cpu"),
    )
    assert restored.shape == array.shape
    inner = distance < 14
    assert np.abs(restored - array / 2)[inner].mean() < 12
    assert np.abs(restored - array / 2)[inner].mean() < 0.1 * np.abs(restored - array)[inner].mean()


def test_the_summary_tells_gain_and_clean_apart(case_folder: Path, tmp_path: Path) -> None:
    from Testing.contracts.evaluate_standins import identity

    cases = tmp_path / "cases"
    shutil.copytree(case_folder, cases)
    text = json.loads((cases / "c" / "case.json").read_text(encoding="utf-8"))
    (cases / "c" / "case.json").write_text(json.dumps({**text, "class": "clean"}), "utf-8")

    def restore(degraded: Volume, reference: Volume, modalities: tuple[str, str]) -> np.ndarray:
        return degraded.array

    run = evaluate(cases, tmp_path / "out", identity, checksum="w", restore=restore)
    rows = run.summary["summary"]
    assert rows["mr"]["own_frame_gain_db"] == 0
    assert rows["mr"]["own_frame_clean_psnr_db"] is None
    assert rows["petct"]["own_frame_gain_db"] is None
    assert rows["petct"]["own_frame_clean_psnr_db"] > 20
    assert "own frame: gain dB" in run.tables
    without = evaluate(cases, tmp_path / "without", identity, checksum="w").summary["summary"]
    assert without["mr"]["own_frame_gain_db"] is None
