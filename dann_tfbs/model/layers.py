"""The layers of the network.

Everything is batch × channel × length. Several models of one layout (say, the seeds of an ensemble)
can be evaluated side by side in one pass: each layer then holds `members` groups of channels that
never mix, and a single model is the case `members = 1`. Every parameter and statistic has the
member as the slowest part of its first dimension.

`mask` (batch × 1 × length, 1 inside a sequence and 0 in the filling that only makes a batch
rectangular) keeps the filling from changing a score; None means that there is no filling.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from dann_tfbs.sequence import N

BASES = 4


def one_hot(codes: Tensor) -> Tensor:
    """Turn codes into channels.

    Parameters
    ----------
    codes
        Integers 0–4 (A C G T N), shape (batch, members, length).

    Returns
    -------
    Tensor
        Float, shape (batch, members · 4, length); N is four zeros.
    """
    table = torch.eye(N + 1, BASES, device=codes.device)
    return table[codes.long()].movedim(3, 2).flatten(1, 2)


def pointwise(inputs: int, outputs: int, members: int, *, bias: bool = False) -> nn.Conv1d:
    """Return a 1×1 convolution that keeps members apart; `inputs` and `outputs` are per member."""
    return nn.Conv1d(members * inputs, members * outputs, 1, groups=members, bias=bias)


def mean_over_length(x: Tensor, mask: Tensor | None) -> Tensor:
    """Average over positions inside the sequence: (batch, channels, length) → (…, 1)."""
    if mask is None:
        return x.mean(2, keepdim=True)
    return (x * mask).sum(2, keepdim=True) / mask.sum(2, keepdim=True)


class Stem(nn.Module):
    """Parallel convolutions of different widths, joined as channels, batch norm, SiLU.

    Input (batch, members · inputs, length), output (batch, members · channels, length).
    """

    def __init__(
        self, widths: tuple[int, ...], channels: int, members: int, inputs: int = BASES
    ) -> None:
        super().__init__()
        self.members = members
        self.convolutions = nn.ModuleList(
            nn.Conv1d(
                members * inputs,
                members * channels,
                width,
                padding=width // 2,
                groups=members,
                bias=False,
            )
            for width in widths
        )
        self.norm = nn.BatchNorm1d(members * channels * len(widths))
        self.activation = nn.SiLU()

    def forward(self, x: Tensor) -> Tensor:
        """Apply the stem."""
        parts = [convolution(x) for convolution in self.convolutions]
        joined = torch.cat([part.unflatten(1, (self.members, -1)) for part in parts], dim=2)
        return self.activation(self.norm(joined.flatten(1, 2)))


class SqueezeExcitation(nn.Module):
    """Channel weights from the sequence's average (Hu et al. 2018), by 1×1 convolutions."""

    def __init__(self, channels: int, reduction: int, members: int) -> None:
        super().__init__()
        squeezed = max(channels // reduction, 1)
        self.reduce = pointwise(channels, squeezed, members, bias=True)
        self.activation = nn.SiLU()
        self.expand = pointwise(squeezed, channels, members, bias=True)
        self.gate = nn.Sigmoid()

    def forward(self, x: Tensor, mask: Tensor | None) -> Tensor:
        """Scale the channels of x, shape (batch, members · channels, length)."""
        average = mean_over_length(x, mask)
        return x * self.gate(self.expand(self.activation(self.reduce(average))))


class SeparableBlock(nn.Module):
    """Residual block after MobileNetV3: expand → depthwise → squeeze-and-excitation → project.

    Input and output (batch, members · channels, length).
    """

    def __init__(
        self,
        channels: int,
        expansion: int,
        width: int,
        squeeze: str,
        reduction: int,
        members: int,
    ) -> None:
        super().__init__()
        inner = channels * expansion
        self.expand = pointwise(channels, inner, members)
        self.expand_norm = nn.BatchNorm1d(members * inner)
        self.expand_activation = nn.SiLU()
        self.depthwise = nn.Conv1d(
            members * inner,
            members * inner,
            width,
            padding=width // 2,
            groups=members * inner,
            bias=False,
        )
        self.depthwise_norm = nn.BatchNorm1d(members * inner)
        self.depthwise_activation = nn.SiLU()
        self.project = pointwise(inner, channels, members)
        self.project_norm = nn.BatchNorm1d(members * channels)
        self.squeeze_inner = (
            SqueezeExcitation(inner, reduction, members) if squeeze == "expanded" else None
        )
        self.squeeze_output = (
            SqueezeExcitation(channels, reduction, members) if squeeze == "output" else None
        )

    def forward(self, x: Tensor, mask: Tensor | None) -> Tensor:
        """Apply the block."""
        y = self.expand_activation(self.expand_norm(self.expand(x)))
        if mask is not None:
            # The depthwise convolution is the one layer here that looks at neighbours.
            y = y * mask
        y = self.depthwise_activation(self.depthwise_norm(self.depthwise(y)))
        if self.squeeze_inner is not None:
            y = self.squeeze_inner(y, mask)
        y = self.project_norm(self.project(y))
        if self.squeeze_output is not None:
            y = self.squeeze_output(y, mask)
        return x + y


class Head(nn.Module):
    """A logit per sequence: 1×1 convolution to one channel, and pooling over positions.

    The mean of the logits of all positions is the logit of the mean features, so that mean pooling
    needs no features position by position.
    """

    def __init__(self, channels: int, members: int, *, bias: bool) -> None:
        super().__init__()
        self.members = members
        self.logit = pointwise(channels, 1, members, bias=bias)

    def of_average(self, average: Tensor) -> Tensor:
        """Return mean-pooled logits (batch, members) of averages (batch, members, channels)."""
        logits = (average * self.logit.weight.view(self.members, -1)).sum(2)
        return logits if self.logit.bias is None else logits + self.logit.bias

    def of_positions(self, x: Tensor, mask: Tensor | None) -> Tensor:
        """Return max-pooled logits (batch, members) of x (batch, members · channels, length)."""
        logits = self.logit(x)
        if mask is not None:
            logits = logits.masked_fill(mask == 0, -torch.inf)
        return logits.amax(2)
