"""Landmarks: the rigid motion between two lists, and lists in files."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from UniFuseLib.errors import InputError
from UniFuseLib.io.landmarks import read_landmarks
from UniFuseLib.registration.landmarks import apart_mm, exchanged, rigid_procrustes
from UniFuseLib.spatial.linear import mapped

if TYPE_CHECKING:
    from pathlib import Path

POINTS = np.array([[31.0, -12, 55], [-40, 22, 18], [5, 61, -33], [-18, -47, -9], [12, 8, 70]])


def motion() -> np.ndarray:
    matrix = np.eye(4)
    matrix[:3, :3] = Rotation.from_rotvec(np.deg2rad([40.0, -25.0, 130.0])).as_matrix()
    matrix[:3, 3] = [120.0, -35.0, 14.0]
    return matrix


def horn(source: np.ndarray, target: np.ndarray) -> np.ndarray:
    """The rotation from the largest eigenvector of Horn's 4 × 4 matrix: a second derivation."""
    s = (source - source.mean(axis=0)).T @ (target - target.mean(axis=0))
    (xx, xy, xz), (yx, yy, yz), (zx, zy, zz) = s
    n = np.array(
        [
            [xx + yy + zz, yz - zy, zx - xz, xy - yx],
            [yz - zy, xx - yy - zz, xy + yx, zx + xz],
            [zx - xz, xy + yx, yy - xx - zz, yz + zy],
            [xy - yx, zx + xz, yz + zy, zz - xx - yy],
        ]
    )
    w, x, y, z = np.linalg.eigh(n)[1][:, -1]
    return Rotation.from_quat([x, y, z, w]).as_matrix()


def test_a_known_motion_is_found() -> None:
    np.testing.assert_allclose(rigid_procrustes(POINTS, mapped(motion(), POINTS)), motion())


@pytest.mark.parametrize("seed", range(5))
def test_of_noisy_landmarks_it_is_the_motion_of_horn(seed: int) -> None:
    noise = np.random.default_rng(seed).normal(0, 6, POINTS.shape)
    target = mapped(motion(), POINTS) + noise
    found = rigid_procrustes(POINTS, target)
    np.testing.assert_allclose(found[:3, :3], horn(POINTS, target), atol=1e-9)
    np.testing.assert_allclose(mapped(found, POINTS).mean(axis=0), target.mean(axis=0))


@pytest.mark.parametrize("numbers", [(1, 2), (2, 5), (3, 4)])
def test_two_landmarks_in_each_others_place_are_named(numbers: tuple[int, int]) -> None:
    noise = np.random.default_rng(1).normal(0, 1, POINTS.shape)
    target = mapped(motion(), POINTS) + noise
    assert exchanged(POINTS, target) is None
    one, other = (number - 1 for number in numbers)
    target[[one, other]] = target[[other, one]]
    found = exchanged(POINTS, target)
    assert found is not None
    assert found.numbers == numbers
    assert found.fit_mm < 2


def test_landmarks_of_another_patient_are_not_called_exchanged() -> None:
    other = np.random.default_rng(2).uniform(-60, 60, POINTS.shape)
    assert exchanged(POINTS, other) is None


def test_a_plane_of_landmarks_is_never_mirrored() -> None:
    flat = POINTS * [1, 1, 0]
    target = mapped(motion(), flat)
    found = rigid_procrustes(flat, target)
    assert np.linalg.det(found[:3, :3]) == pytest.approx(1)
    np.testing.assert_allclose(found, motion(), atol=1e-9)
    mirrored = rigid_procrustes(POINTS, POINTS * [-1, 1, 1])
    assert np.linalg.det(mirrored[:3, :3]) == pytest.approx(1)


def test_what_fixes_no_motion_is_refused() -> None:
    line = np.outer([0.0, 20, 45, 70], [0.6, 0.0, 0.8]) + 3
    with pytest.raises(InputError, match="lie on one line"):
        rigid_procrustes(line, line + 5)
    with pytest.raises(InputError, match="at least 3 landmarks"):
        rigid_procrustes(POINTS[:2], POINTS[:2])
    with pytest.raises(InputError, match="has 5 landmarks and the degraded volume 4"):
        rigid_procrustes(POINTS, POINTS[:4])


def test_the_distance_is_of_every_pair() -> None:
    moved = POINTS + np.array([3.0, 0, 4.0])
    moved[2] += [0, 12, 0]
    np.testing.assert_allclose(apart_mm(POINTS, moved), [5, 5, 13, 5, 5])


def markups(space: str, points: np.ndarray, **point: object) -> str:
    placed = [{"label": "F", "position": p, **point} for p in points.tolist()]
    content = {
        "markups": [{"type": "Fiducial", "coordinateSystem": space, "controlPoints": placed}]
    }
    return json.dumps(content)


LPS = POINTS * [-1, -1, 1]
FCSV_LINES = "\n".join(f"F,{x},{y},{z},0,0,0,1,1,1,0,F-1,," for x, y, z in LPS)
CSV_LINES = "\n".join(f"p{k}, {z}, {x},{y}" for k, (x, y, z) in enumerate(LPS))
FILES = {
    "lps.mrk.json": markups("LPS", LPS),
    "ras.mrk.json": markups("RAS", POINTS),
    "lps.fcsv": f"# Markups fiducial file version = 4.11\n# CoordinateSystem = LPS\n{FCSV_LINES}\n",
    "ras.fcsv": f"# CoordinateSystem = 0\n{FCSV_LINES}\n".replace(
        FCSV_LINES, "\n".join(f"F,{x},{y},{z},0" for x, y, z in POINTS)
    ),
    "points.csv": f"name, Z,X,y\n{CSV_LINES}\n",
}


@pytest.mark.parametrize("name", FILES)
def test_every_file_gives_the_same_points(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    path.write_text(FILES[name], encoding="utf-8")
    np.testing.assert_allclose(read_landmarks(path), POINTS)


def test_a_csv_file_in_ras_is_read_as_asked(tmp_path: Path) -> None:
    path = tmp_path / "points.csv"
    path.write_text(FILES["points.csv"], encoding="utf-8")
    np.testing.assert_allclose(read_landmarks(path, "RAS"), LPS)


@pytest.mark.parametrize(
    ("name", "text", "sentence"),
    [
        ("a.csv", "x,y\n1,2\n", "names the columns x, y and z"),
        ("a.csv", "x,y,z\n1,2,left\n", "expected three numbers"),
        ("a.csv", "x,y,z\n1,2,nan\n", "not numbers"),
        ("a.csv", "x,y,z\n", "holds no point"),
        ("a.mrk.json", "{}", "holds no markups of 3D Slicer"),
        ("a.mrk.json", markups("IJK", LPS), "gives points in IJK"),
        ("a.mrk.json", markups("LPS", LPS, positionStatus="undefined"), "not been placed"),
        ("a.fcsv", "# CoordinateSystem = 2\nF,1,2,3\n", "voxels"),
        (
            "a.mrk.json",
            json.dumps({"markups": [{"type": "Fiducial"}, {"type": "Fiducial"}]}),
            "2 lists of points",
        ),
        ("a.vtk", "", r"expected landmarks as .mrk.json, .fcsv or .csv"),
    ],
)
def test_a_file_that_holds_none_is_named(
    tmp_path: Path, name: str, text: str, sentence: str
) -> None:
    path = tmp_path / name
    path.write_text(text, encoding="utf-8")
    with pytest.raises(InputError, match=sentence):
        read_landmarks(path)
