"""Below the message of volumes that do not overlap: center one on the other and fuse again."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from slicer.i18n import tr as _

from .CardFit import elided
from .Messages import Messages


class Retry:
    """A button that is seen only where it may help.

    Args:
        ui: widgets by name.
        messages: of the panel.
        center: chooses a start in the middle of the reference.
        fuse: starts a run.
    """

    def __init__(
        self,
        ui: Any,
        messages: Messages,
        center: Callable[[], None],
        fuse: Callable[[], None],
    ) -> None:
        self._ui = ui
        self._messages = messages
        self._steps = (center, fuse)
        ui.retryButton.connect("clicked(bool)", self.onRetry)
        self.hide()

    def onRetry(self) -> None:
        self._messages.attempt(*self._steps)

    def hide(self) -> None:
        """Another run starts, or other volumes are chosen."""
        self._ui.retryButton.setText("")
        self._ui.retryButton.setVisible(False)

    def offer(self, degraded: Any, reference: Any, start: Any) -> None:
        """After a run that failed.

        Args:
            degraded: volume node.
            reference: volume node.
            start: transform node that the run started from; with one, centering would not help.
        """
        if start is not None or not areApart(degraded, reference):
            return
        text = _("Center {degraded} on {reference} and try again")
        self._ui.retryButton.setText(
            text.format(degraded=elided(degraded.GetName()), reference=elided(reference.GetName()))
        )
        self._ui.retryButton.setVisible(True)


def areApart(degraded: Any, reference: Any) -> bool:
    """Whether the boxes around two volumes, along R, A and S, have nothing in common.

    Args:
        degraded: volume node with voxels.
        reference: volume node with voxels.
    """
    (lowest, highest), (least, most) = _box(degraded), _box(reference)
    return bool((np.maximum(lowest, least) > np.minimum(highest, most)).any())


def _box(node: Any) -> tuple[np.ndarray, np.ndarray]:
    """`(3,)` least and largest RAS mm, with the transforms that the volume is under."""
    bounds = np.zeros(6)
    node.GetRASBounds(bounds)
    return bounds[0::2], bounds[1::2]
