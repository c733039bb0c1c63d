"""Which engine runs, what is refused, and that nothing optional is imported before it is asked
for.
"""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest
import torch

from UniFuseLib.errors import DeviceError, MissingDependencyError
from UniFuseLib.network import scan
from UniFuseLib.network.scan import available_engines, mamba_ssm, scan_flops, selective_scan

if TYPE_CHECKING:
    from pathlib import Path


def tokens() -> dict[str, Any]:
    ones = torch.ones(2, 5, 3)
    return {
        "u": ones,
        "dt": ones,
        "a": -torch.ones(3, 4),
        "b": torch.ones(2, 5, 4),
        "c": torch.ones(2, 5, 4),
    }


def record(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Names of the engines that run, in order."""
    ran: list[str] = []
    for name in list(scan._ENGINES):
        monkeypatch.setitem(scan._ENGINES, name, lambda *_, name=name: ran.append(name))
    return ran


def test_auto_takes_the_chunked_scan_on_cpu(monkeypatch: pytest.MonkeyPatch) -> None:
    ran = record(monkeypatch)
    selective_scan(**tokens())
    assert ran == ["chunked"]


@pytest.mark.parametrize(
    ("gradient", "importable", "engine"),
    [(False, True, "mamba_ssm"), (True, True, "chunked"), (False, False, "chunked")],
)
def test_auto_takes_the_kernel_only_where_it_can(
    monkeypatch: pytest.MonkeyPatch, gradient: bool, importable: bool, engine: str
) -> None:
    ran = record(monkeypatch)
    monkeypatch.setattr(mamba_ssm, "_KERNEL_DEVICE", "cpu")
    monkeypatch.setattr(scan, "is_importable", lambda: importable)
    arguments = tokens()
    arguments["u"] = arguments["u"].clone().requires_grad_(gradient)
    selective_scan(**arguments)
    with torch.no_grad():
        selective_scan(**arguments)
    assert ran == [engine, "mamba_ssm" if importable else "chunked"]


def test_no_initial_state_is_zero() -> None:
    zero = torch.zeros(2, 3, 4)
    for engine in ("reference", "chunked"):
        without = selective_scan(**tokens(), engine=engine)
        torch.testing.assert_close(
            without, selective_scan(**tokens(), initial_state=zero, engine=engine)
        )


def test_one_float64_input_makes_the_result_float64() -> None:
    arguments = {**tokens(), "a": tokens()["a"].double()}
    assert selective_scan(**arguments).y.dtype == torch.float64
    half = {name: x.half() for name, x in tokens().items()}
    assert selective_scan(**half).last_state.dtype == torch.float32


@pytest.mark.parametrize(
    ("name", "shape"),
    [
        ("u", (2, 3)),
        ("dt", (2, 5, 1)),
        ("a", (4, 3)),
        ("b", (2, 4, 5)),
        ("c", (1, 5, 4)),
        ("initial_state", (2, 4, 3)),
    ],
)
def test_shapes_that_would_broadcast_or_swap_are_refused(name: str, shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match=r"Expected .* got"):
        selective_scan(**{**tokens(), name: torch.ones(shape)})


def test_no_tokens_are_refused() -> None:
    arguments = {name: x if x.ndim == 2 else x[:, :0] for name, x in tokens().items()}
    with pytest.raises(ValueError, match="n ≥ 1"):
        selective_scan(**arguments)


def test_an_unknown_engine_is_refused_with_the_known_ones() -> None:
    with pytest.raises(ValueError, match=r"chunked.*got 'fast'"):
        selective_scan(**tokens(), engine="fast")


def test_the_kernel_on_cpu_is_refused_with_a_remedy() -> None:
    with pytest.raises(DeviceError, match=r"got tensors on cpu.*engine='chunked'"):
        selective_scan(**tokens(), engine="mamba_ssm")


def test_the_kernel_with_gradient_or_float64_is_refused() -> None:
    with pytest.raises(ValueError, match="no_grad"):
        selective_scan(
            **{**tokens(), "u": torch.ones(2, 5, 3, requires_grad=True)}, engine="mamba_ssm"
        )
    with pytest.raises(ValueError, match="float64"):
        selective_scan(**{**tokens(), "u": torch.ones(2, 5, 3).double()}, engine="mamba_ssm")


def test_a_missing_kernel_names_the_package_and_how_to_get_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "selective_scan_cuda", None)
    monkeypatch.setattr(mamba_ssm, "_KERNEL_DEVICE", "cpu")
    with pytest.raises(MissingDependencyError, match=r"mamba-ssm.*pip install mamba-ssm"):
        selective_scan(**tokens(), engine="mamba_ssm")


def test_the_portable_engines_are_always_available() -> None:
    assert available_engines()[:2] == ("reference", "chunked")


def test_importing_leaves_mamba_ssm_alone(tmp_path: Path) -> None:
    (tmp_path / "mamba_ssm.py").touch()
    code = "import sys, mamba_ssm; del sys.modules['mamba_ssm'];"
    code += "import UniFuseLib.network.scan as scan;"
    code += "sys.exit('mamba_ssm' in sys.modules)"
    environment = {**os.environ, "PYTHONPATH": str(tmp_path)}
    assert (
        subprocess.run([sys.executable, "-c", code], env=environment, check=False).returncode == 0
    )


def test_meta_tensors_pass_for_counting() -> None:
    arguments = {name: x.to("meta") for name, x in tokens().items()}
    y, last_state = selective_scan(**arguments)
    assert (y.shape, last_state.shape) == ((2, 5, 3), (2, 3, 4))


def test_flops_are_nine_per_token_channel_and_state() -> None:
    assert scan_flops(8000, 128, 16) == 9 * 8000 * 128 * 16
