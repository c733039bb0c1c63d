"""Which room may import what: the walls between the rooms, read off the sources themselves."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).resolve().parents[2]
LIBRARY = ROOT / "UniFuseLib"
NETWORK_MAY = {"torch", "UniFuseLib.network", "UniFuseLib.spatial"}
MAMBA = LIBRARY / "network" / "scan" / "mamba_ssm.py"  # the kernel that is used where installed
KNOW_ITK = (LIBRARY / "io", LIBRARY / "evaluation" / "baselines")
SLICER = ROOT / "UniFuseSlicer"
# a process of its own, started to ask whether torch is there
ASKS_TORCH = SLICER / "UniFuseSlicerLib" / "DeviceScript.py"


def modules(folder: Path) -> list[Path]:
    return sorted(folder.rglob("*.py"))


def imports(path: Path) -> Iterator[str]:
    """Every module that a file imports, at any depth of its functions."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def within(module: str, room: str) -> bool:
    return module == room or module.startswith(f"{room}.")


def offenders(paths: list[Path], *rooms: str) -> list[str]:
    """`file: module` for every import of one of the rooms."""
    return [
        f"{path.relative_to(ROOT)}: {module}"
        for path in paths
        for module in imports(path)
        if any(within(module, room) for room in rooms)
    ]


def standard_library(module: str) -> bool:
    return module.partition(".")[0] in {*sys.stdlib_module_names, "__future__"}


def test_network_imports_torch_and_spatial_alone() -> None:
    wrong = [
        f"{path.relative_to(ROOT)}: {module}"
        for path in modules(LIBRARY / "network")
        if path != MAMBA
        for module in imports(path)
        if not standard_library(module) and not any(within(module, room) for room in NETWORK_MAY)
    ]
    assert not wrong


def test_simpleitk_is_known_to_io_and_baselines_alone() -> None:
    paths = [path for path in modules(LIBRARY) if not any(k in path.parents for k in KNOW_ITK)]
    assert not offenders(paths, "SimpleITK", "itk")


def test_evaluation_never_imports_training() -> None:
    rooms = "UniFuseLib.training", "UniFuseLib.experiments"
    assert not offenders(modules(LIBRARY / "evaluation"), *rooms)


def test_training_never_imports_evaluation() -> None:
    rooms = "UniFuseLib.evaluation", "UniFuseLib.experiments"
    assert not offenders(modules(LIBRARY / "training"), *rooms)


def test_slicer_module_needs_no_torch() -> None:
    paths = [path for path in modules(SLICER) if path != ASKS_TORCH]
    assert not offenders(paths, "torch", "UniFuseLib.network")


def test_what_slicer_imports_of_the_library_needs_no_torch() -> None:
    found = {name.rpartition(".")[0] for path in modules(SLICER) for name in imports(path)}
    ours = sorted(name for name in found if within(name, "UniFuseLib"))
    assert "UniFuseLib.estimate" in ours
    script = f"import sys; sys.modules['torch'] = None; import {', '.join(ours)}"
    subprocess.run([sys.executable, "-c", script], cwd=ROOT, check=True)


@pytest.mark.parametrize("room", ["spatial", "registration", "network", "preprocessing"])
def test_inner_rooms_do_not_know_the_road(room: str) -> None:
    outer = "predict", "commands", "report", "overview", "evaluation", "experiments", "training"
    names = [f"UniFuseLib.{name}" for name in outer]
    assert not offenders(modules(LIBRARY / room), *names)


def test_spatial_is_the_innermost_room() -> None:
    own = {"UniFuseLib.spatial", "UniFuseLib.errors"}
    wrong = [
        f"{path.name}: {module}"
        for path in modules(LIBRARY / "spatial")
        for module in imports(path)
        if within(module, "UniFuseLib") and not any(within(module, room) for room in own)
    ]
    assert not wrong


def test_one_file_knows_the_convention_of_grid_sample() -> None:
    knows = [p.name for p in modules(LIBRARY) if "align_corners=" in p.read_text("utf-8")]
    assert knows == ["displacement.py"]


def test_the_law_sees_an_import(tmp_path: Path) -> None:
    path = tmp_path / "module.py"
    path.write_text("def f():\n    import SimpleITK as sitk\n    return sitk\n", encoding="utf-8")
    assert list(imports(path)) == ["SimpleITK"]
    path.write_text("from UniFuseLib.training import train\n", encoding="utf-8")
    assert within(next(imports(path)), "UniFuseLib.training")
