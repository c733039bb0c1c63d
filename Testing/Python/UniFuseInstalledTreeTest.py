"""Runs in Slicer (ctest): library, weights and sample data of the built or installed extension are
found.
"""

from __future__ import annotations

import sys
import unittest


class UniFuseInstalledTreeTest(unittest.TestCase):
    def test_libraryIsFoundBesideTheModule(self):
        from UniFuseSlicerLib.Locations import libraryRoot

        root = libraryRoot()
        self.assertTrue((root / "UniFuseLib" / "cli.py").is_file())

    def test_sampleAndWeightsAreFound(self):
        from UniFuseSlicerLib.Locations import resourceFolder
        from UniFuseSlicerLib.Samples import samplePair

        self.assertTrue(samplePair().degraded.is_file())
        models = resourceFolder("Models")
        self.assertIsNotNone(models)
        self.assertTrue(models and list(models.glob("*.safetensors")))

    def test_openingTheModuleImportsNoTorch(self):
        import slicer

        self.assertIsNotNone(slicer.modules.unifuseslicer.widgetRepresentation())
        self.assertNotIn("torch", sys.modules)
