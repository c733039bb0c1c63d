"""Sentences for the user: what was expected, what came, what to do."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .Outcome import Outcome


class FusionError(Exception):
    """A run that could not be done; the text is shown as it is."""


class InputNodeError(FusionError):
    """An input node that cannot be fused (no image, non-linear transform, wrong components)."""


class InstallError(FusionError):
    """A Python package that is missing, half installed or refused."""


class RunFailed(FusionError):
    """The tool ended without a result; see `outcome`."""

    def __init__(self, outcome: Outcome) -> None:
        super().__init__(outcome.message)
        self.outcome = outcome
