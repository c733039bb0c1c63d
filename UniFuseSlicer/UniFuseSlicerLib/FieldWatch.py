"""Tells when a sequence browser puts another field into the deformation that is shown."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .NodeWatch import NodeWatch
from .Ownership import SEQUENCE_ATTRIBUTE
from .Results import DEFORMATION_ROLE

WAIT_MS = 150  # while frames are played, nothing is computed


class FieldWatch:
    """
    Args:
        makeTimer: (callback, milliseconds) → object with `start()` and `stop()`.
        onChanged: called once the frame has stayed.
    """

    def __init__(
        self, makeTimer: Callable[[Callable[[], None], int], Any], onChanged: Callable[[], None]
    ) -> None:
        self._watch = NodeWatch(self._onEvent)
        self._timer = makeTimer(self.settle, WAIT_MS)
        self._onChanged = onChanged
        self._node: Any = None
        self._seen = 0

    def follow(self, fused: Any) -> None:
        """
        Args:
            fused: fused volume that is shown; None, or one of no sequence: nothing is watched.
        """
        node = fused.GetNodeReference(DEFORMATION_ROLE) if fused is not None else None
        if node is not None and node.GetAttribute(SEQUENCE_ATTRIBUTE) is None:
            node = None
        if node is self._node:
            return
        self._timer.stop()
        self._node, self._seen = node, _versionOf(node)
        self._watch.follow((node,))

    def settle(self) -> None:
        """Timer: no other frame was chosen meanwhile."""
        self._timer.stop()
        version = _versionOf(self._node)
        if version != self._seen:
            self._seen = version
            self._onChanged()

    def _onEvent(self) -> None:
        if _versionOf(self._node) != self._seen:
            self._timer.stop()
            self._timer.start()


def _versionOf(node: Any) -> int:
    transform = node.GetTransformFromParent() if node is not None else None
    return 0 if transform is None else int(transform.GetMTime())
