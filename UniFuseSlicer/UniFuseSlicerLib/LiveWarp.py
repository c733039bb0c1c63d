"""The degraded volume on its way onto the reference: a slider from 0 to 100 % of the
deformation.
"""

from __future__ import annotations

from typing import Any

from slicer.i18n import tr as _

from .Nodes import copyVolume, deformationImage, gridTransform, worldFromIjk


class LiveWarp:
    """A clone of the degraded volume under a clone of the deformation, whose scale the slider sets.

    The user's own nodes are never touched; voxels and displacements are shared, not copied. The two
    clones are not saved with the scene, and no selector offers them.
    """

    def __init__(self, scene: Any) -> None:
        self._scene = scene
        self._volume: Any = None
        self._warp: Any = None
        self._display: Any = None
        self._made: tuple[str, str, int] | None = None

    def show(self, degraded: Any, deformation: Any, percent: float) -> Any:
        """Scale the warp and return the clone to show.

        Args:
            degraded: volume to move.
            deformation: grid transform of its result.
            percent: 0 is the degraded volume where it was scanned, 100 is on the reference.

        Raises:
            InputNodeError: the degraded volume lies under another non-linear transform than this
                deformation.
        """
        transform = deformation.GetTransformFromParent()
        made = (degraded.GetID(), deformation.GetID(), transform.GetMTime())
        if self._gone() or made != self._made:
            self.remove()
            self._make(degraded, deformation)
            self._made = made
        self._warp.GetTransformFromParent().SetDisplacementScale(percent / 100)
        self._warp.GetTransformFromParent().Modified()
        return self._volume

    def remove(self) -> None:
        """Take both clones out of the scene."""
        for node in (self._volume, self._warp, self._display):
            if node is not None and node.GetScene() is self._scene:
                self._scene.RemoveNode(node)
        self._volume = self._warp = self._display = self._made = None

    def _gone(self) -> bool:
        return any(
            node is None or node.GetScene() is not self._scene
            for node in (self._volume, self._warp)
        )

    def _make(self, degraded: Any, deformation: Any) -> None:
        # a user may have put it under the deformation to see it aligned: the clone starts where it
        # was scanned
        place = worldFromIjk(degraded, without=deformation)
        name = _("{name} (live warp)").format(name=degraded.GetName())
        self._volume = self._scene.AddNewNodeByClass(degraded.GetClassName(), name)
        copyVolume(degraded, self._volume, place)
        self._volume.CreateDefaultDisplayNodes()
        self._display = self._volume.GetDisplayNode()
        if degraded.GetDisplayNode() is not None:
            self._display.CopyContent(degraded.GetDisplayNode())
        self._warp = self._scene.AddNewNodeByClass("vtkMRMLGridTransformNode", name)
        self._warp.SetAndObserveTransformFromParent(gridTransform(deformationImage(deformation)))
        for node in (self._volume, self._warp, self._display):
            node.SetSaveWithScene(False)
            node.SetHideFromEditors(True)
        self._volume.SetAndObserveTransformNodeID(self._warp.GetID())
