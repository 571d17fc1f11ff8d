"""Small layouts of every built-in backbone but the separable one, and networks of them."""

import torch
from torch import nn

from dann_tfbs.config import Architecture
from dann_tfbs.model.network import Network, initial_state, joined

LAYOUT = {"stem_widths": (3, 5), "stem_channels": 2, "blocks": 1, "depthwise_width": 3}


def layout(backbone: str, **settings: object) -> Architecture:
    return Architecture(**LAYOUT, backbone=backbone, backbone_settings=settings)


SMALL = {
    "legnet": layout("legnet", block_sizes=(8, 6), width=5),
    "convnext": layout("convnext", blocks=2, width=5, layer_scale=0.5),
    "embedding": layout("embedding", kmer=3, dimension=3),
    "lstm": layout("lstm", hidden=3),
}


def state_of(architecture: Architecture, seed: int) -> dict[str, torch.Tensor]:
    """Return a model whose norms have seen data and whose gates are no longer alike."""
    network = Network(architecture, ["HTS"])
    network.load_state_dict(initial_state(architecture, ["HTS"], seed))
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for part in network.modules():
            if isinstance(part, nn.BatchNorm1d):
                part.running_mean.normal_(0, 0.1, generator=generator)
                part.running_var.uniform_(0.5, 2, generator=generator)
        for parameter in network.parameters():
            parameter.add_(torch.randn(parameter.shape, generator=generator), alpha=0.1)
    return {k: v.clone() for k, v in network.state_dict().items()}


def network_of(architecture: Architecture, states: list[dict[str, torch.Tensor]]) -> Network:
    network = Network(architecture, ["HTS"], len(states))
    network.load_state_dict(joined(states))
    return network


def codes(n: int, members: int, length: int = 15, seed: int = 0) -> torch.Tensor:
    return torch.randint(0, 5, (n, members, length), generator=torch.Generator().manual_seed(seed))
