"""How large a scene is that holds one result, beside one that holds its two volumes alone.

    python Testing/benchmarks/slicer_scene_size.py DEGRADED REFERENCE

Needs slicer-core; fuses on the CPU, saves both scenes as .mrb, and prints bytes. `steps`: bytes of
each volume of the result, compressed as Slicer does, where its values are rounded to a share of
their noise, and of the deformation, rounded to parts of a millimetre.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import zipfile
import zlib
from pathlib import Path
from typing import Any

import numpy as np

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
    nodes = UniFuseSlicerLogic().fuse(*volumes, options=FusionOptions(device="cpu"))
    slicer.mrmlScene.WriteToMRB(str(folder / "result.mrb"))
    inputs, result = ((folder / name).stat().st_size for name in ("inputs.mrb", "result.mrb"))
    with zipfile.ZipFile(folder / "result.mrb") as bundle:
        files = {Path(info.filename).name: info.file_size for info in bundle.infolist()}
    return {
        "inputs_bytes": inputs,
        "result_bytes": result,
        "times": round(result / inputs, 2),
        "files": {name: size for name, size in files.items() if size > inputs / 100},
        "steps": steps(nodes),
    }


def steps(nodes: Any) -> dict[str, Any]:
    """Step → bytes; of volumes in parts of the noise, of the deformation in mm."""
    import slicer
    from UniFuseSlicerLib.Nodes import deformationImage

    found: dict[str, Any] = {}
    for name, node in (("fused", nodes.fused), ("restored", nodes.restored)):
        array = slicer.util.arrayFromVolume(node)
        sigma = noise(array)
        whole = array.dtype.kind in "iu"
        sizes = {"as stored": len(zlib.compress(array.tobytes()))}
        for share in (0.25, 0.5, 1.0):
            step = max(1, round(share * sigma)) if whole else share * sigma
            rounded = (np.rint(array / step) * step).astype(array.dtype)
            sizes[f"{share:g} noise"] = len(zlib.compress(rounded.tobytes()))
        found[name] = {"noise": round(float(sigma), 5), "bytes": sizes}
    field = deformationImage(nodes.deformation).array.astype(np.float64)
    found["deformation"] = {
        f"1/{parts} mm": len(zlib.compress((np.rint(field * parts) / parts).tobytes()))
        for parts in (1024, 512, 256, 128, 64)
    }
    return found


def noise(array: np.ndarray) -> float:
    """Standard deviation, from the median second difference along i where the volume is bright."""
    values = array.astype(np.float64)
    bend = (values[..., 2:] - 2 * values[..., 1:-1] + values[..., :-2]) / np.sqrt(6)
    bright = values[..., 1:-1] > np.percentile(values, 60)
    return float(1.4826 * np.median(np.abs(bend[bright])))


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
