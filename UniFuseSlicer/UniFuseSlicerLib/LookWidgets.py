"""One row of buttons each: views by modality, CT windows, SUV ranges."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from slicer.i18n import tr as _

from .Choices import LayerChoice
from .Legends import hideLegend, showLegend
from .Looks import Fused, PetColour, fusedBy, showPair, showSuv, showWindow
from .Messages import Messages
from .Results import RESTORED_ROLE, isResult
from .Windows import SUV_TOPS, windowTitle


class LookWidgets:
    """Offers what fits the pair that was fused.

    Args:
        ui: widgets by name.
        messages: of the panel.
        showLayer: (layer, opacity) → chooses them in the parameter node.
        colorLogic: draws the colour scale of PET; None draws none.
    """

    def __init__(
        self,
        ui: Any,
        messages: Messages,
        showLayer: Callable[[LayerChoice, float], None],
        colorLogic: Any,
    ) -> None:
        self._ui = ui
        self._messages = messages
        self._showLayer = showLayer
        self._colorLogic = colorLogic
        self._fused: Any = None
        self._windows = {
            "brain": ui.brainWindowButton,
            "soft": ui.softWindowButton,
            "bone": ui.boneWindowButton,
            "lung": ui.lungWindowButton,
        }
        self._suv = dict(
            zip(
                SUV_TOPS,
                (ui.suv5Button, ui.suv7Button, ui.suv10Button, ui.suv20Button),
                strict=True,
            )
        )
        self._connect()
        self.follow(None)

    def _connect(self) -> None:
        ui = self._ui
        for colour in PetColour:
            ui.petColorComboBox.addItem(colour.label())
        ui.petColorComboBox.setCurrentIndex(0)
        ui.petColorComboBox.connect("currentIndexChanged(int)", self.onColour)
        ui.fusedViewButton.connect("clicked(bool)", self.onFused)
        ui.pairViewButton.connect("clicked(bool)", self.onPair)
        for name, button in self._windows.items():
            button.setText(windowTitle(name))
            button.connect("clicked(bool)", self._windowSetter(name))
        for top, button in self._suv.items():
            button.setText(str(top))
            button.connect("clicked(bool)", self._suvSetter(top))

    def follow(self, fused: Any, layer: LayerChoice = LayerChoice.FUSED) -> None:
        """What is chosen now: only rows that fit the result are seen.

        Args:
            fused: fused volume of a result, or anything else.
            layer: over the reference; the colour scale is that of the restored volume.
        """
        chosen = fused if isResult(fused) else None
        if chosen is not self._fused:
            self._hideLegend()  # of the result before
        self._fused = chosen
        made = fusedBy(self._fused)
        ui = self._ui
        ui.fusedViewButton.setEnabled(self._fused is not None)
        ui.pairViewButton.setEnabled(bool(made.degraded))
        ui.pairViewButton.setText(made.title if made.degraded else _("By modality"))
        self._showRow((ui.ctWindowLabel, *self._windows.values()), made.hasCt)
        self._showRow((ui.suvLabel, *self._suv.values()), made.hasSuv)
        ui.petColorComboBox.setVisible(made.degraded == "pet")
        if layer is not LayerChoice.RESTORED:
            self._hideLegend()
        ui.suvLabel.setText(_("SUV 0 to:") if made.unit == "SUV" else _("Window 0 to:"))

    def onFused(self) -> None:
        """Both volumes in one."""
        self._showLayer(LayerChoice.FUSED, 1.0)

    def onPair(self) -> None:
        """The restored volume over the reference, as its modality is read."""
        self._messages.attempt(self._pair)

    def onColour(self) -> None:
        """Seen at once."""
        if fusedBy(self._fused).degraded == "pet":
            self.onPair()

    def _pair(self) -> None:
        colour = list(PetColour)[self._ui.petColorComboBox.currentIndex]
        opacity = showPair(self._fused, colour)
        made = fusedBy(self._fused)
        if made.degraded == "pet" and self._colorLogic is not None:
            restored = self._fused.GetNodeReference(RESTORED_ROLE)
            showLegend(restored, self._colorLogic, legendTitle(made))
        self._showLayer(LayerChoice.RESTORED, opacity)

    def _window(self, name: str) -> None:
        if showWindow(self._fused, name):
            self._showLayer(LayerChoice.RESTORED, 1.0)

    def _hideLegend(self) -> None:
        restored = self._fused.GetNodeReference(RESTORED_ROLE) if self._fused else None
        if restored is not None:
            hideLegend(restored)

    def _windowSetter(self, name: str) -> Callable[[], None]:
        return lambda: self._messages.attempt(lambda: self._window(name))

    def _suvSetter(self, top: float) -> Callable[[], None]:
        return lambda: self._messages.attempt(lambda: showSuv(self._fused, top))

    def _showRow(self, widgets: tuple[Any, ...], shown: bool) -> None:
        for widget in widgets:
            widget.setVisible(shown)


def legendTitle(made: Fused) -> str:
    """Unit of PET; "" where nothing states it."""
    return made.unit
