"""One result judged from the pair itself, at 4 to 8 mm: the verdict, and what says where."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from UniFuseLib.verdict.affordable import affordable
from UniFuseLib.verdict.evidence import evidence_of
from UniFuseLib.verdict.judge import Verdict, shipped_judge
from UniFuseLib.verdict.parting import parting_of
from UniFuseLib.verdict.pieces import bent, bent_mm, pieces_of
from UniFuseLib.verdict.uncertainty import Uncertainty, uncertainty_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from torch import Tensor

    from UniFuseLib.degradation import Classification
    from UniFuseLib.preprocessing.prepare import PreparedPair
    from UniFuseLib.preprocessing.working_pair import WorkingPair


#: (degraded, reference): right and wrong pairs of these were fitted (docs/results/trust.md)
FITTED = frozenset({("mr", "mr"), ("ct", "mr"), ("mr", "ct"), ("pet", "ct"), ("pet", "mr")})


# MR on MR whose mirror image fits less well than 0.8: of 63 good results of 14 patients
# (docs/results/trust-rows.jsonl) at most half of the regions would fit better elsewhere; beside
# severe motion up to 0.56 of them, and other registrations end within 0.63 mm then. Of two patients
# 0.56 and more do, and they end 0.85 mm apart and more (docs/results/robustness.md)
_ONE_SIDED, _MOST_FAR, _MOST_APART_MM = 0.8, 0.5, 0.75


class Judged(NamedTuple):
    """How far the alignment can be trusted, and where, if that was asked for."""

    verdict: Verdict
    uncertainty: Uncertainty | None


def judge(
    pair: PreparedPair,
    working: WorkingPair,
    flow: Tensor,
    classified: Classification,
    mapped: bool,
    progress: Callable[[float], None],
) -> Judged:
    """The verdict of the release, which is the same with and without a map.

    Args:
        pair: the checked inputs.
        working: both on the working grid.
        flow: φ `(1, 3, d, h, w)` voxels, that the result follows.
        classified: the degradation.
        mapped: also say how far off it may be at every place.
        progress: called with the fraction done (0 to 1); may raise to stop.
    """
    usual = affordable(pair.reference.scalar.grid)
    parting = parting_of(pair, working, flow, progress) if usual or mapped else None
    known = parting if usual else None
    evidence = evidence_of(pair, working, flow, classified.probabilities, known)
    found = shipped_judge()(evidence)
    doubts = (*pair.doubts, *unfitted(*pair.modalities))
    if found.trust != "red":  # a result that fits nowhere needs no finer suspicion
        stretched = known.stretch_doubts(pair.modalities) if known else ()
        pieces = pieces_of(pair, working, flow, lambda: progress(1.0))
        doubts = (*doubts, *stretched, *bent(pieces), *one_sided(evidence, pair.modalities))
        found = found.at_least(bent_mm(pieces))
    verdict = found.doubted(doubts)
    return Judged(verdict, uncertainty_of(parting, verdict) if parting and mapped else None)


def one_sided(evidence: Mapping[str, float], modalities: tuple[str, str]) -> tuple[str, ...]:
    """Why a result may be of two patients although its mirror image does not fit.

    Another patient's head is told from the patient's own by the mirrored volume, which fits as well
    as he does. Where the field of view is one-sided the mirrored volume never fits. There, most
    regions of another patient fit better elsewhere, and each half of them somewhere else.

    Args:
        evidence: of `evidence_of`.
        modalities: (of the degraded volume, of the reference).
    """
    told_apart = evidence["mirror_ratio"] >= _ONE_SIDED
    fits = evidence["far_share"] <= _MOST_FAR or evidence["variations_mm"] <= _MOST_APART_MM
    if modalities != ("mr", "mr") or told_apart or fits:
        return ()
    return (
        "The volumes may be of two patients: most regions of the body would fit better elsewhere, "
        "and other registrations end apart.",
    )


def unfitted(degraded: str, reference: str) -> tuple[str, ...]:
    """Why a pair of these modalities is never green; empty for those of the verdict's fit.

    Args:
        degraded: `mr`, `ct` or `pet`.
        reference: likewise.
    """
    if (degraded, reference) in FITTED:
        return ()
    names = f"{degraded.upper()} on {reference.upper()}"
    return (
        f"The verdict was not fitted to {names}: its figures may be too good, above all "
        "where organs have moved against each other.",
    )
