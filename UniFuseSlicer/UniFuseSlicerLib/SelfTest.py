"""What the module checks about itself inside Slicer; the thorough tests run outside, see
Testing/slicer.
"""

from __future__ import annotations

import logging
import sys
from typing import Any

import numpy as np
import slicer

from .Images import FusionImages, Image
from .Install import TORCH, PackageState, packageState
from .Job import FusionJob
from .Logic import UniFuseSlicerLogic
from .Nodes import deformationImage, imageFromNode
from .Options import FusionOptions
from .Ownership import FusionNodes
from .Process import ignore
from .Results import updateNodes
from .Samples import loadSamplePair

QUICK = FusionOptions(device="cpu", workingSpacing=4.0)


class SelfTest:
    """Every method whose name starts with `test_` runs on an empty scene.

    Args:
        case: the `unittest.TestCase` whose assertions are used.
    """

    def __init__(self, case: Any) -> None:
        self.case = case

    @classmethod
    def names(cls) -> list[str]:
        return [name for name in vars(cls) if name.startswith("test_")]

    def test_openingTheModuleImportsNoTorch(self) -> None:
        before = "torch" in sys.modules
        self.case.assertIsNotNone(slicer.modules.unifuseslicer.widgetRepresentation())
        self.case.assertEqual("torch" in sys.modules, before)

    def test_resultReachesTheScene(self) -> None:
        degraded, reference = loadSamplePair()
        image = imageFromNode(reference)
        field = np.zeros((*image.array.shape, 3), np.float32)
        field[..., 0] = 5.0
        report = {"class": "mr_motion", "probabilities": {"mr_motion": 0.9, "clean": 0.1}}
        images = FusionImages(image, image, Image.fromArray(field, image.ijkToRas), report)
        nodes = updateNodes(images, degraded, reference, FusionNodes())
        point = np.zeros(3)
        nodes.deformation.GetTransformToParent().TransformPoint(image.ijkToRas[:3, 3] + 30, point)
        self.case.assertAlmostEqual(point[0], image.ijkToRas[0, 3] + 25, delta=0.05)
        self.case.assertTrue(np.array_equal(deformationImage(nodes.deformation).array, field))

    def test_samplePairIsFused(self) -> None:
        if packageState(TORCH) is not PackageState.READY:
            logging.warning(
                "test_samplePairIsFused is skipped: PyTorch is not installed in this Slicer."
            )
            return
        degraded, reference = loadSamplePair()
        nodes = UniFuseSlicerLogic().fuse(degraded, reference, options=QUICK)
        size = reference.GetImageData().GetDimensions()
        self.case.assertEqual(nodes.fused.GetImageData().GetDimensions(), size)
        self.case.assertGreater(float(np.ptp(imageFromNode(nodes.fused).array)), 0.0)

    def test_cancelledRunIsGone(self) -> None:
        degraded, reference = loadSamplePair()
        job: FusionJob = UniFuseSlicerLogic().makeJob(
            degraded, reference, FusionNodes(), QUICK, ignore
        )
        job.start()
        job.poll()
        job.endNow()
        self.case.assertEqual(job.outcome and job.outcome.ending.value, "cancelled")
        self.case.assertFalse(job.folder.exists())
