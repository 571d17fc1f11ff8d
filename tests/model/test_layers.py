"""The layers against computations by hand."""

import math

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from dann_tfbs.model.layers import (
    Head,
    SeparableBlock,
    SqueezeExcitation,
    Stem,
    mean_over_length,
    one_hot,
)


def silu(x: float) -> float:
    return x / (1 + math.exp(-x))


def sigmoid(x: float) -> float:
    return 1 / (1 + math.exp(-x))


def set_weight(module: nn.Module, values: list) -> None:
    """Set a convolution's weight; `values` of the same number of elements."""
    with torch.no_grad():
        module.weight.copy_(torch.tensor(values, dtype=torch.float32).view_as(module.weight))


def without_norms(module: nn.Module) -> nn.Module:
    """Make every batch norm the identity."""
    for part in module.modules():
        for name, child in part.named_children():
            if isinstance(child, nn.BatchNorm1d):
                setattr(part, name, nn.Identity())
    return module.eval()


def test_one_hot_has_a_channel_for_each_base_and_zeros_for_n():
    channels = one_hot(torch.tensor([[[0, 4, 3, 1]]]))
    expected = [[1, 0, 0, 0], [0, 0, 0, 1], [0, 0, 0, 0], [0, 0, 1, 0]]
    assert channels.tolist() == [expected]


def test_one_hot_keeps_members_apart():
    channels = one_hot(torch.tensor([[[2], [4], [0]]]))
    assert channels[0, :, 0].tolist() == [0, 0, 1, 0, 0, 0, 0, 0, 1, 0, 0, 0]


def test_mean_over_length_counts_positions_inside_only():
    x = torch.tensor([[[1.0, 2.0, 6.0, 100.0]], [[4.0, 8.0, 0.0, 0.0]]])
    mask = torch.tensor([[[1.0, 1, 1, 0]], [[1.0, 1, 0, 0]]])
    assert mean_over_length(x, mask).flatten().tolist() == [3.0, 6.0]
    assert mean_over_length(x, None).flatten().tolist() == [27.25, 3.0]


def test_stem_reads_letters_and_sees_nothing_at_n_and_beyond_the_ends():
    stem = without_norms(Stem((3,), 1, 1))
    # Weight of base b at offset o (left, middle, right): A 1 2 3, C 10 20 30, G 100.., T 0.
    set_weight(
        stem.convolutions[0],
        [[[1, 2, 3], [10, 20, 30], [100, 200, 300], [0, 0, 0]]],
    )
    stem.activation = nn.Identity()
    # Sequence A C N G: at A 2 + 30 (C to the right); at C 1 + 20; at N 10 + 300; at G 200.
    assert stem(one_hot(torch.tensor([[[0, 1, 4, 2]]]))).flatten().tolist() == [32, 21, 310, 200]


def test_stem_joins_widths_as_channels_of_each_member():
    stem = without_norms(Stem((1, 3), 1, 2))
    stem.activation = nn.Identity()
    # Width 1: member 0 says 1 at A, member 1 says 2 at A. Width 3: 10 and 20 for A in the middle.
    set_weight(stem.convolutions[0], [[1, 0, 0, 0], [2, 0, 0, 0]])
    middle = [[0, 1, 0], [0] * 3, [0] * 3, [0] * 3]
    set_weight(
        stem.convolutions[1],
        [[[v * m for v in row] for row in middle] for m in (10, 20)],
    )
    out = stem(one_hot(torch.tensor([[[0], [0]]])))
    assert out.flatten().tolist() == [1, 10, 2, 20]


def test_squeeze_excitation_scales_by_the_average():
    layer = SqueezeExcitation(2, 2, 1)
    set_weight(layer.reduce, [0.5, -1.0])
    set_weight(layer.expand, [2.0, -3.0])
    with torch.no_grad():
        layer.reduce.bias.copy_(torch.tensor([0.25]))
        layer.expand.bias.copy_(torch.tensor([0.0, 1.0]))
    x = torch.tensor([[[1.0, 3.0], [2.0, 0.0]]])
    # Averages 2 and 1: 0.5·2 − 1·1 + 0.25 = 0.25.
    squeezed = silu(0.25)
    gates = [sigmoid(2 * squeezed), sigmoid(-3 * squeezed + 1)]
    expected = [[1 * gates[0], 3 * gates[0]], [2 * gates[1], 0]]
    np.testing.assert_allclose(layer(x, None)[0].detach().numpy(), expected, rtol=1e-6)


def block(squeeze: str) -> SeparableBlock:
    layer = without_norms(SeparableBlock(1, 2, 3, squeeze, 1, 1))
    set_weight(layer.expand, [1.0, -2.0])
    set_weight(layer.depthwise, [[[1.0, 2.0, 4.0]], [[0.0, 1.0, -1.0]]])
    set_weight(layer.project, [0.5, 3.0])
    return layer


def test_block_expands_filters_each_channel_apart_projects_and_adds_its_input():
    x = [1.0, -1.0]
    a = [silu(1.0), silu(-1.0)]
    b = [silu(-2.0), silu(2.0)]
    # Correlation with zeros beyond the ends: channel 0 (left 1, middle 2, right 4), channel 1.
    filtered_0 = [2 * a[0] + 4 * a[1], a[0] + 2 * a[1]]
    filtered_1 = [b[0] - b[1], b[1]]
    expected = [x[i] + 0.5 * silu(filtered_0[i]) + 3 * silu(filtered_1[i]) for i in range(2)]
    out = block("none")(torch.tensor([[x]]), None)
    np.testing.assert_allclose(out.flatten().detach().numpy(), expected, rtol=1e-6)


@pytest.mark.parametrize("squeeze", ["expanded", "output"])
def test_squeeze_stands_where_the_layout_says(squeeze: str):
    layer, plain = block(squeeze), block("none")
    squeezed = layer.squeeze_inner if squeeze == "expanded" else layer.squeeze_output
    other = layer.squeeze_output if squeeze == "expanded" else layer.squeeze_inner
    assert other is None
    # With weights 0 and bias 0 every gate is sigmoid(0) = ½, so the residual branch is halved:
    # the project convolution is linear, so this holds wherever the gate stands.
    for part in squeezed.parameters():
        nn.init.zeros_(part)
    x = torch.tensor([[[0.3, -0.8, 1.2]]])
    half = x + (plain(x, None) - x) / 2
    torch.testing.assert_close(layer(x, None), half)
    assert squeezed.reduce.in_channels == (2 if squeeze == "expanded" else 1)


def test_head_of_averages_is_a_product_for_each_member():
    head = Head(2, 2, bias=False)
    set_weight(head.logit, [2.0, -1.0, 1.0, 10.0])
    average = torch.tensor([[[1.0, 3.0], [2.0, -1.0]]])
    assert head.of_average(average).tolist() == [[-1.0, -8.0]]


@pytest.mark.parametrize(("mask", "expected"), [(None, [16.0, 2.0]), ([1.0, 1.0, 0.0], [0.0, 2.0])])
def test_head_of_positions_takes_the_largest_logit_inside(mask, expected):
    head = Head(1, 2, bias=False)
    set_weight(head.logit, [2.0, -1.0])
    x = torch.tensor([[[0.0, -2.0, 8.0], [-2.0, 0.0, 8.0]]])
    inside: Tensor | None = None if mask is None else torch.tensor([[mask]])
    assert head.of_positions(x, inside).tolist() == [expected]


def test_head_with_bias_adds_it_to_every_logit():
    head = Head(1, 1, bias=True)
    set_weight(head.logit, [1.0])
    with torch.no_grad():
        head.logit.bias.fill_(5.0)
    assert head.of_average(torch.tensor([[[2.0]]])).tolist() == [[7.0]]
    assert head.of_positions(torch.tensor([[[1.0, 3.0]]]), None).tolist() == [[8.0]]
