"""What built-in backbones share: their settings, hidden filling, convolutions by member."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

import torch
from torch import Tensor, nn
from torch.nn import functional

from dann_tfbs.config import Architecture
from dann_tfbs.errors import InputError
from dann_tfbs.sequence import N
from dann_tfbs.settings import StrictSettings, validated

Settings = TypeVar("Settings", bound=StrictSettings)

KEY = "architecture.backbone_settings"


def own_settings(kind: type[Settings], architecture: Architecture) -> Settings:
    """Return the checked settings of a backbone.

    Parameters
    ----------
    kind
        The settings class of the backbone.
    architecture
        The layout, with the settings as given.

    Raises
    ------
    InputError
        Naming the key below `architecture.backbone_settings` that is unknown or wrong.
    """
    try:
        return validated(kind, architecture.backbone_settings, architecture.backbone)
    except InputError as error:
        key = KEY if error.key is None else f"{KEY}.{error.key}"
        raise InputError(error.problem, key=key, remedy=error.remedy) from error


def without_filling(codes: Tensor, mask: Tensor | None) -> Tensor:
    """Turn whatever stands outside the mask into N, which every first layer sees as zeros.

    Parameters
    ----------
    codes
        Integers 0–4, shape (batch, members, length).
    mask
        1 inside a sequence and 0 in filling, shape (batch, 1, length), or None.
    """
    return codes if mask is None else codes.masked_fill(mask == 0, N)


def masked(x: Tensor, mask: Tensor | None) -> Tensor:
    """Set filling to zero, as a convolution sees what lies beyond the ends of a sequence."""
    return x if mask is None else x * mask


class Convolution(nn.Conv1d):
    """A convolution that keeps the length and the order of its input in memory.

    PyTorch's own one-dimensional convolution first copies whatever has its channels beside each
    other in memory; its two-dimensional one does not, and a depthwise one is then three times as
    fast on a CPU.
    """

    def __init__(
        self, inputs: int, outputs: int, width: int, members: int, *, groups: int = 1, bias: bool
    ) -> None:
        """Sizes and groups are per member."""
        super().__init__(
            members * inputs,
            members * outputs,
            width,
            padding=width // 2,
            groups=members * groups,
            bias=bias,
        )

    def forward(self, x: Tensor) -> Tensor:
        """Convolve (batch, members · inputs, length)."""
        padding = (0, self.kernel_size[0] // 2)
        weight = self.weight.unsqueeze(2)
        wide = functional.conv2d(
            x.unsqueeze(2), weight, self.bias, padding=padding, groups=self.groups
        )
        return wide.squeeze(2)


class BatchNorm(nn.BatchNorm1d):
    """Batch norm that keeps the order of its input in memory."""

    def forward(self, x: Tensor) -> Tensor:
        """Normalise (batch, channels, length)."""
        return super().forward(x.unsqueeze(2)).squeeze(2)

    def _check_input_dim(self, input: Tensor) -> None:
        """Accept the further axis of length 1."""


def channels_beside(x: Tensor) -> Tensor:
    """Order (batch, channels, length) in memory so that channels of a position lie together."""
    return x.transpose(1, 2).contiguous().transpose(1, 2)


def joined_channels(parts: Sequence[Tensor], members: int) -> Tensor:
    """Join (batch, members · channels, length) as channels of each member, channels beside."""
    apart = [part.transpose(1, 2).unflatten(2, (members, -1)) for part in parts]
    return torch.cat(apart, dim=3).flatten(2).transpose(1, 2)
