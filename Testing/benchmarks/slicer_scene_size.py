"""How large a scene is that holds one result, beside one that holds its two volumes alone.

    python Testing/benchmarks/slicer_scene_size.py DEGRADED REFERENCE

Needs slicer-core; fuses on the CPU, saves both scenes as .mrb, and prints bytes.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import zipfile
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "Testing" / "slicer"))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("degraded", type=Path)
    parser.add_argument("reference", type=Path)
    args = parser.parse_args()
    import standin

    standin.install()
    import slicer

    slicer.mrmlScene = slicer.vtkMRMLScene()
    with tempfile.TemporaryDirectory(prefix="uf-") as folder:
        found = sizes(args.degraded, args.reference, Path(folder))
    sys.stdout.write(json.dumps(found, indent=2) + "\n")
    return 0


def sizes(degraded: Path, reference: Path, folder: Path) -> dict[str, Any]:
    """Bytes of both scenes, and of every file in the second."""
    import slicer
    from UniFuseSlicerLib.Logic import UniFuseSlicerLogic
    from UniFuseSlicerLib.Options import FusionOptions

    volumes = [volume(path) for path in (degraded, reference)]
    slicer.mrmlScene.WriteToMRB(str(folder / "inputs.mrb"))
    UniFuseSlicerLogic().fuse(*volumes, options=FusionOptions(device="cpu"))
    slicer.mrmlScene.WriteToMRB(str(folder / "result.mrb"))
    inputs, result = ((folder / name).stat().st_size for name in ("inputs.mrb", "result.mrb"))
    with zipfile.ZipFile(folder / "result.mrb") as bundle:
        files = {Path(info.filename).name: info.file_size for info in bundle.infolist()}
    return {
        "inputs_bytes": inputs,
        "result_bytes": result,
        "times": round(result / inputs, 2),
        "files": {name: size for name, size in files.items() if size > inputs / 100},
    }


def volume(path: Path) -> Any:
    """A node with the voxels of a file, in their type."""
    import slicer
    from UniFuseSlicerLib.Images import readVolume
    from UniFuseSlicerLib.Nodes import updateVolume

    node = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", path.name.split(".")[0])
    updateVolume(node, readVolume(path))
    node.CreateDefaultDisplayNodes()
    return node


if __name__ == "__main__":
    sys.exit(main())
