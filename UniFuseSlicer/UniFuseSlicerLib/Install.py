"""The Python packages that the tool needs: found without importing them, installed only on Fuse and
with consent.
"""

from __future__ import annotations

import importlib.metadata
import importlib.util
from collections.abc import Callable
from enum import Enum
from pathlib import Path
from typing import Any

import slicer
from slicer.i18n import tr as _

from .Errors import InstallError

TORCH = "torch>=2.5"
SMALL_PACKAGES = ("safetensors>=0.4",)


class PackageState(Enum):
    READY = "ready"
    MISSING = "missing"
    OLD = "old"
    BROKEN = "broken"


def packageState(
    requirement: str,
    version: Callable[[str], Any] = importlib.metadata.version,
    findSpec: Callable[[str], Any] = importlib.util.find_spec,
) -> PackageState:
    """Check the files of a package only: importing torch here would take seconds, and its files
    could not be repaired.

    A half install leaves metadata without a package, a package without `__init__.py`, or no version
    in the metadata.

    Args:
        requirement: name and least version, such as `torch>=2.5`.
        version: name → version in the metadata.
        findSpec: name → where Python would import it from.
    """
    # part of Slicer's Python; imported only when asked, as Slicer's extension rules want it
    from packaging.requirements import Requirement
    from packaging.version import InvalidVersion, Version

    wanted = Requirement(requirement)
    try:
        found = version(wanted.name)
    except importlib.metadata.PackageNotFoundError:
        return PackageState.READY if _isImportable(wanted.name, findSpec) else PackageState.MISSING
    except (TypeError, KeyError, ValueError, OSError):
        return PackageState.BROKEN
    if found is None or not _isImportable(wanted.name, findSpec):
        return PackageState.BROKEN
    try:
        newEnough = wanted.specifier.contains(Version(str(found)), prereleases=True)
    except InvalidVersion:
        return PackageState.BROKEN
    return PackageState.READY if newEnough else PackageState.OLD


def _isImportable(name: str, findSpec: Callable[[str], Any]) -> bool:
    """An empty folder left by an uninstall has a specification too, but no file."""
    try:
        spec = findSpec(name)
    except (ImportError, ValueError):
        return False
    return spec is not None and spec.origin is not None


class Dependencies:
    """Makes sure that the tool can run in Slicer's Python.

    Args:
        confirm: asks the user, returns True for yes.
        importUtils: returns the module PyTorchUtils of the PyTorch extension, or raises
            ModuleNotFoundError.
        pipInstall: installs a list of requirements, from a folder of wheels or (None) the internet;
            the default picks what this Slicer offers.
        state: requirement → state, as `packageState`.
        wheels: folder of wheels for a computer without internet; None: what is missing is
            downloaded.
    """

    def __init__(
        self,
        confirm: Callable[[str], bool] | None = None,
        importUtils: Callable[[], Any] | None = None,
        pipInstall: Callable[[list[str], Path | None], None] | None = None,
        state: Callable[[str], PackageState] = packageState,
        wheels: Callable[[], Path | None] = lambda: None,
    ) -> None:
        self._confirm = confirm or _askUser
        self._importUtils = importUtils or _importPyTorchUtils
        self._pipInstall = pipInstall or _pipInstall
        self._state = state
        self._wheels = wheels

    def ensure(self) -> None:
        """Install what is missing, after one question that names it and its size. Call on the main
        thread.

        Raises:
            InstallError: refused, failed, or the PyTorch extension is missing.
        """
        torch = self._state(TORCH)
        small = [r for r in SMALL_PACKAGES if self._state(r) is not PackageState.READY]
        if torch is PackageState.READY and not small:
            return
        wheels = self._wheels()
        needsUtils = torch is not PackageState.READY and wheels is None
        utils = self._pyTorchUtils() if needsUtils or torch is PackageState.BROKEN else None
        if not self._confirm(_question(torch, small, wheels)):
            raise InstallError(_refusedSentence(torch))
        try:
            if torch is PackageState.BROKEN:
                _removeTorch(utils)
            if wheels is not None:
                missing = [] if torch is PackageState.READY else [TORCH]
                self._pipInstall([*missing, *small], wheels)
                return
            if utils is not None:
                self._installTorch(utils)
            if small:
                self._pipInstall(small, None)
        except InstallError:
            raise
        except Exception as error:  # pip and network fail in many ways; the user needs one sentence
            raise InstallError(
                _(
                    "The installation failed: {reason}. Without internet access, follow "
                    '"Install on a computer without internet" in the module\'s README.'
                ).format(reason=error)
            ) from error

    def check(self) -> None:
        """Look only: what a script calls, where nobody is there to be asked.

        Raises:
            InstallError: a package is missing, too old or half installed.
        """
        missing = [
            requirement
            for requirement in (TORCH, *SMALL_PACKAGES)
            if self._state(requirement) is not PackageState.READY
        ]
        if missing:
            raise InstallError(
                _(
                    "Python packages are missing, too old or only half installed: {packages}. "
                    "Open the module UniFuse and press Fuse once; "
                    "you will be asked for permission to install them. In scripts, call: "
                    "UniFuseSlicerLib.Install.Dependencies(confirm=lambda question: True).ensure()"
                ).format(packages=", ".join(missing))
            )

    def _pyTorchUtils(self) -> Any:
        try:
            return self._importUtils()
        except ModuleNotFoundError as error:
            raise InstallError(
                _(
                    "UniFuse needs the extension PyTorch. Install it in View > Extensions Manager, "
                    "restart Slicer and press Fuse again."
                )
            ) from error

    def _installTorch(self, utils: Any) -> None:
        # Few keywords on purpose: their names have changed between versions of the extension.
        atLeast = TORCH.removeprefix("torch")
        if utils.PyTorchUtilsLogic().installTorch(torchVersionRequirement=atLeast) is None:
            raise InstallError(
                _(
                    "PyTorch was not installed. See the log (Help > Report a bug), "
                    "or use the module PyTorch Utils."
                )
            )


def _repairSentence() -> str:
    return _(
        "PyTorch is only half installed. Open the module PyTorch Utils, press Uninstall PyTorch, "
        "restart Slicer, press Install PyTorch, and then Fuse again."
    )


def _refusedSentence(torch: PackageState) -> str:
    if torch is PackageState.BROKEN:
        return _repairSentence()
    return _("Nothing was installed. UniFuse needs these packages; press Fuse to be asked again.")


def _removeTorch(utils: Any) -> None:
    """What is left of a half installation; torch is never imported here, so its files are free."""
    try:
        utils.PyTorchUtilsLogic().uninstallTorch()
    except Exception as error:
        raise InstallError(_repairSentence()) from error


def _question(torch: PackageState, small: list[str], wheels: Path | None) -> str:
    lines = [_("UniFuse needs Python packages that are not installed yet:"), ""]
    if torch is PackageState.BROKEN:
        lines.append(_("• PyTorch is only half installed: what is left of it is removed first"))
    if torch is not PackageState.READY and wheels is not None:
        lines.append(_("• PyTorch"))
    elif torch is not PackageState.READY:
        lines.append(_("• PyTorch (download of about 0.2 GB for CPU, 2 to 3 GB with GPU support)"))
    lines += [_("• {name} (less than 1 MB)").format(name=requirement) for requirement in small]
    if wheels is not None:
        sentence = _("They are taken from {folder}; nothing is downloaded.")
        lines += ["", sentence.format(folder=wheels)]
    lines += [
        "",
        _(
            "They will be installed into Slicer's own Python. "
            "Your images never leave this computer. Install now?"
        ),
    ]
    return "\n".join(lines)


def _askUser(question: str) -> bool:
    return bool(slicer.util.confirmOkCancelDisplay(question, _("UniFuse: install packages")))


def _importPyTorchUtils() -> Any:
    import PyTorchUtils

    return PyTorchUtils


def _pipInstall(requirements: list[str], wheels: Path | None) -> None:
    """`slicer.packaging` from Slicer 5.12 on; `slicer.util.pip_install` before, and of a folder."""
    if wheels is not None:
        slicer.util.pip_install([*requirements, "--no-index", "--find-links", str(wheels)])
        return
    if importlib.util.find_spec("slicer.packaging") is not None:
        from slicer import packaging

        packaging.pip_ensure(requirements, prompt_install=False, requester="UniFuse")
        return
    slicer.util.pip_install(" ".join(requirements))
