"""Metal and noise in CT: spectrum, precorrection, noise, implants, and nothing that moves."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from Testing.laws.slices import limb
from UniFuseLib.simulation import ct_metal
from UniFuseLib.simulation.beam_hardening import log_signal, precorrect, water_log_signal
from UniFuseLib.simulation.ct_metal import MetalParameters, apply_metal, sample_metal, tissue
from UniFuseLib.simulation.implants import Implant, metal_fraction
from UniFuseLib.simulation.mr_motion import estimate_shift
from UniFuseLib.simulation.parameters import local_generator
from UniFuseLib.simulation.spectrum import MEAN_MU_WATER, MU_METAL, MU_WATER, WEIGHT


def test_spectrum_is_of_120_kv_and_its_metals_are_in_order() -> None:
    assert abs(WEIGHT.sum() - 1) < 1e-12
    energy_kev = 22.5 + 5.0 * np.arange(len(WEIGHT))  # the middles of the 20 bins
    assert 55 < (WEIGHT * energy_kev).sum() < 72
    assert (np.diff(MU_WATER) < 0).all()
    at_60 = np.abs(energy_kev - 57.5).argmin()
    # NIST XCOM at 60 keV: water 0.0206 /mm; titanium 0.345, iron 0.949, gold 8.73 /mm
    assert abs(MU_WATER[at_60] - 0.0209) < 5e-4
    assert 0.34 < MU_METAL["titanium"][at_60] < 0.40
    assert MU_METAL["iron"][at_60] < 1.1 < 8.7 < MU_METAL["gold"][at_60]


def test_precorrection_is_exact_for_water() -> None:
    length = torch.tensor([1.0, 20.0, 80.0, 200.0, 400.0])
    zero = torch.zeros_like(length)
    corrected = precorrect(log_signal(length, zero, zero, "iron"))
    torch.testing.assert_close(corrected, length * MEAN_MU_WATER, rtol=4e-3, atol=1e-3)
    torch.testing.assert_close(
        water_log_signal(length),
        log_signal(length, zero, zero, "iron"),
        rtol=4e-3,
        atol=1e-3,
    )


def test_tissue_model_keeps_every_hu() -> None:
    hu = torch.tensor([-1000.0, -100.0, 0.0, 99.0, 101.0, 700.0, 1850.0, 2600.0])
    water, bone = tissue(hu)
    torch.testing.assert_close(water + bone * (1 + ct_metal.BONE_HU / 1000), 1 + hu / 1000)
    assert (bone[:4] == 0).all()
    assert (water >= 0).all()


def noise_only(noise_hu: float) -> MetalParameters:
    return MetalParameters(0.5, (), "titanium", noise_hu, 0.0, 0.9, 1.0, 42)


@pytest.mark.parametrize("wanted", [20.0, 60.0])
def test_noise_has_the_wanted_deviation_and_no_bias(wanted: float) -> None:
    volume, spacing = limb()
    change = (apply_metal(volume, spacing, noise_only(wanted)) - volume)[volume == 55.0]
    assert 0.7 * wanted < float(change.std()) < 1.4 * wanted
    assert abs(float(change.mean())) < 0.15 * wanted


def test_hardly_any_noise_and_no_metal_changes_nothing() -> None:
    volume, spacing = limb()
    assert (apply_metal(volume, spacing, noise_only(0.01)) - volume).abs().max() < 2


def test_metal_is_bright_streaks_are_dark_and_lie_in_its_slices() -> None:
    """Two rods across the slice: between them, along their line, the beam is hardest and the
    picture too dark.
    """
    volume, spacing = limb()
    rods = tuple(
        Implant("capsule", (9.0, 52.0, x), (15.0, 52.0, x), (4.0, 0.0)) for x in (36.0, 84.0)
    )
    parameters = replace(noise_only(0.01), implants=rods, metal="iron")
    change = apply_metal(volume, spacing, parameters) - volume
    assert float((volume + change)[4, 26, 18]) > 2500
    assert float((volume + change)[4, 26, 42]) > 2500
    assert float(change[4, 25:28, 24:34].mean()) < -200
    assert abs(float(change[4, 8:12, 24:34].mean())) < 60
    assert change[0].abs().max() < 2


def test_metal_fraction_has_the_volume_of_a_capsule() -> None:
    """π r² l + 4/3 π r³, in mm³, on anisotropic voxels."""
    spacing = (2.0, 1.0, 1.3)
    rod = Implant("capsule", (12.0, 14.0, 12.0), (30.0, 22.0, 26.0), (5.0, 0.0))
    fraction = metal_fraction((rod,), (22, 38, 32), spacing)
    length = np.linalg.norm(np.subtract(rod.end, rod.start))
    expected = np.pi * 25 * length + 4 / 3 * np.pi * 125
    assert abs(float(fraction.sum()) * np.prod(spacing) - expected) < 0.04 * expected


def test_metal_sits_where_it_was_put() -> None:
    spacing = (3.0, 1.0, 2.0)
    ball = Implant("capsule", (9.0, 12.0, 30.0), (9.0, 12.0, 30.0), (4.5, 0.0))
    fraction = metal_fraction((ball,), (9, 33, 27), spacing)
    index = torch.stack(
        torch.meshgrid(*[torch.arange(float(n)) for n in fraction.shape], indexing="ij")
    )
    centre = (index * fraction).flatten(1).sum(1) / fraction.sum()
    torch.testing.assert_close(
        centre * torch.tensor(spacing), torch.tensor([9.0, 12.0, 30.0]), atol=0.15, rtol=0
    )


def test_implants_are_placed_in_bone() -> None:
    volume, spacing = limb(13)
    for seed in range(4):
        parameters = sample_metal(local_generator(seed), volume, spacing, severity=0.2)
        fraction = metal_fraction(parameters.implants, (13, 52, 64), spacing)
        assert fraction.sum() > 0
        assert volume[fraction > 0.5].max() > 250  # it touches the bone


@pytest.mark.parametrize("seed", [0, 1])
def test_metal_and_noise_do_not_move_the_picture(seed: int) -> None:
    volume, spacing = limb(12)
    parameters = sample_metal(local_generator(seed), volume, spacing, severity=0.4)
    degraded = apply_metal(volume, spacing, parameters)
    # streaks are no movement: compare what a radiologist would, soft tissue against air
    shift = estimate_shift(degraded.clamp(-1000, 100) + 1000, volume.clamp(-1000, 100) + 1000)
    assert max(abs(s) for s in shift) <= 0.1
