"""Importing the package, asking the command for help, and estimating a fusion (Slicer does so in
its own process) must stay quick: none loads torch or SimpleITK.
"""

from __future__ import annotations

import gc
import importlib
import subprocess
import sys

import pytest

from UniFuseLib.process import uncollected

HEAVY = "{'torch', 'SimpleITK', 'scipy', 'matplotlib'}"


@pytest.mark.parametrize(
    "code",
    [
        "import UniFuseLib",
        "import UniFuseLib.cli; UniFuseLib.cli.parser()",
        "import UniFuseLib.estimate",
    ],
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


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="glibc's allocator")
@pytest.mark.parametrize("voxels", [1 << 20, 1 << 24])
def test_what_was_freed_in_pieces_goes_back_where_that_is_worth_it(voxels: int) -> None:
    """300 MB in pieces of a megabyte: kept for a small reference, given back for a large one."""
    script = f"""
import numpy
from UniFuseLib.process import give_back_freed_memory, keep_freed_memory, spare_memory
def resident():
    status = open("/proc/self/status").read()
    return int(status.split("VmRSS:")[1].split()[0]) / 1024
keep_freed_memory()
least = spare_memory({voxels})
before = resident()
pieces = [numpy.ones(1 << 17) for _ in range(300)]
last = numpy.ones(1 << 17)  # above them: without a call they stay
del pieces
give_back_freed_memory(least)
print(resident() - before)
"""
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    left = float(done.stdout)
    assert left > 250 if voxels < 1 << 24 else left < 50


def test_the_collector_is_back_whatever_an_import_does() -> None:
    with uncollected():
        assert not gc.isenabled()
    assert gc.isenabled()
    with pytest.raises(ModuleNotFoundError), uncollected():
        importlib.import_module("no_such_module")
    assert gc.isenabled()
