"""What several commands share: values of options, and the log on the terminal."""

from __future__ import annotations

import argparse
import sys


def refinement(text: str) -> str:
    """`--refine` as it stands on the command line."""
    if text not in ("off", "auto") and not text.isdigit():
        raise argparse.ArgumentTypeError(f"expected off, auto or a number of steps, got {text}")
    return text


def count(text: str) -> int:
    """A whole number, at least one."""
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"expected a whole number of at least 1, got {text}")
    return int(text)


def log(text: str) -> None:
    """One line on stderr, at once: stdout is kept for results."""
    print(text, file=sys.stderr, flush=True)
