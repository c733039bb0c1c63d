"""What the panel shows and the scene remembers; each member is bound to a widget by
`SlicerParameterName` in the .ui.

The device and the weights file belong to the computer, not to the scene: they are in the
application settings.
"""

from __future__ import annotations

from typing import Annotated, Any, Union

from slicer import (
    vtkMRMLGridTransformNode,
    vtkMRMLLabelMapVolumeNode,
    vtkMRMLLinearTransformNode,
    vtkMRMLScalarVolumeNode,
    vtkMRMLSegmentationNode,
    vtkMRMLTableNode,
)
from slicer.parameterNodeWrapper import WithinRange, parameterNodeWrapper

from .Choices import (
    ColorScaleChoice,
    CtWindowChoice,
    FieldPartChoice,
    FusionChoice,
    LayerChoice,
    ModalityChoice,
    MovementChoice,
    OverlayChoice,
    PrecisionChoice,
    RefinementChoice,
)
from .Errors import FusionError
from .Guards import checkRun
from .Guidance import Guidance, initialMatrix
from .Options import FusionOptions
from .Ownership import FusionNodes, checkDistinct, ofThisPair
from .Results import resultOfPair
from .Settings import MachineSettings
from .View import PanelState

NODES = (
    "degraded",
    "reference",
    "initialTransform",
    "referenceMask",
    "degradedMask",
    "fused",
    "restored",
    "deformation",
    "report",
)
# Slicer's wrapper knows unions of nodes in this spelling alone, and with None (its util.py)
MaskNode = Union[vtkMRMLSegmentationNode, vtkMRMLLabelMapVolumeNode, None]  # noqa: UP007


@parameterNodeWrapper
class UniFuseParameterNode:
    """Inputs, steering, outputs, display and advanced choices.

    Attributes:
        offerResults: the input selectors also list results of earlier runs.
        opacity: 0..1 of the layer over the reference.
        overlaySpacing: mm between arrows or grid lines.
        threeD: a visible 3-D view shows the result.
        warpPercent: 0 % the degraded volume where it was scanned, 100 % on the reference.
        workingSpacing: mm of the network's grid; 0 is automatic.
    """

    degraded: vtkMRMLScalarVolumeNode
    reference: vtkMRMLScalarVolumeNode
    degradedModality: ModalityChoice = ModalityChoice.AUTO
    referenceModality: ModalityChoice = ModalityChoice.AUTO
    offerResults: bool = False

    movement: MovementChoice = MovementChoice.DEFORMABLE
    initialTransform: vtkMRMLLinearTransformNode
    referenceMask: MaskNode
    degradedMask: MaskNode

    fused: vtkMRMLScalarVolumeNode
    restored: vtkMRMLScalarVolumeNode
    deformation: vtkMRMLGridTransformNode
    report: vtkMRMLTableNode

    layer: LayerChoice = LayerChoice.FUSED
    opacity: Annotated[float, WithinRange(0, 1)] = 1.0
    overlay: OverlayChoice = OverlayChoice.OFF
    fieldPart: FieldPartChoice = FieldPartChoice.TOTAL
    colorScale: ColorScaleChoice = ColorScaleChoice.AUTO
    overlaySpacing: Annotated[float, WithinRange(2, 50)] = 10.0
    onlyInBody: bool = True
    legend: bool = True
    threeD: bool = True
    warpPercent: Annotated[float, WithinRange(0, 100)] = 100.0

    precision: PrecisionChoice = PrecisionChoice.AUTO
    workingSpacing: Annotated[float, WithinRange(0, 5)] = 0.0
    refinement: RefinementChoice = RefinementChoice.AUTO
    fusion: FusionChoice = FusionChoice.UNIFUSE
    ctWindow: CtWindowChoice = CtWindowChoice.AUTO
    uncertainty: bool = False
    keepFiles: bool = False

    def outputs(self) -> FusionNodes:
        """As chosen."""
        return FusionNodes(self.fused, self.restored, self.deformation, self.report)

    def setOutputs(self, nodes: FusionNodes) -> None:
        self.fused, self.restored = nodes.fused, nodes.restored
        self.deformation, self.report = nodes.deformation, nodes.report

    def outputsToFill(self) -> FusionNodes:
        """The chosen outputs; for those of other volumes the earlier result of this pair, if there
        is one: A, then B, then A again fills the nodes of A.
        """
        chosen = self.outputs()
        kept = ofThisPair(chosen, self.degraded, self.reference)
        if kept == chosen:
            return kept
        earlier = resultOfPair(self.degraded, self.reference)
        dropped = (was is not now for was, now in zip(chosen.all(), kept.all(), strict=True))
        nodes = zip(kept.all(), earlier.all(), dropped, strict=True)
        return FusionNodes(*(old if isDropped else node for node, old, isDropped in nodes))

    def forget(self, node: Any) -> None:
        """Choose None wherever a node is chosen that is about to be deleted."""
        for name in NODES:
            if getattr(self, name) is node:
                setattr(self, name, None)

    def problem(self, settings: MachineSettings) -> str:
        """Why the two chosen volumes cannot be fused, in words; "" when they can, or when less
        than two are chosen.

        Args:
            settings: choices of this computer.
        """
        inputs = (self.degraded, self.reference)
        if None in inputs or self.degraded is self.reference:
            return ""
        try:
            checkRun(*inputs, self.options(settings))
            if self.initialTransform is not None:
                initialMatrix(self.initialTransform, self.degraded)
            checkDistinct(self.outputsToFill(), *inputs)
        except FusionError as error:
            return str(error)
        return ""

    def state(self, settings: MachineSettings) -> PanelState:
        """What the button depends on before a run.

        Args:
            settings: choices of this computer.
        """
        return PanelState(
            degraded=self.degraded is not None,
            reference=self.reference is not None,
            same=self.degraded is not None and self.degraded is self.reference,
            problem=self.problem(settings),
        )

    def options(self, settings: MachineSettings) -> FusionOptions:
        """Choices for a run, with those of this computer."""
        return FusionOptions(
            degradedModality=self.degradedModality.value,
            referenceModality=self.referenceModality.value,
            device=settings.device.value,
            precision=self.precision.value,
            workingSpacing=self.workingSpacing,
            refinement=self.refinement.value,
            weights=settings.weights,
            keepFiles=self.keepFiles,
            movement=self.movement.value,
            fusion=self.fusion.value,
            ctWindow=self.ctWindow.value,
            uncertainty=self.uncertainty,
        )

    def guidance(self) -> Guidance:
        """Nodes that steer the alignment."""
        return Guidance(self.initialTransform, self.referenceMask, self.degradedMask)
