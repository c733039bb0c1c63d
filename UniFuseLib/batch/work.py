"""One case in a worker: the same road as `unifuse fuse`, with a network that stays loaded."""

from __future__ import annotations

import functools
import os
import threading
import time
import traceback
from pathlib import Path
from typing import TYPE_CHECKING

from UniFuseLib.batch.case import STATE_FOLDER, THUMBNAIL, Outcome, Task
from UniFuseLib.batch.record import RECORD, read_record
from UniFuseLib.commands import guidance
from UniFuseLib.commands.batch_options import arguments_of
from UniFuseLib.commands.fuse_files import RESULTS, fuse_into
from UniFuseLib.errors import UNEXPECTED_EXIT_CODE, OutputError, UniFuseError
from UniFuseLib.io.json_files import write_json, write_text
from UniFuseLib.io.output_folder import result_folder

if TYPE_CHECKING:
    from UniFuseLib.commands.fuse_files import Written
    from UniFuseLib.contract import Contract
    from UniFuseLib.steps import Network

CASE_FILES = (*RESULTS, RECORD, THUMBNAIL)
# of a process: a second one at the same time would double its memory
_ONE_AT_A_TIME = threading.Lock()


def run_case(task: Task, slot: int = 0) -> Outcome:
    """Fuse one pair; whatever goes wrong is an outcome with a sentence.

    Args:
        task: plain values.
        slot: number of the worker, for its share of the GPUs.
    """
    started = time.monotonic()

    def ended(state: str, sentence: str = "", code: int = 0) -> Outcome:
        seconds = round(time.monotonic() - started, 2)
        return Outcome(task.name, "done" if state == "done" else "failed", sentence, code, seconds)

    try:
        with _ONE_AT_A_TIME:
            _compute(task, slot)
    except UniFuseError as error:
        return ended("failed", str(error), error.exit_code)
    except Exception as error:
        where = _keep_traceback(task)
        sentence = f"Unexpected error: {error!r}. Please report it with {where}."
        return ended("failed", sentence, UNEXPECTED_EXIT_CODE)
    return ended("done")


def is_finished(task: Task) -> bool:
    """The very result that the task would make is there."""
    return read_record(task.target) == task.record


def _compute(task: Task, slot: int) -> None:
    """The case's folder, complete; nothing where another worker has finished it already."""
    if not (Path(task.output) / STATE_FOLDER).is_dir():
        raise OutputError(
            f"{task.output} is not visible on the machine of this worker. Choose an output folder "
            "on a drive that all workers share."
        )
    args = arguments_of(task)
    args.device = _device(args.device, slot)
    inputs = (args.degraded, args.reference, *guidance.files_of(args))
    if is_finished(task):
        return
    with result_folder(task.target, CASE_FILES, task.replace, inputs) as folder:
        if is_finished(task):  # it came while this worker waited for the folder
            return
        loaded = _model(args.weights, args.device)
        written = fuse_into(folder, args, lambda *_: None, lambda: False, loaded)
        _draw(written, folder.working / THUMBNAIL)
        write_json(task.record, folder.working / RECORD)
        flush_to_disk(folder.working)
        folder.publish()


def _draw(written: Written, path: Path) -> None:
    from UniFuseLib.batch.thumbnail import draw_thumbnail

    draw_thumbnail(written.result, written.inputs.degraded, written.inputs.reference, path)


def flush_to_disk(folder: Path) -> None:
    """Files that are renamed into place hold their content also after a power cut."""
    for file in folder.iterdir():
        with file.open("rb+") as stream:
            os.fsync(stream.fileno())


def _device(name: str, slot: int) -> str:
    """`auto` spreads the workers of a machine over its GPUs."""
    import torch

    count = torch.cuda.device_count() if name == "auto" and torch.cuda.is_available() else 0
    return f"cuda:{slot % count}" if count else name


@functools.lru_cache(maxsize=1)
def _model(weights: Path | None, device: str) -> tuple[Network, Contract]:
    from UniFuseLib.checkpoint import load_model
    from UniFuseLib.device import choose_device

    return load_model(weights, choose_device(device))


def _keep_traceback(task: Task) -> str:
    path = Path(task.output) / STATE_FOLDER / f"{task.name}.log"
    write_text(traceback.format_exc(), path)
    return f"{STATE_FOLDER}/{path.name}"
