"""The log of a run: JSONL always, TensorBoard where it is installed."""

from __future__ import annotations

import json
import os
import time
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path

LOG = "log.jsonl"
TENSORBOARD = "tensorboard"
_SYNC_SECONDS = 1.0


class Journal:
    """Records of the steps up to `step`; what a killed run wrote beyond its checkpoint is dropped.

    Args:
        folder: of the run.
        step: where the run continues.
    """

    def __init__(self, folder: Path, step: int) -> None:
        self.path = folder / LOG
        if self.path.exists():
            _rewrite(
                self.path, [record for record in read_log(self.path) if record["step"] <= step]
            )
        self._board = _tensorboard(folder, step)
        self._synced = 0.0

    def write(self, record: dict[str, Any]) -> None:
        """Append one record; a kill does not lose it, a power cut the last second's."""
        with self.path.open("a", encoding="utf-8") as stream:
            stream.write(json.dumps(record) + "\n")
            stream.flush()
            if time.perf_counter() - self._synced > _SYNC_SECONDS:
                os.fsync(stream.fileno())
                self._synced = time.perf_counter()
        if self._board is not None:
            for name, value in _flat(record).items():
                self._board.add_scalar(name, value, record["step"])

    def close(self) -> None:
        if self._board is not None:
            self._board.close()


def read_log(path: Path) -> list[dict[str, Any]]:
    """All whole records; a last line that a kill cut short is left out."""
    records = []
    for line in path.read_text(encoding="utf-8").splitlines():
        try:
            records.append(json.loads(line))
        except ValueError:
            break
    return records


def _rewrite(path: Path, records: list[dict[str, Any]]) -> None:
    partial = path.with_name(path.name + ".partial")
    partial.write_text("".join(json.dumps(record) + "\n" for record in records), encoding="utf-8")
    partial.replace(path)


def _tensorboard(folder: Path, step: int) -> Any:
    if find_spec("tensorboard") is None:
        return None
    from torch.utils.tensorboard import SummaryWriter

    return SummaryWriter(str(folder / TENSORBOARD), purge_step=step + 1)


def _flat(record: dict[str, Any], prefix: str = "") -> dict[str, float]:
    """Nested numbers as `terms/registration`."""
    flat: dict[str, float] = {}
    for name, value in record.items():
        if isinstance(value, dict):
            flat.update(_flat(value, f"{prefix}{name}/"))
        elif name != "step":
            flat[prefix + name] = float(value)
    return flat
