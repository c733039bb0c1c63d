"""Which devices torch finds here, with free memory: asked in a process of its own, so that Slicer imports no torch."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from slicer.i18n import tr as _

SCRIPT = Path(__file__).resolve().with_name("DeviceScript.py")


def deviceSentence(found: Mapping[str, Any]) -> str:
    """What the panel says, e.g. `NVIDIA RTX A4000, 14 of 16 GB free`."""
    if found.get("gpus"):
        return "; ".join(_("{name}, {free:.0f} of {total:.0f} GB free").format(**gpu) for gpu in found["gpus"])
    return _("No GPU that PyTorch {version} can use; runs on {threads} CPU threads").format(
        version=found.get("version", "?"), threads=found.get("threads", "?")
    )
