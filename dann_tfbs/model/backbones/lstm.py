"""A bidirectional LSTM behind the separable backbone.

The features of every position go through a layer of `hidden` units in each direction; a 1×1
convolution without bias brings the two outputs back to the layout's channels. The end of a sequence
is where its mask ends: the backward direction starts there, not in the filling.
"""

from __future__ import annotations

import torch
from pydantic import Field
from torch import Tensor, nn

from dann_tfbs.config import Architecture
from dann_tfbs.model.backbones.common import own_settings, without_filling
from dann_tfbs.model.layers import pointwise
from dann_tfbs.model.network import Backbone
from dann_tfbs.settings import StrictSettings

GATES = 4
DIRECTIONS = 2


class LstmSettings(StrictSettings):
    """Size of the LSTM; all keys of the separable layout hold too."""

    hidden: int = Field(16, ge=1)
    """Units of each direction."""


class SideBySideLstm(nn.Module):
    """One bidirectional layer for each member.

    Weights are those of `nn.LSTM` (gates in its order), those of the forward direction before those
    of the backward one, member by member.
    """

    def __init__(self, inputs: int, hidden: int, members: int) -> None:
        super().__init__()
        self.members = members
        self.hidden = hidden
        rows = members * DIRECTIONS * GATES * hidden
        self.input_weight = nn.Parameter(torch.empty(rows, inputs))
        self.hidden_weight = nn.Parameter(torch.empty(rows, hidden))
        # `nn.LSTM` has two, which act as their sum.
        self.bias = nn.Parameter(torch.empty(rows))
        for parameter in self.parameters():
            nn.init.uniform_(parameter, -(hidden**-0.5), hidden**-0.5)

    def forward(self, x: Tensor, mask: Tensor | None) -> Tensor:
        """Return (batch, members · 2 · hidden, length) of x (batch, members · inputs, length)."""
        steps = x.unflatten(1, (self.members, -1)).permute(1, 3, 0, 2)
        order = _backwards(x, mask)
        return torch.cat([self._member(n, one, order) for n, one in enumerate(steps)], dim=1)

    def _member(self, member: int, x: Tensor, order: Tensor) -> Tensor:
        """Return (batch, 2 · hidden, length) of x (length, batch, inputs)."""
        there = self._direction(DIRECTIONS * member, x)
        reversed_x = x.gather(0, order.expand_as(x))
        back = self._direction(DIRECTIONS * member + 1, reversed_x)
        # The order is its own inverse.
        back = back.gather(0, order.expand_as(back))
        return torch.cat([there, back], dim=2).permute(1, 2, 0)

    def _direction(self, number: int, x: Tensor) -> Tensor:
        size = GATES * self.hidden
        rows = slice(number * size, (number + 1) * size)
        bias = self.bias[rows]
        weights = [self.input_weight[rows], self.hidden_weight[rows], bias, torch.zeros_like(bias)]
        start = x.new_zeros(1, x.shape[1], self.hidden)
        outputs: Tensor = torch.lstm(
            x,
            (start, start),
            weights,
            has_biases=True,
            num_layers=1,
            dropout=0.0,
            train=self.training,
            bidirectional=False,
            batch_first=False,
        )[0]
        return outputs


def _backwards(x: Tensor, mask: Tensor | None) -> Tensor:
    """Return which position to read at each step from the end, shape (length, batch or 1, 1)."""
    positions = torch.arange(x.shape[2], device=x.device)[:, None, None]
    if mask is None:
        return x.shape[2] - 1 - positions
    lengths = mask.sum(2).long()  # (batch, 1)
    return torch.where(positions < lengths, lengths - 1 - positions, positions)


class LstmBackbone(nn.Module):
    """Separable backbone, LSTM, projection."""

    def __init__(self, architecture: Architecture, members: int = 1) -> None:
        super().__init__()
        hidden = own_settings(LstmSettings, architecture).hidden
        self.separable = Backbone(architecture, members)
        self.lstm = SideBySideLstm(architecture.channels, hidden, members)
        self.project = pointwise(DIRECTIONS * hidden, architecture.channels, members)

    def forward(self, codes: Tensor, mask: Tensor | None = None) -> Tensor:
        """Return features (batch, members · channels, length) of codes (batch, members, length)."""
        x = self.separable(without_filling(codes, mask), mask)
        return self.project(self.lstm(x, mask))
