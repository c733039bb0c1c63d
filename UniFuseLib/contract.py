"""Weights travel with their contract: `NAME.safetensors` beside `NAME.json`.

The contract says what network the tensors fill, what preprocessing they expect, how they were
trained and what they score; whoever uses the weights reads it, nobody repeats it. The tensors
themselves are read and written in `checkpoint.py`.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass, field, replace
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from UniFuseLib.degradation import CLASSES
from UniFuseLib.errors import WeightsError
from UniFuseLib.io.typed import read_json_as
from UniFuseLib.preprocessing.intensity import DEFAULT_INTENSITY
from UniFuseLib.severity.head import TraceHead  # noqa: TC001 (read from the annotation)

if TYPE_CHECKING:
    from pathlib import Path


class Signed(Protocol):
    """Any contract: it names the weights that it was written for by their checksum."""

    @property
    def sha256(self) -> str: ...


SignedContract = TypeVar("SignedContract", bound=Signed)


@dataclass(frozen=True)
class Contract:
    """What a set of weights promises.

    Attributes:
        name: of the weights.
        preset: that the network was built from.
        network: `NetworkConfig` as a dict.
        classes: degradation classes in the order of the logits.
        working_spacing_mm: isotropic spacing of the grid the network works on.
        intensity: modality → intensity rule, see `preprocessing/intensity.py`.
        sha256: of the safetensors file.
        license: SPDX name.
        training: how the weights were trained.
        validation: what they scored.
        sure_from: probability from which on `degradation.SURE` of the answers on held-out patients
            were right; 0: not measured.
        severity: class → how its severity follows from a scan; empty: severity is not stated.
        severity_beside: class → how it follows from a scan and its reference together, which counts
            where the correction has looked at both (`restoration/profile.py`).
        presence: class → its log-odds against `clean` from a scan; empty: only the network decides.
        version: of this file format.
    """

    name: str
    preset: str
    network: dict[str, Any]
    classes: tuple[str, ...]
    working_spacing_mm: float
    intensity: dict[str, dict[str, Any]]
    sha256: str
    license: str
    training: dict[str, Any] = field(default_factory=dict)
    validation: dict[str, Any] = field(default_factory=dict)
    sure_from: float = 0.0
    severity: dict[str, TraceHead] = field(default_factory=dict)
    severity_beside: dict[str, TraceHead] = field(default_factory=dict)
    presence: dict[str, TraceHead] = field(default_factory=dict)
    version: int = 1

    def signed(self, weights: Path) -> Contract:
        """The same with the checksum of a weights file."""
        return replace(self, sha256=sha256_of(weights))

    def to_text(self) -> str:
        """The JSON file beside the weights."""
        return json.dumps(asdict(self), indent=2, ensure_ascii=False) + "\n"


def standard_contract() -> Contract:
    """What a network without a contract is taken to expect: the default rules at 1.5 mm."""
    return Contract(
        name="unnamed",
        preset="",
        network={},
        classes=CLASSES,
        working_spacing_mm=1.5,
        intensity=DEFAULT_INTENSITY,
        sha256="",
        license="",
    )


def read_contract(weights: Path) -> Contract:
    """The contract beside weights of UniFuse, its values checked.

    Raises:
        WeightsError: see `read_signed`; also a value that no network can be built for.
    """
    contract = read_signed(Contract, weights)
    sidecar = weights.with_suffix(".json")
    if not set(contract.classes) <= set(CLASSES) or not contract.classes:
        raise WeightsError(
            f"'{sidecar}': 'classes': expected some of {', '.join(CLASSES)}, found "
            f"{', '.join(contract.classes) or 'none'}. Copy the file again."
        )
    if not 0.1 <= contract.working_spacing_mm <= 100:
        raise WeightsError(
            f"'{sidecar}': 'working_spacing_mm': expected 0.1 to 100, found "
            f"{contract.working_spacing_mm:g}. Copy the file again."
        )
    _check_heads(contract, sidecar)
    return contract


def _check_heads(contract: Contract, sidecar: Path) -> None:
    of_kind = {
        "severity": contract.severity,
        "severity_beside": contract.severity_beside,
        "presence": contract.presence,
    }
    for kind, heads in of_kind.items():
        broken = [label for label, head in heads.items() if not head.fits_together]
        if broken:
            raise WeightsError(
                f"'{sidecar}': '{kind}.{broken[0]}': expected a mean, a deviation above 0 and a "
                "weight for every trace, found other numbers. Copy the file again."
            )


def read_signed(kind: type[SignedContract], weights: Path) -> SignedContract:
    """The contract of any network beside its weights, whose checksum is compared.

    Args:
        kind: a dataclass.
        weights: `.safetensors`; the contract has the same name with `.json`.

    Raises:
        WeightsError: a file is missing, not readable, or not the one the contract was written for.
    """
    sidecar = weights.with_suffix(".json")
    if not weights.is_file():
        raise WeightsError(f"Expected a weights file at '{weights}', found none. Check the path.")
    if not sidecar.is_file():
        raise WeightsError(
            f"Expected the contract '{sidecar.name}' beside '{weights}', found none. Copy both "
            "files."
        )
    contract = read_json_as(kind, sidecar, WeightsError)
    found = sha256_of(weights)
    if found != contract.sha256:
        raise WeightsError(
            f"The weights '{weights}' are damaged or do not belong to their contract: expected "
            f"SHA-256 {contract.sha256[:16]}…, got {found[:16]}…. Copy both files again."
        )
    return contract


def sha256_of(path: Path) -> str:
    """Checksum of a file, in hexadecimal digits."""
    digest = hashlib.sha256()
    with path.open("rb") as stream:
        while block := stream.read(2**20):
            digest.update(block)
    return digest.hexdigest()
