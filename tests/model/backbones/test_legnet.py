"""LegNet against its published form, written down without our layers."""

from itertools import pairwise

import pytest
import torch
from small_backbones import codes, layout, network_of, state_of
from torch.nn import functional

from dann_tfbs.config import Architecture
from dann_tfbs.model.backbones import legnet
from dann_tfbs.model.layers import one_hot
from dann_tfbs.model.network import Network, count_parameters

LAYOUT = layout("legnet", block_sizes=(8, 6, 4), width=5)


def published(state: dict[str, torch.Tensor], x: torch.Tensor) -> torch.Tensor:
    """Compute features of one-hot x (batch, 4, length) from the weights of one model."""

    def norm(y: torch.Tensor, name: str) -> torch.Tensor:
        names = ("running_mean", "running_var", "weight", "bias")
        return functional.silu(functional.batch_norm(y, *(state[f"{name}.{n}"] for n in names)))

    def convolved(y: torch.Tensor, name: str, groups: int = 1) -> torch.Tensor:
        weight = state[f"{name}.weight"]
        return functional.conv1d(
            y, weight, state.get(f"{name}.bias"), padding="same", groups=groups
        )

    x = norm(convolved(x, "stem.convolution"), "stem.norm")
    for number in range(2):
        name = f"blocks.{number}"
        y = norm(convolved(x, f"{name}.expand"), f"{name}.expand_norm")
        y = norm(convolved(y, f"{name}.depthwise", y.shape[1]), f"{name}.depthwise_norm")
        average = y.mean(2)
        for part, activation in (("reduce", functional.silu), ("expand", torch.sigmoid)):
            weight = state[f"{name}.squeeze.{part}.weight"][:, :, 0]
            average = activation(
                functional.linear(average, weight, state[f"{name}.squeeze.{part}.bias"])
            )
        y = norm(convolved(y * average[:, :, None], f"{name}.project"), f"{name}.project_norm")
        x = torch.cat([y, x], dim=1)
        resize = f"resizes.{number}"
        x = norm(convolved(x, f"{resize}.convolution"), f"{resize}.norm")
    return convolved(x, "mapping")


def test_features_are_those_of_the_published_form():
    state = state_of(LAYOUT, 0)
    x = codes(5, 1)
    found = network_of(LAYOUT, [state]).eval().backbone(x, None)
    own = {k.removeprefix("backbone."): v for k, v in state.items()}
    bases = torch.eye(5, 4)[x[:, 0]].transpose(1, 2)
    torch.testing.assert_close(found, published(own, bases), rtol=1e-4, atol=1e-5)


def test_squeezed_are_a_quarter_of_the_channels_of_the_blocks_input():
    backbone = Network(Architecture(backbone="legnet"), ["HTS"]).backbone
    squeezed = [block.squeeze.reduce.out_channels for block in backbone.blocks]
    inner = [block.squeeze.reduce.in_channels for block in backbone.blocks]
    assert squeezed == [32, 16, 16, 8, 8, 8]
    assert inner == [512, 256, 256, 128, 128, 128]


@pytest.mark.parametrize("sizes", [(128, 64, 64, 32, 32, 32, 32), (12, 8, 8)])
def test_the_number_of_parameters_by_hand(sizes):
    total = 4 * sizes[0] * 7 + 2 * sizes[0]
    for before, after in pairwise(sizes):
        inner, squeezed = 4 * before, before // 4
        total += before * inner + 2 * inner  # expand, norm
        total += inner * 7 + 2 * inner  # depthwise, norm
        total += inner * squeezed + squeezed + squeezed * inner + inner
        total += inner * before + 2 * before  # project, norm
        total += 2 * before * after * 7 + 2 * after  # local convolution, norm
    total += sizes[-1] * 12 + 12 + 12  # mapping, head
    layout = Architecture(backbone="legnet", backbone_settings={"block_sizes": sizes})
    assert count_parameters(Network(layout, ["HTS"])) == total


def test_a_position_sees_as_far_as_published(monkeypatch):
    """79 bp: 7 of the stem, and 12 more for each of six blocks."""
    layout = Architecture(
        backbone="legnet", backbone_settings={"block_sizes": (4,) * 7, "squeeze_reduction": 4}
    )
    backbone = Network(layout, ["HTS"]).double().eval().backbone
    for block in backbone.blocks:  # the gates see the whole sequence
        block.squeeze.forward = lambda x, mask: x
    with torch.no_grad():
        for parameter in backbone.parameters():
            if parameter.dim() == 3:  # weights of convolutions: all ways count, none cancels
                parameter.fill_(1 / parameter.shape[1])
    x = torch.full((1, 1, 101), 4)
    changed = x.clone()
    changed[0, 0, 50] = 3
    with torch.no_grad():
        monkeypatch.setattr(legnet, "one_hot", lambda codes: one_hot(codes).double())
        seen = ((backbone(changed, None) - backbone(x, None)).abs() > 0).any(1)[0].nonzero()
    assert (int(seen.min()), int(seen.max())) == (50 - 39, 50 + 39)
