"""What the files about training share: a training of a few steps, on one thread."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import torch

from Testing.whole_path.tiny_training import write_tiny_pack
from UniFuseLib.training.config import Phase, TrainingConfig

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="session")
def config(tmp_path_factory: pytest.TempPathFactory) -> TrainingConfig:
    """A training of six steps."""
    packed = write_tiny_pack(tmp_path_factory.mktemp("pack") / "tiny.pack")
    return TrainingConfig(
        name="tiny",
        data=str(packed),
        validation=str(packed),
        preset="small",
        steps=6,
        phases=(Phase(0.5, 16, 1), Phase(1.0, 24, 1)),
        spacings_mm=(2.0,),
        warm_up=2,
        validate_every=3,
        validation_samples=2,
        checkpoint_every=2,
        modality_every=2,
        negatives=4,
    )


@pytest.fixture
def one_thread() -> Iterator[None]:
    """Without threads every sum has one order."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)
