"""The staged pipelines people use today: restoration, then registration, then fusion.

All work on what a user has: `restore(volume, modality)` in the volume's units on its own grid,
`register(moving, fixed)` in normalised intensities, returning u `(d, h, w, 3)` RAS mm on the fixed
grid, and a fusion rule `(a, b)` in normalised intensities.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from importlib.util import find_spec
from typing import NamedTuple

import numpy as np

from UniFuseLib.errors import InputError, MissingDependencyError
from UniFuseLib.evaluation.baselines.dependency import INSTALL
from UniFuseLib.spatial.volume import Volume

Restore = Callable[[Volume, str], Volume]
Register = Callable[[Volume, Volume], np.ndarray]
FusionRule = Callable[[np.ndarray, np.ndarray], np.ndarray]

# name on the command line → title in tables
RESTORATIONS = {"none": "no restoration", "nlm": "non-local means"}
REGISTRATIONS = {
    "identity": "no registration",
    "rigid": "MI rigid",
    "bspline": "B-splines",
    "elastix": "elastix",
    "syn": "ANTs SyN",
    "convexadam": "convexAdam",
}
FUSIONS = {
    "average": "average",
    "maximum": "maximum",
    "laplacian": "Laplacian pyramid",
    "wavelet": "wavelets",
}


class Package(NamedTuple):
    """What a baseline needs beyond the library's own dependencies."""

    module: str
    name: str  # on PyPI


_NEEDS = {
    "nlm": Package("skimage", "scikit-image"),
    "elastix": Package("itk", "itk-elastix"),
    "syn": Package("ants", "antspyx"),
    "convexadam": Package("convexAdam", "convexAdam"),
    "wavelet": Package("pywt", "PyWavelets"),
}


def chosen_registrations(names: Sequence[str]) -> list[str]:
    """Those registrations, in their fixed order; none for no name.

    Raises:
        InputError: a name that no registration has.
        MissingDependencyError: packages of chosen registrations are not installed.
    """
    if unknown := sorted(set(names) - set(REGISTRATIONS)):
        raise InputError(
            f"Unknown registrations {', '.join(unknown)}. "
            f"Expected some of {', '.join(REGISTRATIONS)}."
        )
    if missing := _missing(names):
        raise MissingDependencyError(
            f"The chosen registrations need {', '.join(missing)}. {INSTALL}, or choose others."
        )
    return [name for name in REGISTRATIONS if name in names]


class Choice(NamedTuple):
    """The baselines of one run, in their fixed order."""

    restorations: list[str]
    registrations: list[str]
    fusions: list[str]


def choose(names: Sequence[str] | None) -> Choice:
    """The baselines of these names; of a kind that is not named, all.

    Args:
        names: keys of `RESTORATIONS`, `REGISTRATIONS` and `FUSIONS`; None for all.

    Raises:
        InputError: a name that no baseline has.
        MissingDependencyError: packages of chosen baselines are not installed; all are named.
    """
    wanted = set(names or ())
    known = (*RESTORATIONS, *REGISTRATIONS, *FUSIONS)
    if unknown := sorted(wanted - set(known)):
        raise InputError(
            f"Unknown baselines {', '.join(unknown)}. Expected some of {', '.join(known)}."
        )
    kinds = (RESTORATIONS, REGISTRATIONS, FUSIONS)
    chosen = Choice(*([name for name in kind if name in wanted] or list(kind) for kind in kinds))
    if missing := _missing(name for kind in chosen for name in kind):
        raise MissingDependencyError(
            f"The chosen baselines need {', '.join(missing)}. {INSTALL}, "
            "or choose others with --baselines."
        )
    return chosen


def _missing(names: Iterable[str]) -> list[str]:
    packages = [_NEEDS[name] for name in names if name in _NEEDS]
    return sorted({package.name for package in packages if find_spec(package.module) is None})


def restoration(name: str) -> Restore:
    """The restoration of that name."""
    from UniFuseLib.evaluation.baselines import denoising

    return {"none": denoising.restore_none, "nlm": denoising.restore_non_local_means}[name]


def registration(name: str) -> Register:
    """The registration of that name; its package is imported here."""
    if name == "identity":
        return _identity
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


def fusion(name: str) -> FusionRule:
    """The fusion rule of that name."""
    from UniFuseLib.fusion.rules import RULES

    return RULES[name]


def _identity(_: Volume, fixed: Volume) -> np.ndarray:
    """u = 0."""
    return np.zeros((*fixed.array.shape, 3), dtype=np.float32)
