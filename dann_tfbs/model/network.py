"""The network: a shared backbone and a head per experiment type."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import cast

import torch
from torch import Tensor, nn

from dann_tfbs.config import Architecture
from dann_tfbs.errors import InputError
from dann_tfbs.model.layers import Head, SeparableBlock, Stem, mean_over_length, one_hot
from dann_tfbs.named import imported

State = dict[str, Tensor]


@dataclass(frozen=True)
class Encoded:
    """What the backbone makes of a batch, and all that heads and discriminators see of it.

    Attributes
    ----------
    average
        Features averaged over the positions of each sequence, shape (batch, members, channels).
    positions
        Features of every position, shape (batch, members · channels, length); None where they were
        not computed one by one.
    mask
        1 inside a sequence, 0 in filling, shape (batch, 1, length); None without filling.
    """

    average: Tensor
    positions: Tensor | None = None
    mask: Tensor | None = None


class Backbone(nn.Module):
    """Stem and separable residual blocks: codes in, features of every position out."""

    def __init__(self, architecture: Architecture, members: int = 1) -> None:
        super().__init__()
        self.stem = Stem(architecture.stem_widths, architecture.stem_channels, members)
        self.blocks = nn.ModuleList(
            SeparableBlock(
                architecture.channels,
                architecture.expansion,
                architecture.depthwise_width,
                architecture.squeeze,
                architecture.squeeze_reduction,
                members,
            )
            for _ in range(architecture.blocks)
        )

    def forward(self, codes: Tensor, mask: Tensor | None = None) -> Tensor:
        """Return features (batch, members · channels, length) of codes (batch, members, length)."""
        x = self.stem(one_hot(codes))
        for block in self.blocks:
            x = block(x, mask)
        return x


BUILT_IN = {
    "separable": "dann_tfbs.model.network:Backbone",
    "legnet": "dann_tfbs.model.backbones.legnet:LegNet",
    "convnext": "dann_tfbs.model.backbones.convnext:ConvNext",
    "embedding": "dann_tfbs.model.backbones.embedding:EmbeddingBackbone",
    "lstm": "dann_tfbs.model.backbones.lstm:LstmBackbone",
}
"""Name of a backbone to `module:Class`."""


def make_backbone(architecture: Architecture, members: int) -> nn.Module:
    """Return the backbone that a layout names: one of `BUILT_IN`, or a class of one's own.

    A backbone, built in or `module:Class`, is built as `Class(architecture, members)` and called
    with codes (batch, members, length) and a mask (batch, 1, length) or None. It returns features
    (batch, members · architecture.channels, length); for positions outside the mask they may be
    anything. Parameters and statistics have the member as the slowest part of their first dimension
    (see `dann_tfbs.model.layers`).

    Raises
    ------
    InputError
        If there is no such backbone, the class cannot be imported or is no module of PyTorch, or
        the backbone refuses its settings.
    """
    named = BUILT_IN.get(architecture.backbone, architecture.backbone)
    if ":" not in named:
        raise InputError(
            f"there is no backbone '{named}'.",
            key="architecture.backbone",
            remedy=f"Known: {', '.join(BUILT_IN)}, or module:Class for one of your own.",
        )
    found = imported(named, "architecture.backbone")
    if not (isinstance(found, type) and issubclass(found, nn.Module)):
        raise InputError(
            f"'{architecture.backbone}' is no backbone.",
            key="architecture.backbone",
            remedy="It must be a subclass of torch.nn.Module.",
        )
    made: nn.Module = found(architecture, members)
    return made


class Network(nn.Module):
    """Backbone and named heads; several models of one layout may run side by side.

    Parameters
    ----------
    architecture
        The layout.
    heads
        Names of the heads, one per experiment type to predict.
    members
        Number of models side by side (see `dann_tfbs.model.layers`).

    Attributes
    ----------
    fast
        A faster way from codes (batch, members, length) and lengths (or None) to `Encoded.average`,
        equal to float tolerance; None means PyTorch's own layers. `dann_tfbs.training.engine` and
        `dann_tfbs.trained` set it.
    """

    def __init__(self, architecture: Architecture, heads: Sequence[str], members: int = 1) -> None:
        super().__init__()
        self.architecture = architecture
        self.members = members
        self.fast: Callable[[Tensor, Tensor | None], Tensor] | None = None
        self.backbone = make_backbone(architecture, members)
        self.heads = nn.ModuleDict(
            {
                name: Head(architecture.channels, members, bias=architecture.head_bias)
                for name in heads
            }
        )

    def _apply(self, fn: Callable[[Tensor], Tensor], recurse: bool = True) -> Network:
        # What moves or converts parameters (`to`, `double`) takes them from where `fast` reads.
        self.fast = None
        return cast(Network, super()._apply(fn, recurse))

    def encode(self, codes: Tensor, lengths: Tensor | None = None) -> Encoded:
        """Compute the features of sequences.

        Parameters
        ----------
        codes
            Integers 0–4, shape (batch, members, length).
        lengths
            True length of each sequence, shape (batch,), where the codes hold filling on the
            right; None where every row is full.
        """
        if self.fast is not None:
            return Encoded(self.fast(codes, lengths))
        return self.encode_plainly(codes, lengths)

    def encode_plainly(self, codes: Tensor, lengths: Tensor | None = None) -> Encoded:
        """Do as `encode`, by PyTorch's own layers: the reference that `fast` must agree with."""
        mask = None
        if lengths is not None:
            inside = torch.arange(codes.shape[2], device=codes.device) < lengths[:, None]
            mask = inside[:, None].float()
        positions = self.backbone(codes, mask)
        average = mean_over_length(positions, mask).squeeze(2).unflatten(1, (self.members, -1))
        return Encoded(average, positions, mask)

    def logits(self, encoded: Encoded, head: str) -> Tensor:
        """Return the logits of a head, shape (batch, members)."""
        own = cast(Head, self.heads[head])
        if self.architecture.pooling == "mean":
            return own.of_average(encoded.average)
        assert encoded.positions is not None
        return own.of_positions(encoded.positions, encoded.mask)

    def forward(self, codes: Tensor, head: str, lengths: Tensor | None = None) -> Tensor:
        """Score sequences: `encode`, then `logits`."""
        return self.logits(self.encode(codes, lengths), head)


def initial_state(architecture: Architecture, heads: Sequence[str], seed: int) -> State:
    """Return the freshly initialised weights of one model; the same seed gives the same weights."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return Network(architecture, heads).state_dict()


def joined(states: Sequence[State]) -> State:
    """Join the states of single models into the state of a network with as many members."""
    return {
        key: torch.cat([state[key] for state in states]) if first.dim() else first
        for key, first in states[0].items()
    }


def separated(state: State, members: int) -> list[State]:
    """Split the state of a network into the states of its members; inverse of `joined`."""
    parts = {
        key: value.chunk(members) if value.dim() else [value] * members
        for key, value in state.items()
    }
    return [{key: part[member].clone() for key, part in parts.items()} for member in range(members)]


def count_parameters(network: nn.Module) -> int:
    """Return the number of trainable parameters."""
    return sum(p.numel() for p in network.parameters() if p.requires_grad)


def summary(network: nn.Module) -> str:
    """Return a table of the trainable parameters by layer, with their total."""
    rows = [
        (name, "×".join(map(str, p.shape)), p.numel())
        for name, p in network.named_parameters()
        if p.requires_grad
    ]
    width = max(len(name) for name, _, _ in rows)
    lines = [f"{name:<{width}}  {shape:>10}  {count:>6}" for name, shape, count in rows]
    lines.append(f"{'total':<{width}}  {'':>10}  {count_parameters(network):>6}")
    return "\n".join(lines)
