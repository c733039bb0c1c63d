"""Packages of the extra `export`: a missing one is a sentence, not a stack trace."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

from UniFuseLib.errors import MissingDependencyError

if TYPE_CHECKING:
    from types import ModuleType


def of_export(module: str) -> ModuleType:
    """Import `module`.

    Args:
        module: dotted name.

    Raises:
        MissingDependencyError: it is not installed or does not load.
    """
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise MissingDependencyError(
            f"This format is written with the package {module.partition('.')[0]} ({error}). "
            "Install it with: pip install nitransforms==25.1.0"
        ) from error
