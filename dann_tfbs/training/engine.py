"""How training computes the network: by PyTorch's layers, a kernel in C++, or torch.compile."""

from __future__ import annotations

import functools
from typing import Literal

import torch
from torch import nn

from dann_tfbs.errors import InputError
from dann_tfbs.model.fused import fused_average
from dann_tfbs.model.native.average import NativeAverage, suits
from dann_tfbs.model.native.kernel import compiler, covers, load_kernel
from dann_tfbs.model.network import Network

WORTH_BUILDING = 20_000
"""Sequences of a run from which the kernel is worth the one or two seconds that building takes."""

Engine = Literal["auto", "plain", "native", "compiled"]


def use_engine(
    network: Network, engine: Engine, sequences: int, vector: nn.Parameter | None = None
) -> None:
    """Make the network compute its averages as an engine does.

    Parameters
    ----------
    network
        The network, on its device.
    engine
        `plain`, `native`, `compiled`, or `auto`: `native` for all but short runs on a CPU with a
        C++ compiler, else `plain`. The choice does not depend on whether the kernel is built
        already.
    sequences
        Number of sequences that the whole run shows to all models together.
    vector
        The parameters of the backbone as one vector (`flattened`), which training needs.

    Raises
    ------
    InputError
        If `native` is asked for where it cannot be, or `compiled` with max pooling.
    """
    possible = suits(network) and covers(network.architecture) and compiler() is not None
    if engine == "auto":
        engine = "native" if possible and sequences >= WORTH_BUILDING else "plain"
        kernel = load_kernel(network.architecture) if engine == "native" else None
    elif engine == "native":
        kernel = load_kernel(network.architecture) if possible else None
        if kernel is None:
            raise InputError(
                "the native engine needs a CPU, a C++ compiler, mean pooling and a "
                "separable backbone that is not very wide.",
                key="training.engine",
                remedy="Use auto or plain.",
            )
    else:
        kernel = None
    if kernel is not None:
        network.fast = NativeAverage(network, kernel, vector)
    elif engine == "compiled":
        if not covers(network.architecture):
            raise InputError(
                "compiled needs mean pooling and the separable backbone.", key="training.engine"
            )
        network.fast = _Compiled(network)
    else:
        network.fast = None


class _Compiled:
    """The network as matrix products, compiled by torch.compile: meant for GPUs."""

    def __init__(self, network: Network) -> None:
        self.network = network
        self.average = torch.compile(functools.partial(fused_average, network))

    def __call__(self, codes: torch.Tensor, lengths: torch.Tensor | None) -> torch.Tensor:
        if lengths is None and torch.is_grad_enabled():
            average: torch.Tensor = self.average(codes)
            return average
        return self.network.encode_plainly(codes, lengths).average
