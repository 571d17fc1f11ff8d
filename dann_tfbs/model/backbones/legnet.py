"""LegNet (Penzar et al. 2023, Bioinformatics 39, btad457), in code of our own.

As published, in the optimised form of the article (repository autosome-ru/LegNet,
`dream_ablation`): a stem convolution; between each two neighbouring block sizes an
EfficientNetV2-like block (pointwise expansion ×4 of its input's channels, depthwise convolution,
squeeze-and-excitation down to a quarter of the input's channels, pointwise projection; batch norm
and SiLU after each convolution), whose output is joined with its input as further channels; a local
convolution to the next block size; at the end the mapping block, a 1×1 convolution with bias and
without activation. Published sizes are 256, 128, 128, 64, 64, 64, 64 with convolutions 7 bp wide.

What differs, and why:

* The default sizes are half of the published ones: 542,640 parameters with a head, a quarter of the
  2,125,640 that the published sizes have here.
* The mapping block ends in the layout's channels, not in the 18 expression bins of the yeast data;
  averaging over positions and the last weights are those of our heads. LegNet's softmax over bins
  has no counterpart where the answer is bound or unbound.
* The input has four channels, N as zeros. The published one has N as 0.25, and channels that say
  which strand is shown and whether a measurement rests on one cell; we show and score both strands.
* The squeezed average and the convolutions leave out filling, so that lengths of a batch may
  differ. In training there is none, and batch norm counts every position.
* Weights start as PyTorch draws them. Batch norm follows every convolution but the last, so that
  the published scale of the start makes no difference to what these compute at first.
"""

from __future__ import annotations

from itertools import pairwise

from pydantic import Field, field_validator
from torch import Tensor, nn

from dann_tfbs.config import Architecture
from dann_tfbs.model.backbones.common import (
    BatchNorm,
    Convolution,
    channels_beside,
    joined_channels,
    masked,
    own_settings,
    without_filling,
)
from dann_tfbs.model.layers import BASES, SqueezeExcitation, one_hot
from dann_tfbs.settings import StrictSettings


class LegNetSettings(StrictSettings):
    """Sizes of a LegNet."""

    block_sizes: tuple[int, ...] = Field((128, 64, 64, 32, 32, 32, 32), min_length=1)
    """Channels of the stem, and after each block."""
    width: int = Field(7, ge=1)
    """Width in bp of all convolutions that look at neighbours; odd."""
    expansion: int = Field(4, ge=1)
    """Channels inside a block per channel of its input."""
    squeeze_reduction: int = Field(4, ge=1)
    """Channels of a block's input per channel of the squeezed vector."""

    @field_validator("width")
    @classmethod
    def _odd(cls, value: int) -> int:
        if value % 2 == 0:
            raise ValueError("must be odd, so that a convolution keeps the length")
        return value

    @field_validator("block_sizes")
    @classmethod
    def _positive(cls, value: tuple[int, ...]) -> tuple[int, ...]:
        if min(value) < 1:
            raise ValueError("sizes must be at least 1")
        return value


class LocalBlock(nn.Module):
    """Convolution over neighbours, batch norm, SiLU."""

    def __init__(self, inputs: int, outputs: int, width: int, members: int) -> None:
        super().__init__()
        self.convolution = Convolution(inputs, outputs, width, members, bias=False)
        self.norm = BatchNorm(members * outputs)
        self.activation = nn.SiLU()

    def forward(self, x: Tensor) -> Tensor:
        """Apply the block; filling must be zero already."""
        return self.activation(self.norm(self.convolution(x)))


class EfficientBlock(nn.Module):
    """EfficientNetV2-like block: expand → depthwise → squeeze-and-excitation → project.

    Input and output (batch, members · channels, length).
    """

    def __init__(self, channels: int, settings: LegNetSettings, members: int) -> None:
        super().__init__()
        inner = channels * settings.expansion
        self.expand = Convolution(channels, inner, 1, members, bias=False)
        self.expand_norm = BatchNorm(members * inner)
        self.expand_activation = nn.SiLU()
        self.depthwise = Convolution(
            inner, inner, settings.width, members, groups=inner, bias=False
        )
        self.depthwise_norm = BatchNorm(members * inner)
        self.depthwise_activation = nn.SiLU()
        # Published: a part of the block's input, where `SqueezeExcitation` counts from its own.
        self.squeeze = SqueezeExcitation(
            inner, settings.squeeze_reduction * settings.expansion, members
        )
        self.project = Convolution(inner, channels, 1, members, bias=False)
        self.project_norm = BatchNorm(members * channels)
        self.project_activation = nn.SiLU()

    def forward(self, x: Tensor, mask: Tensor | None) -> Tensor:
        """Apply the block."""
        y = self.expand_activation(self.expand_norm(self.expand(x)))
        y = self.depthwise(masked(y, mask))
        y = self.squeeze(self.depthwise_activation(self.depthwise_norm(y)), mask)
        return self.project_activation(self.project_norm(self.project(y)))


class LegNet(nn.Module):
    """Codes in, features of every position out; see the module.

    Of the layout it reads `backbone_settings` and `channels`, the width of its features.
    """

    def __init__(self, architecture: Architecture, members: int = 1) -> None:
        super().__init__()
        settings = own_settings(LegNetSettings, architecture)
        sizes = settings.block_sizes
        self.members = members
        self.stem = LocalBlock(BASES, sizes[0], settings.width, members)
        self.blocks = nn.ModuleList(EfficientBlock(size, settings, members) for size in sizes[:-1])
        self.resizes = nn.ModuleList(
            LocalBlock(2 * size, following, settings.width, members)
            for size, following in pairwise(sizes)
        )
        self.mapping = Convolution(sizes[-1], architecture.channels, 1, members, bias=True)

    def forward(self, codes: Tensor, mask: Tensor | None = None) -> Tensor:
        """Return features (batch, members · channels, length) of codes (batch, members, length)."""
        x = self.stem(channels_beside(one_hot(without_filling(codes, mask))))
        for block, resize in zip(self.blocks, self.resizes, strict=True):
            x = resize(masked(joined_channels([block(x, mask), x], self.members), mask))
        return self.mapping(x)
