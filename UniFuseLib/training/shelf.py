"""Samples made by worker processes, held on the training device and used several times.

A GPU takes a step in the time one core needs for a sample. So samples are made larger than the
network reads them, as many are held as fit, every batch cuts its crops at random places and mirrors
them, and the oldest samples give way to new ones as these arrive. Which samples a step meets
depends on the machine's pace: a resumed run is not the uninterrupted one, unlike with
`workers = 0`.
"""

from __future__ import annotations

import multiprocessing
import tempfile
import threading
import warnings
from concurrent.futures import FIRST_COMPLETED, BrokenExecutor, Future, ProcessPoolExecutor, wait
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from UniFuseLib.training.data import PackedSubject, load_pack
from UniFuseLib.training.samples import Sample, draw_sample, generator_of

if TYPE_CHECKING:
    from types import TracebackType

    from UniFuseLib.training.config import TrainingConfig
    from UniFuseLib.training.sample_settings import SampleSettings

_AHEAD = 2  # samples that are asked for, per worker
_MOST_FAILURES = 3
_VOXELWISE = ("degraded", "reference", "clean", "fine", "reference_moved", "flow", "weight")


class Shelf:
    """Up to `config.shelf` samples of `config.shelf_crop`³ voxels on `device`, in half precision.

    A context: its workers and their files end with it.

    Args:
        config: data, seed, number of workers and of samples.
        settings: of the samples.
        device: what holds them.
        stream: runs of one seed draw different samples on different streams.
    """

    def __init__(
        self,
        config: TrainingConfig,
        settings: SampleSettings,
        device: torch.device,
        stream: int = 0,
    ) -> None:
        self.device, self.capacity = device, max(config.shelf, 1)
        self.made = 0
        self._samples: list[Sample] = []
        self._arrived = threading.Condition()
        self._closed = threading.Event()
        self._failure: BaseException | None = None
        self._failed_in_a_row = 0
        self._folder = tempfile.TemporaryDirectory(prefix="unifuse-samples-")
        self._pool = ProcessPoolExecutor(
            config.workers,
            multiprocessing.get_context("spawn"),  # a forked process cannot use CUDA's parent
            _start_worker,
            (config.data, settings, (config.seed, stream), self._folder.name),
        )
        self._thread = threading.Thread(
            target=self._keep_filling, args=(_AHEAD * config.workers,), daemon=True
        )

    def __enter__(self) -> Shelf:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._closed.set()
        self._pool.shutdown(wait=True, cancel_futures=True)
        self._thread.join()
        self._folder.cleanup()

    def draw(self, batch: int, crop: int, generator: torch.Generator) -> Sample:
        """`batch` crops out of samples of the shelf, no sample twice where there are enough.

        Waits for the first ones.

        Raises:
            RuntimeError: a worker failed; its error is the cause.
        """
        self.wait(batch)
        with self._arrived:
            count = len(self._samples)
            order = torch.randperm(count, generator=generator)[:batch].tolist()
            chosen = [self._samples[i] for i in order] if count >= batch else list(self._samples)
        return joined([cut(sample, crop, generator) for sample in chosen])

    def wait(self, count: int) -> None:
        """Until the shelf holds `count` samples, or as many as it can.

        Raises:
            RuntimeError: a worker failed; its error is the cause.
        """
        with self._arrived:
            self._arrived.wait_for(
                lambda: self._failure or len(self._samples) >= min(count, self.capacity)
            )
            if self._failure is not None:
                raise RuntimeError("A process that draws samples failed.") from self._failure

    def _keep_filling(self, ahead: int) -> None:
        pending: set[Future[str]] = set()
        number = 0
        try:
            while not self._closed.is_set():
                while len(pending) < ahead:
                    pending.add(self._pool.submit(_make, number))
                    number += 1
                done, pending = wait(pending, timeout=1.0, return_when=FIRST_COMPLETED)
                for future in done:
                    self._take(future)
        except BaseException as error:
            # a broken pool included: the training must not wait for ever
            if not self._closed.is_set():
                with self._arrived:
                    self._failure = error
                    self._arrived.notify_all()

    def _take(self, future: Future[str]) -> None:
        """Put what a worker has made on the shelf; one that could not be drawn is told, not fatal.

        Raises:
            Exception: that of the last one, after `_MOST_FAILURES` in a row or when the workers are
                gone.
        """
        try:
            path = Path(future.result())
        except BrokenExecutor:
            raise
        except Exception as error:
            self._failed_in_a_row += 1
            if self._failed_in_a_row >= _MOST_FAILURES:
                raise
            warnings.warn(
                f"A sample could not be drawn and is left out: {error!r}",
                RuntimeWarning,
                stacklevel=2,
            )
            return
        self._failed_in_a_row = 0
        self._put(self._load(path))

    def _load(self, path: Path) -> Sample:
        values = torch.load(path, weights_only=True, map_location="cpu")
        path.unlink()
        return Sample(**{name: value.to(self.device) for name, value in values.items()})

    def _put(self, sample: Sample) -> None:
        """The newest sample takes the place of the oldest."""
        with self._arrived:
            if len(self._samples) < self.capacity:
                self._samples.append(sample)
            else:
                self._samples[self.made % self.capacity] = sample
            self.made += 1
            self._arrived.notify_all()


def cut(sample: Sample, crop: int, generator: torch.Generator) -> Sample:
    """A cube of `crop`³ voxels at a random place, mirrored along random axes.

    A flow's component turns with its axis.
    """
    side = sample.degraded.shape[-1]
    first = [int(torch.randint(0, side - crop + 1, (), generator=generator)) for _ in range(3)]
    mirrored = [axis for axis in range(3) if torch.rand((), generator=generator) < 0.5]
    window = (slice(None), slice(None), *(slice(a, a + crop) for a in first))
    fields = {
        name: getattr(sample, name)[window].flip([2 + axis for axis in mirrored])
        for name in _VOXELWISE
    }
    signs = [-1.0 if axis in mirrored else 1.0 for axis in range(3)]
    fields["flow"] = fields["flow"] * fields["flow"].new_tensor(signs)[:, None, None, None]
    return sample._replace(**fields)


def joined(samples: list[Sample]) -> Sample:
    """One batch, float32 again."""
    fields = {name: torch.cat([getattr(s, name) for s in samples]) for name in Sample._fields}
    return Sample(**{name: v.float() if v.is_floating_point() else v for name, v in fields.items()})


def halved(sample: Sample) -> dict[str, Tensor]:
    """Voxelwise fields in half precision.

    That rounds to 5e-4 of an intensity of 1, to 4e-3 of a displacement of 5 voxels.
    """
    return {name: v.half() if name in _VOXELWISE else v for name, v in sample._asdict().items()}


class _Worker:
    """What a worker process holds."""

    subjects: list[PackedSubject]
    settings: SampleSettings
    seed: tuple[int, int]
    folder: Path


def _start_worker(data: str, settings: SampleSettings, seed: tuple[int, int], folder: str) -> None:
    torch.set_num_threads(1)
    _Worker.subjects = load_pack(Path(data), torch.device("cpu"))
    _Worker.settings, _Worker.seed, _Worker.folder = settings, seed, Path(folder)


def _make(number: int) -> str:
    """Draw sample `number` into a file; its name."""
    seed, stream = _Worker.seed
    sample = draw_sample(_Worker.subjects, _Worker.settings, generator_of(seed, number, stream))
    path = _Worker.folder / f"{number}.pt"
    torch.save(halved(sample), path)
    return str(path)
