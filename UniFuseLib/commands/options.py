"""What options of several commands accept; anything else is wrong usage."""

from __future__ import annotations

import argparse


def refinement(text: str) -> str:
    """`--refine` as it stands on the command line; `refinement.steps_for` reads it."""
    if text not in ("off", "auto") and not text.isdigit():
        raise argparse.ArgumentTypeError(f"expected off, auto or a number of steps, got {text}")
    return text


def count(text: str) -> int:
    """How many: at least one."""
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"expected a whole number from 1 on, got {text}")
    return int(text)
