"""Importing the package, and asking the command for help, must stay quick: neither loads torch or SimpleITK."""

from __future__ import annotations

import subprocess
import sys

import pytest

HEAVY = "{'torch', 'SimpleITK', 'scipy', 'matplotlib'}"


@pytest.mark.parametrize("code", ["import UniFuseLib", "import UniFuseLib.cli; UniFuseLib.cli.parser()"])
def test_import_is_light(code: str) -> None:
    command = [sys.executable, "-c", f"import sys; {code}; print(sorted({HEAVY} & set(sys.modules)))"]
    assert subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip() == "[]"
