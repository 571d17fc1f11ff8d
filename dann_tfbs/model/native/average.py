"""The kernel as a function of PyTorch tensors, for training (with gradients) and for scoring."""

from __future__ import annotations

import ctypes
from collections.abc import Iterable
from itertools import accumulate
from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

from dann_tfbs.model.network import Network


def suits(network: Network) -> bool:
    """Tell whether the kernel can read a network's parameters: single precision, on the CPU."""
    return all(p.device.type == "cpu" and p.dtype == torch.float32 for p in network.parameters())


class NativeAverage:
    """From codes to features averaged over positions, as `Network.encode` computes them.

    The parameters, statistics and gradients are those of the network's own modules. Batch norm does
    what the state of those modules says: in training mode it goes by the batch and moves the
    running statistics by their momentum; in evaluation mode it goes by the running statistics.

    Parameters
    ----------
    network
        A network that `suits`. Its parameters and statistics must stay where they are in memory:
        assign by `load_state_dict` or `copy_`.
    kernel
        The library of its layout (`load_kernel`).
    vector
        The parameters of the backbone as views of one vector, which then receives the gradient
        (`dann_tfbs.training.optimisation.flattened`); None where only scores are wanted.
    """

    def __init__(
        self, network: Network, kernel: ctypes.CDLL, vector: nn.Parameter | None = None
    ) -> None:
        parameters = list(network.backbone.parameters())
        norms = [m for m in network.backbone.modules() if isinstance(m, nn.BatchNorm1d)]
        self.kernel = kernel
        self.members = network.members
        self.channels = network.architecture.channels
        self.vector = vector
        self.norms = norms
        self.sizes = [p.numel() for p in parameters]
        self.parameters = _pointers(p.data_ptr() for p in parameters)
        self.running = _pointers(
            statistic.data_ptr()
            for norm in norms
            for statistic in (norm.running_mean, norm.running_var)
            if statistic is not None
        )
        self.counters = [n.num_batches_tracked for n in norms if n.num_batches_tracked is not None]
        self._spare: dict[int, list[Tensor]] = {}

    def __call__(self, codes: Tensor, lengths: Tensor | None) -> Tensor:
        """Average the features of codes (batch, members, length): (batch, members, channels).

        `lengths` is None where every row is full; otherwise there must be no gradient to compute.
        """
        codes = codes.to(torch.uint8)
        learns = torch.is_grad_enabled() and self.vector is not None
        if learns or self.norms[0].training:
            assert lengths is None
            average: Tensor = _Average.apply(self, codes, self.vector)
            return average
        return self._score(codes, lengths)

    def borrow(self, floats: int) -> Tensor:
        """Return memory for one step; fresh memory would cost as much as the arithmetic."""
        spare = self._spare.get(floats)
        return spare.pop() if spare else torch.empty(floats, dtype=torch.float32)

    def give_back(self, memory: Tensor) -> None:
        """Take memory back for later steps."""
        self._spare.setdefault(memory.numel(), []).append(memory)

    def _score(self, codes: Tensor, lengths: Tensor | None) -> Tensor:
        batch, members, length = codes.shape
        if codes.stride(2) != 1:
            codes = codes.contiguous()
        full = torch.full((batch,), length, dtype=torch.int32) if lengths is None else lengths
        full = full.to(torch.int32).contiguous()
        # Several threads may score at once: the memory is this call's own.
        memory = torch.empty(self.kernel.score_workspace(members, length), dtype=torch.float32)
        average = torch.empty(batch, members, self.channels, dtype=torch.float32)
        self.kernel.score(
            self.parameters,
            self.running,
            codes.data_ptr(),
            codes.stride(0),
            codes.stride(1),
            full.data_ptr(),
            batch,
            members,
            length,
            self.norms[0].eps,
            memory.data_ptr(),
            average.data_ptr(),
        )
        return average


class _Average(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, native: NativeAverage, codes: Tensor, vector: Tensor) -> Tensor:
        batch, members, length = codes.shape
        codes = codes.contiguous()
        norm = native.norms[0]
        assert norm.momentum is not None
        ctx.native, ctx.shape = native, (batch, members, length)
        ctx.frozen = int(not norm.training)
        ctx.memory = native.borrow(native.kernel.workspace(members, batch, length))
        average = torch.empty(batch, members, native.channels, dtype=torch.float32)
        native.kernel.forward(
            native.parameters,
            native.running,
            codes.data_ptr(),
            codes.stride(0),
            codes.stride(1),
            batch,
            members,
            length,
            ctx.frozen,
            norm.momentum,
            norm.eps,
            ctx.memory.data_ptr(),
            average.data_ptr(),
        )
        if norm.training:
            torch._foreach_add_(native.counters, 1)
        return average

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, slope: Tensor) -> tuple[None, None, Tensor]:
        native, (batch, members, length) = ctx.native, ctx.shape
        slope = slope.contiguous()  # named, so that it lives as long as its address is used
        gradient = torch.empty(sum(native.sizes), dtype=torch.float32)
        starts = accumulate([0, *native.sizes[:-1]])
        native.kernel.backward(
            native.parameters,
            _pointers(gradient.data_ptr() + start * gradient.element_size() for start in starts),
            batch,
            members,
            length,
            ctx.frozen,
            ctx.memory.data_ptr(),
            slope.data_ptr(),
        )
        native.give_back(ctx.memory)
        ctx.memory = None
        return None, None, gradient


def _pointers(addresses: Iterable[int]) -> ctypes.Array[ctypes.c_void_p]:
    found = list(addresses)
    return (ctypes.c_void_p * len(found))(*found)
