"""The paper's losses, one function each (Eq. 1, 4-6, 11, 12), and some of ours. Lower is better
everywhere: SSIM enters as 1 - SSIM. `objective.py` adds them up (Eq. 14-15).

Eq. 13 (colour) is not there: the network reads luma, and `postprocess.py` carries colour over
(decision 0081).

`aligned` is W(I_fine, φ): the clean, misaligned label pulled through the predicted field.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from UniFuseLib.network.matching import local_correlation


def classification_loss(logits: Tensor, label: Tensor) -> Tensor:
    """L_ce = CE(p, p_GT) (Eq. 1): logits `(b, classes)`, label `(b,)` class index."""
    return F.cross_entropy(logits, label)


def modality_loss(
    first: tuple[Tensor, Tensor],
    second: tuple[Tensor, Tensor],
    negatives: int,
    generator: torch.Generator,
) -> Tensor:
    """L_moda = L_cont(F̄_D, F̄_R) + L_cont(F̄'_D, F̄'_R) (Eq. 4), each pair in one frame, features
    `(b, m, d, h, w)`.
    """
    return contrastive_loss(*first, negatives, generator) + contrastive_loss(
        *second, negatives, generator
    )


def contrastive_loss(
    first: Tensor,
    second: Tensor,
    negatives: int,
    generator: torch.Generator,
    temperature: float = 0.1,
) -> Tensor:
    """L_cont (Eq. 5): -log(e^{s⁺/τ} / (e^{s⁺/τ} + Σ_K e^{s⁻/τ})), s the cosine similarity.

    Args:
        first: `(b, m, d, h, w)`.
        second: likewise; the positive of a position is the same position here.
        negatives: K other positions of `second`, drawn for every position.
        generator: on the CPU or the features' device; decides the negatives.
        temperature: τ.
    """
    a = F.normalize(first.flatten(2).float(), dim=1).transpose(1, 2)  # (b, n, m)
    b = F.normalize(second.flatten(2).float(), dim=1).transpose(1, 2)
    n = a.shape[1]
    # a step of 1..n-1 along the ring of positions never lands on the position itself
    step = torch.randint(1, n, (n, negatives), generator=generator, device=generator.device).to(
        a.device
    )
    other = (torch.arange(n, device=a.device)[:, None] + step) % n
    positive = (a * b).sum(-1, keepdim=True)
    negative = torch.einsum("bnm,bnkm->bnk", a, b[:, other])
    logits = torch.cat([positive, negative], dim=-1) / temperature
    return -F.log_softmax(logits, dim=-1)[..., 0].mean()


def registration_loss(flow: Tensor, truth: Tensor, weight: Tensor) -> Tensor:
    """L_reg = ‖φ_gt - φ‖² (Eq. 6), mean over voxels with `weight` `(b, 1, d, h, w)`; flows `(b, 3,
    d, h, w)` voxels.
    """
    return _weighted_mean((flow - truth).square().sum(1, keepdim=True), weight)


def endpoint_loss(flow: Tensor, truth: Tensor, weight: Tensor) -> Tensor:
    """Mean √(‖φ_gt - φ‖² + 0.01) over voxels with `weight`: length of the error, voxels; not in the
    paper.

    Where structure is ambiguous a squared error shouts louder than all other terms together.
    """
    return _weighted_mean(((flow - truth).square().sum(1, keepdim=True) + 0.01).sqrt(), weight)


def _weighted_mean(values: Tensor, weight: Tensor) -> Tensor:
    """Mean of every sample's weighted mean: a batch's loss is the mean of its parts' losses, on
    however many GPUs.
    """
    return ((values * weight).flatten(1).sum(1) / weight.flatten(1).sum(1).clamp(min=1e-6)).mean()


def matching_loss(
    moved: Tensor, reference: Tensor, weight: Tensor, radius: int = 1, temperature: float = 0.1
) -> Tensor:
    """-log softmax_k(cos(reference[x], moved[x + k]) / τ) at k = 0, the other offsets being the
    negatives of Eq. 5.

    Eq. 5 tells a place from any other one; alignment has to tell it from its neighbours. Not in the
    paper.

    Args:
        moved: `(b, c, d, h, w)` features of the degraded volume, pulled through the TRUE field.
        reference: features of its partner, likewise.
        weight: `(b, 1, d, h, w)` of every voxel.
        radius: of the offsets, voxels.
        temperature: τ.
    """
    similarity = local_correlation(moved, reference, radius) / temperature
    here = similarity.shape[1] // 2
    return _weighted_mean(
        similarity.logsumexp(1, keepdim=True) - similarity[:, here : here + 1], weight
    )


def structure_loss(fused: Tensor, aligned: Tensor, reference: Tensor) -> Tensor:
    """L_ssim (Eq. 11): (1 - SSIM(I_fuse, W(I_fine, φ))) + (1 - SSIM(I_fuse, I_R))."""
    return 2 - ssim(fused, aligned) - ssim(fused, reference)


def intensity_loss(fused: Tensor, aligned: Tensor, reference: Tensor) -> Tensor:
    """L_inten (Eq. 12): mean |I_fuse - max(W(I_fine, φ), I_R)|."""
    return (fused - torch.maximum(aligned, reference)).abs().mean()


def fidelity_loss(fused: Tensor, aligned: Tensor, reference: Tensor) -> Tensor:
    """(MSE(I_fuse, W(I_fine, φ)) + MSE(I_fuse, I_R)) / 2, the Q_mse of the evaluation; not in the
    paper.

    Lowest at the mean of both sources, which Eq. 12 pulls away from towards the brighter one.
    """
    return ((fused - aligned).square().mean() + (fused - reference).square().mean()) / 2


def retention_loss(fused: Tensor, aligned: Tensor, reference: Tensor) -> Tensor:
    """mean |I_fuse - t|, t = I_R + w (W(I_fine, φ) - I_R): the reference, and what only the other
    source shows; ours.

    w = s(W(I_fine, φ); 0.55, 0.75) · s(W(I_fine, φ) - I_R; 0.05, 0.25), s a smooth step between two
    intensities. Bone of a CT, uptake of a PET, fluid of a T2 are bright (240 HU is 0.75) where the
    reference is not; soft tissue is left to the reference with its whole contrast. Both lie below
    Eq. 12 alone, which takes a CT's grey for dark MR.
    """
    return (fused - _retained(aligned, reference)).abs().mean()


def squared_retention_loss(fused: Tensor, aligned: Tensor, reference: Tensor) -> Tensor:
    """mean (I_fuse - t)², t of `retention_loss`: its minimum is the mean of what t may be.

    That of the absolute difference is the median, which decides voxel by voxel for one source.
    """
    return (fused - _retained(aligned, reference)).square().mean()


def _retained(aligned: Tensor, reference: Tensor) -> Tensor:
    """t of `retention_loss`, of the shape of both."""
    shown = smooth_step(aligned, 0.55, 0.75) * smooth_step(aligned - reference, 0.05, 0.25)
    return torch.lerp(reference, aligned, shown)


def smooth_step(value: Tensor, low: float, high: float) -> Tensor:
    """0 below `low`, 1 above `high`, 3t² - 2t³ between them."""
    t = ((value - low) / (high - low)).clamp(0, 1)
    return t * t * (3 - 2 * t)


def gradient_loss(fused: Tensor, aligned: Tensor, reference: Tensor) -> Tensor:
    """L_grad (Eq. 12): mean |∇I_fuse - max(∇W(I_fine, φ), ∇I_R)|, the maximum taken by magnitude,
    sign kept.
    """
    total = fused.new_zeros(())
    for axis in (2, 3, 4):
        f, a, r = (v.diff(dim=axis) for v in (fused, aligned, reference))
        total = total + (f - torch.where(a.abs() >= r.abs(), a, r)).abs().mean()
    return total


def restoration_loss(restored: Tensor, clean: Tensor) -> Tensor:
    """Mean |restored - I_D| + (1 - SSIM): supervision of the second output, which the paper does
    not have.
    """
    return (restored - clean).abs().mean() + 0.25 * (1 - ssim(restored, clean))


def ssim(first: Tensor, second: Tensor, side: int = 5) -> Tensor:
    """Mean SSIM (Wang et al. 2004) with a uniform window of `side`³ voxels, data range 1, valid
    voxels only.

    Cheap enough for every training step; the Gaussian window of the evaluation is
    `evaluation.metrics`' matter.
    """
    c1, c2 = 0.01**2, 0.03**2
    moments = torch.cat(
        [first, second, first * first, second * second, first * second], dim=1
    ).float()
    x, y, xx, yy, xy = _window_mean(moments, side).chunk(5, dim=1)
    vx, vy, vxy = xx - x * x, yy - y * y, xy - x * y
    score = ((2 * x * y + c1) * (2 * vxy + c2)) / ((x * x + y * y + c1) * (vx + vy + c2))
    return score.mean()


def _window_mean(volume: Tensor, side: int) -> Tensor:
    """Running mean over `side`³ voxels where the window fits, one axis at a time."""
    for axis in (2, 3, 4):
        window = min(side, volume.shape[axis])
        length = volume.shape[axis] - window + 1
        volume = (
            sum(
                (volume.narrow(axis, k, length) for k in range(1, window)),
                volume.narrow(axis, 0, length),
            )
            / window
        )
    return volume
