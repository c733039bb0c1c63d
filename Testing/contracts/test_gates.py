"""`.ci/run` ends in failure on a lint, format or type error: shown on a copy of the gates alone.

The copy has this repository's script, `start.py` and settings, and one file for each folder that
they look at. Its environment is the one of these tests, so that nothing is installed.
"""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
GATES = (".ci/run", "start.py", "pyproject.toml", "constraints.txt", "UniFuseLib/version.py")
CLEAN = '"""A file."""\n\nNUMBER: int = 1\n'
FAULTS = {  # what is wrong → a file with it, and what the gate prints
    "lint": ('"""A file."""\n\nimport os\n', "F401"),
    "format": ('"""A file."""\n\nNUMBER:int=1\n', "Would reformat"),
    "type": ('"""A file."""\n\nNUMBER: int = "one"\n', "Incompatible types in assignment"),
}

# `start.py` takes an environment with these stamps for one that is complete
STAMPS = """
import start
for job in ("check", "test"):
    extra = start.EXTRAS[job]
    (start.ENVIRONMENT / f".installed-{extra}").write_text(start.fingerprint(extra))
"""

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not Path("/bin/bash").is_file(), reason="a script for bash"),
    pytest.mark.skipif(
        any(importlib.util.find_spec(name) is None for name in ("ruff", "mypy", "xdist")),
        reason="needs ruff, mypy and pytest-xdist (the extra `dev`)",
    ),
]


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The gates, files without a fault, and one test that passes."""
    root = tmp_path_factory.mktemp("copy")
    for name in GATES:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, root / name)
    for folder in ("UniFuseLib", "UniFuseSlicer", "Testing", "examples"):
        (root / folder).mkdir(exist_ok=True)
        (root / folder / f"a_{folder.lower()}.py").write_text(CLEAN, encoding="utf-8")
    test = '"""A test."""\n\n\ndef test_that_passes() -> None:\n    assert True\n'
    (root / "Testing" / "test_one.py").write_text(test, encoding="utf-8")
    for name in (".venv/bin/python", "path/python3"):
        program(root / name, f'exec "{sys.executable}" "$@"')
    program(root / "path" / "ldconfig", "echo libEGL.so")  # or the script would install it
    subprocess.run([sys.executable, "-c", STAMPS], cwd=root, check=True)
    return root


def program(path: Path, line: str) -> None:
    """A shell script of one line."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{line}\n", encoding="utf-8")
    path.chmod(0o755)


def run(copy: Path) -> subprocess.CompletedProcess[str]:
    path = f"{copy / 'path'}{os.pathsep}{os.environ['PATH']}"
    return subprocess.run(
        ["/bin/bash", str(copy / ".ci" / "run")],
        env={**os.environ, "PATH": path, "PYTHONPATH": ""},
        capture_output=True,
        text=True,
        check=False,
    )


def test_without_a_fault_the_tests_are_run_and_it_passes(copy: Path) -> None:
    done = run(copy)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "test session starts" in done.stdout
    assert "1 passed" in done.stdout


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("folder", ["UniFuseLib", "UniFuseSlicer", "Testing"])
def test_one_fault_fails_it_before_any_test_is_run(copy: Path, folder: str, fault: str) -> None:
    content, said = FAULTS[fault]
    file = copy / folder / f"a_{folder.lower()}.py"
    file.write_text(content, encoding="utf-8")
    try:
        done = run(copy)
    finally:
        file.write_text(CLEAN, encoding="utf-8")
    assert done.returncode != 0
    assert said in done.stdout
    assert "test session starts" not in done.stdout
