"""The packed data set in memory: volumes on their own grids, read at any place of the world in RAS
mm.
"""

from __future__ import annotations

import json
import zipfile
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from UniFuseLib.errors import InputError
from UniFuseLib.preprocessing.intensity import IntensityMap
from UniFuseLib.spatial.displacement import affine_index, sample_at, sample_cubic
from UniFuseLib.spatial.resampling import inside
from UniFuseLib.spatial.volume import Grid

if TYPE_CHECKING:
    from pathlib import Path

INDEX = "index.json"


@dataclass(frozen=True)
class PackedVolume:
    """One volume of a subject.

    Attributes:
        codes: uint8 `(d, h, w)`: network intensity · 255 / top, or label codes.
        grid: its own.
        kind: `mr`, `ct`, `pet` or `labels`.
        top: intensity of code 255.
        map: intensities ↔ units of the volume; None for labels.
        labels: label of each code, empty for intensities.
    """

    codes: Tensor
    grid: Grid
    kind: str
    top: float = 1.0
    map: IntensityMap | None = None
    labels: tuple[int, ...] = ()

    def read(self, grid: Grid, displacement: Tensor | None = None, cubic: bool = False) -> Tensor:
        """out[x] = volume(X(x) + u[x]): network intensities, 0 outside the field of view.

        Args:
            grid: where to read.
            displacement: u, RAS mm `(1, 3, d, h, w)`.
            cubic: keep the noise that linear interpolation would smooth away.

        Returns:
            `(1, 1, d, h, w)` float32.
        """
        index = self._index(grid, displacement)
        box, local = self._box(index)
        if cubic:
            codes = sample_cubic(box.float(), local).clamp(0, 255)
        else:
            codes = sample_at(box.float()[None, None], local)
        values = codes * (self.top / 255)
        return values * self._inside(index)

    def read_labels(self, grid: Grid) -> Tensor:
        """Label codes at the nearest voxel, int64 `(d, h, w)`, 0 outside."""
        index = self._index(grid, None)
        box, local = self._box(index)
        nearest = sample_at(box.float()[None, None], local, mode="nearest")
        codes = nearest * self._inside(index)
        return codes.long()[0, 0]

    def narrowed(self, axis: int, start: int, length: int) -> PackedVolume:
        """The same scan with a smaller field of view: `length` voxels from `start` along `axis`,
        nothing copied.
        """
        affine = self.grid.affine.copy()
        affine[:3, 3] += start * affine[:3, axis]
        codes = self.codes.narrow(axis, start, length)
        d, h, w = codes.shape
        return replace(self, codes=codes, grid=Grid((d, h, w), affine))

    def _index(self, grid: Grid, displacement: Tensor | None) -> Tensor:
        like = torch.empty(0, dtype=torch.float32, device=self.codes.device)
        here = grid.index_to_index(self.grid)
        index = affine_index(here, grid.shape, like)
        if displacement is None:
            return index
        inverse = np.linalg.inv(self.grid.linear)
        to_index = torch.as_tensor(inverse, dtype=torch.float32).to(index.device)
        return index + torch.einsum("ij,bjdhw->bidhw", to_index, displacement)

    def _box(self, index: Tensor) -> tuple[Tensor, Tensor]:
        """Only the voxels that are read: they alone become float."""
        flat = index.flatten(2)[0]
        low = [int(v) - 1 for v in flat.amin(1).floor().tolist()]
        high = [int(v) + 1 for v in flat.amax(1).ceil().tolist()]
        box = self.codes
        offset = []
        for axis, (a, b) in enumerate(zip(low, high, strict=True)):
            n = self.codes.shape[axis]
            a = min(max(a, 0), n - 1)
            b = min(max(b, a), n - 1)
            box = box.narrow(axis, a, b - a + 1)
            offset.append(float(a))
        first = torch.tensor(offset, device=index.device)
        return box, index - first.view(1, 3, 1, 1, 1)

    def _inside(self, index: Tensor) -> Tensor:
        return inside(index, self.grid.shape).to(index.dtype)


@dataclass(frozen=True)
class PackedSubject:
    name: str
    volumes: dict[str, PackedVolume]


def load_pack(path: Path, device: torch.device) -> list[PackedSubject]:
    """All subjects of a file made by `unifuse pack`, on `device`.

    Raises:
        InputError: not such a file.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            index = json.loads(archive.read(INDEX))
            entries = index["subjects"]
            return [_subject(archive, entry, device) for entry in entries]
    except (OSError, zipfile.BadZipFile, LookupError, ValueError, TypeError) as error:
        raise InputError(
            f"Expected a file made by 'unifuse pack', got '{path}' ({error})."
        ) from error


def _subject(
    archive: zipfile.ZipFile, entry: dict[str, Any], device: torch.device
) -> PackedSubject:
    entries = entry["volumes"].items()
    volumes = {role: _volume(archive, value, device) for role, value in entries}
    return PackedSubject(entry["name"], volumes)


def _volume(archive: zipfile.ZipFile, entry: dict[str, Any], device: torch.device) -> PackedVolume:
    with archive.open(entry["member"]) as stream:
        array = np.load(stream, allow_pickle=False)
    d, h, w = array.shape
    affine = np.array(entry["affine"])
    values = entry.get("map")
    return PackedVolume(
        codes=torch.from_numpy(array).to(device),
        grid=Grid((d, h, w), affine),
        kind=entry["kind"],
        top=entry.get("top", 1.0),
        map=_map(values) if values else None,
        labels=tuple(entry.get("labels", ())),
    )


def _map(values: dict[str, Any]) -> IntensityMap:
    """Inverse of `IntensityMap.to_json`."""
    plain: dict[str, Any] = {
        name: tuple(v) if isinstance(v, list) else v for name, v in values.items()
    }
    return IntensityMap(**plain)
