"""The shipped sample is what `sample.json` says, and its truth can be made again from the stored
parameters.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from scipy import ndimage

from UniFuseLib.io.volumes import read_volume
from UniFuseLib.preprocessing.body import body_mask
from UniFuseLib.preprocessing.modality import from_numbers
from UniFuseLib.preprocessing.signs import signs_of
from UniFuseLib.simulation.misalignment import Misalignment
from UniFuseLib.simulation.misalignment_field import Deformation

if TYPE_CHECKING:
    from UniFuseLib.spatial.volume import Volume

FOLDER = Path(__file__).resolve().parents[2] / "Resources" / "SampleData"
SAMPLE = json.loads((FOLDER / "sample.json").read_text(encoding="utf-8"))


def load(name: str) -> Volume:
    return read_volume(FOLDER / SAMPLE["files"][name]["file"])


@pytest.mark.parametrize("name", SAMPLE["files"])
def test_file_is_as_described(name: str) -> None:
    entry: dict[str, Any] = SAMPLE["files"][name]
    path = FOLDER / entry["file"]
    assert hashlib.sha256(path.read_bytes()).hexdigest() == entry["sha256"]
    volume = read_volume(path)
    assert list(volume.array.shape) == entry["shape"]
    np.testing.assert_allclose(volume.grid.spacing, entry["spacing_mm"], atol=1e-3)
    assert from_numbers(signs_of(volume)).modality == entry["modality"]


def test_small_enough_and_attributed() -> None:
    assert sum(p.stat().st_size for p in FOLDER.iterdir()) < 8e6
    text = (FOLDER / "ATTRIBUTION.md").read_text(encoding="utf-8")
    for needed in ("10.7937/K9/TCIA.2015.7GO2GSKS", "Zwanenburg", "Lesjak", "CC BY"):
        assert needed in text


def test_sources_of_every_task_share_one_frame() -> None:
    assert set(SAMPLE["tasks"]) == {"mr", "ctmr", "petct"}
    for names in SAMPLE["tasks"].values():
        degraded, reference = load(names["degraded"]).grid, load(names["reference"]).grid
        centres = [grid.corners().mean(0) for grid in (degraded, reference)]
        assert np.linalg.norm(centres[0] - centres[1]) < degraded.spacing.max()


def test_truth_undoes_the_misalignment() -> None:
    pair = SAMPLE["pair"]
    degraded, reference, clean = (
        load(pair["degraded"]),
        load(pair["reference"]),
        load(pair["clean_aligned"]),
    )
    assert not degraded.grid.same_as(reference.grid)
    deformation = Deformation(Misalignment.from_json(pair["misalignment"]["parameters"]))
    displacement = deformation.phi(reference.grid)[0].permute(1, 2, 3, 0).numpy()
    body = body_mask(reference.array, reference.grid.spacing, "mr")
    assert np.linalg.norm(displacement[body], axis=-1).mean() == pytest.approx(
        pair["mean_displacement_mm"], rel=0.02
    )
    assert (
        agreement(degraded, clean, displacement, body)
        > agreement(degraded, clean, 0 * displacement, body) + 0.2
    )
    assert (
        agreement(degraded, clean, displacement, body)
        > agreement(degraded, clean, -displacement, body) + 0.3
    )


def agreement(degraded: Volume, clean: Volume, displacement: np.ndarray, body: np.ndarray) -> float:
    """Correlation inside the body of degraded(X + u(X)) with the clean aligned volume."""
    index = np.argwhere(body)
    points = index @ clean.affine[:3, :3].T + clean.affine[:3, 3] + displacement[body]
    inverse = np.linalg.inv(degraded.affine)
    located = (points @ inverse[:3, :3].T + inverse[:3, 3]).T
    values = ndimage.map_coordinates(degraded.array.astype(np.float32), located, order=1)
    return float(np.corrcoef(values, clean.array[body])[0, 1])
