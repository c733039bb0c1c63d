"""Who is ahead, criterion by criterion; what we lose stands there like what we win."""

from __future__ import annotations

from typing import Any

from UniFuseLib.evaluation.bench.run import MODEL

Figures = dict[str, Any]
CRITERIA = ("mse", "cc", "psnr", "scd", "vif", "ssim")
LEAST_ACCURACY = 0.98
LARGEST_COST = 0.1  # of the most accurate rival's CPU seconds


def verdicts(rows: list[Figures]) -> dict[str, list[Figures]]:
    """Task → criteria, each `{"criterion", "ours", "rival", "rival_name", "won"}`; empty without
    our model.

    - TRE: lower than the best rival's mean.
    - fusion: at or above the best staged chain (the best mean rank over the six metrics) on at
      least five of six.
    - restoration: PSNR above that of every chain with non-local means.
    - classification: at least 98 %.
    - cost: at most a tenth of the CPU seconds of the most accurate rival that registers (identity
      costs nothing).
    """
    ours = next((r for r in rows if r["method"] == MODEL), None)
    if ours is None:
        return {}
    found = {}
    for task, own in ours["summary"].items():
        rivals = {
            r["method"]: r["summary"][task]
            for r in rows
            if r["method"] != MODEL and task in r["summary"]
        }
        found[task] = _judge(own, rivals)
    return found


def _judge(own: Figures, rivals: dict[str, Figures]) -> list[Figures]:
    found = [
        _line("classification ≥ 98 %", own["class_accuracy"], LEAST_ACCURACY, "bar", _at_least)
    ]
    if not rivals:
        return found
    accurate = _most_accurate(rivals)
    error = rivals[accurate]["tre_mm"]["mean"]
    found.append(_line("TRE mean, mm", own["tre_mm"]["mean"], error, _pair(accurate), _below))
    if moving := {m: f for m, f in rivals.items() if "+identity+" not in m}:
        working = _most_accurate(moving)
        cost = LARGEST_COST * moving[working]["cpu_seconds"]
        found.append(
            _line(
                "CPU s, a tenth of the most accurate",
                own["cpu_seconds"],
                cost,
                _pair(working),
                _at_most,
            )
        )
    denoised = {m: f["restoration_psnr_db"] for m, f in rivals.items() if m.startswith("nlm+")}
    denoised = {m: v for m, v in denoised.items() if v is not None}
    if denoised and own["restoration_psnr_db"] is not None:
        name = max(denoised, key=lambda m: denoised[m])
        found.append(
            _line(
                "restoration PSNR, dB",
                own["restoration_psnr_db"],
                denoised[name],
                _pair(name),
                _above,
            )
        )
    chain = best_chain(rivals)
    for key in CRITERIA:
        better = _at_most if key == "mse" else _at_least
        found.append(
            _line(f"Q_{key}", own["fusion"][key], rivals[chain]["fusion"][key], chain, better)
        )
    won = sum(line["won"] for line in found if line["criterion"].startswith("Q_"))
    found.append(_line("fusion metrics at or above the best chain, of 6", won, 5, chain, _at_least))
    return found


def best_chain(rivals: dict[str, Figures]) -> str:
    """The staged chain with the best mean rank over the six fusion metrics."""
    ranks = dict.fromkeys(rivals, 0)
    for key in CRITERIA:
        ordered = sorted(rivals, key=lambda m: rivals[m]["fusion"][key], reverse=key != "mse")
        for rank, method in enumerate(ordered):
            ranks[method] += rank
    return min(ranks, key=lambda m: ranks[m])


def _most_accurate(rivals: dict[str, Figures]) -> str:
    return min(rivals, key=lambda m: (rivals[m]["tre_mm"]["mean"], rivals[m]["cpu_seconds"]))


def _line(criterion: str, ours: float | None, rival: float, name: str, won: Any) -> Figures:
    return {
        "criterion": criterion,
        "ours": ours,
        "rival": rival,
        "rival_name": name,
        "won": ours is not None and bool(won(ours, rival)),
    }


def _pair(method: str) -> str:
    """The restoration and registration of a chain: the fusion does not touch what is compared
    here.
    """
    return "+".join(method.split("+")[:2])


def _below(ours: float, rival: float) -> bool:
    return ours < rival


def _above(ours: float, rival: float) -> bool:
    return ours > rival


def _at_most(ours: float, rival: float) -> bool:
    return ours <= rival


def _at_least(ours: float, rival: float) -> bool:
    return ours >= rival
