"""Rivals are optional: a missing one is a clear sentence, not a stack trace."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

from UniFuseLib.errors import MissingDependencyError

if TYPE_CHECKING:
    from types import ModuleType


def require(module: str, package: str) -> ModuleType:
    """Import `module`.

    Raises:
        MissingDependencyError: `package`, which holds it, is not installed or does not load.
    """
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise MissingDependencyError(
            f"This rival needs the package {package} ({error}). "
            "Install the rivals with: pip install '.[bench]' in the repository's folder, or leave it out with --rivals."
        ) from error
