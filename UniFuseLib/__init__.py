"""UniFuse: fuse a degraded, misaligned volume with a clean reference. Research use only.

    from UniFuseLib import fuse, read_volume, write_volume

    result = fuse(read_volume("t2_motion.nii.gz"), read_volume("t1.nii.gz"))
    write_volume(result.fused, "fused.nii.gz")

Start reading at `predict.py`: it follows one pair of volumes from top to bottom.

Glossary (paper's symbol · our name · the field's term); docs/glossary.md explains each line:

    I'_D          degraded        moving image
    I_R           reference       fixed image
    I_D           clean           ground truth of the restoration, known in simulations only
    F'_D, F_R     features        encoder feature maps
    h1, h2, h3    states          last hidden states of the state-space model (Mamba)
    p             probabilities   class probabilities, softmax of the logits
    P̂             prompt          degradation prompt
    F̄'_D, F̄_R    unified         features after the modality gap was reduced
    φ_D→R         flow            displacement field in voxels of its grid, pull convention
    u             displacement    displacement field in mm: X of the reference reads X + u(X)
    W(I'_D)       aligned         warped moving image
    I_fuse        fused           fused image
    -             blend           share of the reference in `fused`, from a head of its own
    -             restored        degraded volume after restoration and alignment
    -             severity        how strong the degradation is, 0 to 1
    ψ             psi             deformation that makes a simulated misalignment
    φ             phi             its inverse: the true field that alignment should find
    Ñ             classes         degradation classes
    J             blocks          number of registration blocks (RegBLK)
    C, M, E, S    channels, width, inner, states of `NetworkConfig`: sizes of the network
    Q, L          patch, prompt_length of `NetworkConfig`: patch side, prompts per class
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from UniFuseLib.version import __version__

if TYPE_CHECKING:
    from UniFuseLib.checkpoint import load_model
    from UniFuseLib.fusion_result import FusionResult
    from UniFuseLib.io.landmarks import read_landmarks
    from UniFuseLib.io.linear_transform import read_linear_transform
    from UniFuseLib.io.transform_export import export_transform
    from UniFuseLib.io.volumes import (
        read_displacement,
        read_volume,
        write_displacement,
        write_volume,
    )
    from UniFuseLib.predict import fuse
    from UniFuseLib.result import Result, read_result
    from UniFuseLib.spatial.volume import Grid, Volume

__all__ = [
    "FusionResult",
    "Grid",
    "Result",
    "Volume",
    "__version__",
    "export_transform",
    "fuse",
    "load_model",
    "read_displacement",
    "read_landmarks",
    "read_linear_transform",
    "read_result",
    "read_volume",
    "write_displacement",
    "write_volume",
]

_HOME = {
    "FusionResult": "fusion_result",
    "Grid": "spatial.volume",
    "Result": "result",
    "Volume": "spatial.volume",
    "export_transform": "io.transform_export",
    "fuse": "predict",
    "load_model": "checkpoint",
    "read_displacement": "io.volumes",
    "read_landmarks": "io.landmarks",
    "read_linear_transform": "io.linear_transform",
    "read_result": "result",
    "read_volume": "io.volumes",
    "write_displacement": "io.volumes",
    "write_volume": "io.volumes",
}


def __getattr__(name: str) -> Any:
    # Importing the package must stay quick: torch and SimpleITK load when first used.
    if name in _HOME:
        from importlib import import_module

        return getattr(import_module(f"UniFuseLib.{_HOME[name]}"), name)
    raise AttributeError(f"module 'UniFuseLib' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
