"""DAPL: in which order it reads, what of a scan, and what its classifier remembers."""

from __future__ import annotations

from typing import Any

import torch

from UniFuseLib.network.build import build, preset
from UniFuseLib.network.dapl import reading_orders, segments
from UniFuseLib.network.encoder import TEXTURES, Encoded
from UniFuseLib.network.state_classifier import RunningNorm


def test_reading_orders_are_the_papers() -> None:
    tokens = torch.arange(1, 8).view(1, 7, 1)
    forward, backward, bidirectional = (
        order.flatten().tolist() for order in reading_orders(tokens)
    )
    assert forward == [1, 2, 3, 4, 5, 6, 7]
    assert backward == [7, 6, 5, 4, 3, 2, 1]
    # N = 7: f^1..f^(3-1), then f^7 down to f^3
    assert bidirectional == [1, 2, 7, 6, 5, 4, 3]


def encoded_scan(seed: int, body: slice) -> Encoded:
    """Random features of 4³ voxels a patch; the patches of `body` along the first axis are tissue,
    the others air.
    """
    generator = torch.Generator().manual_seed(seed)
    features = torch.randn(1, 8, 48, 24, 24, generator=generator)
    texture = torch.randn(1, TEXTURES, 12, 6, 6, generator=generator)
    texture[:, 0] = 0.0
    texture[:, 0, body] = 0.5
    return Encoded(features, None, texture)


def changed(scan: Encoded, voxels: slice) -> Encoded:
    features = scan.features.clone()
    features[:, :, voxels] += 3.0
    return scan._replace(features=features)


def test_dapl_does_not_hear_the_air_around_the_patient() -> None:
    torch.manual_seed(0)
    dapl: Any = build(preset("small")).dapl.eval()
    body, reference = encoded_scan(1, slice(0, 6)), encoded_scan(2, slice(0, 6))
    with torch.no_grad():
        as_it_is = dapl(body, reference).states[0]
        other_air = dapl(changed(body, slice(32, 48)), reference).states[0]
        other_body = dapl(changed(body, slice(4, 12)), reference).states[0]
    assert torch.equal(as_it_is, other_air)
    assert (as_it_is - other_body).abs().max() > 1e-4


def test_segments_are_consecutive_and_as_long_as_a_training_crop() -> None:
    tokens = torch.arange(3 * 216 + 2.0)[:, None].expand(-1, 5)
    pieces = segments(tokens)
    assert pieces.shape == (3, 216, 5)
    torch.testing.assert_close(pieces[:, 0, 0], torch.tensor([0.0, 216.0, 432.0]))
    assert segments(tokens[:100]).shape == (1, 100, 5)


def test_dapl_reads_a_batch_as_it_reads_each_pair_alone() -> None:
    """Bodies of different sizes: shorter segments are filled up, and the filling is not read."""
    torch.manual_seed(0)
    dapl: Any = build(preset("small")).dapl.eval()
    pairs = [(encoded_scan(k, body), encoded_scan(k + 9, body)) for k, body in enumerate(BODIES)]
    with torch.no_grad():
        alone = [dapl(*pair) for pair in pairs]
        together = dapl(*(joined_scans(scans) for scans in zip(*pairs, strict=True)))
    assert len({dapl.read(*pair)[0][0].shape[0] for pair in pairs}) > 1  # more segments and fewer
    for k, context in enumerate(alone):
        for found, expected in zip(together.states, context.states, strict=True):
            torch.testing.assert_close(found[k : k + 1], expected, atol=1e-6, rtol=1e-5)
        torch.testing.assert_close(together.logits[k : k + 1], context.logits, atol=1e-5, rtol=1e-5)


BODIES = (slice(0, 5), slice(2, 12), slice(3, 6))


def joined_scans(scans: tuple[Encoded, ...]) -> Encoded:
    texture = [scan.texture for scan in scans if scan.texture is not None]
    return Encoded(torch.cat([scan.features for scan in scans]), None, torch.cat(texture))


def test_a_norm_forgets_the_states_of_a_step_that_was_not_made() -> None:
    norm = RunningNorm(3).train()
    norm(torch.full((2, 3), float("nan")))
    norm.forget()
    norm(torch.full((2, 3), 4.0))
    norm.remember()
    torch.testing.assert_close(norm.mean, torch.full((3,), 4.0))
