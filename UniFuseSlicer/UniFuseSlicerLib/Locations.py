"""Finds UniFuseLib, its models and its sample data: in the source tree or next to the installed
module.
"""

from __future__ import annotations

import sys
from pathlib import Path

from slicer.i18n import tr as _

from .Errors import FusionError

MODULE_FOLDER = Path(__file__).resolve().parents[1]


def libraryRoot(moduleFolder: Path = MODULE_FOLDER) -> Path:
    """The folder that holds `UniFuseLib/`.

    An installed or built extension puts it next to the module's .py file; in the source tree it is
    one level up.

    Raises:
        FusionError: the extension was copied without its library.
    """
    for root in (moduleFolder, moduleFolder.parent):
        if (root / "UniFuseLib" / "__init__.py").is_file():
            return root
    raise FusionError(
        _(
            "Expected the folder UniFuseLib in {first} or {second}. "
            "Reinstall the UniFuse extension."
        ).format(first=moduleFolder, second=moduleFolder.parent)
    )


def findLibrary() -> None:
    """Let this process import UniFuseLib: of it, only what imports no torch.

    Raises:
        FusionError: the extension was copied without its library.
    """
    root = str(libraryRoot())
    if root not in sys.path:
        sys.path.append(root)


def resourceFolder(name: str, moduleFolder: Path = MODULE_FOLDER) -> Path | None:
    """`Models` or `SampleData`: inside UniFuseLib when installed, `Resources/` of the repository
    otherwise.
    """
    try:
        root = libraryRoot(moduleFolder)
    except FusionError:
        return None
    for candidate in (root / "UniFuseLib" / "Resources" / name, root / "Resources" / name):
        if candidate.is_dir():
            return candidate
    return None
