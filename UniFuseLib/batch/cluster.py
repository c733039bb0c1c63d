"""Tasks on a Dask cluster. Decision 0049.

A worker that dies costs its case a new try on another one; the scheduler gives up on a case after
`distributed.scheduler.allowed-failures` deaths (3 by default).
"""

from __future__ import annotations

import contextlib
import time
from typing import TYPE_CHECKING, Any

from UniFuseLib.batch.case import Outcome, Task
from UniFuseLib.errors import MissingDependencyError, UniFuseError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

PATIENCE = "30s"  # as long as Dask itself waits for a scheduler
_GLANCE_S = 0.2  # between two looks for outcomes


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
    distributed = distributed_package()
    try:
        client = distributed.Client(address, timeout=PATIENCE, set_as_default=False)
    except (OSError, ValueError) as error:
        raise ClusterError(
            f"No Dask scheduler answers at {address}: {error}. Check the address, and that "
            "`dask scheduler` is running."
        ) from error
    with contextlib.closing(client):
        yield from outcomes(client, tasks)


def outcomes(
    client: Any, tasks: Sequence[Task], watch: Callable[[int], None] = lambda _: None
) -> Iterator[Outcome]:
    """Outcomes in the order in which they come.

    Args:
        client: of the cluster.
        tasks: all to be done.
        watch: called again and again with the number of tasks that are left; may raise to stop.
    """
    from distributed import as_completed

    from UniFuseLib.batch.work import run_case

    futures = {client.submit(run_case, task, pure=False): task for task in tasks}
    completed = as_completed(futures, loop=client.loop)
    while left := completed.count():
        if completed.has_ready():
            future = next(completed)
            if future.status == "lost":  # with its worker, before it was read: computed again
                completed.add(future)
            else:
                yield _outcome(future, futures[future])
        else:
            watch(left)
            time.sleep(_GLANCE_S)


def _outcome(future: Any, task: Task) -> Outcome:
    from distributed import KilledWorker

    if future.status == "cancelled":
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


def distributed_package() -> Any:
    """Dask's package for clusters."""
    try:
        import distributed
    except ImportError as error:
        raise missing("distributed") from error
    return distributed


def missing(package: str) -> MissingDependencyError:
    """A package of the extra `cluster`."""
    return MissingDependencyError(
        f"The package {package} is not installed. Install it with: "
        "pip install 'UniFuseLib[cluster]'"
    )
