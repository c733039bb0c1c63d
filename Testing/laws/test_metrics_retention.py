"""Retention and contrast on sources that are known voxel by voxel."""

from __future__ import annotations

import numpy as np
import pytest

from UniFuseLib.evaluation.metrics import RetentionFigures, retention_figures

SHAPE = (8, 10, 12)


def sources() -> tuple[np.ndarray, np.ndarray]:
    """Bone of a CT in soft tissue, and an MR with three tissues that knows no bone."""
    clean = np.full(SHAPE, 0.45)
    clean[2:5, 3:7] = 0.9
    reference = np.broadcast_to(np.array([0.2, 0.4, 0.7]).repeat(4), SHAPE).copy()
    reference[2:5, 3:7] = 0.05
    return clean, reference


BODY = np.ones(SHAPE, bool)


@pytest.mark.parametrize("share", [0.0, 0.5, 1.0])
def test_a_blend_keeps_its_share_of_both(share: float) -> None:
    clean, reference = sources()
    fused = share * clean + (1 - share) * reference
    found = retention_figures(fused, clean, reference, BODY)
    assert found.retention == pytest.approx(share)
    assert found.soft_tissue_contrast == pytest.approx(1 - share)


def test_bone_in_one_place_and_tissue_in_the_other_keep_everything() -> None:
    clean, reference = sources()
    fused = np.where(clean > 0.8, clean, reference)
    assert retention_figures(fused, clean, reference, BODY) == pytest.approx((1.0, 1.0))
    # a brighter picture is no better one
    lifted = retention_figures(fused + 0.1, clean, reference, BODY)
    assert lifted.soft_tissue_contrast == pytest.approx(1.0)


def test_what_the_body_does_not_hold_does_not_count() -> None:
    clean, reference = sources()
    fused = np.where(clean > 0.8, clean, reference)
    fused[:, :, :4] = 0.0
    body = BODY.copy()
    body[:, :, :4] = False
    assert retention_figures(fused, clean, reference, body) == pytest.approx((1.0, 1.0))


def test_nothing_to_look_at_gives_no_figure() -> None:
    flat = np.full(SHAPE, 0.3)
    assert retention_figures(flat, flat, flat, BODY) == RetentionFigures(None, None)
    assert retention_figures(flat, flat, flat, ~BODY) == RetentionFigures(None, None)
