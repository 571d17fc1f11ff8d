"""A bidirectional LSTM behind the separable backbone.

The features of every position go through a layer of `hidden` units in each direction; a 1×1
convolution without bias brings the two outputs back to the layout's channels. The end of a sequence
is where its mask ends: the backward direction starts there, not in the filling.
"""

from __future__ import annotations

from typing import Any

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
        there = x.unflatten(1, (self.members, -1)).permute(3, 0, 1, 2)
        order = _backwards(x, mask)
        back = there.gather(0, order.expand_as(there))
        both = torch.stack([there, back], dim=3).flatten(2, 3)
        # Exporting would unroll PyTorch's LSTM to the length of its example.
        run = self._scanned if torch.compiler.is_exporting() else self._looped
        there, back = run(both).unflatten(2, (self.members, DIRECTIONS)).unbind(3)
        # The order is its own inverse.
        back = back.gather(0, order.expand_as(back))
        return torch.cat([there, back], dim=3).permute(1, 2, 3, 0).flatten(1, 2)

    def _looped(self, x: Tensor) -> Tensor:
        """Return (length, batch, runs, hidden) of x (length, batch, runs, inputs).

        A run is a direction of a member.
        """
        start = x.new_zeros(1, x.shape[1], self.hidden)
        parts = [
            part.split(GATES * self.hidden)
            for part in (self.input_weight, self.hidden_weight, self.bias)
        ]
        outputs = []
        for own, *weights in zip(x.unbind(2), *parts, strict=True):
            outputs.append(
                torch.lstm(
                    own,
                    (start, start),
                    [*weights, torch.zeros_like(weights[-1])],
                    has_biases=True,
                    num_layers=1,
                    dropout=0.0,
                    train=self.training,
                    bidirectional=False,
                    batch_first=False,
                )[0]
            )
        return torch.stack(outputs, dim=2)

    def _scanned(self, x: Tensor) -> Tensor:
        """Do as `_looped` by one step for all runs, scanned over any length."""
        from torch._higher_order_ops.scan import scan  # a prototype: not before it is needed

        runs = x.shape[2]
        input_weight = self.input_weight.view(runs, -1, x.shape[3]).transpose(1, 2)
        hidden_weight = self.hidden_weight.view(runs, -1, self.hidden).transpose(1, 2)
        known = torch.einsum("lbri,rig->lrbg", x, input_weight) + self.bias.view(runs, 1, -1)

        def step(state: tuple[Tensor, Tensor], given: Tensor) -> tuple[Any, Tensor]:
            output, cell = state
            gates = given + torch.bmm(output, hidden_weight)
            inward, keep, candidate, outward = gates.chunk(GATES, dim=2)
            cell = torch.sigmoid(keep) * cell + torch.sigmoid(inward) * torch.tanh(candidate)
            output = torch.sigmoid(outward) * torch.tanh(cell)
            return (output, cell), output.clone()

        start = x.new_zeros(runs, x.shape[1], self.hidden)
        outputs: Tensor = scan(step, (start, start.clone()), known)[1]
        return outputs.transpose(1, 2)


def _backwards(x: Tensor, mask: Tensor | None) -> Tensor:
    """Return which position to read at each step from the end, shape (length, batch or 1, 1, 1)."""
    positions = torch.arange(x.shape[2], device=x.device)[:, None, None, None]
    if mask is None:
        return x.shape[2] - 1 - positions
    lengths = mask.sum(2).long()[:, :, None]  # (batch, 1, 1)
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
