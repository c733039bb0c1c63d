"""Colour of a fused picture: chroma transferred beside the fused luma (YCbCr), or each of the three
channels fused with the grey source.

    python Testing/benchmarks/colour_transfer.py CASES [--methods dmfnet maximum] [--slices 8]

CASES is a folder that `unifuse simulate` made; of its cases of PET on MR or CT the clean PET is
drawn with a colour map and fused with the reference, slice by slice. Means over all slices.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import matplotlib
import numpy as np
import torch

from UniFuseLib.evaluation.case_evaluator import case_evaluator
from UniFuseLib.evaluation.cases import read_case
from UniFuseLib.evaluation.markdown import markdown
from UniFuseLib.evaluation.metrics.pictures import picture_figures
from UniFuseLib.evaluation.metrics.similarity import ssim
from UniFuseLib.fusion.pictures import PictureFusion, to_ycbcr
from UniFuseLib.simulation.case_folder import read_index

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

MAPS = ("hot", "jet")
_COLOURED = 0.05  # length of (C_b, C_r) from which a pixel has a hue


class ColourFigures(NamedTuple):
    """Of a fused RGB picture against its coloured source."""

    crcb_loss: float  # Eq. 13: mean |C_fuse - C_source| + 1 - SSIM, mean of both channels
    hue_error_deg: float  # median angle between both (C_b, C_r), of coloured pixels
    chroma_kept: float  # along the source's hue, 1: as colourful as the source
    q_abf: float  # of the luma
    scd: float  # of the luma


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("cases", type=Path)
    parser.add_argument("--methods", nargs="+", default=["dmfnet", "maximum"])
    parser.add_argument("--slices", type=int, default=8, help="of each case (default: 8)")
    args = parser.parse_args()
    torch.set_num_threads(1)
    pairs = list(_slices(args.cases, args.slices))
    rows = []
    for method in args.methods:
        fusion = PictureFusion(method, torch.device("cpu"))
        roads = {"chroma transferred": fusion, "three channels": _by_channel(fusion)}
        for name in MAPS:
            for road, fuse in roads.items():
                figures = [_figures(fuse, _coloured(pet, name), other) for pet, other in pairs]
                means = np.nanmean(figures, axis=0)
                rows.append((f"{method}, {name}, {road}", *(f"{value:.3f}" for value in means)))
    table = markdown(("method, colour map, road", *ColourFigures._fields), rows)
    sys.stdout.write(f"{len(pairs)} slices\n{table}")
    return 0


def _slices(cases: Path, count: int) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Clean PET and reference, `(h, w)` 0..1: the slices of each case with the most uptake."""
    for case_id in read_index(cases):
        if not case_id.startswith("pet"):
            continue
        evaluator = case_evaluator(read_case(cases, case_id))
        order = np.argsort(evaluator.clean.mean(axis=(1, 2)))[::-1]
        for place in order[:count]:
            yield evaluator.clean[place], evaluator.reference[place]


def _coloured(picture: np.ndarray, name: str) -> np.ndarray:
    """`(h, w, 3)` 0..1, black where there is no uptake."""
    colours: np.ndarray = matplotlib.colormaps[name](picture)[..., :3].astype(np.float32)
    return colours * np.minimum(1, 10 * picture)[..., None]


def _by_channel(fusion: PictureFusion) -> Callable[[np.ndarray, np.ndarray], np.ndarray]:
    def fuse(first: np.ndarray, second: np.ndarray) -> np.ndarray:
        channels = [fusion(np.ascontiguousarray(first[..., i]), second) for i in range(3)]
        return np.stack(channels, axis=-1)

    return fuse


def _figures(
    fuse: Callable[[np.ndarray, np.ndarray], np.ndarray], coloured: np.ndarray, grey: np.ndarray
) -> ColourFigures:
    fused = (255 * fuse(coloured, grey)).round() / 255  # as it would be written
    fused_luma, own = to_ycbcr(fused)
    source_luma, wanted = to_ycbcr(coloured)
    loss = np.mean(
        [
            np.abs(own[..., i] - wanted[..., i]).mean() + 1 - ssim(own[..., i], wanted[..., i])
            for i in range(2)
        ]
    )
    length, target = (np.linalg.norm(chroma, axis=-1) for chroma in (own, wanted))
    shown = target > _COLOURED
    along = (own * wanted).sum(axis=-1)[shown] / target[shown]
    cosine = along / np.maximum(length[shown], 1e-6)
    scores = picture_figures(255 * fused_luma, 255 * source_luma, 255 * grey)
    return ColourFigures(
        float(loss),
        float(np.degrees(np.median(np.arccos(cosine.clip(-1, 1))))) if shown.any() else np.nan,
        float(along.sum() / target[shown].sum()) if shown.any() else np.nan,
        scores.q_abf,
        scores.scd,
    )


if __name__ == "__main__":
    raise SystemExit(main())
