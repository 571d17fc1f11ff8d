"""Features of earlier batches, kept as further references of a contrastive loss."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from dann_tfbs.adaptation.contract import UNLABELLED


class CrossBatchMemory(nn.Module):
    """A queue of features for each member (Wang et al. 2020).

    Everything, the places of the next entries included, is a buffer: training that is resumed goes
    on with the same queue. (`CrossBatchMemory` of pytorch-metric-learning keeps its place outside
    the state.)

    Parameters
    ----------
    size
        Entries for each member; 0 means no memory.
    channels
        Channels of the features.
    members
        Models side by side.
    """

    features: Tensor
    labels: Tensor
    domains: Tensor
    place: Tensor

    def __init__(self, size: int, channels: int, members: int) -> None:
        super().__init__()
        self.size = size
        self.register_buffer("features", torch.zeros(members * size, channels))
        self.register_buffer("labels", torch.full((members * size,), float(UNLABELLED)))
        self.register_buffer("domains", torch.zeros(members * size, dtype=torch.int64))
        self.register_buffer("place", torch.zeros(members, dtype=torch.int64))

    def of(self, member: int) -> tuple[Tensor, Tensor, Tensor]:
        """Return copies of the features (n, channels), labels (n,) and domains (n,) of a member."""
        begin = member * self.size
        own = slice(begin, begin + self.size)
        # Entries that are still to be filled have no label.
        filled = self.labels[own] != UNLABELLED
        return self.features[own][filled], self.labels[own][filled], self.domains[own][filled]

    @torch.no_grad()
    def add(self, member: int, features: Tensor, labels: Tensor, domains: Tensor) -> None:
        """Put labelled features in the place of the oldest ones of a member.

        Of more sequences than the memory holds, evenly spaced ones are kept, so that every part of
        a batch is among them.
        """
        n = len(features)
        if n > self.size:
            kept = torch.arange(self.size, device=features.device) * n // max(self.size, 1)
            features, labels, domains = features[kept], labels[kept], domains[kept]
            n = self.size
        if n == 0:
            return
        steps = torch.arange(n, device=features.device)
        entries = member * self.size + (self.place[member] + steps) % self.size
        self.features[entries] = features.to(self.features.dtype)
        self.labels[entries] = labels.to(self.labels.dtype)
        self.domains[entries] = domains
        self.place[member] = (self.place[member] + n) % self.size
