"""Who restores: the network, or the network and the correction of what it leaves."""

from __future__ import annotations

from typing import Literal

from UniFuseLib.errors import InputError

Restoration = Literal["auto", "network"]
RESTORATIONS: tuple[Restoration, ...] = ("auto", "network")


def check_restoration(choice: str) -> None:
    """Raises InputError for an unknown choice."""
    if choice not in RESTORATIONS:
        raise InputError(
            f"Unknown restoration {choice!r}. Expected one of {', '.join(RESTORATIONS)}."
        )
