"""What a run needs on disk: both volumes, what steers the alignment, and the command line."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .Command import QUICK_FILES, ToolCommand
from .Guidance import Guidance, GuidanceFiles, guidanceFiles
from .Images import Image, writeImage
from .Nodes import imageFromNode
from .Options import FusionOptions
from .VolumeFacts import factsOf


@dataclass(frozen=True)
class JobInputs:
    """Read from the nodes on the main thread, written by a worker.

    Attributes:
        volumes: `degraded` and `reference` → voxels and DICOM's word for the modality.
        guidance: of the alignment.
    """

    volumes: Mapping[str, tuple[Image, str]]
    guidance: GuidanceFiles

    @classmethod
    def ofNodes(cls, degraded: Any, reference: Any, guidance: Guidance) -> JobInputs:
        """
        Raises:
            InputNodeError: a node of the guidance that cannot be used.
        """
        nodes = {"degraded": degraded, "reference": reference}
        volumes = {name: (imageFromNode(node), factsOf(node).word) for name, node in nodes.items()}
        return cls(volumes, guidanceFiles(guidance, degraded, reference))

    def write(self, folder: Path) -> None:
        """All files that the command names."""
        for name, (image, modality) in self.volumes.items():
            writeImage(image, folder / f"{name}.nrrd", modality)
        self.guidance.write(folder)

    def command(self, tool: ToolCommand, folder: Path, options: FusionOptions) -> list[str]:
        """`unifuse fuse …` on the files in a folder; the result goes to `out` in it."""
        command = tool.fuse(
            folder / "degraded.nrrd",
            folder / "reference.nrrd",
            folder / "out",
            options,
            folder / "cancel",
        )
        return [*command, *self.guidance.arguments(folder), *QUICK_FILES]
