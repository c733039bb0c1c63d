"""What a training run is made of; read from TOML, stored in its checkpoints and in the weights'
contract.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

from UniFuseLib.errors import InputError
from UniFuseLib.io.plain_values import FieldError, from_plain
from UniFuseLib.io.typed import read_toml

Precision = Literal["auto", "float32", "bfloat16"]
Recompute = Literal["nothing", "stages"]
SampleFrame = Literal["crop", "whole"]
SHIPPED = Path(__file__).parent / "configs"


@dataclass(frozen=True)
class LossWeights:
    """Factors of the terms of Eq. 15, and of what the paper does not have.

    `registration` is L_reg (Eq. 6), `endpoint` the length of the same error, `coarse` that length
    on the FA's coarser levels, `matching` tells the FA's features of a place from those of its
    neighbours; `fidelity` is Q_mse, `retention` and its square keep what one source alone shows,
    `restore` supervises I_D.
    """

    classification: float = 0.5
    modality: float = 0.05
    registration: float = 0.0
    endpoint: float = 1.0
    coarse: float = 0.5
    matching: float = 0.0
    structure: float = 0.25
    intensity: float = 1.0
    fidelity: float = 0.0
    retention: float = 0.0
    squared_retention: float = 0.0
    gradient: float = 1.0
    restore: float = 2.0


@dataclass(frozen=True)
class Phase:
    """Samples of one size, until `until` (a fraction of all steps): crops grow as training goes
    on.
    """

    until: float
    crop: int
    batch: int  # of each process


@dataclass(frozen=True)
class TrainingConfig:
    """One run.

    Attributes:
        name: of the run and its weights. preset: `build.preset`, ablations included.
        data, validation: files made by `unifuse pack`.
        pairings: (degraded, reference) roles that are drawn, as `unifuse pack` names them; empty:
            all of them.
        frame: `crop` cuts isotropic cubes at one of `spacings_mm`, `whole` resizes the whole volume
            to the cube.
        steps: optimiser steps of the whole schedule. phases: curriculum by crop size.
        rate, final_rate: AdamW's learning rate at the start and the end of the cosine; warm_up in
            steps.
        minutes: cosine and phases run over so many minutes of training; 0: over `steps`.
        synthetic: share of samples from label maps. clean: share of inputs without degradation.
        partial: share of volumes whose field of view ends inside the crop. thick: share of
            synthetic scans with thick slices; real ones are as their scanner made them.
        still: share of samples without misalignment. misalignment: factor on the largest one
            (`misalignment.REMAINDER`).
        made: share of the real samples that pair a scan with a contrast made from itself
            (`made_contrast.py`).
        own_frame: share of a batch whose reference is brought to the degraded scan's frame:
            nothing is left to align.
        learn: the network's parts that learn (`fusion`, `fusion.blend`, ...), the others stay as
            given; empty: all.
        true_field: share of a batch that is restored and fused through the true field, as through
            a refined one.
        workers: processes that draw samples beside the training (`shelf.py`); 0: drawn between the
            steps, so that a resumed run is the uninterrupted one.
        shelf: samples that are held for reuse. shelf_crop: their voxels along each axis; every use
            cuts the phase's crop out of them, mirrored at random.
        precision: of the forward pass; `auto` is bfloat16 on CUDA, float32 elsewhere.
        recompute: `stages` forgets what lies inside the network's stages and computes it again for
            the gradient: less memory, a third more time.
        clip: largest gradient norm. average: decay of the EMA weights.
        negatives: K of Eq. 5. modality_every: L_moda needs a second pair, it is added every so many
            steps.
        validate_every, checkpoint_every: steps. record_minutes: validate and save every so many
            minutes instead; 0: every so many steps. seed: of everything random.
    """

    name: str
    data: str
    validation: str = ""
    preset: str = "default"
    steps: int = 20000
    phases: tuple[Phase, ...] = (Phase(1.0, 64, 2),)
    rate: float = 3e-4
    final_rate: float = 1e-6
    warm_up: int = 100
    minutes: float = 0.0
    weight_decay: float = 1e-4
    clip: float = 1.0
    average: float = 0.999
    negatives: int = 16
    modality_every: int = 4
    pairings: tuple[tuple[str, str], ...] = ()
    frame: SampleFrame = "crop"
    spacings_mm: tuple[float, ...] = (1.5, 2.0)
    synthetic: float = 0.35
    clean: float = 0.25
    partial: float = 0.1
    thick: float = 0.3
    still: float = 0.2
    misalignment: float = 1.0
    made: float = 0.0
    own_frame: float = 0.0
    true_field: float = 0.0
    learn: tuple[str, ...] = ()
    workers: int = 0
    shelf: int = 0
    shelf_crop: int = 96
    validate_every: int = 250
    record_minutes: float = 0.0
    validation_samples: int = 12
    checkpoint_every: int = 100
    precision: Precision = "auto"
    recompute: Recompute = "nothing"
    seed: int = 0
    weights: LossWeights = field(default_factory=LossWeights)

    def progress(self, step: int, seconds: float) -> float:
        """How much of the schedule is behind us after `step` steps and `seconds` of training,
        0..1.
        """
        if self.minutes:
            return min(seconds / (60 * self.minutes), 1.0)
        return min(step / self.steps, 1.0)

    def phase_at(self, progress: float) -> Phase:
        return next(p for p in self.phases if progress < p.until or p is self.phases[-1])

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> TrainingConfig:
        """Raises InputError for a key that is not known or a value that does not fit."""
        try:
            config: TrainingConfig = from_plain(cls, values)
        except FieldError as error:
            raise InputError(f"The training configuration does not fit: {error}.") from error
        config._check()
        return config

    def _check(self) -> None:
        if not self.phases or not self.spacings_mm:
            raise InputError(
                "Expected at least one phase and one spacing in the training configuration."
            )


def read_config(path: Path, **overrides: str) -> TrainingConfig:
    """A TOML file, or the name of a shipped one (`blend`, `default`, `fusion`, `gpu`,
    `paper`).

    `data` and `validation` are relative to its folder.

    Args:
        path: of the file, or the name of a shipped one.
        overrides: values that replace those of the file; paths as seen from the working directory.

    Raises:
        InputError: missing, not TOML, or unknown keys.
    """
    if not path.suffix and not path.is_file():
        path = SHIPPED / f"{path.name}.toml"
    values = read_toml(path)
    for key in ("data", "validation"):
        if isinstance(values.get(key), str) and values[key]:
            values[key] = str((path.parent / values[key]).resolve())
    return TrainingConfig.from_dict({**values, **overrides})
