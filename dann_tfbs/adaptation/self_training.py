"""Self-training: learning from the target sequences that an averaged model is confident of.

The teacher is the running average of the weights (Tarvainen & Valpola 2017). At a few moments of
the run (rounds) it scores every pool; the sequences of its highest scores count as bound, those of
its lowest as unbound, until the next round.
"""

from __future__ import annotations

import math
from typing import ClassVar, Literal

import torch
from pydantic import Field, model_validator
from torch import Tensor
from torch.nn import functional

from dann_tfbs.adaptation.contract import (
    UNLABELLED,
    Alignment,
    AlignmentBatch,
    AlignmentSettings,
    ScorePools,
    Shape,
)
from dann_tfbs.model.network import Network, State


class SelfTraining(Alignment):
    """Cross-entropy of the target's head on confidently scored sequences of the pools."""

    uses_source: ClassVar[bool] = False
    statistics: ClassVar[Literal["source", "batch"]] = "source"

    class Settings(AlignmentSettings):
        """Settings of self-training."""

        kind: str = "self_training"
        schedule: Literal["dann", "constant", "linear"] = "constant"
        warm_up: float = Field(0.4, ge=0, lt=1)
        """Share of the run before the first round."""
        rounds: int = Field(3, ge=1)
        """How often the teacher labels the pools, at equal distances from the warm-up on. A round
        takes place at the beginning of the next epoch."""
        bound: float = Field(0.01, gt=0, lt=1)
        """Share of a pool, the highest scores, that counts as bound."""
        unbound: float = Field(0.5, gt=0, lt=1)
        """Share of a pool, the lowest scores, that counts as unbound."""
        decay: float = Field(0.99, ge=0, lt=1)
        """Share of the teacher that a step keeps."""
        together: bool = False
        """Whether the models side by side label the pools together, by the mean of their logits.
        One that has learnt the wrong thing then does not teach it to itself, but none of them can
        be trained again alone."""

        @model_validator(mode="after")
        def _apart(self) -> SelfTraining.Settings:
            if self.bound + self.unbound > 1:
                raise ValueError("bound and unbound shares add up to more than 1")
            return self

    settings: Settings
    labels: Tensor
    teacher: Tensor
    steps: Tensor
    rounds_done: Tensor

    def __init__(self, settings: Settings, shape: Shape) -> None:
        super().__init__(settings, shape)
        size = sum(shape.pools)
        # All pools one after another.
        blank = torch.full((shape.members, size), UNLABELLED, dtype=torch.int8)
        self.register_buffer("labels", blank)
        self.register_buffer("teacher", torch.zeros(shape.members, shape.weights))
        self.register_buffer("steps", torch.tensor(0.0))
        self.register_buffer("rounds_done", torch.tensor(0))

    def after_step(self, network: Network) -> None:
        """Move the teacher towards the models."""
        # The average of all steps until there are enough of them for the running one.
        share = max(1 - self.settings.decay, 1 / (float(self.steps) + 1))
        self.teacher.lerp_(_flat(network.state_dict(), network.members), share)
        self.steps += 1

    def before_epoch(self, progress: float, network: Network, score_pools: ScorePools) -> None:
        """Label the pools anew where a round is due."""
        settings = self.settings
        if not self.steps:
            return
        since = (progress - settings.warm_up) / (1 - settings.warm_up)
        # A round that falls on the beginning of an epoch must not be missed by the last digit.
        due = math.floor(since * settings.rounds + 1e-9) + 1
        if int(self.rounds_done) >= due:
            return
        self.rounds_done.fill_(due)
        start = 0
        for logits in score_pools(_unflattened(self.teacher, network.state_dict())):
            scores = logits.T.to(self.labels.device)  # (members, n)
            if settings.together:
                scores = scores.mean(0).expand_as(scores)
            count = scores.shape[1]
            order = scores.argsort(1)
            ranks = order.argsort(1)
            labels = torch.full_like(ranks, UNLABELLED, dtype=torch.int8)
            labels[ranks < int(settings.unbound * count)] = 0
            labels[ranks >= count - max(int(settings.bound * count), 1)] = 1
            self.labels[:, start : start + count] = labels
            start += count

    def loss(self, batch: AlignmentBatch) -> Tensor:
        """Return the mean cross-entropy over the labelled target sequences of the batch."""
        total = torch.zeros(self.shape.members, device=self.labels.device)
        count = torch.zeros_like(total)
        start = 0
        members = torch.arange(self.shape.members, device=self.labels.device)
        for part, size in zip(batch.target, self.shape.pools, strict=True):
            labels = self.labels[members, start + part.rows].to(part.logits.dtype)
            known = labels >= 0
            losses = functional.binary_cross_entropy_with_logits(
                part.logits, labels.clamp(min=0), reduction="none"
            )
            total = total + (losses * known).sum(0)
            count = count + known.sum(0)
            start += size
        self.measured = {"labelled": count}
        return self.strength(batch.progress) * total / count.clamp(min=1)


def _flat(state: State, members: int) -> Tensor:
    """Return all floating-point weights and statistics, shape (members, weights)."""
    parts = [v.view(members, -1) for v in state.values() if v.dim() and v.is_floating_point()]
    return torch.cat(parts, dim=1)


def _unflattened(flat: Tensor, like: State) -> State:
    """Return weights and statistics in the shapes of a state; inverse of `_flat`."""
    sizes = [v.numel() // len(flat) for v in like.values() if v.dim() and v.is_floating_point()]
    parts = iter(flat.split(sizes, dim=1))
    return {
        key: next(parts).reshape(v.shape) if v.dim() and v.is_floating_point() else v
        for key, v in like.items()
    }
