"""The one place that finds `Resources/`.

It lies beside the package in a source tree, and inside the package in a wheel and in 3D Slicer.
"""

from __future__ import annotations

from pathlib import Path

from UniFuseLib.errors import InputError, WeightsError

DEFAULT_WEIGHTS = "unifuse.safetensors"


def models_folder() -> Path:
    """The shipped weights.

    Raises:
        WeightsError: the folder is missing.
    """
    folder = _find("Models")
    if folder is None:
        raise WeightsError(
            f"Expected the shipped weights in 'Resources/Models' beside {_package()}, found none. "
            "Reinstall the extension or name a file with --weights."
        )
    return folder


def sample_folder() -> Path:
    """The sample pair.

    Raises:
        InputError: the folder is missing.
    """
    folder = _find("SampleData")
    if folder is None:
        raise InputError(
            f"Expected the sample volumes in 'Resources/SampleData' beside {_package()}, found "
            "none. Reinstall the extension."
        )
    return folder


def _find(name: str) -> Path | None:
    package = _package()
    places = (root / "Resources" / name for root in (package, package.parent))
    return next((place for place in places if place.is_dir()), None)


def _package() -> Path:
    return Path(__file__).resolve().parent
