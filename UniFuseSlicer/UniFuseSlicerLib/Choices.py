"""What the panel's combo boxes offer. Enums are stored in the scene by name and shown by
`label()`.
"""

from __future__ import annotations

from enum import Enum

from slicer.i18n import tr as _

from .Words import fusionTitle

# (mm, % of volume). mm: where the bins of misalignment end that errors are reported for (3, 8 and
# 15), at the next round step
FIXED_SCALES = {"fine": (3.0, 10.0), "medium": (8.0, 20.0), "coarse": (16.0, 40.0)}


class ModalityChoice(Enum):
    AUTO = "auto"
    MR = "mr"
    CT = "ct"
    PET = "pet"

    def label(self) -> str:
        return {"auto": _("Automatic"), "mr": _("MR"), "ct": _("CT"), "pet": _("PET")}[self.value]


class DeviceChoice(Enum):
    AUTO = "auto"
    CUDA = "cuda"
    CPU = "cpu"

    def label(self) -> str:
        return {"auto": _("Automatic"), "cuda": _("GPU (CUDA)"), "cpu": _("CPU")}[self.value]


class PrecisionChoice(Enum):
    AUTO = "auto"
    FLOAT32 = "float32"
    FLOAT16 = "float16"
    BFLOAT16 = "bfloat16"

    def label(self) -> str:
        return _("Automatic") if self is PrecisionChoice.AUTO else self.value


class RefinementChoice(Enum):
    """Fine-tuning of the deformation on this pair, after the network."""

    AUTO = "auto"
    OFF = "off"

    def label(self) -> str:
        return {"auto": _("Automatic"), "off": _("Off")}[self.value]


class FusionChoice(Enum):
    """What makes the fused volume; alignment and restoration stay the same."""

    UNIFUSE = "unifuse"
    DMFNET = "dmfnet"
    AVERAGE = "average"
    MAXIMUM = "maximum"
    LAPLACIAN = "laplacian"
    WAVELET = "wavelet"

    def label(self) -> str:
        return fusionTitle(self.value)


class CtWindowChoice(Enum):
    """The HU of a CT that the fused volume shows from black to white."""

    AUTO = "auto"
    WIDE = "wide"
    BRAIN = "brain"
    SOFT_TISSUE = "soft-tissue"
    BONE = "bone"
    LUNG = "lung"

    def label(self) -> str:
        return {
            "auto": _("Automatic"),
            "wide": _("Wide (-1024 to 1600 HU)"),
            "brain": _("Brain (0 to 80 HU)"),
            "soft-tissue": _("Soft tissue (-150 to 250 HU)"),
            "bone": _("Bone (-500 to 1300 HU)"),
            "lung": _("Lung (-1350 to 150 HU)"),
        }[self.value]


class MovementChoice(Enum):
    """How far the alignment may go."""

    DEFORMABLE = "deformable"
    AFFINE = "affine"
    RIGID = "rigid"
    NONE = "none"

    def label(self) -> str:
        return {
            "deformable": _("Deformable"),
            "affine": _("Affine (shift, turn, stretch)"),
            "rigid": _("Rigid (shift and turn)"),
            "none": _("None: keep the positions"),
        }[self.value]


class LayerChoice(Enum):
    """Which volume lies over the reference in the slice views."""

    FUSED = "fused"
    RESTORED = "restored"
    DEGRADED = "degraded"
    REFERENCE = "reference"
    UNCERTAINTY = "uncertainty"
    DISPLACEMENT = "displacement"
    VOLUME_CHANGE = "volume change"

    def label(self) -> str:
        return {
            "fused": _("Fused"),
            "restored": _("Restored"),
            "degraded": _("Degraded, warped by the slider"),
            "reference": _("Reference only"),
            "uncertainty": _("Uncertainty (mm), where it was mapped"),
            "displacement": _("Displacement (mm)"),
            "volume change": _("Change of volume (%)"),
        }[self.value]


class OverlayChoice(Enum):
    """How the deformation is drawn over the slices."""

    OFF = "off"
    GRID = "grid"
    ARROWS = "arrows"
    CONTOUR = "contour"

    def label(self) -> str:
        return {
            "off": _("Off"),
            "grid": _("Grid"),
            "arrows": _("Arrows"),
            "contour": _("Contour lines"),
        }[self.value]


class FieldPartChoice(Enum):
    """What is seen of the deformation."""

    TOTAL = "total"
    DEFORMED = "deformed"

    def label(self) -> str:
        return {"total": _("Total"), "deformed": _("Without the rigid part")}[self.value]


class ColorScaleChoice(Enum):
    """Where the colours of the deformation end."""

    AUTO = "auto"
    FINE = "fine"
    MEDIUM = "medium"
    COARSE = "coarse"

    def label(self) -> str:
        if self is ColorScaleChoice.AUTO:
            return _("Automatic")
        return _("{mm:.0f} mm, {percent:.0f} % of volume").format(
            mm=self.millimetres, percent=self.percent
        )

    @property
    def millimetres(self) -> float | None:
        """The largest displacement; None: that of the result."""
        return FIXED_SCALES[self.value][0] if self.value in FIXED_SCALES else None

    @property
    def percent(self) -> float | None:
        """The largest change of volume; None: that of the result."""
        return FIXED_SCALES[self.value][1] if self.value in FIXED_SCALES else None


class CompareChoice(Enum):
    """How the reference and another volume are compared in the slice views."""

    OFF = "off"
    SIDE_BY_SIDE = "side by side"
    CHECKERBOARD = "checkerboard"
    CURTAIN = "curtain"
    FLICKER = "flicker"

    def label(self) -> str:
        return {
            "off": _("Off"),
            "side by side": _("Side by side"),
            "checkerboard": _("Checkerboard"),
            "curtain": _("Curtain"),
            "flicker": _("Flicker"),
        }[self.value]
