"""One stage's training: resumable, within a time budget, averaged weights, a log."""

from __future__ import annotations

import copy
import json
import math
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from safetensors.torch import save_file
from torch import Tensor

from UniFuseLib.errors import InputError
from UniFuseLib.network.dmfnet.diffusion import sample
from UniFuseLib.network.dmfnet.model import DmfNet, DmfNetConfig
from UniFuseLib.training.data import load_pack
from UniFuseLib.training.dmfnet.losses import fusion_losses, noise_loss, random_steps, total
from UniFuseLib.training.dmfnet.slices import SliceShelf, fixed_slices
from UniFuseLib.training.dmfnet.weights import (
    last_record,
    save_contract,
    save_weights,
    unet_tensors,
)

if TYPE_CHECKING:
    from pathlib import Path

    from UniFuseLib.progress import Log

CHECKPOINT, WEIGHTS, LOG = "checkpoint.pt", "dmfnet.safetensors", "log.jsonl"
_EVERY_SECONDS = 30.0  # between validations, each with a checkpoint
_DECAY = 0.998  # of the averaged weights
_WARM = 20  # steps until the full learning rate
_CLIP = 1.0  # norm of the gradient
_SAMPLES = 8
_FIXED = 16  # validation slices


@dataclass(frozen=True)
class StageConfig:
    """Attributes:
    stage: 1 trains the U-Net, 2 the fusion network.
    data: training file of `unifuse pack`.
    validation: likewise, of other patients.
    seconds: budget of this run.
    unet: weights of Stage I for Stage II; None leaves the U-Net untrained.
    batch: slices a step.
    side: their pixels.
    rate: highest learning rate.
    shelf: slices held at once.
    seed: decides everything but the pace.
    steps: the most steps, over all runs; None: as many as the seconds allow.
    """

    stage: int
    data: Path
    validation: Path
    seconds: float
    unet: Path | None = None
    batch: int = 32
    side: int = 128
    rate: float = 1e-3
    shelf: int = 4000
    seed: int = 1
    steps: int | None = None


def train_stage(config: StageConfig, folder: Path, device: torch.device, log: Log) -> None:
    """Train one stage into `folder`: checkpoint, averaged weights, log; continues what is there.

    Raises:
        InputError: no data of the kind, or weights of another network.
    """
    folder.mkdir(parents=True, exist_ok=True)
    run = _Run(config, folder, device)
    run.go(log)


class _Run:
    """One stage's state, from its start or checkpoint to its end."""

    def __init__(self, config: StageConfig, folder: Path, device: torch.device) -> None:
        self.started = time.perf_counter()
        self.config, self.folder, self.device = config, folder, device
        self.generator = torch.Generator().manual_seed(config.seed)
        torch.manual_seed(config.seed)
        self.model = DmfNet(DmfNetConfig())
        if config.unet is not None:
            self.model.unet.load_state_dict(unet_tensors(config.unet))
        self.model.to(device)
        self.part = self.model.unet if config.stage == 1 else self.model.fusion
        self.average = copy.deepcopy(self.part).eval().requires_grad_(False)
        self.model.requires_grad_(False)
        self.part.requires_grad_(True)
        self.optimiser = torch.optim.AdamW(self.part.parameters(), lr=config.rate)
        self.step, self.spent = 0, 0.0
        self._restore()
        paired = config.stage == 2
        self.shelf = SliceShelf(
            load_pack(config.data, device), paired, config.shelf, self.generator
        )
        held_out = SliceShelf(
            load_pack(config.validation, device),
            paired,
            config.shelf,
            torch.Generator().manual_seed(0),
        )
        self.fixed = fixed_slices(held_out, min(_FIXED, config.shelf), config.side)

    def go(self, log: Log) -> None:
        self.shelf.add(min(8 * self.config.batch, self.config.shelf))
        validated, terms = -math.inf, {}
        while (share := self._share()) < 1:
            terms = self._one_step(share)
            self.step += 1
            if time.perf_counter() - validated > _EVERY_SECONDS:
                self._record(terms, log)
                validated = time.perf_counter()
        self._record(terms, log)
        if self.config.stage == 1:
            self._draw_samples()

    def _share(self) -> float:
        """Of the budget that is spent, 0 to 1 and beyond."""
        of_time = (time.perf_counter() - self.started) / self.config.seconds
        return max(of_time, self.step / self.config.steps) if self.config.steps else of_time

    def _one_step(self, share: float) -> dict[str, Tensor]:
        warm = min(1.0, (self.step + 1) / _WARM)
        rate = self.config.rate * warm * (0.02 + 0.98 * 0.5 * (1 + math.cos(math.pi * share)))
        for group in self.optimiser.param_groups:
            group["lr"] = rate
        self.shelf.add(1)
        images = self.shelf.draw(self.config.batch, self.config.side)
        terms = self._terms(self.model, images, self.generator)
        loss = _loss(terms)
        self.optimiser.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.part.parameters(), _CLIP)
        self.optimiser.step()
        decay = min(_DECAY, (self.step + 1) / (self.step + 10))
        for kept, new in zip(self.average.parameters(), self.part.parameters(), strict=True):
            kept.lerp_(new.detach(), 1 - decay)
        return terms

    def _terms(
        self, model: DmfNet, images: Tensor, generator: torch.Generator
    ) -> dict[str, Tensor]:
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self.device.type == "cuda"):
            if self.config.stage == 1:
                steps = random_steps(len(images), generator).to(images.device)
                noise = torch.randn(images.shape, generator=generator).to(images.device)
                return {"noise": noise_loss(model.unet, images, steps, noise)}
            first, second = images.chunk(2, dim=1)
            fused = model(first, second)
        return fusion_losses(fused, first, second)

    @torch.no_grad()
    def _validate(self) -> dict[str, Tensor]:
        """The averaged weights on the same slices and the same noise every time."""
        model = copy.copy(self.model)
        model._modules = dict(self.model._modules)
        model._modules["unet" if self.config.stage == 1 else "fusion"] = self.average
        return self._terms(model, self.fixed, torch.Generator().manual_seed(0))

    def _record(self, terms: dict[str, Tensor], log: Log) -> None:
        record: dict[str, Any] = {
            "step": self.step,
            "seconds": round(time.perf_counter() - self.started + self.spent, 1),
            "train": {name: round(float(v.detach()), 5) for name, v in terms.items()},
            "validation": self._scores(),
            "slices": self.shelf.made,
        }
        with (self.folder / LOG).open("a", encoding="utf-8") as stream:
            stream.write(json.dumps(record) + "\n")
        log(json.dumps(record))
        self._save()

    def _save(self) -> None:
        """Averaged weights, their contract once both stages are there, and the checkpoint."""
        prefix = "unet." if self.config.stage == 1 else "fusion."
        averaged = {prefix + name: value for name, value in self.average.state_dict().items()}
        save_weights({**self.model.state_dict(), **averaged}, self.folder / WEIGHTS)
        if self.config.unet is not None:
            save_contract(self.folder / WEIGHTS, self.model.config, self._facts(), self._scores())
        state = {
            "stage": self.config.stage,
            "part": self.part.state_dict(),
            "average": self.average.state_dict(),
            "optimiser": self.optimiser.state_dict(),
            "generator": self.generator.get_state(),
            "step": self.step,
            "seconds": time.perf_counter() - self.started + self.spent,
        }
        partial = self.folder / ("partial-" + CHECKPOINT)
        torch.save(state, partial)
        partial.replace(self.folder / CHECKPOINT)

    def _facts(self) -> dict[str, Any]:
        """How the weights came about."""
        config = self.config
        return {
            "device": self.device.type,
            "steps": self.step,
            "seconds": round(time.perf_counter() - self.started + self.spent),
            "data": config.data.name,
            "batch": config.batch,
            "side": config.side,
            "rate": config.rate,
            "stage1": last_record(config.unet.with_name(LOG)) if config.unet else None,
        }

    def _scores(self) -> dict[str, float]:
        return {name: round(float(v), 5) for name, v in self._validate().items()}

    def _restore(self) -> None:
        path = self.folder / CHECKPOINT
        if not path.is_file():
            return
        state = torch.load(path, map_location=self.device, weights_only=True)
        if state["stage"] != self.config.stage:
            raise InputError(
                f"The checkpoint '{path}' belongs to stage {state['stage']}, this run is stage "
                f"{self.config.stage}. Choose another output folder."
            )
        self.part.load_state_dict(state["part"])
        self.average.load_state_dict(state["average"])
        self.optimiser.load_state_dict(state["optimiser"])
        self.generator.set_state(state["generator"].cpu())
        self.step, self.spent = state["step"], state["seconds"]

    def _draw_samples(self) -> None:
        """Images out of pure noise, to be looked at."""
        unet = self.model.unet
        unet.load_state_dict(self.average.state_dict())  # the run has ended
        generator = torch.Generator().manual_seed(0)
        noise = torch.randn((_SAMPLES, 1, 128, 128), generator=generator).to(self.device)
        images = (sample(unet, noise) + 1) / 2
        codes = (images * 255).round().to(torch.uint8).cpu().contiguous()
        save_file({"samples": codes}, str(self.folder / "samples.safetensors"))


def _loss(terms: dict[str, Tensor]) -> Tensor:
    return terms["noise"] if "noise" in terms else total(terms)
