"""DAPL: degradation-aware prompt learning (paper Sec. 3.2, Eq. 1-2)."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from UniFuseLib.network.layers import activation, convolution, map_to_tokens, patches
from UniFuseLib.network.mamba import MambaBlock, MambaStates
from UniFuseLib.network.state_classifier import StateClassifier

if TYPE_CHECKING:
    from UniFuseLib.network.encoder import Encoded

AIR = 0.08  # network intensity below which a patch of both sources is background
_SEGMENT = 216  # tokens: a crop of 48³ voxels


class Context(NamedTuple):
    """What DAPL knows of the pair; everything after it is driven by this."""

    states: tuple[Tensor, Tensor, Tensor]  # h1..h3, each (b, e, s)
    logits: Tensor  # (b, classes), before the softmax of Eq. 1
    prompt: Tensor  # P̂ (b, classes, l, m)

    @property
    def probabilities(self) -> Tensor:
        """p `(b, classes)`."""
        return self.logits.float().softmax(dim=-1)

    def knowing(self, probabilities: Tensor) -> Context:
        """The same with another p `(b, classes)`, which sums to 1."""
        return self._replace(logits=probabilities.log())


def reading_orders(tokens: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Forward, reversed and bidirectional order of tokens, each `(b, n, m)`.

    Reversed is [f^N..f^1], bidirectional [f^1..f^(⌊N/2⌋-1), f^N..f^⌊N/2⌋].
    """
    half = max(tokens.shape[1] // 2 - 1, 0)
    bidirectional = torch.cat([tokens[:, :half], tokens[:, half:].flip(1)], dim=1)
    return tokens, tokens.flip(1), bidirectional


def _orders_of_lengths(tokens: Tensor, lengths: list[int]) -> list[tuple[Tensor, Tensor]]:
    """`reading_orders` of segments that are filled up at their end.

    Args:
        tokens: `(b, n, m)`.
        lengths: of every segment, n at most.

    Returns:
        For each order the tokens, still filled up at the end, and which of them count, bool `(b,
        n)`.
    """
    longest = tokens.shape[1]
    rows = {
        n: [F.pad(o[0, :, 0], (0, longest - n)) for o in reading_orders(_places(n))]
        for n in set(lengths)
    }
    counts = torch.arange(longest) < torch.tensor(lengths)[:, None]
    counts = counts.to(tokens.device)
    orders = []
    for k in range(3):
        index = torch.stack([rows[n][k] for n in lengths]).to(tokens.device)
        orders.append((tokens.gather(1, index[..., None].expand_as(tokens)), counts))
    return orders


def _places(count: int) -> Tensor:
    """0..count - 1 as tokens `(1, count, 1)`."""
    return torch.arange(count)[None, :, None]


def _chosen(tokens: Tensor, mask: Tensor) -> Tensor:
    """Tokens `(n, m)` where `mask` `(n,)`; all of them where it is empty.

    Also where it is unknown: tensors without memory, that only count operations.
    """
    return tokens if tokens.is_meta or not mask.any() else tokens[mask]


def segments(tokens: Tensor) -> Tensor:
    """Consecutive pieces of about `_SEGMENT` tokens: `(n, m)` → `(k, n // k, m)`.

    Fewer than k tokens are left out.
    """
    count = max(1, round(tokens.shape[0] / _SEGMENT))
    length = tokens.shape[0] // count
    return tokens[: count * length].view(count, length, -1)


class DAPL(nn.Module):
    """Two Mamba blocks; the last states h1..h3 of the second give the class and choose the prompt.

    A recurrence remembers its last few hundred tokens: of a whole scan, read in one go, that would
    be the air around the patient. So, where patch statistics separate body and air, only the body
    is read, in segments as long as a training crop, and their states are averaged.

    Args:
        channels: C of the encoder's features.
        width: M.
        inner: E of the Mamba blocks.
        states: S of the Mamba blocks.
        patch: side of a patch in voxels of the features.
        classes: Ñ.
        length: L prompts per class.
        mix_stride: of the convolution that mixes both sources; the patches shrink by as much.
        textures: channels of each source's patch statistics that join the patches; 0 for none.
    """

    def __init__(
        self,
        channels: int,
        width: int,
        inner: int,
        states: int,
        patch: int,
        classes: int,
        length: int,
        mix_stride: int,
        textures: int,
    ) -> None:
        super().__init__()
        self.mix = nn.Sequential(
            convolution(2 * channels, channels, stride=mix_stride), activation()
        )
        self.embed = patches(channels, width, patch // mix_stride)
        self.join = convolution(2 * textures, width, kernel=1) if textures else None
        self.first = MambaBlock(width, inner, states)
        self.second = MambaStates(width, inner, states)
        self.classifier = StateClassifier(inner, states, classes)
        self.prompts = nn.Parameter(torch.randn(classes, length, width) * 0.5)
        self.choose_length = nn.Sequential(
            nn.LayerNorm(3 * states), nn.Linear(3 * states, length), nn.GELU()
        )
        self.choose_width = nn.Sequential(nn.LayerNorm(inner), nn.Linear(inner, classes * width))

    def forward(self, degraded: Encoded, reference: Encoded) -> Context:
        """F'_D and F_R `(b, C, d, h, w)`, sides divisible by `patch`, and their statistics."""
        of_pairs = self.read(degraded, reference)
        h1, h2, h3 = (
            torch.stack([segments.mean(0) for segments in of_state])
            for of_state in zip(*of_pairs, strict=True)
        )
        states = (h1, h2, h3)
        return Context(states, self.classifier(states), self._prompt(states))

    def read(self, degraded: Encoded, reference: Encoded) -> list[tuple[Tensor, Tensor, Tensor]]:
        """h1..h3 of every pair, each `(k, e, s)`: one state for each of its k segments of body."""
        features = torch.cat([degraded.features, reference.features], dim=1)
        patches_of_both = self.embed(self.mix(features))
        if self.join is None or degraded.texture is None or reference.texture is None:
            return self._states(list(map_to_tokens(patches_of_both)[:, None]))
        textures = torch.cat([degraded.texture, reference.texture], dim=1)
        tokens = map_to_tokens(patches_of_both + self.join(textures))
        means = torch.maximum(degraded.texture[:, 0], reference.texture[:, 0])
        body = means.flatten(1) > AIR
        chosen = zip(tokens, body, strict=True)
        return self._states([segments(_chosen(of_pair, mask)) for of_pair, mask in chosen])

    def _states(self, pairs: list[Tensor]) -> list[tuple[Tensor, Tensor, Tensor]]:
        """Segments `(k, n, m)` of every pair → its h1..h3, each `(k, e, s)`; all pairs in one scan
        a reading order.
        """
        lengths = [tokens.shape[1] for tokens in pairs for _ in range(tokens.shape[0])]
        longest = max(lengths)
        filled = torch.cat(
            [F.pad(tokens, (0, 0, 0, longest - tokens.shape[1])) for tokens in pairs]
        )
        # causal: what fills a segment's end does not reach its tokens
        read = self.second.entered(self.first(filled))
        if min(lengths) == longest:
            states = [self.second(order) for order in reading_orders(read)]
        else:
            states = [self.second(*order) for order in _orders_of_lengths(read, lengths)]
        counts = [tokens.shape[0] for tokens in pairs]
        return list(zip(*(h.split(counts) for h in states), strict=True))

    def _prompt(self, states: tuple[Tensor, Tensor, Tensor]) -> Tensor:
        """P̂ = P ⊙ G (Eq. 2); one MLP gives G its length L, the other its classes Ñ and width M."""
        classes, _, width = self.prompts.shape
        by_length = self.choose_length(torch.cat(states, dim=-1)).transpose(1, 2)  # (b, l, e)
        selection = self.choose_width(by_length).unflatten(-1, (classes, width)).transpose(1, 2)
        return self.prompts * selection
