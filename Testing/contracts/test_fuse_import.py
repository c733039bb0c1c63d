"""Importing the package, and asking the command for help, must stay quick: neither loads torch or
SimpleITK.
"""

from __future__ import annotations

import subprocess
import sys

import pytest

HEAVY = "{'torch', 'SimpleITK', 'scipy', 'matplotlib'}"


@pytest.mark.parametrize(
    "code", ["import UniFuseLib", "import UniFuseLib.cli; UniFuseLib.cli.parser()"]
)
def test_import_is_light(code: str) -> None:
    command = [
        sys.executable,
        "-c",
        f"import sys; {code}; print(sorted({HEAVY} & set(sys.modules)))",
    ]
    assert (
        subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip() == "[]"
    )


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="glibc's allocator")
@pytest.mark.parametrize("kept", [True, False])
def test_the_command_keeps_freed_memory_and_the_library_leaves_its_host_alone(kept: bool) -> None:
    """The second temporary of 64 MB costs the kernel no new pages."""
    script = f"""
import resource, numpy, UniFuseLib
from UniFuseLib.process import keep_freed_memory
if {kept}:
    keep_freed_memory()
for _ in range(2):
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    numpy.ones(1 << 23)
    faults = resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before
print(faults)
"""
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    faults = int(done.stdout)
    assert faults < 8 if kept else faults >= 32  # 32 huge pages, or 16384 small ones
