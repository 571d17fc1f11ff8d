"""Optimiser and learning-rate schedule."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import nn
from torch.optim.lr_scheduler import ConstantLR, LinearLR, LRScheduler, OneCycleLR

from dann_tfbs.config import TrainingSettings


def flattened(parameters: Sequence[nn.Parameter]) -> nn.Parameter:
    """Move parameters into one vector, which an optimiser steps through at once.

    The parameters stay where they are used: their values and gradients become views of the vector
    and of its gradient. One tensor in place of thirty saves an optimiser most of its time.

    Parameters
    ----------
    parameters
        Parameters of one kind and device; their gradients are set to zero.

    Returns
    -------
    nn.Parameter
        Shape (sum of their sizes,), with `grad`.
    """
    sizes = [p.numel() for p in parameters]
    vector = nn.Parameter(torch.cat([p.detach().flatten() for p in parameters]))
    vector.grad = torch.zeros_like(vector)
    values, slopes = vector.detach().split(sizes), vector.grad.split(sizes)
    for parameter, value, slope in zip(parameters, values, slopes, strict=True):
        parameter.data = value.view_as(parameter)
        parameter.grad = slope.view_as(parameter)
    return vector


def make_optimizer(
    groups: Sequence[nn.Parameter] | Sequence[dict[str, Any]], settings: TrainingSettings
) -> torch.optim.AdamW:
    """Return AdamW over vectors of parameters (`flattened`), or groups of them with their own `lr`.

    Every operation of AdamW is element-wise, so models trained side by side do not mix. Clear
    gradients with `zero_grad(set_to_none=False)`: those of the single parameters are views.
    """
    return torch.optim.AdamW(
        groups, settings.learning_rate, weight_decay=settings.weight_decay, fused=True
    )


def make_schedule(
    optimizer: torch.optim.Optimizer, settings: TrainingSettings, total_steps: int, done: int
) -> LRScheduler:
    """Return the schedule over all steps of the run, advanced by the steps already done."""
    if settings.schedule == "onecycle":
        peaks = [group["lr"] for group in optimizer.param_groups]
        schedule: LRScheduler = OneCycleLR(optimizer, peaks, total_steps=total_steps + 1)
    elif settings.schedule == "linear":
        schedule = LinearLR(optimizer, 1.0, settings.end_factor, total_iters=total_steps)
    else:
        schedule = ConstantLR(optimizer, 1.0)
    for _ in range(done):
        # The schedules are recursive; repeating the steps gives the very same floats.
        optimizer._opt_called = True  # type: ignore[attr-defined]  # no warning about the order
        schedule.step()
    return schedule
