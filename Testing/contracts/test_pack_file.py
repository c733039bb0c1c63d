"""`unifuse pack`: what goes in comes out, on the right place, whoever packed it."""

from __future__ import annotations

import argparse
import errno
import re
from pathlib import Path

import numpy as np
import pytest
import torch

from UniFuseLib.commands import pack as command
from UniFuseLib.errors import InputError, OutputError
from UniFuseLib.io.volumes import write_volume
from UniFuseLib.spatial.volume import Grid, Volume
from UniFuseLib.training.config import Phase, TrainingConfig
from UniFuseLib.training.data import PackedVolume, load_pack
from UniFuseLib.training.pack import pack
from UniFuseLib.training.train import train

CPU = torch.device("cpu")


def oblique(
    shape: tuple[int, int, int], spacing: tuple[float, float, float], seed: int = 0
) -> Grid:
    turn, _ = np.linalg.qr(np.random.default_rng(seed).normal(size=(3, 3)))
    affine = np.eye(4)
    affine[:3, :3] = turn * spacing
    affine[:3, 3] = (5.0, -20.0, 30.0)
    return Grid(shape, affine)


def places(grid: Grid) -> np.ndarray:
    """`(3, d, h, w)` from -1 to 1 along every axis."""
    return np.stack(np.meshgrid(*(np.linspace(-1, 1, n) for n in grid.shape), indexing="ij"))


def radius(grid: Grid) -> np.ndarray:
    return np.sqrt((places(grid) ** 2).sum(0))


def patient(grid: Grid, kind: str) -> Volume:
    """A warm ellipsoid with inner structure in air, in the units of `kind`."""
    x = places(grid)
    inside = radius(grid) < 0.55
    texture = 0.5 + 0.25 * np.sin(4 * x[0] + 2 * x[1]) + 0.25 * np.cos(5 * x[2] - x[0])
    air, low, high = {
        "ct": (-1000.0, -100.0, 300.0),
        "mr": (0.0, 200.0, 900.0),
        "pet": (0.0, 0.5, 9.0),
    }[kind]
    return Volume(
        np.where(inside, low + (high - low) * texture, air).astype(np.float32), grid.affine
    )


def write(volume: Volume, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    write_volume(volume, path)


def silent(line: str) -> None:
    pass


GRID = oblique((26, 30, 22), (2.0, 1.5, 2.5))
TOLERANCE = {
    "ct": 11.0,
    "t1": 3.0,
    "pet": 0.1,
}  # HU, arbitrary, SUV: half a code where the map is flattest


@pytest.fixture(scope="module")
def sources(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Volume]:
    root = tmp_path_factory.mktemp("data")
    volumes = {
        "ct": patient(GRID, "ct"),
        "pet": patient(oblique((18, 20, 24), (3.0, 2.6, 2.2), 1), "pet"),
    }
    volumes["t1"] = patient(GRID, "mr")
    for role, name in (("ct", "ct"), ("pet", "pet_suv"), ("t1", "mr_t1")):
        write(volumes[role], root / f"ct_pet_mr/one/{name}.nii.gz")
    labels = np.zeros(GRID.shape, dtype=np.uint16)
    labels[8:14, 10:20, 6:12], labels[9:11, 12:15, 7:9] = 507, 1023
    volumes["labels"] = Volume(labels, GRID.affine)
    write(volumes["labels"], root / "labels/head.nii.gz")
    pack(root, "unifuse", root / "all.pack", silent)
    return volumes


@pytest.fixture(scope="module")
def packed(
    sources: dict[str, Volume], tmp_path_factory: pytest.TempPathFactory
) -> dict[str, PackedVolume]:
    file = next(tmp_path_factory.getbasetemp().glob("data*/all.pack"))
    return {
        role: volume for subject in load_pack(file, CPU) for role, volume in subject.volumes.items()
    }


@pytest.mark.parametrize("role", ["ct", "t1", "pet"])
def test_intensities_come_back_in_their_units_and_places(
    role: str, sources: dict[str, Volume], packed: dict[str, PackedVolume]
) -> None:
    volume = packed[role]
    assert volume.kind == {"t1": "mr"}.get(role, role)
    assert volume.codes.dtype == torch.uint8
    assert volume.codes.numel() < sources[role].array.size  # air around the body is gone
    assert volume.map is not None
    units = volume.map.inverse(volume.read(sources[role].grid)[0, 0]).numpy()
    body = sources[role].array > (-200 if role == "ct" else 0)
    assert np.abs(units - sources[role].array)[body].max() < TOLERANCE[role]


def test_labels_come_back_exactly(
    sources: dict[str, Volume], packed: dict[str, PackedVolume]
) -> None:
    volume = packed["labels"]
    assert volume.labels == (0, 507, 1023)
    names = torch.tensor(volume.labels)[volume.read_labels(GRID)]
    np.testing.assert_array_equal(names.numpy(), sources["labels"].array)


def test_fewer_greys_are_equally_far_apart_and_make_a_smaller_file(
    sources: dict[str, Volume], tmp_path: Path
) -> None:
    write(sources["ct"], tmp_path / "ct_pet_mr/one/ct.nii.gz")
    sizes = []
    for levels in (256, 16):
        file = pack(tmp_path, "unifuse", tmp_path / f"{levels}.pack", silent, levels=levels)
        sizes.append(file.stat().st_size)
    codes = load_pack(file, CPU)[0].volumes["ct"].codes.unique()
    assert len(codes) <= 16
    assert set((codes / 17).tolist()) <= set(range(16))  # 255 / 15
    assert sizes[1] < 0.8 * sizes[0]


def test_a_number_of_greys_that_a_byte_does_not_hold_is_refused(tmp_path: Path) -> None:
    for levels in (1, 300):
        with pytest.raises(InputError, match="between 2 and 256"):
            command.run(
                arguments(data=tmp_path, layout="unifuse", output=tmp_path / "p", levels=levels)
            )


def test_the_shape_of_the_paper_keeps_every_place(
    sources: dict[str, Volume], tmp_path: Path
) -> None:
    """`--shape`: as many voxels along every axis, over the same extent, so that faces coincide."""
    write(sources["ct"], tmp_path / "Task1/brain/1BA001/ct.nii.gz")
    write(sources["t1"], tmp_path / "Task1/brain/1BA001/mr.nii.gz")
    pack(tmp_path, "synthrad2023", tmp_path / "p", silent, shape=40)
    (subject,) = load_pack(tmp_path / "p", CPU)
    ct = subject.volumes["ct"]
    assert ct.grid.shape == (40, 40, 40)
    np.testing.assert_allclose(ct.grid.spacing * 40, GRID.spacing * GRID.shape, rtol=1e-9)
    np.testing.assert_allclose(ct.grid.corners().mean(0), GRID.corners().mean(0), atol=1e-6)
    assert ct.map is not None
    units = ct.map.inverse(ct.read(GRID)[0, 0]).numpy()
    deep = radius(GRID) < 0.35  # away from the skin, where a second interpolation costs most
    assert np.abs(units - sources["ct"].array)[deep].max() < 25
    assert np.abs(units - sources["ct"].array)[deep].mean() < 5


def arguments(**values: object) -> argparse.Namespace:
    defaults = {
        "split": None,
        "split_file": None,
        "held_out": None,
        "shape": None,
        "spacing": None,
        "levels": 256,
        "overwrite": False,
    }
    return argparse.Namespace(**{**defaults, **values})


def test_one_command_for_the_data_and_one_for_the_training(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The paper's setting on a made-up BraTS2020: pack both sides, then train on whole volumes."""
    for name in ("Training_001", "Training_002", "Validation_001"):
        for contrast in ("t1", "t2"):
            folder = tmp_path / "brats" / f"BraTS20_{name}"
            write(
                patient(oblique((20, 24, 18), (2.0, 2.0, 2.5)), "mr"),
                folder / f"BraTS20_{name}_{contrast}.nii.gz",
            )
    for split, count in (("train", 2), ("val", 1)):
        output = tmp_path / f"{split}.pack"
        given = arguments(
            data=tmp_path / "brats", layout="brats2020", output=output, split=split, shape=16
        )
        assert command.run(given) == 0
        assert len(load_pack(output, CPU)) == count
        with pytest.raises(InputError, match="--overwrite"):
            command.run(given)
    assert "train.pack: 4 kB" in capsys.readouterr().out
    config = TrainingConfig(
        name="tiny",
        data=str(tmp_path / "train.pack"),
        validation=str(tmp_path / "val.pack"),
        preset="small",
        steps=1,
        phases=(Phase(1.0, 16, 1),),
        pairings=(("t2", "t1"),),
        frame="whole",
        clean=0.0,
        validation_samples=1,
        negatives=2,
    )
    assert train(config, tmp_path / "run", CPU).step == 1


def test_a_split_without_a_side_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="--split train or"):
        command.run(arguments(data=tmp_path, layout="fdgpetct", output=tmp_path / "p", held_out=3))


def test_a_failure_leaves_no_file(tmp_path: Path) -> None:
    (tmp_path / "labels").mkdir()
    (tmp_path / "labels/broken.nii.gz").write_bytes(b"no volume")
    with pytest.raises(InputError):
        pack(tmp_path, "unifuse", tmp_path / "out.pack", silent)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["labels"]


def test_broken_voxels_are_filled_and_reported(tmp_path: Path) -> None:
    for role, kind in (("ct", "ct"), ("mr_t1", "mr"), ("pet_suv", "pet")):
        volume = patient(GRID, kind)
        volume.array[13, 15, 11] = np.nan
        write(volume, tmp_path / f"ct_pet_mr/one/{role}.nii.gz")
    told: list[str] = []
    pack(tmp_path, "unifuse", tmp_path / "p", told.append)
    (subject,) = load_pack(tmp_path / "p", CPU)
    for role, packed in subject.volumes.items():
        assert packed.codes.float().std() > 10, role
        assert any(re.search(f"1 NaN .*one/{role} volume", line) for line in told)


@pytest.mark.parametrize(
    ("highest", "found"), [(0, "holds 1 different"), (299, "holds 300 different")]
)
def test_labels_that_a_byte_cannot_tell_apart_are_refused(
    tmp_path: Path, highest: int, found: str
) -> None:
    labels = (np.arange(np.prod(GRID.shape)) % (highest + 1)).reshape(GRID.shape).astype(np.uint16)
    write(Volume(labels, GRID.affine), tmp_path / "labels/head.nii.gz")
    with pytest.raises(InputError, match=f"labels/head/labels volume {found}"):
        pack(tmp_path, "unifuse", tmp_path / "p", silent)
    assert not (tmp_path / "p").exists()


def test_missing_folders_are_made_and_unusable_places_refused(
    sources: dict[str, Volume], tmp_path: Path
) -> None:
    for head in ("one", "two"):
        write(sources["labels"], tmp_path / f"labels/{head}.nii.gz")
    given = {"data": tmp_path, "layout": "unifuse", "split": "val", "held_out": 1}
    places = {"output": tmp_path / "no/such/t.pack", "split_file": tmp_path / "new/split.json"}
    assert command.run(arguments(**given, **places)) == 0
    assert all(place.is_file() for place in places.values())
    (tmp_path / "file").touch()
    for name in places:
        with pytest.raises(OutputError, match="Cannot write"):
            command.run(
                arguments(**given, **{**places, "overwrite": True, name: tmp_path / "file/below"})
            )
    with pytest.raises(OutputError, match="Cannot write"):
        command.run(arguments(**given, output=tmp_path / "labels", overwrite=True))


@pytest.mark.parametrize("name", ["output", "split_file"])
def test_a_place_that_may_not_be_looked_at_is_refused(
    sources: dict[str, Volume], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    for head in ("one", "two"):
        write(sources["labels"], tmp_path / f"labels/{head}.nii.gz")
    exists = Path.exists

    def refuse(self: Path) -> bool:
        if self.name == "closed":
            raise PermissionError(errno.EACCES, "Permission denied")
        return exists(self)

    monkeypatch.setattr(Path, "exists", refuse)  # root may look anywhere, so the refusal is played
    given = {
        "output": tmp_path / "t.pack",
        "split": "val",
        "held_out": 1,
        name: tmp_path / "closed",
    }
    with pytest.raises(OutputError, match="Permission denied"):
        command.run(arguments(data=tmp_path, layout="unifuse", **given))


def test_a_file_that_is_no_pack_is_refused(tmp_path: Path) -> None:
    (tmp_path / "x.pack").write_bytes(b"something else")
    with pytest.raises(InputError, match="unifuse pack"):
        load_pack(tmp_path / "x.pack", CPU)
    with pytest.raises(InputError, match="unifuse pack"):
        load_pack(tmp_path / "missing.pack", CPU)
