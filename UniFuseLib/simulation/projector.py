"""Parallel-beam projection of slices as a sparse matrix, shared by CT and PET.

    p(θ, t) = ∫ f(t cos θ − l sin θ, t sin θ + l cos θ) dl

x runs along w, y along h, the origin is the slice's centre.

Joseph's method (1982, doi 10.1109/TMI.1982.4307572): each ray marches along the axis it is steepest
to, one pixel at a time, and interpolates linearly across. Its transpose is the matched
back-projection, for iterations; filtered back-projection interpolates in the detector for every
pixel instead, since the transpose leaves a moiré beside metal.
"""

from __future__ import annotations

import math
import warnings
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import torch
from torch import Tensor

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix


@dataclass(frozen=True)
class BeamGeometry:
    """Where the rays run.

    Attributes:
        shape: pixels (h, w) of a slice; need not be square.
        pixel_mm: size (h, w) of a pixel.
        angles: θ of each view in radians.
        bins: detector bins, centred on the slice's centre.
        pitch_mm: distance of the bins.
    """

    shape: tuple[int, int]
    pixel_mm: tuple[float, float]
    angles: tuple[float, ...]
    bins: int
    pitch_mm: float


def half_turn(shape: tuple[int, int], pixel_mm: tuple[float, float], views: int) -> BeamGeometry:
    """`views` equal steps over 180°.

    Bins are as fine as the smaller pixel, and reach over the slice's diagonal.
    """
    pixel = (round(pixel_mm[0], 4), round(pixel_mm[1], 4))
    pitch = min(pixel)
    diagonal = math.hypot(shape[0] * pixel[0], shape[1] * pixel[1])
    angles = tuple(k * math.pi / views for k in range(views))
    return BeamGeometry(shape, pixel, angles, math.ceil(diagonal / pitch) | 1, pitch)


class Projector:
    """The system matrix of one geometry and its transpose.

    Args:
        geometry: see `BeamGeometry`.
        device: where slices and sinograms live.
    """

    def __init__(self, geometry: BeamGeometry, device: torch.device | str = "cpu") -> None:
        self.geometry = geometry
        self.device = torch.device(device)

    @cached_property
    def _matrix(self) -> Tensor | csr_matrix:
        return _on_device(system_entries(self.geometry), self.device)

    @cached_property
    def _transposed(self) -> Tensor | csr_matrix:
        return _on_device(system_entries(self.geometry).transposed(), self.device)

    @cached_property
    def _interpolation(self) -> Tensor | csr_matrix:
        return _on_device(interpolation_entries(self.geometry), self.device)

    def forward(self, slices: Tensor) -> Tensor:
        """p = A f: line integrals `(n, views, bins)` in unit·mm of `(n, h, w)` slices."""
        rays = _multiply(self._matrix, slices.reshape(slices.shape[0], -1).T)
        return rays.T.reshape(slices.shape[0], len(self.geometry.angles), self.geometry.bins)

    def backward(self, sinogram: Tensor) -> Tensor:
        """b = Aᵀ p: `(n, views, bins)` → `(n, h, w)`."""
        pixels = _multiply(self._transposed, sinogram.reshape(sinogram.shape[0], -1).T)
        return pixels.T.reshape(sinogram.shape[0], *self.geometry.shape)

    def filtered_backward(self, sinogram: Tensor, cutoff: float = 1.0) -> Tensor:
        """f(x, y) = (π / views) Σ_θ (h * p)(θ, x cos θ + y sin θ).

        Filtered back-projection over a half turn.

        Args:
            sinogram: `(n, views, bins)`.
            cutoff: where the Hann window reaches zero, in units of the detector's Nyquist
                frequency.

        Returns:
            `(n, h, w)`, unit of the slices per mm of the sinogram.
        """
        geometry = self.geometry
        filtered = ramp_filter(sinogram, geometry.pitch_mm, cutoff)
        pixels = _multiply(self._interpolation, filtered.reshape(sinogram.shape[0], -1).T)
        slices = pixels.T.reshape(sinogram.shape[0], *geometry.shape)
        return slices * (math.pi / len(geometry.angles))


@lru_cache(maxsize=8)
def projector(geometry: BeamGeometry, device: str = "cpu") -> Projector:
    """The projector of this geometry, built once."""
    return Projector(geometry, device)


def ramp_filter(sinogram: Tensor, pitch_mm: float, cutoff: float = 1.0) -> Tensor:
    """q = h * p along the bins: a band-limited ramp and a Hann window.

    The ramp |f| is that of Kak & Slaney (1988, eq. 3.61).
    """
    bins = sinogram.shape[-1]
    size = 1 << math.ceil(math.log2(2 * bins))
    index = np.fft.fftfreq(size, 1 / size)
    odd = index % 2 != 0
    kernel = np.zeros(size)
    kernel[odd] = -1 / (np.pi * index[odd] * pitch_mm) ** 2
    kernel[0] = 1 / (2 * pitch_mm) ** 2
    frequency = np.linspace(0, 1, size // 2 + 1)
    hann = 0.5 + 0.5 * np.cos(np.pi * np.minimum(frequency / cutoff, 1))
    window = np.where(frequency < cutoff, hann, 0)
    response = torch.as_tensor(np.fft.rfft(kernel).real * window * pitch_mm, dtype=sinogram.dtype)
    spectrum = torch.fft.rfft(sinogram, size, dim=-1) * response.to(sinogram.device)
    return torch.fft.irfft(spectrum, size, dim=-1)[..., :bins]


class Entries(NamedTuple):
    """What a sparse matrix holds, in any order, no place twice."""

    rows: Tensor  # (n,) int64
    columns: Tensor  # (n,) int64
    values: Tensor  # (n,) float32
    shape: tuple[int, int]

    def transposed(self) -> Entries:
        return Entries(self.columns, self.rows, self.values, (self.shape[1], self.shape[0]))


def system_entries(geometry: BeamGeometry) -> Entries:
    """A: `(views · bins, h · w)` float32, in mm: the share of each pixel in each line integral."""
    offsets = (np.arange(geometry.bins) - (geometry.bins - 1) / 2) * geometry.pitch_mm
    views = [_view(geometry, theta, offsets) for theta in geometry.angles]
    rows = np.concatenate([row + k * geometry.bins for k, (row, _, _) in enumerate(views)])
    columns, values = (np.concatenate([view[i] for view in views]) for i in (1, 2))
    shape = (len(views) * geometry.bins, geometry.shape[0] * geometry.shape[1])
    return Entries(
        torch.from_numpy(rows), torch.from_numpy(columns), torch.from_numpy(values), shape
    )


def interpolation_entries(geometry: BeamGeometry) -> Entries:
    """B: `(h · w, views · bins)`: for each pixel and view, the two bins beside its t.

    t = x cos θ + y sin θ
    """
    height, width = geometry.shape
    x, y = _pixel_centres(geometry)
    theta = np.array(geometry.angles)[:, None, None]
    t = x * np.cos(theta) + y[:, None] * np.sin(theta)
    place = t / geometry.pitch_mm + (geometry.bins - 1) / 2
    first = np.clip(np.floor(place), 0, geometry.bins - 2).astype(np.int64)
    share = (place - first).astype(np.float32)
    column = first + np.arange(len(geometry.angles))[:, None, None] * geometry.bins
    row = np.broadcast_to(np.arange(height * width).reshape(height, width), place.shape)
    parts = [
        np.concatenate([a.ravel(), b.ravel()])
        for a, b in ((row, row), (column, column + 1), (1 - share, share))
    ]
    rows, columns, values = (torch.from_numpy(part) for part in parts)
    return Entries(rows, columns, values, (height * width, len(geometry.angles) * geometry.bins))


def _pixel_centres(geometry: BeamGeometry) -> tuple[np.ndarray, np.ndarray]:
    """x `(w,)` and y `(h,)` in mm."""
    (height, width), (pixel_h, pixel_w) = geometry.shape, geometry.pixel_mm
    x = (np.arange(width) - (width - 1) / 2) * pixel_w
    y = (np.arange(height) - (height - 1) / 2) * pixel_h
    return x, y


def _view(
    geometry: BeamGeometry, theta: float, offsets: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Bin, pixel (in a flat slice) and length in mm of every entry of one view."""
    (height, width), (pixel_h, pixel_w) = geometry.shape, geometry.pixel_mm
    x, y = _pixel_centres(geometry)
    cos, sin = math.cos(theta), math.sin(theta)
    if abs(cos) * pixel_w >= abs(sin) * pixel_h:
        # steep: one step per row, interpolated across columns
        crossing = (offsets[:, None] - y * sin) / cos / pixel_w + (width - 1) / 2
        length, stride, base, last = pixel_h / abs(cos), 1, np.arange(height) * width, width
    else:
        crossing = (offsets[:, None] - x * cos) / sin / pixel_h + (height - 1) / 2
        length, stride, base, last = pixel_w / abs(sin), width, np.arange(width), height
    first = np.floor(crossing).astype(np.int64)
    share = crossing - first
    rows = np.broadcast_to(np.arange(len(offsets))[:, None], crossing.shape)
    parts = []
    for pixel, weight in ((first, 1 - share), (first + 1, share)):
        inside = (pixel >= 0) & (pixel < last)
        parts.append((rows[inside], (base + pixel * stride)[inside], (weight * length)[inside]))
    row, column, value = (np.concatenate(piece) for piece in zip(*parts, strict=True))
    return row, column, value.astype(np.float32)


def _on_device(entries: Entries, device: torch.device) -> Tensor | csr_matrix:
    """A torch CSR matrix where torch can multiply it, SciPy's on processors without MKL."""
    if device.type == "cpu" and not torch.backends.mkl.is_available():
        return _scipy_matrix(entries)
    index = torch.stack([entries.rows, entries.columns]).to(device)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Sparse CSR tensor support is in beta")
        warnings.filterwarnings("ignore", "Sparse invariant checks are implicitly disabled")
        values = entries.values.to(device)
        return torch.sparse_coo_tensor(
            index, values, entries.shape, check_invariants=False
        ).to_sparse_csr()


def _scipy_matrix(entries: Entries) -> csr_matrix:
    from scipy.sparse import csr_matrix  # training on CUDA machines goes without SciPy

    places = (entries.rows.numpy(), entries.columns.numpy())
    return csr_matrix((entries.values.numpy(), places), shape=entries.shape)


def _multiply(matrix: Tensor | csr_matrix, columns: Tensor) -> Tensor:
    """matrix @ columns, `(rays, pixels) @ (pixels, n)`."""
    if isinstance(matrix, Tensor):
        return matrix @ columns.contiguous()
    return torch.from_numpy(matrix @ columns.numpy())
