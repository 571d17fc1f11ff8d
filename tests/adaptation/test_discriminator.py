"""The discriminator: as many plain networks of nn.Linear, side by side."""

from itertools import pairwise

import pytest
import torch
from torch import nn

from dann_tfbs.adaptation.discriminator import Discriminator


def plain(hidden: int, depth: int) -> nn.Sequential:
    sizes = [4, *([hidden] * depth if hidden else [])]
    layers: list[nn.Module] = []
    for before, after in pairwise(sizes):
        layers += [nn.Linear(before, after), nn.ReLU()]
    return nn.Sequential(*layers, nn.Linear(sizes[-1], 3))


@pytest.mark.parametrize(("hidden", "depth"), [(0, 1), (5, 1), (5, 3)])
def test_members_are_networks_of_linear_layers_with_the_same_initial_values(hidden, depth):
    x = torch.randn(6, 2, 4, generator=torch.Generator().manual_seed(1))
    singles, references = [], []
    for seed in range(2):
        torch.manual_seed(seed)
        singles.append(Discriminator(4, hidden, depth, 3, members=1).state_dict())
        torch.manual_seed(seed)
        references.append(plain(hidden, depth))
    both = Discriminator(4, hidden, depth, 3, members=2)
    both.load_state_dict({key: torch.cat([s[key] for s in singles]) for key in singles[0]})
    logits = both(x)
    assert logits.shape == (6, 2, 3)
    for member, reference in enumerate(references):
        torch.testing.assert_close(logits[:, member], reference(x[:, member]))


def test_linear_where_nothing_is_hidden():
    assert sum(p.numel() for p in Discriminator(4, 0, 2, 3, 1).parameters()) == 4 * 3 + 3
    assert sum(p.numel() for p in Discriminator(4, 5, 2, 3, 1).parameters()) == 25 + 30 + 18
