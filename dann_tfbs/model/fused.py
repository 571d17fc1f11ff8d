"""The network's forward pass as matrix products and sums, which a compiler can fuse.

The convolutions of so small a network cost far more in calls and memory traffic than in arithmetic.
Written as (member, batch, length, channel) arrays, with the parallel stem folded into
one convolution, 1×1 convolutions as batched matrix products and the depthwise convolution as a sum
of shifted products, `torch.compile` turns everything between the products into a few loops.

The parameters and statistics are those of the plain network, which stays the reference.
"""

from __future__ import annotations

from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from dann_tfbs.model.layers import BASES, SeparableBlock, SqueezeExcitation, Stem
from dann_tfbs.model.network import Backbone, Network
from dann_tfbs.sequence import N


def fused_average(network: Network, codes: Tensor) -> Tensor:
    """Average the features of full sequences as `network.encode_plainly` does.

    Parameters
    ----------
    network
        The network; in training mode its running statistics are updated.
    codes
        Integers 0–4, shape (batch, members, length).

    Returns
    -------
    Tensor
        Shape (batch, members, channels).
    """
    backbone = cast(Backbone, network.backbone)
    x = _stem(backbone.stem, codes.transpose(0, 1))
    for block in backbone.blocks:
        x = _block(cast(SeparableBlock, block), x, network.members)
    return x.mean(2).transpose(0, 1)


def _product(x: Tensor, convolution: nn.Conv1d, members: int) -> Tensor:
    """Apply a 1×1 convolution to (members, batch, length, channels) as one product a member."""
    weight = convolution.weight.view(members, -1, convolution.weight.shape[1]).transpose(1, 2)
    flat = x.reshape(members, -1, x.shape[3])
    if convolution.bias is None:
        y = torch.bmm(flat, weight)
    else:
        y = torch.baddbmm(convolution.bias.view(members, 1, -1), flat, weight)
    return y.view(*x.shape[:3], -1)


def _norm(x: Tensor, norm: nn.BatchNorm1d) -> Tensor:
    """Apply batch norm over batch and length, as `nn.BatchNorm1d` does."""
    shape = (x.shape[0], 1, 1, x.shape[3])
    if norm.training:
        variance, mean = torch.var_mean(x, dim=(1, 2), keepdim=True, correction=0)
        _update_statistics(norm, mean, variance, x.shape[1] * x.shape[2])
    else:
        assert norm.running_mean is not None
        assert norm.running_var is not None
        mean, variance = norm.running_mean.view(shape), norm.running_var.view(shape)
    scale = norm.weight.view(shape) * torch.rsqrt(variance + norm.eps)
    return (x - mean) * scale + norm.bias.view(shape)


def _update_statistics(norm: nn.BatchNorm1d, mean: Tensor, variance: Tensor, count: int) -> None:
    assert norm.running_mean is not None
    assert norm.running_var is not None
    assert norm.momentum is not None
    with torch.no_grad():
        norm.running_mean.lerp_(mean.flatten(), norm.momentum)
        # As PyTorch: normalise by the biased variance, keep the unbiased one.
        norm.running_var.lerp_(variance.flatten() * (count / (count - 1)), norm.momentum)
        if norm.num_batches_tracked is not None:
            norm.num_batches_tracked.add_(1)


def _stem(stem: Stem, codes: Tensor) -> Tensor:
    """Fold the parallel convolutions into one of the largest width, as one product a member."""
    members, batch, length = codes.shape
    convolutions = [cast(nn.Conv1d, convolution) for convolution in stem.convolutions]
    width = max(convolution.kernel_size[0] for convolution in convolutions)
    # Each weight (members · channels, 4, own width) is padded to the common width with zeros.
    weights = []
    for convolution in convolutions:
        side = (width - convolution.kernel_size[0]) // 2
        padded_weight = functional.pad(convolution.weight, (side, side))
        weights.append(padded_weight.view(members, -1, BASES, width))
    weight = torch.cat(weights, dim=1).permute(0, 3, 2, 1).reshape(members, width * BASES, -1)
    padded = functional.pad(codes, (width // 2, width // 2), value=N)
    windows = padded.unfold(2, width, 1)
    bases = torch.arange(BASES, device=codes.device, dtype=codes.dtype)
    one_hot = (windows[..., None] == bases).to(weight.dtype)
    x = torch.bmm(one_hot.reshape(members, batch * length, width * BASES), weight)
    activated: Tensor = stem.activation(_norm(x.view(members, batch, length, -1), stem.norm))
    return activated


def _depthwise(x: Tensor, convolution: nn.Conv1d) -> Tensor:
    """Apply a depthwise convolution to (members, batch, length, channels) as shifted sums."""
    members, _, length, channels = x.shape
    width = convolution.kernel_size[0]
    weight = convolution.weight.view(members, 1, 1, channels, width)
    padded = functional.pad(x, (0, 0, width // 2, width // 2))
    total = padded[:, :, :length] * weight[..., 0]
    for shift in range(1, width):
        total = total + padded[:, :, shift : shift + length] * weight[..., shift]
    return total


def _squeeze(x: Tensor, squeeze: SqueezeExcitation, members: int) -> Tensor:
    average = x.mean(2, keepdim=True)
    reduced = squeeze.activation(_product(average, squeeze.reduce, members))
    return x * squeeze.gate(_product(reduced, squeeze.expand, members))


def _block(block: SeparableBlock, x: Tensor, members: int) -> Tensor:
    y = block.expand_activation(_norm(_product(x, block.expand, members), block.expand_norm))
    y = block.depthwise_activation(_norm(_depthwise(y, block.depthwise), block.depthwise_norm))
    if block.squeeze_inner is not None:
        y = _squeeze(y, block.squeeze_inner, members)
    y = _norm(_product(y, block.project, members), block.project_norm)
    if block.squeeze_output is not None:
        y = _squeeze(y, block.squeeze_output, members)
    return x + y
