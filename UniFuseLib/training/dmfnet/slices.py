"""2-D slices of random place and orientation out of a packed file."""

from __future__ import annotations

import itertools
import math
from typing import TYPE_CHECKING

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from UniFuseLib.errors import InputError
from UniFuseLib.spatial.volume import Grid

if TYPE_CHECKING:
    from UniFuseLib.training.data import PackedSubject, PackedVolume

SIDE = 192  # pixels of a slice on the shelf
_FINEST_MM, _COARSEST_MM = 0.7, 2.2  # pixel size, drawn evenly on a logarithmic scale
_LEAST_MEAN = 0.03  # of a slice: below it there is hardly anything but air
_TRIES = 8
_BLACKEST, _WHITEST = 0.2, 0.5  # of a channel, shown as black and as white
_TILT = 0.15  # of a slice that follows the volume's axes, radians


class SliceShelf:
    """Up to `capacity` slices on the data's device; new ones take the place of the oldest.

    Args:
        subjects: of `load_pack`; label maps are left out.
        paired: two aligned volumes of one subject as two channels; else one volume a slice.
        capacity: how many slices are held.
        generator: on the CPU, decides everything.

    Raises:
        InputError: no such volume or pair.
    """

    def __init__(
        self,
        subjects: list[PackedSubject],
        paired: bool,
        capacity: int,
        generator: torch.Generator,
    ) -> None:
        self.generator, self.capacity = generator, capacity
        self._choices = _choices(subjects, 2 if paired else 1)
        self._slices: list[Tensor] = []
        self.made = 0

    def add(self, count: int) -> None:
        """Cut `count` new slices."""
        for _ in range(count):
            new = self._cut()
            if len(self._slices) < self.capacity:
                self._slices.append(new)
            else:
                self._slices[self.made % self.capacity] = new
            self.made += 1

    def draw(self, batch: int, side: int) -> Tensor:
        """`(batch, channels, side, side)`, 0..1: crops, turned, mirrored, of other contrast."""
        places = torch.randint(len(self._slices), (batch,), generator=self.generator).tolist()
        return torch.stack([self._varied(self._slices[place], side) for place in places])

    def _varied(self, image: Tensor, side: int) -> Tensor:
        top, left = (self._whole(0, SIDE - side + 1) for _ in range(2))
        crop = image[:, top : top + side, left : left + side].float()
        crop = torch.rot90(crop, self._whole(0, 4), (1, 2))
        if self._whole(0, 2):
            crop = crop.flip(2)
        if len(crop) == 2 and self._whole(0, 2):
            crop = crop.flip(0)  # either source may come first
        return torch.stack([self._windowed(channel) for channel in crop])

    def _windowed(self, channel: Tensor) -> Tensor:
        """As a picture of it might show it: half of them with black and white nearer to each other,
        all with another gamma.
        """
        if self._whole(0, 2):
            black, white = self._between(0.0, _BLACKEST), self._between(_WHITEST, 1.0)
            channel = (channel - black) / (white - black)
        return channel.clamp(0, 1) ** math.exp(self._between(-0.5, 0.5))

    def _cut(self) -> Tensor:
        """A slice of one group of volumes, each group as likely as the other."""
        for _ in range(_TRIES):
            group = self._choices[self._whole(0, len(self._choices))]
            volumes = group[self._whole(0, len(group))]
            grid = self._grid(volumes[0])
            image = torch.cat([v.read(grid)[0, 0] for v in volumes])
            if float(image.mean(dim=(1, 2)).min()) > _LEAST_MEAN:
                break
        return image.clamp(0, 1).half()

    def _grid(self, volume: PackedVolume) -> Grid:
        """One plane of `SIDE`² pixels through the middle half of the volume."""
        pixel = math.exp(self._between(math.log(_FINEST_MM), math.log(_COARSEST_MM)))
        axes = self._orientation(volume) * pixel
        shape = np.array(volume.grid.shape)
        index = (shape - 1) * [self._between(0.15, 0.85) for _ in range(3)]
        centre = volume.grid.affine[:3, :3] @ index + volume.grid.affine[:3, 3]
        affine = np.eye(4)
        affine[:3, :3] = axes
        affine[:3, 3] = centre - axes @ np.array([0, (SIDE - 1) / 2, (SIDE - 1) / 2])
        return Grid((1, SIDE, SIDE), affine)

    def _orientation(self, volume: PackedVolume) -> np.ndarray:
        """Orthonormal columns: half of them near the volume's own axes, half anywhere."""
        values = torch.randn((3, 3), generator=self.generator, dtype=torch.float64).numpy()
        if self._whole(0, 2):
            own = volume.grid.affine[:3, :3] / np.linalg.norm(volume.grid.affine[:3, :3], axis=0)
            order = torch.randperm(3, generator=self.generator).tolist()
            values = own[:, order] + _TILT * values / 2
        return np.linalg.qr(values)[0]

    def _whole(self, low: int, high: int) -> int:
        return int(torch.randint(low, high, (), generator=self.generator))

    def _between(self, low: float, high: float) -> float:
        return low + (high - low) * float(torch.rand((), generator=self.generator))


def _choices(subjects: list[PackedSubject], together: int) -> list[list[tuple[PackedVolume, ...]]]:
    """Volumes that are cut together, grouped by their roles (`ct`, `pet`, `t1` with `t2`)."""
    groups: dict[tuple[str, ...], list[tuple[PackedVolume, ...]]] = {}
    for subject in subjects:
        images = {role: v for role, v in subject.volumes.items() if v.kind != "labels"}
        for roles in itertools.combinations(sorted(images), together):
            groups.setdefault(roles, []).append(tuple(images[role] for role in roles))
    if not groups:
        raise InputError(
            f"Expected a training file with {together} aligned volumes of a subject, found none. "
            "Pack a data set that has them."
        )
    return list(groups.values())


def fixed_slices(shelf: SliceShelf, count: int, side: int) -> Tensor:
    """The same crops for every validation: the middles of `count` new slices."""
    shelf.add(count)
    images = torch.stack([image.float() for image in shelf._slices[-count:]])
    return F.interpolate(images, size=(side, side), mode="area")
