"""Slices with a body in them: what the projections of CT and PET are tried on."""

import torch

H, W = 47, 61


def blobs(h: int = H, w: int = W) -> torch.Tensor:
    """A slice without any symmetry, zero at the border, `(1, h, w)`."""
    y, x = torch.meshgrid(torch.arange(float(h)), torch.arange(float(w)), indexing="ij")
    first = torch.exp(-((y - 0.35 * h) ** 2 / 30 + (x - 0.68 * w) ** 2 / 70))
    return (first + 0.7 * torch.exp(-((y - 0.65 * h) ** 2 / 45 + (x - 0.3 * w) ** 2 / 16)))[None]


def limb(depth: int = 9) -> tuple[torch.Tensor, tuple[float, float, float]]:
    """A leg: fat, muscle, a bone beside the middle; HU, and spacing in mm."""
    z, y, x = torch.meshgrid(*[torch.arange(float(n)) for n in (depth, 52, 64)], indexing="ij")
    taper = 0.85 + 0.03 * (z - depth / 2)
    radius = (((y - 26) / 21) ** 2 + ((x - 30) / 27) ** 2) / taper
    volume = torch.where(radius < 1, torch.where(radius < 0.7, 55.0, -95.0), -1000.0)
    bone = ((y - 23) ** 2 + (x - 36 - 0.3 * z) ** 2).sqrt()
    return torch.where(bone < 6, torch.where(bone < 3, 30.0, 1200.0), volume), (3.0, 2.0, 2.0)
