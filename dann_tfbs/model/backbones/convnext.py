"""ConvNeXt blocks (Liu et al. 2022, CVPR) behind the parallel stem of the separable backbone.

A block is as published, in one dimension: depthwise convolution 7 wide, layer norm over the
channels of each position, pointwise expansion ×4, GELU, pointwise projection, a learned scale for
each channel ("layer scale", from 1e-6), and the input added. All convolutions have a bias. The last
block is followed by a layer norm, here of every position, where the published one normalises the
average.

What differs: the stem is the layout's (`stem_widths`, `stem_channels`), so that a comparison with
`separable` is one of blocks, with layer norm in place of batch norm and, as published, without
activation. There is no down-sampling, which features of every position forbid; the published stem
does it first of all. Stochastic depth, which is for networks of dozens of blocks, is left out.

There is no batch norm, hence no batch statistics to re-estimate (AdaBN).
"""

from __future__ import annotations

import torch
from pydantic import Field, field_validator
from torch import Tensor, nn
from torch.nn import functional

from dann_tfbs.config import Architecture
from dann_tfbs.model.backbones.common import (
    Convolution,
    channels_beside,
    joined_channels,
    masked,
    own_settings,
    without_filling,
)
from dann_tfbs.model.layers import BASES, one_hot
from dann_tfbs.settings import StrictSettings


class ConvNextSettings(StrictSettings):
    """What stands behind the stem; the channels are those of the layout."""

    blocks: int = Field(2, ge=0)
    """Number of blocks."""
    width: int = Field(7, ge=1)
    """Width in bp of the depthwise convolution; odd."""
    expansion: int = Field(4, ge=1)
    """Channels inside a block per channel outside it."""
    layer_scale: float = Field(1e-6, gt=0)
    """Scale of a block's output at the start."""

    @field_validator("width")
    @classmethod
    def _odd(cls, value: int) -> int:
        if value % 2 == 0:
            raise ValueError("must be odd, so that a convolution keeps the length")
        return value


class ChannelNorm(nn.Module):
    """Layer norm over the channels of each member and position."""

    def __init__(self, channels: int, members: int) -> None:
        super().__init__()
        self.members = members
        self.weight = nn.Parameter(torch.ones(members * channels))
        self.bias = nn.Parameter(torch.zeros(members * channels))
        self.eps = 1e-6

    def forward(self, x: Tensor) -> Tensor:
        """Normalise x, shape (batch, members · channels, length)."""
        apart = x.transpose(1, 2).unflatten(2, (self.members, -1))
        normal = functional.layer_norm(apart, apart.shape[3:], eps=self.eps)
        return (normal.flatten(2) * self.weight + self.bias).transpose(1, 2)


class ParallelStem(nn.Module):
    """Parallel convolutions of different widths, joined as channels, and layer norm."""

    def __init__(self, widths: tuple[int, ...], channels: int, members: int) -> None:
        super().__init__()
        self.members = members
        self.convolutions = nn.ModuleList(
            Convolution(BASES, channels, width, members, bias=False) for width in widths
        )
        self.norm = ChannelNorm(channels * len(widths), members)

    def forward(self, x: Tensor) -> Tensor:
        """Apply the stem to (batch, members · 4, length)."""
        parts = [convolution(x) for convolution in self.convolutions]
        return self.norm(joined_channels(parts, self.members))


class ConvNextBlock(nn.Module):
    """One block; input and output (batch, members · channels, length)."""

    def __init__(self, channels: int, settings: ConvNextSettings, members: int) -> None:
        super().__init__()
        inner = channels * settings.expansion
        self.depthwise = Convolution(
            channels, channels, settings.width, members, groups=channels, bias=True
        )
        self.norm = ChannelNorm(channels, members)
        self.expand = Convolution(channels, inner, 1, members, bias=True)
        self.activation = nn.GELU()
        self.project = Convolution(inner, channels, 1, members, bias=True)
        self.scale = nn.Parameter(torch.full((members * channels,), settings.layer_scale))

    def forward(self, x: Tensor, mask: Tensor | None) -> Tensor:
        """Apply the block."""
        y = self.norm(self.depthwise(masked(x, mask)))
        y = self.project(self.activation(self.expand(y)))
        return x + self.scale[:, None] * y


class ConvNext(nn.Module):
    """Codes in, features of every position out; see the module."""

    def __init__(self, architecture: Architecture, members: int = 1) -> None:
        super().__init__()
        settings = own_settings(ConvNextSettings, architecture)
        channels = architecture.channels
        self.stem = ParallelStem(architecture.stem_widths, architecture.stem_channels, members)
        self.blocks = nn.ModuleList(
            ConvNextBlock(channels, settings, members) for _ in range(settings.blocks)
        )
        self.norm = ChannelNorm(channels, members)

    def forward(self, codes: Tensor, mask: Tensor | None = None) -> Tensor:
        """Return features (batch, members · channels, length) of codes (batch, members, length)."""
        x = self.stem(channels_beside(one_hot(without_filling(codes, mask))))
        for block in self.blocks:
            x = block(x, mask)
        return self.norm(x)
