"""What is compared: the model, and every pipeline of restoration, registration and fusion."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from UniFuseLib.evaluation.baselines import FUSIONS, REGISTRATIONS, RESTORATIONS

if TYPE_CHECKING:
    from UniFuseLib.evaluation.summary import Figures

MODEL = "model"


class Alignment(NamedTuple):
    """The stages before the fusion, which all fusion rules share; both `MODEL` for the model."""

    restoration: str
    registration: str

    @property
    def label(self) -> str:
        """For file names and JSON; not to be taken apart again."""
        return MODEL if self == OURS.alignment else "+".join(self)

    @property
    def title(self) -> str:
        """For tables."""
        return "UniFuse" if self == OURS.alignment else " + ".join(_titles(self))


class Method(NamedTuple):
    """A whole pipeline; all three `MODEL` for the model, the first two where another method fuses
    what it aligned and restored.
    """

    restoration: str
    registration: str
    fusion: str

    @property
    def alignment(self) -> Alignment:
        return Alignment(self.restoration, self.registration)

    @property
    def ours(self) -> bool:
        """The model aligned and restored."""
        return self.alignment == OURS.alignment

    @property
    def label(self) -> str:
        """For JSON; not to be taken apart again, the three fields stand beside it."""
        return MODEL if self == OURS else "+".join(self)

    @property
    def title(self) -> str:
        """For tables."""
        if self == OURS:
            return "UniFuse"
        if self.ours:
            return f"{self.alignment.title}, fused by {self.fusion}"
        return " + ".join((*_titles(self.alignment), FUSIONS[self.fusion]))


OURS = Method(MODEL, MODEL, MODEL)


def method_of(row: Figures) -> Method:
    """The method of a row of `bench.json`."""
    return Method(row["restoration"], row["registration"], row["fusion"])


def _titles(alignment: Alignment) -> tuple[str, ...]:
    """A pipeline without restoration is called by its registration alone."""
    registration = REGISTRATIONS[alignment.registration]
    if alignment.restoration == "none":
        return (registration,)
    return RESTORATIONS[alignment.restoration], registration
