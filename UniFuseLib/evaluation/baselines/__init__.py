"""The staged pipelines people use today: restoration, then registration, then fusion.

All work on what a user has: `restore(volume, modality)` in the volume's units on its own grid,
`register(moving, fixed)` in normalised intensities, returning u `(d, h, w, 3)` RAS mm on the fixed
grid, and `fuse(a, b)` in normalised intensities.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from importlib.util import find_spec

import numpy as np

from UniFuseLib.errors import InputError, MissingDependencyError
from UniFuseLib.spatial.volume import Volume

Restore = Callable[[Volume, str], Volume]
Register = Callable[[Volume, Volume], np.ndarray]
Fuse = Callable[[np.ndarray, np.ndarray], np.ndarray]

RESTORATIONS = ("none", "nlm")
REGISTRATIONS = ("identity", "rigid", "bspline", "elastix", "syn", "convexadam")
FUSIONS = ("average", "maximum", "laplacian", "wavelet")
# rival → (module, package on PyPI)
_NEEDS = {
    "nlm": (("skimage", "scikit-image"),),
    "elastix": (("itk", "itk-elastix"),),
    "syn": (("ants", "antspyx"),),
    "convexadam": (("convexAdam", "convexAdam"),),
    "wavelet": (("pywt", "PyWavelets"),),
}


def choose(names: Sequence[str] | None) -> tuple[list[str], list[str], list[str]]:
    """(restorations, registrations, fusions) named, in their fixed order; a kind that is not named
    comes whole.

    Raises:
        InputError: a name that no rival has.
        MissingDependencyError: a chosen rival's package is not installed; all missing ones are
            named.
    """
    known = (*RESTORATIONS, *REGISTRATIONS, *FUSIONS)
    unknown = sorted(set(names or ()) - set(known))
    if unknown:
        raise InputError(
            f"Unknown rivals {', '.join(unknown)}. Expected some of {', '.join(known)}."
        )
    kinds = [
        [n for n in kind if n in (names or ())] or list(kind)
        for kind in (RESTORATIONS, REGISTRATIONS, FUSIONS)
    ]
    missing = sorted(
        {p for kind in kinds for n in kind for m, p in _NEEDS.get(n, ()) if find_spec(m) is None}
    )
    if missing:
        raise MissingDependencyError(
            f"The chosen rivals need {', '.join(missing)}. Install them with: pip install '.[bench]' in the "
            "repository's folder, or name others with --rivals."
        )
    return kinds[0], kinds[1], kinds[2]


def restoration(name: str) -> Restore:
    """The restoration of that name."""
    from UniFuseLib.evaluation.baselines import denoising

    return {"none": denoising.restore_none, "nlm": denoising.restore_non_local_means}[name]


def registration(name: str) -> Register:
    """The registration of that name; its package is imported here."""
    if name == "identity":
        return _stay
    if name in ("rigid", "bspline"):
        from UniFuseLib.evaluation.baselines import simple_itk

        return {"rigid": simple_itk.register_rigid, "bspline": simple_itk.register_bspline}[name]
    if name == "elastix":
        from UniFuseLib.evaluation.baselines.elastix import register_elastix

        return register_elastix
    if name == "syn":
        from UniFuseLib.evaluation.baselines.ants_syn import register_syn

        return register_syn
    from UniFuseLib.evaluation.baselines.convex_adam import register_convex_adam

    return register_convex_adam


def fusion(name: str) -> Fuse:
    """The fusion of that name."""
    from UniFuseLib.evaluation.baselines import fusion_rules

    return {
        "average": fusion_rules.fuse_average,
        "maximum": fusion_rules.fuse_maximum,
        "laplacian": fusion_rules.fuse_laplacian,
        "wavelet": fusion_rules.fuse_wavelet,
    }[name]


def _stay(moving: Volume, fixed: Volume) -> np.ndarray:
    """u = 0."""
    return np.zeros((*fixed.array.shape, 3), dtype=np.float32)
