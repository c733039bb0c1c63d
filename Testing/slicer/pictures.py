"""The result of the sample pair as Slicer's slice views show it, without Slicer.

    python Testing/slicer/pictures.py

Needs slicer-core and torch. Writes `slicer-<what>.png`, one per display mode, and
`slicer-views.png`, all in one.
"""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))

import standin  # noqa: E402  (this folder is on the path only now)

standin.install()


def load(scene: Any, path: Path, name: str) -> Any:
    from UniFuseSlicerLib.Images import contentWindow, readImage
    from UniFuseSlicerLib.Nodes import updateVolume

    node = scene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", name)
    image = readImage(path)
    node.CreateDefaultDisplayNodes()
    node.GetDisplayNode().AutoWindowLevelOff()
    node.GetDisplayNode().SetWindowLevelMinMax(*contentWindow(image.array))
    updateVolume(node, image)
    return node


def draw(folder: Path, weights: Path | None, size: int) -> None:
    import numpy as np
    import SimpleITK as sitk
    import slicer
    from UniFuseSlicerLib.Choices import OverlayChoice
    from UniFuseSlicerLib.Command import ToolCommand, toolEnvironment
    from UniFuseSlicerLib.Layers import Layers
    from UniFuseSlicerLib.LiveWarp import LiveWarp
    from UniFuseSlicerLib.Logic import UniFuseSlicerLogic
    from UniFuseSlicerLib.Options import FusionOptions
    from UniFuseSlicerLib.Overlay import Overlay, OverlayStyle
    from UniFuseSlicerLib.Samples import samplePair
    from UniFuseSlicerLib.View import verdict
    from views import SliceView

    slicer.mrmlScene = scene = slicer.vtkMRMLScene()
    view = SliceView(scene, size=(size, size))
    pair = samplePair()
    degraded = load(scene, pair.degraded, pair.degradedName)
    reference = load(scene, pair.reference, pair.referenceName)
    logic = UniFuseSlicerLogic(tool=ToolCommand(sys.executable, toolEnvironment(os.environ)))
    nodes = logic.fuse(degraded, reference, options=FusionOptions(device="cpu", weights=weights))
    sys.stdout.write(verdict(logic.report(nodes.fused)) + "\n")
    layers, overlay, live = (
        Layers(scene, view.fit),
        Overlay(scene, slicer.vtkSlicerColorLogic),
        LiveWarp(scene),
    )
    layers.show(reference, None, 1.0)
    view.fit()
    pictures = {}

    def keep(name: str, foreground: Any, mode: Any = OverlayChoice.OFF) -> None:
        overlay.show(nodes.deformation, reference, OverlayStyle(mode, 8.0))
        layers.show(reference, foreground, 1.0)
        view.save(folder / f"slicer-{name}.png")
        pictures[name] = view.pixels()

    keep("reference", None)
    keep("degraded", live.show(degraded, nodes.deformation, 0))
    keep("restored", nodes.restored)
    keep("fused", nodes.fused)
    keep("grid", nodes.fused, OverlayChoice.GRID)
    keep("arrows", nodes.fused, OverlayChoice.ARROWS)
    keep("contour", nodes.fused, OverlayChoice.CONTOUR)
    keep("warped", live.show(degraded, nodes.deformation, 100))
    rows = [np.hstack(list(pictures.values())[start : start + 4]) for start in (0, 4)]
    sheet = sitk.GetImageFromArray(np.ascontiguousarray(np.vstack(rows)), isVector=True)
    sitk.WriteImage(sheet, str(folder / "slicer-views.png"))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--output", type=Path, default=HERE.parents[1] / "Resources" / "Screenshots"
    )
    parser.add_argument("--weights", type=Path)
    parser.add_argument("--size", type=int, default=420)
    choices = parser.parse_args()
    choices.output.mkdir(parents=True, exist_ok=True)
    draw(choices.output, choices.weights, choices.size)
