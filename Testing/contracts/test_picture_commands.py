"""`unifuse fuse-images` and `bench-images`: files in, files and a table out, errors in words."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from UniFuseLib.cli import main
from UniFuseLib.errors import InputError, OutputError
from UniFuseLib.evaluation.picture_bench import find_pairs, match, pair_folders
from UniFuseLib.io.pictures import read_picture, write_picture

if TYPE_CHECKING:
    from pathlib import Path


def texture(seed: int) -> np.ndarray:
    """Smooth structure with fine detail, 48 × 64, 0..1."""
    noise = np.random.default_rng(seed).random((48, 64))
    mixed = gaussian_filter(noise, 3) + 0.3 * gaussian_filter(noise, 1)
    unit: np.ndarray = (mixed - mixed.min()) / (mixed.max() - mixed.min())
    return unit.astype(np.float32)


@pytest.fixture
def folders(tmp_path: Path) -> Path:
    """Three pairs of two modalities."""
    for number in range(3):
        write_picture(texture(number), tmp_path / "CT-MRI" / "CT" / f"{number}.png")
        write_picture(texture(10 + number), tmp_path / "CT-MRI" / "MRI" / f"{number}.png")
    return tmp_path / "CT-MRI"


@pytest.mark.parametrize("suffix", [".png", ".tif"])
@pytest.mark.parametrize("channels", [(), (3,)])
def test_pictures_come_back_as_they_were_written(tmp_path: Path, suffix: str, channels: tuple):
    picture = np.random.default_rng(1).integers(0, 256, (5, 9, *channels)) / 255
    write_picture(picture, tmp_path / f"a{suffix}")
    np.testing.assert_allclose(read_picture(tmp_path / f"a{suffix}"), picture, atol=1e-6)


def test_sixteen_bits_and_dicom_are_read_on_their_own_scale(tmp_path: Path):
    sitk = pytest.importorskip("SimpleITK")
    codes = np.array([[0, 65535], [32768, 13107]], dtype=np.uint16)
    sitk.WriteImage(sitk.GetImageFromArray(codes), str(tmp_path / "a.png"))
    np.testing.assert_allclose(read_picture(tmp_path / "a.png"), codes / 65535, atol=1e-6)
    hounsfield = np.array([[-1000, 0], [1000, 500]], dtype=np.int16)
    sitk.WriteImage(sitk.GetImageFromArray(hounsfield[None]), str(tmp_path / "a.dcm"))
    expected = (hounsfield + 1000) / 2000
    np.testing.assert_allclose(read_picture(tmp_path / "a.dcm"), expected, atol=1e-6)


def test_what_is_no_picture_is_refused_in_words(tmp_path: Path):
    (tmp_path / "a.png").write_text("no picture")
    with pytest.raises(InputError, match="Cannot read the picture"):
        read_picture(tmp_path / "a.png")
    with pytest.raises(InputError, match="Expected a picture"):
        read_picture(tmp_path / "a.gif")
    with pytest.raises(OutputError, match="Expected a name"):
        write_picture(np.zeros((2, 2)), tmp_path / "a.gif")


def test_two_files_become_one(folders: Path, tmp_path: Path):
    a, b, out = folders / "CT" / "0.png", folders / "MRI" / "0.png", tmp_path / "out.png"
    assert main(["fuse-images", str(a), str(b), "-o", str(out), "--fusion", "maximum"]) == 0
    np.testing.assert_array_equal(read_picture(out), np.maximum(read_picture(a), read_picture(b)))


def test_folders_are_fused_by_name_and_nothing_is_replaced_unasked(
    folders: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    command = ["fuse-images", str(folders / "CT"), str(folders / "MRI"), "-o", str(tmp_path / "o")]
    assert main([*command, "--fusion", "average"]) == 0
    assert sorted(path.name for path in (tmp_path / "o").iterdir()) == ["0.png", "1.png", "2.png"]
    assert main(command) == OutputError.exit_code
    assert "exists. Choose another name, or add --overwrite" in capsys.readouterr().err
    assert main([*command, "--overwrite"]) == 0


@pytest.mark.parametrize("suffix", ["png", "jpg", "tif"])
def test_a_cut_picture_is_refused(tmp_path: Path, suffix: str):
    whole, cut = tmp_path / f"whole.{suffix}", tmp_path / f"cut.{suffix}"
    write_picture(texture(5), whole)
    read_picture(whole)
    cut.write_bytes(whole.read_bytes()[: 2 * whole.stat().st_size // 3])
    with pytest.raises(InputError, match=r"truncated|Cannot read"):
        read_picture(cut)


def test_a_picture_is_never_replaced_by_its_own_fusion(
    folders: Path, capsys: pytest.CaptureFixture[str]
):
    a, b = folders / "CT" / "0.png", folders / "MRI" / "0.png"
    before = a.read_bytes()
    command = ["fuse-images", str(a), str(b), "-o", str(a), "--overwrite"]
    assert main(command) == OutputError.exit_code
    assert "would be replaced" in capsys.readouterr().err
    assert a.read_bytes() == before


def test_fused_pictures_of_others_are_matched_whatever_their_names(folders: Path, tmp_path: Path):
    pairs = find_pairs(*pair_folders(folders))
    assert [pair.first.parent.name for pair in pairs] == ["CT"] * 3
    for number in (2, 0):
        fused = np.maximum(texture(number), texture(10 + number))
        write_picture(0.9 * fused, tmp_path / "theirs" / f"x{number}.jpg")
    write_picture(texture(77), tmp_path / "theirs" / "stranger.png")
    found = match(pairs, tmp_path / "theirs")
    assert {name: path.name for name, path in found.items()} == {"0": "x0.jpg", "2": "x2.jpg"}


def test_a_pair_that_two_pictures_claim_does_not_count(folders: Path, tmp_path: Path):
    for name in ("a", "b"):
        fused = np.maximum(texture(1), texture(11))
        write_picture(fused, tmp_path / "theirs" / f"{name}.png")
    assert match(find_pairs(*pair_folders(folders)), tmp_path / "theirs") == {}


def test_the_bench_prints_every_method_over_the_same_pairs(
    folders: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    for number in (2, 0):
        fused = np.maximum(texture(number), texture(10 + number))
        write_picture(fused, tmp_path / "theirs" / f"{number}.png")
    command = ["bench-images", str(folders), "--methods", "average", "maximum", "--json"]
    assert main([*command, "--also", f"{tmp_path / 'theirs'}=theirs"]) == 0
    rows = json.loads(capsys.readouterr().out)
    assert [(row["method"], row["pairs"]) for row in rows] == [
        ("average", 2),
        ("maximum", 2),
        ("theirs", 2),
    ]
    assert rows[1]["sf"] == pytest.approx(rows[2]["sf"])
    assert rows[0]["sf"] < rows[1]["sf"]
    for row, share in zip(rows, (0.5, 1.0, 1.0), strict=True):
        assert row["retention"] == pytest.approx(share, abs=0.01)
        assert row["soft_tissue_contrast"] is not None


def test_the_bench_prints_a_dash_where_nothing_is_bright(
    folders: Path, capsys: pytest.CaptureFixture[str]
):
    for path in (folders / "CT").iterdir():
        write_picture(np.full(texture(0).shape, 0.3, np.float32), path)
    assert main(["bench-images", str(folders), "--methods", "average"]) == 0
    header, _, average = capsys.readouterr().out.splitlines()[-3:]
    assert header.endswith("| SSIM | retention | contrast of the second |")
    assert [cell.strip() for cell in average.split("|")][-3] == "–"
