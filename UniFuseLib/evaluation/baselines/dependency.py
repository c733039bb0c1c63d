"""Packages of baselines are optional: a missing one is a clear sentence, not a stack trace."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

from UniFuseLib.errors import MissingDependencyError

if TYPE_CHECKING:
    from types import ModuleType

INSTALL = "Install the baselines with: pip install '.[bench]' in the repository's folder"


def require(module: str, package: str) -> ModuleType:
    """Import `module`.

    Args:
        module: dotted name.
        package: on PyPI, which holds it.

    Raises:
        MissingDependencyError: the package is not installed or does not load.
    """
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise MissingDependencyError(
            f"This baseline needs the package {package} ({error}). {INSTALL}, "
            "or leave it out with --baselines."
        ) from error
