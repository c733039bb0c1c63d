"""One worker process: a task as JSON on stdin → its outcome as JSON on stdout, until stdin ends.

    python -m UniFuseLib.batch.worker SLOT

A worker whose parent was killed ends at once, in the middle of a case too: its stdin is closed by
the system, and a thread that waits there sees it. So nobody works on behind the next run's back.
"""

from __future__ import annotations

import json
import os
import queue
import signal
import sys
import threading
from typing import IO, TYPE_CHECKING

from UniFuseLib.batch.case import Outcome, Task
from UniFuseLib.process import calm_threads, give_back_freed_memory, keep_freed_memory

if TYPE_CHECKING:
    from collections.abc import Callable


def main(work: Callable[[Task, int], Outcome] | None = None) -> None:
    """Serve until stdin ends.

    Args:
        work: what is done with a task; None: `work.run_case`.
    """
    slot = int(sys.argv[1])
    replies = _private_stdout()
    tasks: queue.SimpleQueue[str] = queue.SimpleQueue()
    threading.Thread(target=_listen, args=(tasks,), daemon=True).start()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's to handle
    calm_threads()
    keep_freed_memory()
    work = work or _run_case()
    while True:
        outcome = work(Task(**json.loads(tasks.get())), slot)
        replies.write(json.dumps(outcome.to_json()) + "\n")
        replies.flush()
        give_back_freed_memory(least=0)  # between two cases: the heap of a long batch stays flat


def _run_case() -> Callable[[Task, int], Outcome]:
    """Imports torch, for which the threads must be set."""
    from UniFuseLib.batch.work import run_case

    return run_case


def _listen(tasks: queue.SimpleQueue[str]) -> None:
    for line in sys.stdin:
        tasks.put(line)
    os._exit(0)


def _private_stdout() -> IO[str]:
    """The stdout that the parent reads; what libraries print goes to stderr."""
    replies = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    return replies


if __name__ == "__main__":
    main()
