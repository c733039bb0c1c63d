"""Where numbers meet classes: presets, the ablation variants of Tables 4 and 5, and `build`."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any, Literal

from UniFuseLib.network.alignment import CorrelationFA
from UniFuseLib.network.alsn import build_alsn
from UniFuseLib.network.dapl import DAPL
from UniFuseLib.network.encoder import TEXTURES, DescriptorEncoder, Encoder
from UniFuseLib.network.fusion import UFRF
from UniFuseLib.network.layers import unpatch
from UniFuseLib.network.oufr import (
    OUFR,
    PlainMamba,
    RecurrentSpatialMamba,
    SpatialMamba,
    Transformer,
    WithoutMixer,
)
from UniFuseLib.network.plain_alignment import NoFA, PlainFA
from UniFuseLib.network.unifuse import UniFuse
from UniFuseLib.network.without_dapl import WithoutDAPL, WithoutPrompt, WithoutStates

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import nn


@dataclass(frozen=True)
class NetworkConfig:
    """All that is needed to build a network; stored in the weights' contract.

    Symbols of the paper: C `channels`, M `width`, E `inner`, S `states`, Q `patch`, Ñ `classes`, L
    `prompt_length`, J `blocks`.
    """

    encoder: Literal["intensity", "descriptor"] = "descriptor"
    channels: int = 16
    width: int = 64
    inner: int = 128
    states: int = 16
    patch: int = 8  # voxels of the input volume
    classes: int = 4  # as many as `degradation.CLASSES`
    prompt_length: int = 4
    mix_stride: int = 2  # of DAPL's convolution, before its patches
    blocks: int = 4
    alignment: Literal["plain", "correlation"] = "correlation"
    alignment_channels: tuple[int, ...] = (16, 24, 48, 64)  # finest first
    search_radius: tuple[int, ...] = (1, 1, 1, 0)  # of every level, finest first
    fusion_channels: tuple[int, ...] = (24, 32, 64)  # finest first
    fusion_dense: tuple[bool, ...] = (False, True, True)
    lora_rank: int = 4
    dapl: Literal["full", "without_states", "without_prompt", "none"] = "full"
    oufr: Literal["spatial_mamba", "recurrent", "mamba", "transformer", "none"] = "spatial_mamba"
    alsn: Literal["lora", "base_only", "experts"] = "lora"
    # head of the fused volume; weights without this key share the restored volume's
    blend: Literal["shared", "own"] = "shared"

    def to_dict(self) -> dict[str, Any]:
        """For the weights' contract."""
        return asdict(self)


_DEFAULT = NetworkConfig(blend="own")
_PAPER = NetworkConfig(
    encoder="intensity",
    channels=8,
    mix_stride=1,
    alignment="plain",
    fusion_channels=(8, 16, 32, 64),
    fusion_dense=(False, True, True, True),
)
_SMALL = NetworkConfig(
    channels=8,
    width=16,
    inner=32,
    states=4,
    prompt_length=2,
    alignment_channels=(8, 8, 16, 16),
    fusion_channels=(8, 8, 16),
    lora_rank=2,
    blend="own",
)

PRESETS: dict[str, NetworkConfig] = {"default": _DEFAULT, "paper": _PAPER, "small": _SMALL}

# Table 4: settings A, B, C of DAPL, the mixer of OUFR, the branches of ALSN; Table 5: J RegBLKs
ABLATIONS: dict[str, dict[str, Any]] = {
    "setting_a": {"dapl": "without_states"},
    "setting_b": {"dapl": "without_prompt"},
    "setting_c": {"dapl": "none"},
    "transformer": {"oufr": "transformer"},
    "mamba": {"oufr": "mamba"},
    "recurrent": {"oufr": "recurrent"},
    "without_oufr": {"oufr": "none"},
    "without_lora": {"alsn": "base_only"},
    "multi_experts": {"alsn": "experts"},
    "j0": {"blocks": 0},
    "j2": {"blocks": 2},
    "j3": {"blocks": 3},
    "j5": {"blocks": 5},
}


def preset(name: str) -> NetworkConfig:
    """A preset, or `preset+ablation`, for example `paper+setting_a`.

    Raises:
        ValueError: an unknown preset or ablation, with the known ones.
    """
    base, _, ablation = name.partition("+")
    if base not in PRESETS or (ablation and ablation not in ABLATIONS):
        raise ValueError(
            f"Expected one of {sorted(PRESETS)}, optionally with '+' and one of "
            f"{sorted(ABLATIONS)}; got '{name}'."
        )
    return replace(PRESETS[base], **ABLATIONS[ablation]) if ablation else PRESETS[base]


def build(config: NetworkConfig) -> UniFuse:
    """A network with fresh parameters (seed torch before, if they matter)."""
    encoder = _encoder(config)
    patch = config.patch // encoder.stride
    fusion_multiple = encoder.stride * 2 ** (len(config.fusion_channels) - 1)
    alignment_multiple = (
        encoder.stride * 2 ** max(config.blocks - 1, 0) if config.alignment == "correlation" else 1
    )
    return UniFuse(
        encoder,
        _dapl(config, patch),
        OUFR(config.channels, config.width, patch, _mixer(config)),
        unpatch(config.width, config.channels, patch),
        _alignment(config, encoder.stride),
        _fusion(config, folded=encoder.stride == 2),
        multiple=max(config.patch, fusion_multiple, alignment_multiple),
    )


def _encoder(config: NetworkConfig) -> Encoder | DescriptorEncoder:
    if config.encoder == "intensity":
        return Encoder(config.channels)
    return DescriptorEncoder(config.channels, config.patch)


def _dapl(config: NetworkConfig, patch: int) -> nn.Module:
    sizes = (config.width, config.inner, config.states)
    if config.dapl == "none":
        return WithoutDAPL(*sizes, config.classes, config.prompt_length)
    textures = TEXTURES if config.encoder == "descriptor" else 0
    dapl = DAPL(
        config.channels,
        *sizes,
        patch,
        config.classes,
        config.prompt_length,
        config.mix_stride,
        textures,
    )
    if config.dapl == "without_states":
        return WithoutStates(dapl)
    return WithoutPrompt(dapl) if config.dapl == "without_prompt" else dapl


def _mixer(config: NetworkConfig) -> nn.Module:
    width, inner, states = config.width, config.inner, config.states
    makers: dict[str, Callable[[], nn.Module]] = {
        "spatial_mamba": lambda: SpatialMamba(width, inner, states),
        "recurrent": lambda: RecurrentSpatialMamba(width, inner, states),
        "mamba": lambda: PlainMamba(width, inner, states),
        "transformer": lambda: Transformer(width, inner),
        "none": WithoutMixer,
    }
    return makers[config.oufr]()


def _alignment(config: NetworkConfig, stride: int) -> nn.Module:
    if config.blocks == 0:
        return NoFA(config.width, stride)
    if config.alignment == "plain":
        return PlainFA(config.width, config.blocks, config.patch // stride, config.width, stride)
    channels = config.alignment_channels
    levels = (*channels, *[channels[-1]] * config.blocks)[: config.blocks]
    radii = (*config.search_radius, *[config.search_radius[-1]] * config.blocks)[: config.blocks]
    token_level = min((config.patch // stride).bit_length() - 1, config.blocks - 1)
    return CorrelationFA(levels, radii, config.width, token_level, stride)


def _fusion(config: NetworkConfig, folded: bool) -> UFRF:
    skips = [
        build_alsn(channels, config.width, dense, config.lora_rank, config.classes, config.alsn)
        for channels, dense in zip(config.fusion_channels, config.fusion_dense, strict=True)
    ]
    return UFRF(
        config.channels,
        config.fusion_channels,
        config.fusion_dense,
        skips,
        folded,
        own_blend=config.blend == "own",
    )
