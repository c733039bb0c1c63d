"""What the fused volume spends its greys on: whose soft tissue, which HU, and what is a head."""

from __future__ import annotations

import numpy as np
import pytest

from UniFuseLib.contract import standard_contract
from UniFuseLib.errors import InputError
from UniFuseLib.fusion.greys import CT_WINDOWS, base_of, greys_of, shows_head, window_of
from UniFuseLib.preprocessing.prepare import PreparedPair, PreparedVolume, prepare, prepare_pair
from UniFuseLib.spatial.volume import Volume

SHAPE, SPACING = (36, 56, 48), (5.0, 4.0, 4.0)
AIR, FAT, BRAIN, MUSCLE, BONE = -1000.0, -90.0, 35.0, 55.0, 900.0


@pytest.mark.parametrize(
    ("degraded", "reference", "base"),
    [
        ("ct", "mr", "reference"),
        ("mr", "ct", "degraded"),
        ("pet", "ct", "reference"),
        ("ct", "pet", "degraded"),
        ("mr", "mr", "reference"),
        ("pet", "mr", "reference"),
    ],
)
def test_mr_before_ct_before_pet_gives_the_soft_tissue(
    degraded: str, reference: str, base: str
) -> None:
    assert base_of(degraded, reference) == base


def head_affine() -> np.ndarray:
    """d runs to S, h to P, w to L, turned by 8°."""
    c, s = np.cos(np.deg2rad(8)), np.sin(np.deg2rad(8))
    turn = np.array([[c, -s, 0], [s, c, 0], [0, 0, 1]])
    axes = np.array([[0.0, 0.0, -1.0], [0.0, -1.0, 0.0], [1.0, 0.0, 0.0]])
    affine = np.eye(4)
    affine[:3, :3] = turn @ axes * SPACING
    affine[:3, 3] = -affine[:3, :3] @ ((np.array(SHAPE) - 1) / 2)
    return affine


def places() -> np.ndarray:
    """R, A, S mm of the voxels, `(3, d, h, w)`."""
    affine = head_affine()
    index = np.indices(SHAPE).reshape(3, -1)
    points = affine[:3, :3] @ index + affine[:3, 3:]
    return points.reshape(3, *SHAPE)


def scanned(hu: np.ndarray, affine: np.ndarray) -> Volume:
    """With the noise of a scan."""
    noise = np.random.default_rng(0).normal(0, 4, hu.shape)
    return Volume((hu + noise).astype(np.float32), affine)


def head(open_skull: bool = False) -> Volume:
    """Scalp, skull, brain; CT."""
    r, a, s = places()
    size = np.sqrt((r / 70) ** 2 + (a / 88) ** 2 + (s / 76) ** 2)
    hu = np.where(size < 1.12, FAT, AIR)
    hu = np.where(size < 1.05, BONE, hu)
    hu = np.where(size < 0.93, BRAIN, hu)
    if open_skull:
        hu = np.where((np.abs(r) < 40) & (size < 1.05) & (a > 0), BRAIN, hu)
    return scanned(hu, head_affine())


def thigh() -> Volume:
    """Muscle around one bone with marrow; CT."""
    r, a, _ = places()
    bone = np.hypot(r, a)
    hu = np.where(np.hypot(r / 80, a / 90) < 1, MUSCLE, AIR)
    hu = np.where(bone < 18, BONE, hu)
    hu = np.where(bone < 9, BRAIN, hu)
    return scanned(hu, head_affine())


def prepared(volume: Volume) -> PreparedVolume:
    return prepare(volume, "reference", "ct", standard_contract())


def stored_otherwise(volume: Volume) -> Volume:
    """The same patient in another storage order, d and w reversed and exchanged."""
    d, _, w = volume.array.shape
    affine = volume.affine.copy()
    affine[:3, 3] = volume.affine[:3] @ [d - 1, 0, w - 1, 1]
    affine[:3, :3] = volume.affine[:3, [2, 1, 0]] * [-1, 1, -1]
    return Volume(np.ascontiguousarray(volume.array[::-1, :, ::-1].transpose(2, 1, 0)), affine)


def lying(volume: Volume) -> Volume:
    """The same volume with what was its long axis from left to right."""
    turned = np.diag([1.0, 1.0, 1.0, 1.0])
    turned[:3, :3] = [[0, 0, 1], [0, 1, 0], [-1, 0, 0]]
    return Volume(volume.array, turned @ volume.affine)


def test_a_skull_around_brain_is_a_head_in_any_storage_order() -> None:
    assert shows_head(prepared(head()))
    assert shows_head(prepared(stored_otherwise(head())))


def test_marrow_and_an_open_skull_are_none() -> None:
    assert not shows_head(prepared(thigh()))
    assert not shows_head(prepared(head(open_skull=True)))


def test_only_axial_slices_are_judged() -> None:
    # a tube of bone around brain's HU: enclosed in axial slices when it stands, open when it lies
    r, a, _ = places()
    hu = np.where(np.hypot(r, a) < 80, BONE, AIR)
    tube = scanned(np.where(np.hypot(r, a) < 70, BRAIN, hu), head_affine())
    assert shows_head(prepared(tube))
    assert shows_head(prepared(stored_otherwise(tube)))
    assert not shows_head(prepared(lying(tube)))


def pair(degraded: str, reference: str) -> PreparedPair:
    first, second = (head() if kind == "ct" else like_mr() for kind in (degraded, reference))
    return prepare_pair(first, second, (degraded, reference), standard_contract(), 4.0)


def like_mr() -> Volume:
    ct = head()
    values = np.where(ct.array > -500, 300 - np.abs(ct.array) / 10, 0)
    return Volume(values.astype(np.float32), ct.affine)


def test_brain_window_where_a_head_of_ct_gives_the_soft_tissue() -> None:
    beside_pet, beside_mr = greys_of(pair("pet", "ct")), greys_of(pair("ct", "mr"))
    assert beside_pet.window is not None
    assert beside_pet.window.name == "brain"
    assert beside_mr.window is None


def test_a_window_is_black_below_and_white_above() -> None:
    both = pair("ct", "mr")
    found = greys_of(both, "bone")
    level, width = CT_WINDOWS["bone"]
    hu = np.array([level - width, level - width / 2, level, level + width / 4, level + width])
    np.testing.assert_allclose(found.degraded.forward(hu), [0, 0, 0.5, 0.75, 1], atol=1e-6)
    assert found.reference is both.reference.source.intensity


def test_a_window_of_ones_own() -> None:
    assert window_of("35,70", pair("ct", "mr").reference) == ("own", 35.0, 70.0)


@pytest.mark.parametrize("choice", ["liver", "40", "40,0", "40,-80", "nan,80", "40,80,1", ""])
def test_a_window_that_does_not_exist_is_named(choice: str) -> None:
    with pytest.raises(InputError, match="level and width in HU such as 40,80"):
        window_of(choice, pair("ct", "mr").reference)
