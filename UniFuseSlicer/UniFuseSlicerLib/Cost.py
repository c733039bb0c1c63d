"""What the chosen pair will take, before it is fused: time, memory and disk space, as `unifuse fuse
--dry-run` names them.

The library's own estimate runs in Slicer's process: it imports no torch and takes a millisecond.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from slicer.i18n import tr as _

from .Devices import KNOWN
from .Errors import FusionError
from .Locations import findLibrary
from .Nodes import worldFromIjk
from .Options import FusionOptions
from .View import trustStyle

if TYPE_CHECKING:
    from UniFuseLib.estimate import Cost
    from UniFuseLib.spatial.volume import Grid


@dataclass(frozen=True)
class CostView:
    """What stands below the button.

    Attributes:
        text: one line, and a second one where the memory is too small; "": nothing is known.
        styleSheet: colours of the label.
    """

    text: str = ""
    styleSheet: str = ""


def costView(degraded: Any, reference: Any, options: FusionOptions) -> CostView:
    """The estimate in words; empty for inputs or weights that no estimate can be made of: the
    tool will say why.

    Args:
        degraded: volume node that can be fused.
        reference: volume node that can be fused.
        options: choices of the run.
    """
    try:
        findLibrary()
    except FusionError:
        return CostView()
    from UniFuseLib.errors import UniFuseError
    from UniFuseLib.process import available_memory

    try:
        cost = costOf(degraded, reference, options)
    except (FusionError, UniFuseError):
        return CostView()
    free = None if _onGpu(options) else available_memory()
    if free is None or cost.memory_bytes <= free:
        return CostView(_figures(cost))
    return CostView(f"{_figures(cost)}\n{_tooLarge(free)}", trustStyle("amber"))


def costOf(degraded: Any, reference: Any, options: FusionOptions) -> Cost:
    """
    Args:
        degraded: volume node with voxels.
        reference: volume node with voxels.
        options: choices of the run.

    Raises:
        FusionError: a volume under a non-linear transform, or no library.
        UniFuseError: a grid that cannot be used, or weights without their contract.
    """
    findLibrary()
    from UniFuseLib.estimate import estimate

    spacing = options.workingSpacing or _trainedSpacing(options.weights)
    grids = _gridOf(degraded), _gridOf(reference)
    return estimate(*grids, spacing, uncertainty=options.uncertainty)


def _gridOf(node: Any) -> Grid:
    """As the tool reads it from the file of a run: array order (k, j, i)."""
    from UniFuseLib.spatial.volume import Grid

    i, j, k = node.GetImageData().GetDimensions()
    return Grid((k, j, i), worldFromIjk(node)[:, [2, 1, 0, 3]])


def _trainedSpacing(weights: Path | None) -> float:
    """mm, from the contract beside the weights; their checksum is compared when they are used."""
    from UniFuseLib.errors import WeightsError
    from UniFuseLib.io.typed import read_json_object
    from UniFuseLib.resources import DEFAULT_WEIGHTS, models_folder

    path = models_folder() / DEFAULT_WEIGHTS if weights is None else weights.expanduser()
    stated = read_json_object(path.with_suffix(".json"), WeightsError).get("working_spacing_mm")
    if not isinstance(stated, int | float):
        raise WeightsError(f"Expected a working spacing in the contract of {path}, got {stated}.")
    return stated


def _onGpu(options: FusionOptions) -> bool:
    """Where the tool refuses nothing, since the memory of a GPU was not measured."""
    return options.device == "cuda" or (options.device == "auto" and KNOWN.gpu is True)


def _figures(cost: Cost) -> str:
    from UniFuseLib.process import in_bytes

    return _("About {seconds:.0f} s of one core · {memory} of RAM · export up to {disk}").format(
        seconds=cost.cpu_seconds,
        memory=in_bytes(cost.memory_bytes),
        disk=in_bytes(cost.disk.high),
    )


def _tooLarge(free: int) -> str:
    """The tool refuses such a pair when it starts."""
    from UniFuseLib.process import in_bytes

    return _(
        "Only {free} of memory are free, so it will be refused on the CPU. Close other programs, "
        "set a larger working spacing, or crop the reference."
    ).format(free=in_bytes(free))
