"""Gradient reversal: the identity forwards, the gradient times −λ backwards."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor


class _Reversal(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, factor: float) -> Tensor:
        ctx.factor = factor
        return x.view_as(x)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None]:
        return -ctx.factor * gradients[0], None


def reverse(x: Tensor, factor: float) -> Tensor:
    """Return x unchanged; its gradient is multiplied by −factor (Ganin & Lempitsky 2015).

    Parameters
    ----------
    x
        Any shape.
    factor
        λ; with 0 no gradient passes.
    """
    reversed_later: Tensor = _Reversal.apply(x, factor)
    return reversed_later
