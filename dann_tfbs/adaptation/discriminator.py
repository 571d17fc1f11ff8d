"""The domain discriminator: a small network from features to a logit for every domain."""

from __future__ import annotations

from itertools import pairwise

from torch import Tensor, nn

from dann_tfbs.model.layers import pointwise


class Discriminator(nn.Module):
    """Hidden layers with ReLU and a layer of logits, one such network per member.

    The layers are 1×1 convolutions with a group for each member, which PyTorch initialises as it
    does `nn.Linear`. The sequences of a batch stand where positions usually do: that is ten times
    as fast on a CPU as a batch of length 1.

    Parameters
    ----------
    inputs
        Features per sequence.
    hidden
        Units of a hidden layer; 0 means a linear discriminator.
    depth
        Number of hidden layers.
    domains
        Number of logits.
    members
        Models side by side.
    """

    def __init__(self, inputs: int, hidden: int, depth: int, domains: int, members: int) -> None:
        super().__init__()
        self.members = members
        sizes = [inputs, *([hidden] * depth if hidden else [])]
        self.hidden = nn.ModuleList(
            pointwise(before, after, members, bias=True) for before, after in pairwise(sizes)
        )
        self.logits = pointwise(sizes[-1], domains, members, bias=True)

    def forward(self, features: Tensor) -> Tensor:
        """Return logits (n, members, domains) of features (n, members, inputs)."""
        x = features.flatten(1, 2).T
        for layer in self.hidden:
            x = layer(x).relu()
        logits: Tensor = self.logits(x)
        return logits.T.unflatten(1, (self.members, -1))
