"""Tasks on a Dask cluster: one that runs already, or jobs of SLURM. Decision 0049.

A worker that dies costs its case a new try on another one; the scheduler gives up on a case after
`distributed.scheduler.allowed-failures` deaths (3 by default).
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

from UniFuseLib.batch.case import Outcome, Task
from UniFuseLib.errors import InputError, MissingDependencyError, UniFuseError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

PATIENCE = "30s"  # as long as Dask itself waits for a scheduler
_SUBMITTING_S = 120.0  # for all jobs; a busy SLURM takes seconds for each


# else Dask gives as many pairs to a worker as the job has cores, and the others have none
_ONE_TASK_AT_A_TIME = ("--nthreads", "1")


class ClusterError(UniFuseError):
    """The scheduler cannot be reached, or went away."""

    exit_code = 6


def run_on_scheduler(tasks: Sequence[Task], address: str) -> Iterator[Outcome]:
    """Outcomes in the order in which they come.

    Args:
        tasks: all to be done.
        address: of a running scheduler, such as `tcp://node1:8786`.

    Raises:
        ClusterError: it cannot be reached, or was lost; what is finished stays.
        MissingDependencyError: Dask is not installed.
    """
    distributed = _distributed()
    try:
        client = distributed.Client(address, timeout=PATIENCE, set_as_default=False)
    except (OSError, ValueError) as error:
        raise ClusterError(
            f"No Dask scheduler answers at {address}: {error}. Check the address, and that "
            "`dask scheduler` is running."
        ) from error
    with contextlib.closing(client):
        yield from _outcomes(client, tasks)


def run_on_slurm(tasks: Sequence[Task], configuration: Path, jobs: int) -> Iterator[Outcome]:
    """Likewise, on workers that are jobs of SLURM.

    Args:
        tasks: all to be done.
        configuration: YAML, keys of `dask_jobqueue.SLURMCluster`.
        jobs: to be submitted.

    Raises:
        InputError: the configuration cannot be read, or SLURM refuses such a job.
        ClusterError: SLURM is not there or takes no job, or the scheduler was lost.
        MissingDependencyError: Dask or dask-jobqueue is not installed.
    """
    with _slurm_cluster(configuration) as cluster:
        _check_submission(cluster, configuration)
        _submit(cluster, min(jobs, len(tasks)))
        with contextlib.closing(_distributed().Client(cluster, set_as_default=False)) as client:
            yield from _outcomes(client, tasks)


def _outcomes(client: Any, tasks: Sequence[Task]) -> Iterator[Outcome]:
    from distributed import as_completed

    from UniFuseLib.batch.work import run_case

    futures = {client.submit(run_case, task, pure=False): task for task in tasks}
    for future in as_completed(futures, loop=client.loop):
        yield _outcome(future, futures[future])


def _outcome(future: Any, task: Task) -> Outcome:
    from distributed import KilledWorker

    if future.status in ("cancelled", "lost"):
        raise ClusterError(
            "The scheduler was lost. Finished cases stay; run the same command again for the rest."
        )
    try:
        outcome: Outcome = future.result()
    except KilledWorker as error:
        sentence = (
            f"Workers died {error.allowed_failures + 1} times during this case ({error}). Most "
            "often the memory ran out: give each worker more, or choose a larger --working-spacing."
        )
        return Outcome(task.name, "failed", sentence, exit_code=1)
    except Exception as error:  # of the cluster: `run_case` raises nothing
        return Outcome(task.name, "failed", f"The worker failed: {error!r}.", exit_code=1)
    finally:
        future.release()
    return outcome


def _slurm() -> Any:
    """dask-jobqueue's class. Importing it changes what Ctrl-C does (dask_jobqueue/runner.py): here
    it goes on to stop the batch.
    """
    on_interrupt = signal.getsignal(signal.SIGINT)
    try:
        from dask_jobqueue import SLURMCluster
    except ImportError as error:
        raise _missing("dask-jobqueue") from error
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


def _distributed() -> Any:
    try:
        import distributed
    except ImportError as error:
        raise _missing("distributed") from error
    return distributed


def _missing(package: str) -> MissingDependencyError:
    return MissingDependencyError(
        f"The package {package} is not installed. Install it with: "
        "pip install 'UniFuseLib[cluster]'"
    )
