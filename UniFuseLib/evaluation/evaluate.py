"""The model on every case of a folder: figures per case, then the summary.

Broken cases are skipped and named.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from UniFuseLib.degradation import title
from UniFuseLib.errors import Cancelled, UniFuseError
from UniFuseLib.evaluation.baseline_figures import baseline_figures
from UniFuseLib.evaluation.baselines import REGISTRATIONS
from UniFuseLib.evaluation.case_evaluator import CaseEvaluator, case_evaluator, measure
from UniFuseLib.evaluation.cases import read_case
from UniFuseLib.evaluation.fuse_call import stated_class
from UniFuseLib.evaluation.own_frame import OwnFrameFigures, RestoreInPlace, own_frame_figures
from UniFuseLib.evaluation.summary import Figures, summarise
from UniFuseLib.evaluation.tables import evaluation_tables
from UniFuseLib.evaluation.verdict_figures import said_of
from UniFuseLib.io.json_files import plain, read_json, write_json, write_text
from UniFuseLib.io.output_folder import make_folder
from UniFuseLib.progress import Log, silent
from UniFuseLib.simulation.case_folder import Case, case_checksum, read_index, stated_group
from UniFuseLib.spatial.volume import Volume

if TYPE_CHECKING:
    from UniFuseLib.evaluation.fuse_call import Fuse, Fused
    from UniFuseLib.evaluation.other_fusions import OtherFusions

CASE_VERSION = 4

Draw = Callable[[Any, Volume, Volume, Path], None]


@dataclass(frozen=True)
class Evaluation:
    """One run.

    Attributes:
        summary: content of `summary.json`.
        tables: the same as markdown.
        skipped: `{"id", "reason"}` per broken case.
    """

    summary: Figures
    tables: str
    skipped: list[dict[str, str]]


@dataclass(frozen=True)
class Measures:
    """What is run on every case.

    Attributes:
        fuse: `predict.fuse` with a model.
        checksum: of its weights.
        restore: restores a scan in its own frame; None leaves that out.
        baselines: keys of `baselines.REGISTRATIONS`.
        fusions: other fusion methods; None for none.
    """

    fuse: Fuse
    checksum: str
    restore: RestoreInPlace | None = None
    baselines: tuple[str, ...] = ()
    fusions: OtherFusions | None = None


def evaluate(
    folder: Path,
    output: Path,
    fuse: Fuse,
    *,
    checksum: str,
    restore: RestoreInPlace | None = None,
    resume: bool = False,
    limit: int | None = None,
    draw: Draw | None = None,
    baselines: Sequence[str] = (),
    fusions: OtherFusions | None = None,
    weights: Figures | None = None,
    log: Log = silent,
) -> Evaluation:
    """Run `fuse` on every case and measure it against the truth.

    Writes into `output`: `cases/<id>.json` and `cases/<id>/overview.png` per case, `summary.json`
    and `summary.md`.

    Args:
        folder: made by `unifuse simulate`.
        output: where figures and pictures go.
        fuse: `predict.fuse` with a model; it is given both modalities.
        checksum: of the weights.
        restore: restores a scan in its own frame (`own_frame.py`); None leaves that out.
        resume: keep cases that were finished with the same weights and truth.
        limit: only the first cases of the index.
        draw: `overview.draw_overview`, or None for no pictures.
        baselines: keys of `baselines.REGISTRATIONS` that register the same cases.
        fusions: other methods on the same aligned volumes; None for none.
        weights: name, preset and checksum for the summary.
        log: a line per case.

    Raises:
        InputError: the folder has no readable index. Single broken cases are skipped, see
            `Evaluation.skipped`.
        OutputError: `output` cannot be made or written to.
    """
    measures = Measures(fuse, checksum, restore, tuple(baselines), fusions)
    ids = read_index(folder)[:limit]
    make_folder(output / "cases")
    figures: list[Figures] = []
    skipped: list[dict[str, str]] = []
    for number, case_id in enumerate(ids, 1):
        place = f"[{number}/{len(ids)}]"
        path = output / "cases" / f"{case_id}.json"
        truth = case_checksum(folder, case_id)
        done = _finished(path, measures, truth) if resume else None
        if done is not None:
            figures.append(done)
            log(f"{place} {_line(done)} (from the earlier run)")
            continue
        try:
            found, picture = _run(folder, case_id, measures, output, draw)
        except Cancelled:
            raise
        except (UniFuseError, ValueError, RuntimeError) as error:
            skipped.append(
                {"id": case_id, "reason": str(error), "group": stated_group(folder, case_id)}
            )
            log(f"{place} {case_id}: SKIPPED, {error}")
            continue
        write_json(found, path)
        figures.append(found)
        log(f"{place} {_line(found)}{picture}")
    summary = plain(summarise(figures, skipped, weights))
    tables = evaluation_tables(summary)
    write_json(summary, output / "summary.json")
    write_text(tables, output / "summary.md")
    return Evaluation(summary, tables, skipped)


def evaluate_case(case: Case, measures: Measures) -> tuple[Figures, Fused]:
    """The figures of one case, and the result they were taken from.

    Seconds are those of `fuse` alone.
    """
    wall, cpu = time.perf_counter(), time.process_time()
    result = measures.fuse(
        case.degraded,
        case.reference,
        degraded_modality=case.degraded_modality,
        reference_modality=case.reference_modality,
    )
    cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
    evaluator = case_evaluator(case)
    before = evaluator.before()
    displacement = np.asarray(result.displacement)
    figures = {
        "version": CASE_VERSION,
        "id": case.id,
        "task": case.task,
        "bin": case.bin,
        "group": case.group,
        "class": case.label,
        "seed": case.seed,
        "degraded_modality": case.degraded_modality,
        "reference_modality": case.reference_modality,
        "weights_sha256": measures.checksum,
        "case_sha256": case.checksum,
        "tre_before_mm": before.tre_mm,
        "dice_before": before.dice,
        "alignment_before": before.alignment,
        **measure(evaluator, result.fused.array, result.restored.array, displacement),
        "baselines": baseline_figures(evaluator, measures.baselines),
        "fusions": measures.fusions.figures(evaluator, result) if measures.fusions else {},
        "own_frame": _own_frame(case, evaluator, measures.restore),
        **stated_class(result),
        "probabilities": result.probabilities,
        "severity": result.report.severity,
        "severity_true": case.severity,
        "warnings": list(result.report.warnings),
        "verdict": said_of(result.report.verdict),
        "cpu_seconds": cpu,
        "wall_seconds": wall,
    }
    return plain(figures), result


def _own_frame(
    case: Case, evaluator: CaseEvaluator, restore: RestoreInPlace | None
) -> OwnFrameFigures | None:
    return None if restore is None else own_frame_figures(case, restore, evaluator.unit)


def _run(
    folder: Path, case_id: str, measures: Measures, output: Path, draw: Draw | None
) -> tuple[Figures, str]:
    """The figures of a case, and what is to be said of its picture."""
    case = read_case(folder, case_id)
    figures, result = evaluate_case(case, measures)
    if draw is None:
        return figures, ""
    picture = output / "cases" / case_id / "overview.png"
    try:
        picture.parent.mkdir(parents=True, exist_ok=True)
        draw(result, case.degraded, case.reference, picture)
    except Exception as error:  # no picture is worth the figures
        return figures, f"; {picture.name} was not drawn: {error}"
    return figures, ""


def _finished(path: Path, measures: Measures, truth: str | None) -> Figures | None:
    """The figures of an earlier run with the same weights, baselines, fusions and case, or None."""
    earlier = read_json(path)
    if not isinstance(earlier, dict) or earlier.get("version") != CASE_VERSION:
        return None
    same = (
        earlier.get("weights_sha256") == measures.checksum and earlier.get("case_sha256") == truth
    )
    fusions = set(measures.fusions.names) if measures.fusions else set()
    measured = set(measures.baselines) <= set(earlier.get("baselines", {}))
    fused = fusions <= set(earlier.get("fusions", {}))
    return earlier if same and measured and fused else None


def _line(c: Figures) -> str:
    judged = f"{c['verdict']['trust']}, " if c.get("verdict") else ""
    restoration = c["restoration"]
    others = "".join(
        f"{REGISTRATIONS[name]} {found['tre_mm']['mean']:.2f} mm, "
        for name, found in c.get("baselines", {}).items()
    )
    return (
        f"{c['id']}: TRE {c['tre_before_mm']['mean']:.2f} → {c['tre_mm']['mean']:.2f} mm, {others}"
        f"PSNR {restoration['psnr_db']:.1f} dB ({restoration['gain_db']:+.1f}), "
        f"{judged}{_class_words(c)}, {c['cpu_seconds']:.0f} CPU s"
    )


def _class_words(c: Figures) -> str:
    truth = title(c["class"])
    found = "no class stated" if c["class_found"] is None else title(c["class_found"])
    return found if found == truth else f"{found} (truth: {truth})"


def named(skipped: Sequence[dict[str, str]]) -> str:
    """One sentence that names every skipped case and why."""
    return "Skipped " + "; ".join(f"{s['id']} ({s['reason']})" for s in skipped)
