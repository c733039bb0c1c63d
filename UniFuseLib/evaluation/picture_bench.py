"""Fusion methods on folders of 2-D pictures, as the literature compares them."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from scipy.ndimage import gaussian_filter

from UniFuseLib.errors import InputError
from UniFuseLib.evaluation.markdown import number
from UniFuseLib.evaluation.means import mean_of
from UniFuseLib.evaluation.metrics import RetentionFigures, retention_figures
from UniFuseLib.evaluation.metrics.pictures import PictureFigures, picture_figures
from UniFuseLib.fusion.pictures import PictureFusion
from UniFuseLib.io.pictures import READ, read_picture
from UniFuseLib.preprocessing.colour import BT601

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    import torch

    from UniFuseLib.progress import Log

# a match: correlation of the fine structure, and its lead over the second best; of DM-FNet's 150
# pictures 0.88 to 0.97 are taken; one of 0.87 showed the right CT with another MR contrast
_LIKE, _LEAD = 0.88, 0.1
_COARSE = 2.0  # σ in pixels of what is left out: neighbouring slices share it


class PicturePair(NamedTuple):
    """Two aligned pictures of one slice."""

    name: str
    first: Path
    second: Path


class Row(NamedTuple):
    """One method's figures over the pairs."""

    method: str
    pairs: int
    mean: PictureFigures
    kept: RetentionFigures  # the first source over the second


def find_pairs(first: Path, second: Path) -> list[PicturePair]:
    """Pictures of one name in two folders.

    Raises:
        InputError: a folder is missing, or no name stands in both.
    """
    for folder in (first, second):
        if not folder.is_dir():
            raise InputError(f"Expected a folder of pictures at '{folder}', found none.")
    others = {path.stem: path for path in _pictures(second)}
    pairs = [PicturePair(p.stem, p, others[p.stem]) for p in _pictures(first) if p.stem in others]
    if not pairs:
        raise InputError(
            f"Expected pictures of the same name in '{first}' and '{second}', found none."
        )
    return pairs


def pair_folders(root: Path) -> tuple[Path, Path]:
    """The two folders of `root`, as in `CT-MRI/CT` and `CT-MRI/MRI`; the functional one first.

    Raises:
        InputError: not two folders.
    """
    folders = sorted(path for path in root.iterdir() if path.is_dir()) if root.is_dir() else []
    if len(folders) != 2:
        raise InputError(
            f"Expected two folders of pictures in '{root}', as CT-MRI/CT and CT-MRI/MRI, found "
            f"{len(folders)}."
        )
    last = [folder for folder in folders if folder.name.upper() in ("MRI", "MR")]
    if len(last) == 1:
        folders = [*(folder for folder in folders if folder not in last), *last]
    return folders[0], folders[1]


def match(pairs: list[PicturePair], fused: Path) -> dict[str, Path]:
    """Name of a pair → the picture of `fused` that was made of it.

    The fine structure of each fused picture is correlated with that of every pair's maximum. A
    match counts where it is close, well ahead of the second best, and claimed by one picture.

    Raises:
        InputError: no picture there.
    """
    pictures = _pictures(fused) if fused.is_dir() else []
    if not pictures:
        raise InputError(f"Expected pictures in '{fused}', found none.")
    sources = [_fine_structure(np.maximum(grey(p.first), grey(p.second))) for p in pairs]
    claims: dict[str, list[Path]] = {}
    for picture in pictures:
        own = _fine_structure(grey(picture))
        scores = np.array([float(own @ s) if s.shape == own.shape else 0.0 for s in sources])
        best = int(scores.argmax())
        lead = scores[best] - np.delete(scores, best).max(initial=0.0)
        if scores[best] >= _LIKE and lead >= _LEAD:
            claims.setdefault(pairs[best].name, []).append(picture)
    return {name: claimants[0] for name, claimants in claims.items() if len(claimants) == 1}


def _fine_structure(picture: np.ndarray) -> np.ndarray:
    """What a Gaussian leaves over, mean 0 and length 1, flat."""
    fine = picture.astype(np.float64) - gaussian_filter(picture.astype(np.float64), _COARSE)
    centred = (fine - fine.mean()).ravel()
    unit: np.ndarray = centred / max(float(np.linalg.norm(centred)), 1e-9)
    return unit


def bench_pictures(
    pairs: list[PicturePair],
    methods: Sequence[str],
    others: dict[str, dict[str, Path]],
    device: torch.device,
    log: Log,
) -> list[Row]:
    """Mean figures of every method, and of the pictures of others, over the same pairs.

    Args:
        pairs: of `find_pairs`.
        methods: of `fusion.methods.METHODS`.
        others: name → `match` of its pictures; only pairs that all of them have are measured.
        device: of the methods' networks.
        log: takes a line of every method.

    Raises:
        InputError: no pair that all have; see also `PictureFusion`.
    """
    common = [pair for pair in pairs if all(pair.name in found for found in others.values())]
    if not common:
        raise InputError("Expected a pair of sources for at least one fused picture, found none.")
    rows = []
    for name in methods:
        fusion = PictureFusion(name, device)
        log(f"{name}: {len(common)} pairs")
        rows.append(_row(name, common, lambda pair, f=fusion: _fused(f, pair)))  # type: ignore[misc]
    for name, found in others.items():
        rows.append(_row(name, common, lambda pair, f=found: 255 * grey(f[pair.name])))  # type: ignore[misc]
    return rows


def _fused(fusion: PictureFusion, pair: PicturePair) -> np.ndarray:
    """As it would be written: 8 bits."""
    fused = fusion(read_picture(pair.first), read_picture(pair.second))
    return (255 * _luma(fused)).round()


def _row(name: str, pairs: list[PicturePair], fused: Callable[[PicturePair], np.ndarray]) -> Row:
    figures, kept = [], []
    for pair in pairs:
        first, second, picture = grey(pair.first), grey(pair.second), fused(pair)
        figures.append(picture_figures(picture, 255 * first, 255 * second))
        everywhere = np.ones(first.shape, dtype=bool)
        kept.append(retention_figures(picture / 255, first, second, everywhere)._asdict())
    means = PictureFigures(*np.mean(figures, axis=0).tolist())
    retained = RetentionFigures(*(mean_of(kept, key) for key in RetentionFigures._fields))
    return Row(name, len(pairs), means, retained)


def table(rows: list[Row]) -> str:
    """Markdown, the best of each column in bold."""
    names = PictureFigures._fields
    best = [max(row.mean[i] for row in rows) for i in range(len(names))]
    lines = [
        "| method | pairs | " + " | ".join([_TITLES[name] for name in names] + _KEPT) + " |",
        "|---|---|" + "---|" * (len(names) + len(_KEPT)),
    ]
    for row in rows:
        cells = [_cell(value, top) for value, top in zip(row.mean, best, strict=True)]
        cells += [number(value) for value in row.kept]
        lines.append(f"| {row.method} | {row.pairs} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


_TITLES = {
    "en": "EN",
    "sd": "SD",
    "sf": "SF",
    "ag": "AG",
    "mi": "MI",
    "scd": "SCD",
    "vif": "VIF",
    "q_abf": "Q_abf",
    "ssim": "SSIM",
}
_KEPT = ["retention", "contrast of the second"]


def _cell(value: float, best: float) -> str:
    text = f"{value:.3f}" if abs(value) < 10 else f"{value:.1f}"
    return f"**{text}**" if value == best else text


def grey(path: Path) -> np.ndarray:
    """`(h, w)`, 0..1."""
    return _luma(read_picture(path))


def _luma(picture: np.ndarray) -> np.ndarray:
    return picture if picture.ndim == 2 else (picture @ np.array(BT601)).astype(np.float32)


def _pictures(folder: Path) -> list[Path]:
    return sorted(path for path in folder.iterdir() if path.suffix.lower() in READ)
