"""What the panel shows and the scene remembers; each member is bound to a widget by
`SlicerParameterName` in the .ui.

The device and the weights file belong to the computer, not to the scene: they are in the
application settings.
"""

from __future__ import annotations

from typing import Annotated

from slicer import vtkMRMLGridTransformNode, vtkMRMLScalarVolumeNode, vtkMRMLTableNode
from slicer.parameterNodeWrapper import WithinRange, parameterNodeWrapper

from .Choices import LayerChoice, ModalityChoice, OverlayChoice, PrecisionChoice, RefinementChoice
from .Results import FusionNodes


@parameterNodeWrapper
class UniFuseParameterNode:
    """Inputs, outputs, display and advanced choices.

    Attributes:
        opacity: 0..1 of the layer over the reference.
        overlaySpacing: mm between arrows or grid lines.
        warpPercent: 0 % the degraded volume as it came, 100 % on the reference.
        workingSpacing: mm of the network's grid; 0 is automatic.
    """

    degraded: vtkMRMLScalarVolumeNode
    reference: vtkMRMLScalarVolumeNode
    degradedModality: ModalityChoice = ModalityChoice.AUTO
    referenceModality: ModalityChoice = ModalityChoice.AUTO

    fused: vtkMRMLScalarVolumeNode
    restored: vtkMRMLScalarVolumeNode
    deformation: vtkMRMLGridTransformNode
    report: vtkMRMLTableNode

    layer: LayerChoice = LayerChoice.FUSED
    opacity: Annotated[float, WithinRange(0, 1)] = 1.0
    overlay: OverlayChoice = OverlayChoice.GRID
    overlaySpacing: Annotated[float, WithinRange(2, 50)] = 10.0
    onlyInBody: bool = True
    legend: bool = True
    warpPercent: Annotated[float, WithinRange(0, 100)] = 100.0

    precision: PrecisionChoice = PrecisionChoice.AUTO
    workingSpacing: Annotated[float, WithinRange(0, 5)] = 0.0
    refinement: RefinementChoice = RefinementChoice.AUTO
    keepFiles: bool = False

    def outputs(self) -> FusionNodes:
        return FusionNodes(self.fused, self.restored, self.deformation, self.report)

    def setOutputs(self, nodes: FusionNodes) -> None:
        self.fused, self.restored = nodes.fused, nodes.restored
        self.deformation, self.report = nodes.deformation, nodes.report
