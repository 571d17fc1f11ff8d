"""What an alignment is: a few numbers from a batch of features, under one small contract.

A new alignment is a class with `Settings` and `loss`, in any module. A run names it by `kind`: one
of the names in `dann_tfbs.adaptation.choose.BUILT_IN`, or `module:Class` for a class of one's own.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal

from pydantic import Field
from torch import Tensor, nn

from dann_tfbs.model.network import Network, State
from dann_tfbs.settings import StrictSettings

UNLABELLED = -1

ScorePools = Callable[[State], list[Tensor]]
"""From weights of the models to the logits of every pool, each of shape (n, members)."""


class AlignmentSettings(StrictSettings):
    """Settings that every alignment has; each adds its own."""

    kind: str
    """Name of the alignment, or `module:Class`."""
    weight: float = Field(1.0, ge=0)
    """Factor of the loss, or of the reversed gradient (λ) of an adversarial one."""
    schedule: Literal["dann", "constant", "linear"] = "dann"
    """How the weight grows with the progress p: 2/(1 + e^(−γp)) − 1, not at all, or linearly."""
    gamma: float = Field(10.0, gt=0)
    """γ of the schedule `dann` (Ganin et al. 2016 use 10)."""
    warm_up: float = Field(0.0, ge=0, lt=1)
    """Share of the run at whose end the schedule begins; until then the weight is 0."""

    def strength(self, progress: float) -> float:
        """Return the weight at a share of the run, 0 to 1.

        `dann` is λ(p) = 2 / (1 + exp(−γ p)) − 1 times `weight` (Ganin et al. 2016, section 5.2.2).
        """
        if progress < self.warm_up:
            return 0.0
        since = (progress - self.warm_up) / (1 - self.warm_up)
        if self.schedule == "constant":
            return self.weight
        if self.schedule == "linear":
            return self.weight * since
        return self.weight * (2 / (1 + math.exp(-self.gamma * since)) - 1)


@dataclass(frozen=True)
class Part:
    """Sequences of one domain in a batch; every model side by side has drawn its own.

    Attributes
    ----------
    domain
        Number of the domain.
    average
        Features averaged over positions, shape (n, members, channels).
    logits
        Logits of the head that predicts the target, shape (n, members).
    labels
        1 bound, 0 unbound, −1 unlabelled, `float32`, shape (n, members).
    rows
        Row numbers in the pool that the sequences were drawn from, `int64`, shape (n, members).
    """

    domain: int
    average: Tensor
    logits: Tensor
    labels: Tensor
    rows: Tensor


@dataclass(frozen=True)
class AlignmentBatch:
    """What an alignment sees of a training step.

    Attributes
    ----------
    learnt
        The labelled batches that the heads learn from in this step, one for each head and assay.
    source
        Labelled sequences drawn for the alignment, as `align` says (all, background,
        prior-corrected), cut and padded as those of the target are.
    target
        Unlabelled sequences, one part for each pool. Their labels are −1 throughout.
    progress
        Share of the run that is done, 0 to 1.
    """

    learnt: Sequence[Part]
    source: Sequence[Part]
    target: Sequence[Part]
    progress: float


@dataclass(frozen=True)
class Shape:
    """Sizes that an alignment is built for.

    Attributes
    ----------
    domains
        Name of every domain; its place is its number.
    channels
        Channels of the features.
    members
        Models side by side.
    pools
        Number of sequences of each unlabelled pool, in the order of `AlignmentBatch.target`.
    weights
        Floating-point numbers in the weights and statistics of one model.
    """

    domains: Sequence[str]
    channels: int
    members: int
    pools: Sequence[int] = ()
    weights: int = 0


class Alignment(nn.Module):
    """Base of alignments.

    Parameters and buffers must have the member as the slowest part of their first dimension (or no
    dimension at all), so that models side by side stay apart and a checkpoint holds them. Initial
    values come from PyTorch's default generator, which training seeds for each member.

    Attributes
    ----------
    uses_pools, uses_source
        Whether `loss` reads `target` and `source`: only passes that one needs are made.
    statistics
        What batch norm goes by in the passes of pools, where `Adaptation.statistics` is `auto`.
    learning_rate
        Peak learning rate of its own parameters; None means that of the network.
    """

    Settings: ClassVar[type[AlignmentSettings]] = AlignmentSettings
    uses_pools: ClassVar[bool] = True
    uses_source: ClassVar[bool] = True
    statistics: ClassVar[Literal["source", "batch"]] = "batch"

    def __init__(self, settings: AlignmentSettings, shape: Shape) -> None:
        super().__init__()
        self.settings = settings
        self.shape = shape
        self.learning_rate: float | None = None
        self.measured: dict[str, Tensor] = {}
        """What the last `loss` found worth recording: name to values, shape (members,)."""

    def loss(self, batch: AlignmentBatch) -> Tensor:
        """Return the loss of each model, shape (members,), already scaled by `strength`.

        A batch that offers nothing to align (no such part, no bound sequence) gives zeros that
        still carry a gradient graph where there are features.
        """
        raise TypeError(f"{type(self).__name__} lacks the method `loss`")

    def before_epoch(self, progress: float, network: Network, score_pools: ScorePools) -> None:
        """Prepare for an epoch, at a share of the run that is done."""

    def after_step(self, network: Network) -> None:
        """Look at the models after the optimiser's step."""

    def strength(self, progress: float) -> float:
        """Return the weight at this progress of the run."""
        return self.settings.strength(progress)
