"""Jobs of SLURM that end while pairs are left: submitted again, or a sentence instead of a wait."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from UniFuseLib.batch import slurm
from UniFuseLib.batch.cluster import ClusterError
from UniFuseLib.batch.slurm import JobWatch, queued_jobs


class Cluster:
    """What the watch asks of dask-jobqueue: jobs by name, workers that are connected."""

    def __init__(self, jobs: int) -> None:
        self.numbers = iter(range(1, 100))
        self.workers: dict[int, SimpleNamespace] = {}
        self.scheduler_info: dict[str, dict[str, int]] = {"workers": {"tcp://one": 1}}
        self.scale(jobs)

    def scale(self, jobs: int) -> None:
        for name in range(jobs):
            if name not in self.workers:
                self.workers[name] = SimpleNamespace(job_id=str(next(self.numbers)))

    def queue(self) -> set[str]:
        return {job.job_id for job in self.workers.values()}


@pytest.fixture(autouse=True)
def _at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(slurm, "_LOOK_S", 0.0)


def in_queue(monkeypatch: pytest.MonkeyPatch, jobs: set[str] | None) -> None:
    monkeypatch.setattr(slurm, "queued_jobs", lambda: jobs)


def test_a_lost_job_is_submitted_again() -> None:
    cluster = Cluster(3)
    watch = JobWatch(cluster, 3)
    watch(9)
    del cluster.workers[1]
    watch(9)
    assert cluster.queue() == {"1", "3", "4"}


def test_a_lost_job_is_not_replaced_where_the_others_are_enough() -> None:
    cluster = Cluster(3)
    watch = JobWatch(cluster, 3)
    del cluster.workers[1]
    watch(2)
    assert cluster.queue() == {"1", "3"}


def test_jobs_that_end_without_an_outcome_are_not_submitted_for_ever() -> None:
    cluster = Cluster(1)
    watch = JobWatch(cluster, 1)

    def end_and_look(left: int) -> None:
        watch(left)
        cluster.workers.clear()
        watch(left)

    for _ in range(4):
        end_and_look(5)
    with pytest.raises(ClusterError, match="again and again"):
        end_and_look(5)


def test_an_outcome_shows_that_submitting_helps() -> None:
    cluster = Cluster(1)
    watch = JobWatch(cluster, 1)
    for left in range(20, 0, -1):
        watch(left)
        cluster.workers.clear()
        watch(left)


def test_when_all_jobs_are_gone_it_is_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    """At the second look: a worker that is lost is taken out of the cluster in between."""
    cluster = Cluster(2)
    watch = JobWatch(cluster, 2)
    cluster.scheduler_info["workers"].clear()
    in_queue(monkeypatch, {"77"})
    watch(5)
    with pytest.raises(ClusterError, match="All jobs of SLURM ended"):
        watch(5)


@pytest.mark.parametrize("known", [True, False])
def test_jobs_that_wait_are_waited_for(monkeypatch: pytest.MonkeyPatch, known: bool) -> None:
    """Also where SLURM gives no answer for a while."""
    cluster = Cluster(2)
    watch = JobWatch(cluster, 2)
    cluster.scheduler_info["workers"].clear()
    in_queue(monkeypatch, cluster.queue() if known else None)
    for _ in range(5):
        watch(5)


def test_where_slurm_does_not_answer_nothing_is_known(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    assert queued_jobs() is None
