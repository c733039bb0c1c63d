"""Other fusion methods on the very volumes that UniFuse aligned and restored."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from UniFuseLib.fusion.greys import WIDE, greys_of
from UniFuseLib.fusion.on_reference import fuse_again
from UniFuseLib.preprocessing.prepare import prepare_pair

if TYPE_CHECKING:
    import torch

    from UniFuseLib.contract import Contract
    from UniFuseLib.evaluation.case_evaluator import CaseEvaluator
    from UniFuseLib.evaluation.fuse_call import Fused

    Figures = dict[str, Any]


@dataclass(frozen=True)
class OtherFusions:
    """What is measured beside UniFuse's own fused volume.

    Attributes:
        names: of `fusion.methods.METHODS`, without `unifuse`.
        contract: of UniFuse's weights: its intensity rules are used.
        device: of a method's network.
    """

    names: tuple[str, ...]
    contract: Contract
    device: torch.device

    def figures(self, evaluator: CaseEvaluator, result: Fused) -> dict[str, Figures]:
        """Method → `fusion`, `retention`, CPU and wall seconds of the fusion alone.

        Args:
            evaluator: of the case.
            result: of UniFuse on that case.
        """
        case = evaluator.case
        modalities = case.degraded_modality, case.reference_modality
        pair = prepare_pair(case.degraded, case.reference, modalities, self.contract)
        sources = np.asarray(result.restored.array), result.coverage, pair.reference.source
        greys = greys_of(pair, WIDE)  # those that the metrics are taken on
        found = {}
        for name in self.names:
            wall, cpu = time.perf_counter(), time.process_time()
            fused = fuse_again(name, *sources, greys, self.device)
            cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
            found[name] = {
                "fusion": evaluator.fusion(fused),
                "retention": evaluator.retention(fused),
                "cpu_seconds": cpu,
                "wall_seconds": wall,
            }
        return found
