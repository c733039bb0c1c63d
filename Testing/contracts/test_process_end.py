"""How a process of ours ends: with its code, its words and what others registered, and at once."""

from __future__ import annotations

import subprocess
import sys

import pytest

from UniFuseLib.cli import COMMANDS, parser

PROCESS = """
import atexit, sys
from UniFuseLib.process import run_process

class Module:
    def __del__(self):
        print("taken apart")

kept = Module()

def main():
    atexit.register(print, "registered")
    print("done")
    {ending}

run_process(main)
"""


def ended(ending: str) -> tuple[int, str]:
    """Exit code and words of a process whose `main` ends like that."""
    command = [sys.executable, "-c", PROCESS.format(ending=ending)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout


@pytest.mark.parametrize("code", [0, 7])
def test_all_is_said_and_nothing_is_taken_apart(code: int) -> None:
    assert ended(f"return {code}") == (code, "done\nregistered\n")


@pytest.mark.parametrize(("ending", "code"), [("raise ValueError", 1), ("sys.exit(3)", 3)])
def test_an_error_ends_it_as_ever(ending: str, code: int) -> None:
    assert ended(ending) == (code, "done\nregistered\ntaken apart\n")


@pytest.mark.parametrize("name", COMMANDS)
def test_a_command_alone_is_described_as_among_all(name: str) -> None:
    def described(names: tuple[str, ...]) -> str:
        (group,) = (action for action in parser(names)._actions if action.choices)
        return dict(group.choices or {})[name].format_help()

    assert described((name,)) == described(COMMANDS)
