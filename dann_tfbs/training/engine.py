"""How a training step computes its logits: plainly, or compiled."""

from __future__ import annotations

import logging
import shutil
from collections.abc import Callable
from typing import Literal

import torch
from torch import Tensor

from dann_tfbs.model.fused import fused_logits
from dann_tfbs.model.network import Network

WORTH_COMPILING = 400_000
"""Sequences of a run from which compiling pays back: about a minute of plain training on a core."""

_log = logging.getLogger(__name__)


def training_forward(
    network: Network, head: str, engine: Literal["auto", "plain", "compiled"], sequences: int
) -> Callable[[Tensor], Tensor]:
    """Return the function from codes (batch, members, length) to logits (batch, members).

    Parameters
    ----------
    network, head
        The network in training, and the name of the head.
    engine
        `plain`, `compiled`, or `auto`: compiled on a CPU with a C++ compiler for long runs.
    sequences
        Number of sequences that the whole run shows to all models together.
    """
    on_cpu = next(network.parameters()).device.type == "cpu"
    has_compiler = shutil.which("g++") is not None or shutil.which("clang++") is not None
    if engine == "auto":
        engine = "compiled" if on_cpu and has_compiler and sequences >= WORTH_COMPILING else "plain"
    if engine == "plain":
        return lambda codes: network(codes, head)
    compiled = torch.compile(fused_logits)
    works = True

    def forward(codes: Tensor) -> Tensor:
        nonlocal works
        if works:
            try:
                logits: Tensor = compiled(network, codes, head)
                return logits
            except torch._dynamo.exc.BackendCompilerFailed as error:
                works = False
                reason = str(error).splitlines()[0]
                _log.warning("torch.compile failed (%s); training goes on uncompiled.", reason)
        return network(codes, head)

    return forward
