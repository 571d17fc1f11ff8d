"""A trained network as one plain function of codes, for tools outside the package."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from dann_tfbs.model.network import Network
from dann_tfbs.sequence import N


class DeployedNetwork(nn.Module):
    """Codes of full sequences in, scores in (0, 1) out, both strands included.

    Parameters
    ----------
    network
        A trained network.
    head
        Name of the head.
    strands
        `mean`, `max` or `forward`, as in `dann_tfbs.model.scoring.score`.
    """

    def __init__(self, network: Network, head: str, strands: str) -> None:
        super().__init__()
        # A copy by PyTorch's own layers alone, which can be exported.
        self.network = Network(network.architecture, list(network.heads), network.members)
        self.network.load_state_dict(network.state_dict())
        self.network.train(network.training)
        self.head = head
        self.strands = strands

    def forward(self, codes: Tensor) -> Tensor:
        """Score integer codes 0–4 (A C G T N), shape (n, length); return scores, shape (n,)."""
        logits = self._logits(codes)
        if self.strands != "forward":
            opposite = torch.where(codes == N, codes, 3 - codes).flip(1)
            other = self._logits(opposite)
            logits = (logits + other) / 2 if self.strands == "mean" else logits.maximum(other)
        return torch.sigmoid(logits.mean(1))

    def _logits(self, codes: Tensor) -> Tensor:
        members = self.network.members
        logits: Tensor = self.network(codes[:, None].expand(-1, members, -1), self.head)
        return logits
