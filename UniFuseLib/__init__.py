"""UniFuse: fuse a degraded, misaligned volume with a clean reference of another modality. Research
use only.

    import UniFuseLib
    result = UniFuseLib.fuse(degraded, reference)      # two `Volume`s in, `FusionResult` out

Follow one volume from top to bottom: `predict.py`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from UniFuseLib.version import __version__

if TYPE_CHECKING:
    from UniFuseLib.predict import FusionResult, fuse
    from UniFuseLib.spatial.volume import Grid, Volume

__all__ = ["FusionResult", "Grid", "Volume", "__version__", "fuse"]

_HOME = {
    "fuse": "predict",
    "FusionResult": "predict",
    "Volume": "spatial.volume",
    "Grid": "spatial.volume",
}


def __getattr__(name: str) -> Any:
    # Importing the package must stay quick: torch and SimpleITK load when first used.
    if name in _HOME:
        from importlib import import_module

        return getattr(import_module(f"UniFuseLib.{_HOME[name]}"), name)
    raise AttributeError(f"module 'UniFuseLib' has no attribute {name!r}")
