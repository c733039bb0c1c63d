"""What the classifier sees of whole simulated scans: the states h1..h3 of every segment of body.

Every case goes the road of a user's pair up to the encoder and DAPL. The states of a case are
cached on disk, so that a stopped run can go on.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from UniFuseLib.degradation import CLASSES
from UniFuseLib.errors import InputError
from UniFuseLib.evaluation.cases import read_case
from UniFuseLib.io.output_folder import make_folder
from UniFuseLib.network.dapl import DAPL
from UniFuseLib.network.layers import pad_to_multiple
from UniFuseLib.preprocessing.prepare import prepare_pair
from UniFuseLib.preprocessing.working_pair import working_pair
from UniFuseLib.progress import Log, silent
from UniFuseLib.simulation.case_folder import Case, case_checksum, read_index

if TYPE_CHECKING:
    from pathlib import Path

    from UniFuseLib.contract import Contract
    from UniFuseLib.network.unifuse import UniFuse


@dataclass(frozen=True)
class CaseStates:
    """The states of one case, and what is known of it.

    Attributes:
        states: `(k, e, 3s)`, h1..h3 of its k segments of body.
        label: its class.
        modality: of the degraded scan.
        patient: cases of one patient stay on one side of a fold.
    """

    states: Tensor
    label: str
    modality: str
    patient: str


def extract_states(
    folder: Path,
    model: UniFuse,
    contract: Contract,
    cache: Path,
    resume: bool = False,
    log: Log = silent,
) -> tuple[list[CaseStates], list[dict[str, str]]]:
    """The states of every case of a folder; broken cases are skipped and named.

    Args:
        folder: made by `unifuse simulate`.
        model: whose states are extracted.
        contract: of its weights.
        cache: folder with one file per case.
        resume: use the files in `cache` that these weights left.
        log: a line per case.

    Returns:
        The states, and `id` and `reason` of every skipped case.

    Raises:
        InputError: no cases, weights of other classes than `CLASSES`, or a network without the full
            DAPL.
        OutputError: `cache` cannot be made or written to.
    """
    if contract.classes != CLASSES:
        raise InputError(
            f"Expected weights of the classes {', '.join(CLASSES)}, "
            f"got {', '.join(contract.classes)}."
        )
    dapl_of(model)  # before the folder is made
    ids = read_index(folder)
    make_folder(cache)
    found: list[CaseStates] = []
    skipped: list[dict[str, str]] = []
    for number, case_id in enumerate(ids, 1):
        path = cache / f"{case_id}.safetensors"
        key = f"{contract.sha256} {case_checksum(folder, case_id)}"
        if resume and (cached := _cached(path, key)):
            found.append(cached)
            continue
        log(f"[{number}/{len(ids)}] {case_id}")
        try:
            extracted = _extract(read_case(folder, case_id), model, contract)
        except InputError as error:
            log(f"  skipped: {error}")
            skipped.append({"id": case_id, "reason": str(error)})
            continue
        _cache(extracted, path, key)
        found.append(extracted)
    return found, skipped


def dapl_of(model: UniFuse) -> DAPL:
    """The network's DAPL.

    Raises:
        InputError: a network without the full DAPL (ablations A to C).
    """
    if not isinstance(model.dapl, DAPL):
        raise InputError(
            "Expected a network with the full DAPL; the one of these weights has no classifier to "
            "fit."
        )
    return model.dapl


def _extract(case: Case, model: UniFuse, contract: Contract) -> CaseStates:
    states = _states(case, model, contract)
    return CaseStates(states, case.label, case.degraded_modality, case.patient)


@torch.no_grad()
def _states(case: Case, model: UniFuse, contract: Contract) -> Tensor:
    """`(k, e, 3s)` on the CPU."""
    modalities = (case.degraded_modality, case.reference_modality)
    pair = working_pair(prepare_pair(case.degraded, case.reference, modalities, contract))
    device = next(model.parameters()).device
    degraded, reference = (
        model.encoder(pad_to_multiple(volume.to(device), model.multiple))
        for volume in (pair.degraded, pair.reference)
    )
    states, *_ = dapl_of(model).read(degraded, reference)
    return torch.cat(states, dim=-1).float().cpu()


def _cache(states: CaseStates, path: Path, key: str) -> None:
    """Through a temporary name: a file that is there is whole."""
    about = {
        "key": key,
        "label": states.label,
        "modality": states.modality,
        "patient": states.patient,
    }
    unfinished = path.with_suffix(".part")
    save_file({"states": states.states.contiguous()}, unfinished, about)
    unfinished.replace(path)


def _cached(path: Path, key: str) -> CaseStates | None:
    """None unless the file is whole and of this key."""
    try:
        with safe_open(path, "pt") as file:
            about = file.metadata() or {}
            if about.get("key") != key:
                return None
            states = file.get_tensor("states")
            return CaseStates(states, about["label"], about["modality"], about["patient"])
    except (OSError, SafetensorError, KeyError):
        return None
