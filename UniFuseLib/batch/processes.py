"""Tasks on this machine: worker processes with one task at a time, so that a death has one name."""

from __future__ import annotations

import contextlib
import json
import os
import queue
import signal
import subprocess
import sys
import threading
from pathlib import Path
from typing import IO, TYPE_CHECKING, cast

from UniFuseLib.batch.case import Outcome, Task

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

_ROOT = Path(__file__).resolve().parents[2]  # holds the package
COMMAND = (sys.executable, "-m", "UniFuseLib.batch.worker")
_PATIENCE_S = 0.2
_TRIES = 2  # a worker may be killed for what another process took


class Worker:
    """A process that is started when it is needed, and again after its death.

    Args:
        slot: its number, from 0.
        threads: that it may compute with.
        command: to start it.
    """

    def __init__(self, slot: int, threads: int, command: Sequence[str] = COMMAND) -> None:
        self._command = [*command, str(slot)]
        self._environment = _environment(threads)
        self._process: subprocess.Popen[str] | None = None
        self._starting = threading.Lock()
        self._closed = False

    def run(self, task: Task) -> Outcome:
        """The task's outcome; a death is followed by one more try in a new process."""
        code = 0
        for _ in range(_TRIES):
            process = self._alive()
            if process is None:
                break
            line = _answer(process, json.dumps(task.to_json()))
            if line.endswith("\n"):
                return Outcome(**json.loads(line))
            process.kill()
            code = process.wait()
        return Outcome(task.name, "failed", died_sentence(code), exit_code=1)

    def close(self) -> None:
        """End the process, in the middle of a task too; it is not started again."""
        with self._starting:
            self._closed = True
            if self._process is not None:
                self._process.kill()
                self._process.wait()

    def _alive(self) -> subprocess.Popen[str] | None:
        with self._starting:
            if self._closed:
                return None
            if self._process is None or self._process.poll() is not None:
                self._process = subprocess.Popen(
                    self._command,
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    env=self._environment,
                    text=True,
                    encoding="utf-8",
                )
            return self._process


def _answer(process: subprocess.Popen[str], task: str) -> str:
    """One line; without its end where the process died."""
    stdin, stdout = cast("IO[str]", process.stdin), cast("IO[str]", process.stdout)
    try:
        stdin.write(task + "\n")
        stdin.flush()
        return stdout.readline()
    except OSError:  # the pipe broke: it died before it had the task
        return ""


def run_in_processes(
    tasks: Sequence[Task], jobs: int, threads: int, command: Sequence[str] = COMMAND
) -> Iterator[Outcome]:
    """Outcomes in the order in which they come.

    Args:
        tasks: all to be done.
        jobs: number of worker processes.
        threads: of each.
        command: that starts a worker.
    """
    open_tasks: queue.SimpleQueue[Task] = queue.SimpleQueue()
    for task in tasks:
        open_tasks.put(task)
    outcomes: queue.SimpleQueue[Outcome] = queue.SimpleQueue()
    over = threading.Event()
    workers = [Worker(slot, threads, command) for slot in range(min(jobs, len(tasks)))]
    for worker in workers:
        serve = _server(worker, open_tasks, outcomes, over)
        threading.Thread(target=serve, daemon=True).start()
    try:
        for _ in tasks:
            yield _next(outcomes)
    finally:
        over.set()
        for worker in workers:
            worker.close()


def _next(outcomes: queue.SimpleQueue[Outcome]) -> Outcome:
    """Waits in short steps, between which Ctrl-C and a file that asks to stop are noticed."""
    while True:
        with contextlib.suppress(queue.Empty):
            return outcomes.get(timeout=_PATIENCE_S)


def died_sentence(code: int) -> str:
    """What the exit code of a worker means."""
    killed = f"signal {-code}" if code < 0 else f"exit code {code}"
    kill = -code == getattr(signal, "SIGKILL", 9) or code == 137
    advice = (
        "Most often the memory ran out: try fewer --jobs or a larger --working-spacing."
        if kill
        else "See what it printed above."
    )
    return f"The worker process ended twice during this case ({killed}). {advice}"


def _server(
    worker: Worker,
    tasks: queue.SimpleQueue[Task],
    outcomes: queue.SimpleQueue[Outcome],
    over: threading.Event,
) -> Callable[[], None]:
    """One thread per worker: it waits for the worker's answers."""

    def serve() -> None:
        while not over.is_set():
            try:
                task = tasks.get_nowait()
            except queue.Empty:
                return
            try:
                outcomes.put(worker.run(task))
            except OSError as error:
                sentence = f"No worker process could be started: {error}."
                outcomes.put(Outcome(task.name, "failed", sentence, exit_code=1))

    return serve


def _environment(threads: int) -> dict[str, str]:
    """The package can be found, and its libraries take their share of the cores."""
    path = os.pathsep.join(filter(None, (str(_ROOT), os.environ.get("PYTHONPATH"))))
    counts = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "ITK_GLOBAL_DEFAULT_NUMBER_OF_THREADS")
    shares = {name: str(threads) for name in counts}
    return {**shares, **os.environ, "PYTHONPATH": path, "PYTHONUTF8": "1"}
