"""The one place where the version is written, and the notice that goes with every result."""

from __future__ import annotations

__version__ = "0.1.0"
NOTICE = "Research use only. Not for diagnosis or treatment."
_PACKAGES = ("torch", "numpy", "scipy", "SimpleITK")


def versions() -> dict[str, str]:
    """Of all that takes part in a result; none of it is imported for that."""
    import platform

    own = {"unifuse": __version__, "python": platform.python_version()}
    packages = {name: _installed(name) for name in _PACKAGES}
    return {**own, **packages, "platform": platform.platform()}


def _installed(package: str) -> str:
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version(package)
    except PackageNotFoundError:  # bundled without its metadata
        return "unknown"
