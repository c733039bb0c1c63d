"""Stages of a run: what is reported, when it is stopped, what is timed."""

from __future__ import annotations

import pytest

from UniFuseLib.errors import Cancelled
from UniFuseLib.progress import Stage, Stages

READ, WORK, WRITE = Stage("Reading", 1.0), Stage("Working", 6.0), Stage("Writing", 3.0)


def test_fractions_follow_the_shares() -> None:
    seen: list[tuple[float, str]] = []
    stages = Stages((READ, WORK, WRITE), lambda fraction, title: seen.append((fraction, title)))
    with stages.stage(READ):
        pass
    with stages.stage(WORK):
        stages.step(0.5)
    with stages.stage(WRITE):
        stages.step(1.0)
    expected = [(0.0, "Reading"), (0.1, "Working"), (0.4, "Working")]
    expected += [(0.7, "Writing"), (1.0, "Writing")]
    assert [title for _, title in seen] == [title for _, title in expected]
    assert [fraction for fraction, _ in seen] == pytest.approx([f for f, _ in expected])
    assert list(stages.seconds) == list(stages.cpu_seconds) == ["Reading", "Working", "Writing"]


def test_a_stage_that_is_left_out_counts_as_done() -> None:
    seen: list[float] = []
    stages = Stages((READ, WORK, WRITE), lambda fraction, _: seen.append(fraction))
    with stages.stage(WRITE):
        pass
    assert seen == pytest.approx([0.7])
    assert list(stages.seconds) == ["Writing"]


def test_the_question_is_asked_at_every_step_and_names_the_stage() -> None:
    answers = iter([False, False, True])
    stages = Stages((READ, WORK), cancelled=lambda: next(answers))
    with stages.stage(READ):
        stages.step(0.5)
    with pytest.raises(Cancelled, match="while working; nothing was written"), stages.stage(WORK):
        pass
    assert list(stages.seconds) == ["Reading"]
