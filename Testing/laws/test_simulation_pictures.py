"""Laws of synthetic contrasts, of the scanner's small faults, and of the door to degradations."""

import json
from dataclasses import replace

import numpy as np
import pytest
import torch

from UniFuseLib.errors import InputError
from UniFuseLib.simulation.contrast import (
    STYLES,
    apply_contrast,
    sample_contrast,
    split_soft_tissue,
)
from UniFuseLib.simulation.degrade import (
    CLASSES,
    apply_degradation,
    class_of,
    degradation_to_json,
    sample_degradation,
    slice_axis,
)
from UniFuseLib.simulation.nuisance import bias_field, thick_slices
from UniFuseLib.simulation.parameters import local_generator
from UniFuseLib.spatial.volume import Grid

SPACING = (2.5, 1.0, 1.5)


def labels() -> torch.Tensor:
    """A head of shells: air, skin 511, skull 515, soft tissue 507, fluid 24, grey 3, white 2; `(15,
    30, 24)`.
    """
    z, y, x = torch.meshgrid(*[torch.arange(float(n)) for n in (15, 30, 24)], indexing="ij")
    radius = (((z - 7) / 7) ** 2 + ((y - 14) / 14) ** 2 + ((x - 12) / 11) ** 2).sqrt()
    out = torch.zeros(15, 30, 24, dtype=torch.int64)
    for limit, label in ((0.98, 511), (0.88, 507), (0.75, 515), (0.62, 24), (0.55, 3), (0.4, 2)):
        out[radius < limit] = label
    return out


def picture() -> torch.Tensor:
    return (
        200.0
        * torch.exp(-((torch.arange(36.0) - 16) ** 2 / 60))[None, :, None]
        * torch.linspace(1, 2, 28)
        * torch.hann_window(18)[:, None, None]
    )


@pytest.mark.parametrize("style", STYLES)
def test_same_contrast_same_bytes(style: str) -> None:
    parameters = sample_contrast(local_generator(1), style)
    assert parameters == sample_contrast(local_generator(1), style)
    first, second = (apply_contrast(labels(), SPACING, parameters) for _ in range(2))
    assert torch.equal(first, second)
    assert torch.isfinite(first).all()


def test_contrasts_have_the_order_of_their_modality() -> None:
    """CT: skull, brain, fluid, air in HU; T1: white, grey, fluid; T2 the other way round; PET: grey
    is hottest.
    """
    ct, t1, t2, pet = (
        apply_contrast(
            labels(), SPACING, replace(sample_contrast(local_generator(2), style), blur_mm=0.1)
        )
        for style in ("ct", "t1", "t2", "pet")
    )

    def mean(scan: torch.Tensor, label: int) -> float:
        return float(scan[labels() == label].mean())

    assert mean(ct, 515) > 600 > 60 > mean(ct, 3) > mean(ct, 24) > -100 > -900 > mean(ct, 0)
    assert mean(t1, 2) > mean(t1, 3) > mean(t1, 24)
    assert mean(t2, 24) > mean(t2, 3) > mean(t2, 2)
    assert mean(pet, 3) > 3 > mean(pet, 24) > mean(pet, 0)


def test_random_contrasts_differ_and_unknown_labels_look_like_soft_tissue() -> None:
    draws = [
        dict.fromkeys(sample_contrast(local_generator(seed), "random").means) for seed in range(4)
    ]
    orders = {tuple(np.argsort(list(means))) for means in draws}
    assert len(orders) == 4
    parameters = replace(
        sample_contrast(local_generator(0), "t1"), blur_mm=0.1, bias=0.0, noise=0.0
    )
    strange = torch.full((4, 6, 5), 999)
    soft = apply_contrast(torch.full((4, 6, 5), 507), SPACING, parameters)
    assert torch.equal(apply_contrast(strange, SPACING, parameters), soft)


def test_unknown_style_says_what_there_is() -> None:
    with pytest.raises(InputError, match="t1, t2, flair"):
        sample_contrast(local_generator(0), "swi")


def test_fat_takes_its_share_of_the_soft_tissue_only() -> None:
    split = split_soft_tissue(labels(), SPACING, seed=3, fat_share=0.4)
    changed = split != labels()
    assert (labels()[changed] == 507).all()
    assert (split[changed] == 607).all()
    assert abs(float(changed.sum()) / float((labels() == 507).sum()) - 0.4) < 0.01
    assert torch.equal(split, split_soft_tissue(labels(), SPACING, seed=3))


def test_bias_is_a_smooth_factor() -> None:
    field = bias_field(torch.ones(18, 36, 28), 0.2, 4, seed=1)
    assert field.min() > 0
    assert abs(float(field.log().mean())) < 1e-5
    assert field.diff(dim=1).abs().max() < 0.1


def test_thick_slices_keep_the_mean_and_other_axes() -> None:
    """Means of two slices each; a picture constant along d stays as it is."""
    volume = picture()
    thick = thick_slices(volume, SPACING, 5.0, axis=0)
    torch.testing.assert_close(thick.mean(), volume.mean(), rtol=1e-3, atol=0)
    flat = volume[9:10].expand(18, -1, -1).contiguous()
    torch.testing.assert_close(thick_slices(flat, SPACING, 5.0, axis=0), flat)
    middle = thick_slices(volume, SPACING, 5.0, axis=0)[4:6].mean(0)
    torch.testing.assert_close(middle, volume[4:6].mean(0), rtol=0.05, atol=2.0)


def scan_of(label: str) -> torch.Tensor:
    style = {"ct_metal_noise": "ct", "pet_low_dose": "pet"}.get(label, "t2")
    return apply_contrast(labels(), SPACING, sample_contrast(local_generator(4), style))


@pytest.mark.parametrize("label", CLASSES)
@pytest.mark.parametrize("axis", [0, 1, 2])
def test_every_class_goes_through_one_door_and_is_described_in_json(label: str, axis: int) -> None:
    volume = scan_of(label)
    parameters = sample_degradation(label, local_generator(7), volume, SPACING, slice_axis=axis)
    stored = json.loads(json.dumps(degradation_to_json(parameters)))
    assert stored.pop("class") == label == class_of(parameters)
    assert set(stored) == set(vars(parameters))
    first = apply_degradation(volume, SPACING, parameters, axis)
    assert first.shape == volume.shape
    assert torch.isfinite(first).all()
    assert torch.equal(first, apply_degradation(volume, SPACING, parameters, axis))
    assert torch.equal(first, volume) == (label == "clean")


@pytest.mark.parametrize("label", ["ct_metal_noise", "pet_low_dose", "mr_motion"])
def test_slices_may_lie_across_any_axis(label: str) -> None:
    """Turning the array and telling the slice axis is the same as turning the result."""
    volume = scan_of(label)
    parameters = sample_degradation(label, local_generator(7), volume, SPACING)
    turned = volume.permute(1, 0, 2).contiguous()
    result = apply_degradation(
        turned, (SPACING[1], SPACING[0], SPACING[2]), parameters, slice_axis=1
    )
    torch.testing.assert_close(
        result.permute(1, 0, 2), apply_degradation(volume, SPACING, parameters)
    )


def test_unknown_class_says_what_there_is() -> None:
    with pytest.raises(InputError, match="clean, mr_motion, ct_metal_noise, pet_low_dose"):
        sample_degradation("us_speckle", local_generator(0), scan_of("clean"), SPACING)


def test_slice_axis_is_the_one_along_the_patient() -> None:
    affine = np.eye(4)
    affine[:3, :3] = np.array(
        [[0.1, 2.0, 0.2], [0.3, -0.2, 1.5], [4.0, 0.1, -0.1]]
    )  # columns: S, R, A
    assert slice_axis(Grid((7, 9, 11), affine)) == 0
    assert slice_axis(Grid((7, 9, 11), affine[:, [1, 0, 2, 3]])) == 1
    assert slice_axis(Grid((7, 9, 11), affine[:, [1, 2, 0, 3]])) == 2
