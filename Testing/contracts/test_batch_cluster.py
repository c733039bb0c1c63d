"""Outcomes of a Dask cluster: a result that was lost with its worker is waited for again."""

from __future__ import annotations

from typing import Any

import pytest

from UniFuseLib.batch.case import Outcome, Task
from UniFuseLib.batch.cluster import ClusterError, outcomes

distributed = pytest.importorskip("distributed")


class Future:
    """Goes through given states, one each time it is completed."""

    def __init__(self, task: Task, states: list[str]) -> None:
        self.task, self.states = task, states
        self.status = ""

    def result(self) -> Outcome:
        return Outcome(self.task.name, "done", "", exit_code=0)

    def release(self) -> None:
        self.status = "released"


class Completed:
    """What `outcomes` asks of `distributed.as_completed`."""

    def __init__(self, futures: Any, loop: object) -> None:
        self.futures = list(futures)

    def count(self) -> int:
        return len(self.futures)

    def has_ready(self) -> bool:
        return True

    def add(self, future: Future) -> None:
        self.futures.append(future)

    def __next__(self) -> Future:
        future: Future = self.futures.pop(0)
        future.status = future.states.pop(0)
        return future


class Client:
    loop = None

    def __init__(self, states: list[str]) -> None:
        self.states = states

    def submit(self, _work: object, task: Task, pure: bool) -> Future:
        return Future(task, list(self.states))


def found(monkeypatch: pytest.MonkeyPatch, states: list[str]) -> list[Outcome]:
    monkeypatch.setattr(distributed, "as_completed", Completed)
    tasks = [Task("out", name, "/a", "/b", {}, {}) for name in ("one", "two")]
    return list(outcomes(Client(states), tasks))


def test_a_result_that_was_lost_is_waited_for_again(monkeypatch: pytest.MonkeyPatch) -> None:
    done = found(monkeypatch, ["lost", "lost", "finished"])
    assert [outcome.name for outcome in done] == ["one", "two"]


def test_what_was_cancelled_has_lost_its_scheduler(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ClusterError, match="scheduler was lost"):
        found(monkeypatch, ["cancelled"])
