"""What was not acquired is no data; a shifted volume is the same volume to the network."""

from __future__ import annotations

from typing import TYPE_CHECKING

import nibabel as nib
import numpy as np
import pytest
from modality_cases import BODY, FINE, SHAPE, hu, mr
from model import AFFINE, SIZE, SPACING, VALUES
from nifti_cases import content, save

from UniFuseLib import cli
from UniFuseLib.contract import standard_contract
from UniFuseLib.io.volumes import read_volume, read_volume_with_header, write_volume
from UniFuseLib.preprocessing.body import body_mask
from UniFuseLib.preprocessing.intensity import fit
from UniFuseLib.preprocessing.modality import ModalityEvidence, guess_modality
from UniFuseLib.preprocessing.prepare import prepare
from UniFuseLib.spatial.axes import from_canonical, perpendicular_grid
from UniFuseLib.spatial.volume import Grid, Volume

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

TURNED = np.diag([-FINE[0], FINE[1], -FINE[2], 1.0])  # two axes run against the working grid's


def sheared(mm: float) -> np.ndarray:
    """The second axis leans by `mm` at its end."""
    affine = AFFINE.copy()
    affine[:3, 1] += affine[:3, 0] / SPACING[0] * mm / (SIZE[1] - 1)
    return affine


def network_values(array: np.ndarray) -> np.ndarray:
    body = body_mask(array, FINE, "mr")
    return fit(array, body, "mr").forward(array)


@pytest.mark.parametrize("shift", [0.0, -300.0, -2000.0])
@pytest.mark.parametrize("factor", [1.0, 0.004])
def test_a_shifted_or_scaled_mr_has_the_same_network_intensities(
    shift: float, factor: float
) -> None:
    """z-scores are such a copy: today half of the body would be clipped to 0."""
    array = mr().astype(np.float32)
    moved = network_values((array + shift) * factor)
    np.testing.assert_allclose(moved, network_values(array), atol=0.06)
    assert (moved[BODY] > 0.1).mean() > 0.99


@pytest.mark.parametrize(
    ("values", "evidence", "said"),
    [
        (hu, ModalityEvidence("mr"), "look like Hounsfield units"),
        (hu, ModalityEvidence("mr", stated="CT"), "is CT by"),
        (mr, ModalityEvidence("ct"), "do not look like Hounsfield units"),
        (hu, ModalityEvidence("ct"), ""),
        (lambda: np.maximum(hu(), -120), ModalityEvidence("ct"), ""),  # a CT without air, but fat
        (mr, ModalityEvidence("auto", stated="CT"), ""),  # a CT without air; the header knows
        (mr, ModalityEvidence("auto", named="CT"), ""),
    ],
)
def test_a_modality_against_header_or_numbers_is_a_doubt(
    values: Callable[[], np.ndarray], evidence: ModalityEvidence, said: str
) -> None:
    volume = Volume(values().astype(np.float32), AFFINE)
    against = guess_modality(volume, "degraded", evidence).against
    assert (said in against[0]) if said else not against


def test_a_signed_map_comes_back_in_its_own_units() -> None:
    array = (mr() - 350).astype(np.float32)
    rule = fit(array, body_mask(array, FINE, "mr"), "mr")
    back = rule.inverse(rule.forward(array))
    np.testing.assert_allclose(
        back[BODY], array[BODY].clip(max=rule.offset + 2 * rule.scale), atol=1
    )
    assert rule.background("mr") == rule.offset < 0


@pytest.mark.parametrize("fill", [np.nan, -32768.0, 0.0])
def test_the_mask_of_what_was_acquired_follows_the_axes(fill: float) -> None:
    """Two slabs are missing at two different ends: a swapped or flipped axis shows."""
    array = hu().astype(np.float32)
    array[:3], array[:, :, -5:] = fill, fill
    known = np.ones(SHAPE, dtype=bool)
    known[:3], known[:, :, -5:] = False, False
    prepared = prepare(Volume(array, TURNED), "degraded", "ct", standard_contract())
    stored = from_canonical(prepared.acquired, Grid(SHAPE, TURNED))
    np.testing.assert_array_equal(stored, known)
    assert not (prepared.body & ~prepared.acquired).any()
    assert prepared.source.volume.array[~known].max() < -900


def test_padding_of_mr_is_not_acquired() -> None:
    array = mr().astype(np.float32) + 1
    array[:4] = 0
    prepared = prepare(Volume(array, TURNED), "degraded", "mr", standard_contract())
    stored = from_canonical(prepared.acquired, Grid(SHAPE, TURNED))
    assert not stored[:4].any()
    assert stored[4:].all()


def test_results_carry_the_chosen_geometry_in_both_forms(tmp_path: Path) -> None:
    other = AFFINE.copy()
    other[:3, 3] += 25.0
    volume = read_volume(save(tmp_path, content(qform=other)))
    write_volume(volume, tmp_path / "out.nii.gz")
    header = nib.Nifti1Image.from_filename(tmp_path / "out.nii.gz").header
    for form in (header.get_sform(coded=True), header.get_qform(coded=True)):
        np.testing.assert_allclose(form[0], AFFINE, atol=1e-4)
        assert form[1] == 1


def test_a_name_that_is_not_utf8_is_written(tmp_path: Path) -> None:
    import os
    from pathlib import Path

    folder = Path(os.fsdecode(os.fsencode(tmp_path) + b"/caf\xe9"))
    folder.mkdir()
    volume = Volume(VALUES, AFFINE)
    for name in ("v.nii.gz", "v.nrrd", "v.mha"):
        write_volume(volume, folder / name)
        np.testing.assert_array_equal(read_volume(folder / name).array, VALUES)
    assert len(list(folder.iterdir())) == 3


def test_the_command_that_a_sheared_reference_is_sent_to_makes_it_regular(tmp_path: Path) -> None:
    lean = save(tmp_path, content(sform=sheared(3.0), qform=None), "lean.nii")
    assert read_volume_with_header(lean)[1].shear_mm > 1
    target = tmp_path / "regular.nii.gz"
    assert cli.main(["resample", str(lean), str(target)]) == 0
    volume, header = read_volume_with_header(target)
    assert header.shear_mm == 0
    assert not header.warnings
    # the middle of both grids is one place
    middle = (np.array([*SIZE[::-1]]) - 1) / 2
    wanted = sheared(3.0)[:, [2, 1, 0, 3]] @ [*middle, 1]
    np.testing.assert_allclose(volume.grid.corners().mean(axis=0), wanted[:3], atol=0.01)
    assert cli.main(["resample", str(lean), str(target)]) == 4


def test_a_regular_grid_covers_the_sheared_one() -> None:
    lean = Grid(SIZE[::-1], sheared(5.0)[:, [2, 1, 0, 3]])
    grid = perpendicular_grid(lean)
    assert not grid.sheared
    np.testing.assert_allclose(grid.spacing, lean.spacing, rtol=1e-6)
    inside = (lean.corners() - grid.affine[:3, 3]) @ np.linalg.inv(grid.affine[:3, :3]).T
    assert inside.min() > -0.5
    assert (inside < np.array(grid.shape) - 0.5).all()
    straight = Grid(SIZE[::-1], AFFINE[:, [2, 1, 0, 3]])
    assert perpendicular_grid(straight).same_as(straight)


@pytest.mark.parametrize(
    ("options", "made", "sentence"),
    [
        ([], {"sform": None, "qform": None}, "--assume-orientation"),
        ([], {"sform": sheared(3.0), "qform": None}, "unifuse resample"),
        (["--header", "qform"], {"qform": None}, "no usable qform"),
    ],
)
def test_the_command_line_refuses_with_the_remedy(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    options: list[str],
    made: dict,
    sentence: str,
) -> None:
    path = save(tmp_path, content(**made), "ref.nii")
    good = save(tmp_path, content(), "good.nii")
    argv = ["fuse", str(good), str(path), "-o", str(tmp_path / "out"), "--quiet", *options]
    assert cli.main(argv) == 3
    assert sentence in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("text", ["1", "0,5", "a,b", "1,2,3", "nan,0", ""])
def test_a_rescaling_that_is_none_is_wrong_usage(tmp_path: Path, text: str) -> None:
    with pytest.raises(SystemExit) as caught:
        cli.main(["fuse", "a", "b", "-o", str(tmp_path), f"--degraded-rescale={text}"])
    assert caught.value.code == 2
