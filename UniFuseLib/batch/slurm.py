"""Tasks on workers that are jobs of SLURM. Decision 0049.

A job that ends while pairs are left, at its time limit or with its node, is submitted again.
"""

from __future__ import annotations

import contextlib
import signal
import subprocess
import time
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from UniFuseLib.batch.cluster import ClusterError, distributed_package, missing, outcomes
from UniFuseLib.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from UniFuseLib.batch.case import Outcome, Task

_SUBMITTING_S = 120.0  # for all jobs; a busy SLURM takes seconds for each
_LOOK_S = 20.0  # longer than Dask waits for a lost worker to come back, 15 s
_TRIES = 4  # jobs in place of one, without any outcome: as many deaths as Dask allows a case

# else Dask gives as many pairs to a worker as the job has cores, and the others have none
_ONE_TASK_AT_A_TIME = ("--nthreads", "1")


def run_on_slurm(tasks: Sequence[Task], configuration: Path, jobs: int) -> Iterator[Outcome]:
    """Outcomes in the order in which they come.

    Args:
        tasks: all to be done.
        configuration: YAML, keys of `dask_jobqueue.SLURMCluster`.
        jobs: to be submitted.

    Raises:
        InputError: the configuration cannot be read, or SLURM refuses such a job.
        ClusterError: SLURM is not there or takes no job, all jobs ended, or the scheduler was lost.
        MissingDependencyError: Dask or dask-jobqueue is not installed.
    """
    with _slurm_cluster(configuration) as cluster:
        _check_submission(cluster, configuration)
        count = min(jobs, len(tasks))
        _submit(cluster, count)
        watch = JobWatch(cluster, count)
        client = distributed_package().Client(cluster, set_as_default=False)
        with contextlib.closing(client):
            yield from outcomes(client, tasks, watch)


class JobWatch:
    """Sees to it that the pairs that are left have jobs to work on them.

    Args:
        cluster: whose jobs were submitted.
        jobs: how many.
    """

    def __init__(self, cluster: Any, jobs: int) -> None:
        self._cluster, self._jobs = cluster, jobs
        self._left = 0
        self._submitted: set[str] = set()  # since the last outcome
        self._next = time.monotonic() + _LOOK_S
        self._idle = False

    def __call__(self, left: int) -> None:
        """
        Args:
            left: tasks without an outcome.

        Raises:
            ClusterError: no job is left, or jobs end again and again.
        """
        if left != self._left:
            self._left, self._submitted = left, set()
        if time.monotonic() < self._next:
            return
        self._next = time.monotonic() + _LOOK_S
        at_work = len(self._cluster.workers)  # Dask takes those out whose worker is lost
        self._submitted |= {str(job.job_id) for job in self._cluster.workers.values()}
        if len(self._submitted) > _TRIES * self._jobs:
            raise _ended("Jobs of SLURM end again and again before they have done a pair")
        if at_work < min(self._jobs, left):
            self._cluster.scale(jobs=self._jobs)  # submits those that are missing
        self._check_queue()

    def _check_queue(self) -> None:
        """
        Raises:
            ClusterError: at two looks no job was in the queue, and no worker connected.
        """
        was_idle, self._idle = self._idle, False
        if self._cluster.scheduler_info["workers"]:
            return
        ours = {str(job.job_id) for job in self._cluster.workers.values()}
        queued = queued_jobs()
        self._idle = queued is not None and not ours & queued
        if was_idle and self._idle:
            raise _ended("All jobs of SLURM ended")


def queued_jobs() -> set[str] | None:
    """Numbers of the user's jobs; None where SLURM does not tell."""
    command = ["squeue", "--me", "--noheader", "--format=%A"]
    try:
        asked = subprocess.run(command, capture_output=True, text=True, check=False)
    except OSError:
        return None
    return None if asked.returncode else set(asked.stdout.split())


def _ended(what: str) -> ClusterError:
    return ClusterError(
        f"{what}. Their logs (slurm-N.out) say why. Finished cases stay; run the same command "
        "again for the rest."
    )


def _slurm() -> Any:
    """dask-jobqueue's class. Importing it changes what Ctrl-C does (dask_jobqueue/runner.py): here
    it goes on to stop the batch.
    """
    on_interrupt = signal.getsignal(signal.SIGINT)
    try:
        from dask_jobqueue import SLURMCluster
    except ImportError as error:
        raise missing("dask-jobqueue") from error
    finally:
        signal.signal(signal.SIGINT, on_interrupt)
    return SLURMCluster


@contextmanager
def _slurm_cluster(configuration: Path) -> Iterator[Any]:
    yaml: Any = import_module("yaml")  # a dependency of Dask
    slurm = _slurm()
    try:
        content = yaml.safe_load(configuration.read_text(encoding="utf-8"))
        keys = {**content}
    except (OSError, TypeError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise InputError(
            f"--slurm {configuration}: expected a YAML file with the keys of "
            f"dask_jobqueue.SLURMCluster, such as cores, memory, walltime ({error})."
        ) from error
    try:
        extra = [*_ONE_TASK_AT_A_TIME, *keys.pop("worker_extra_args", ())]
        cluster = slurm(**{"processes": 1, **keys, "worker_extra_args": extra})
    except (TypeError, ValueError) as error:
        raise InputError(f"--slurm {configuration}: {error}.") from error
    try:
        yield cluster
    finally:
        with contextlib.suppress(AssertionError):  # of distributed, after a job that nobody took
            cluster.close()


def _check_submission(cluster: Any, configuration: Path) -> None:
    """Ask SLURM first: of a job that it refuses, Dask writes a log and waits for ever.

    Raises:
        InputError: it refuses.
        ClusterError: it is not there.
    """
    with TemporaryDirectory() as folder:
        script = Path(folder) / "job.sh"
        script.write_text(cluster.job_script(), encoding="utf-8")
        command = ["sbatch", "--test-only", str(script)]
        try:
            asked = subprocess.run(command, capture_output=True, text=True, check=False)
        except OSError as error:
            raise ClusterError(
                f"SLURM is not there: sbatch cannot be run ({error.strerror}). Run the command on "
                "a machine of the cluster from which jobs are submitted."
            ) from error
    if asked.returncode:
        said = asked.stderr.strip().splitlines() or ["no reason given"]
        raise InputError(
            f"--slurm {configuration}: SLURM refuses such a job ({said[-1]}). Correct the file."
        )


def _submit(cluster: Any, jobs: int) -> None:
    """
    Raises:
        ClusterError: SLURM took none of them.
    """
    cluster.scale(jobs=jobs)
    end = time.monotonic() + _SUBMITTING_S
    while len(cluster.workers) < len(cluster.worker_spec) and time.monotonic() < end:
        time.sleep(0.1)
    if not any(job.job_id for job in cluster.workers.values()):
        raise ClusterError(
            "SLURM took no job; its own words stand above. Finished cases stay; run the same "
            "command again for the rest."
        )
