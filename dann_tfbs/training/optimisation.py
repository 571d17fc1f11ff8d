"""Optimiser and learning-rate schedule."""

from __future__ import annotations

import torch
from torch import nn
from torch.optim.lr_scheduler import ConstantLR, LinearLR, LRScheduler, OneCycleLR

from dann_tfbs.config import TrainingSettings


def make_optimizer(network: nn.Module, settings: TrainingSettings) -> torch.optim.AdamW:
    """Return AdamW over all trainable parameters.

    Every operation of AdamW is element-wise, so models trained side by side do not mix.
    """
    parameters = [p for p in network.parameters() if p.requires_grad]
    return torch.optim.AdamW(
        parameters, settings.learning_rate, weight_decay=settings.weight_decay, fused=True
    )


def make_schedule(
    optimizer: torch.optim.Optimizer, settings: TrainingSettings, total_steps: int, done: int
) -> LRScheduler:
    """Return the schedule over all steps of the run, advanced by the steps already done."""
    if settings.schedule == "onecycle":
        schedule: LRScheduler = OneCycleLR(
            optimizer, settings.learning_rate, total_steps=total_steps + 1
        )
    elif settings.schedule == "linear":
        schedule = LinearLR(optimizer, 1.0, settings.end_factor, total_iters=total_steps)
    else:
        schedule = ConstantLR(optimizer, 1.0)
    for _ in range(done):
        # The schedules are recursive; repeating the steps gives the very same floats.
        optimizer._opt_called = True  # type: ignore[attr-defined]  # no warning about the order
        schedule.step()
    return schedule
