"""Batch statistics of an unlabelled pool: the target's own mean and variance (AdaBN, Li 2018)."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from dann_tfbs.errors import InputError
from dann_tfbs.model.network import Network, State
from dann_tfbs.sequence import N

BATCH = 512


def batch_norms(network: Network) -> list[nn.BatchNorm1d]:
    """Return the batch norms of a network.

    Raises
    ------
    InputError
        If there is none, as in backbones of ConvNeXt blocks.
    """
    norms = [m for m in network.modules() if isinstance(m, nn.BatchNorm1d)]
    if not norms:
        raise InputError(
            "this backbone has no batch norm, hence no batch statistics to re-estimate.",
            key="adaptation.adabn",
            remedy="Leave AdaBN out.",
        )
    return norms


@torch.no_grad()
def reestimated(network: Network, codes: Tensor) -> State:
    """Return the state of a network whose batch norms hold the statistics of some sequences.

    Parameters
    ----------
    network
        Left as it is, but for its batch statistics, and in evaluation mode.
    codes
        `uint8`, shape (n, length). Both strands are shown, as in scoring.

    Returns
    -------
    dict
        Weights as before; running means and variances averaged over batches of 512.

    Raises
    ------
    InputError
        As `batch_norms`.
    """
    norms = batch_norms(network)
    momenta = [norm.momentum for norm in norms]
    counts = [norm.num_batches_tracked.clone() for norm in norms]  # type: ignore[union-attr]
    network.train()
    opposite = torch.where(codes == N, codes, 3 - codes).flip(1)
    both = torch.stack([codes, opposite], dim=1).flatten(0, 1)
    # Batches of one size, so that each weighs the same; what is left over is too little to matter.
    size = min(BATCH, len(both))
    for number, start in enumerate(range(0, len(both) - size + 1, size)):
        for norm in norms:
            norm.momentum = 1 / (number + 1)  # so that all batches weigh the same in the end
        network.encode(both[start : start + size, None].expand(-1, network.members, -1))
    network.eval()
    for norm, momentum, count in zip(norms, momenta, counts, strict=True):
        norm.momentum = momentum
        norm.num_batches_tracked.copy_(count)  # type: ignore[union-attr]
    return network.state_dict()
