"""What a user can choose for a run, and how it becomes a command line."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

Modality = Literal["auto", "mr", "ct", "pet"]
Device = Literal["auto", "cpu", "cuda"]
Fusion = Literal["unifuse", "dmfnet", "average", "maximum", "laplacian", "wavelet"]
Movement = Literal["deformable", "affine", "rigid", "none"]
Precision = Literal["auto", "float32", "float16", "bfloat16"]


@dataclass(frozen=True)
class FusionOptions:
    """Choices for one run.

    Attributes:
        degradedModality: `auto` detects it from the intensities.
        referenceModality: `auto` detects it from the intensities.
        device: `auto` takes the GPU when torch finds one.
        precision: `auto` is what the device does best.
        workingSpacing: mm of the network's isotropic grid; 0 is the spacing the weights were
            trained for.
        refinement: of the field after the network: `auto`, `off`, or a number of steps.
        weights: another weights file (.safetensors) than the one that comes with the extension.
        keepFiles: leave the run's folder (inputs, results, log) on disk.
        movement: how far the alignment may go; `none` keeps the positions as they are.
        fusion: what makes the fused volume; alignment and restoration stay the same.
        ctWindow: HU of a CT that the fused volume shows from black to white: `auto`, `wide`,
            `brain`, `soft-tissue`, `bone`, `lung`, or `LEVEL,WIDTH`.
        uncertainty: also map how far off the alignment may be.
    """

    degradedModality: Modality = "auto"
    referenceModality: Modality = "auto"
    device: Device = "auto"
    precision: Precision = "auto"
    workingSpacing: float = 0.0
    refinement: str | int = "auto"
    weights: Path | None = None
    keepFiles: bool = False
    movement: Movement = "deformable"
    fusion: Fusion = "unifuse"
    ctWindow: str = "auto"
    uncertainty: bool = False

    def arguments(self) -> list[str]:
        """Flags of `unifuse fuse`, only those that differ from its own defaults."""
        flags: list[str] = []
        for flag, value in (
            ("--degraded-modality", self.degradedModality),
            ("--reference-modality", self.referenceModality),
            ("--device", self.device),
            ("--precision", self.precision),
            ("--refine", self.refinement),
            ("--ct-window", self.ctWindow),
        ):
            if value != "auto":
                flags += [flag, str(value)]
        if self.workingSpacing > 0:
            flags += ["--working-spacing", f"{self.workingSpacing:g}"]
        if self.movement != "deformable":
            flags += ["--align", self.movement]
        if self.fusion != "unifuse":
            flags += ["--fusion", self.fusion]
        if self.uncertainty:
            flags.append("--uncertainty")
        if self.weights is not None:
            flags += ["--weights", str(Path(self.weights).expanduser().absolute())]
        return flags
