"""Moments: equal means and standard deviations of every channel of source and target."""

from __future__ import annotations

from torch import Tensor

from dann_tfbs.adaptation.contract import Alignment, AlignmentBatch, AlignmentSettings
from dann_tfbs.adaptation.parts import mean_or_zeros, pairs

SMALLEST = 2
"""A single sequence has no standard deviation."""
TINY = 1e-12
"""Added to variances: a channel that does not vary has a standard deviation without a slope."""


def deviation(x: Tensor) -> Tensor:
    """Return standard deviations (divisor n − 1), shape (members, d), of x (n, members, d)."""
    return (x.var(0) + TINY).sqrt()


def moments(source: Tensor, target: Tensor) -> Tensor:
    """Return squared differences of means and deviations, added, averaged over channels.

    Features have shape (n, members, d), the result (members,).
    """
    means = (source.mean(0) - target.mean(0)) ** 2
    deviations = (deviation(source) - deviation(target)) ** 2
    return (means + deviations).mean(1)


class Moments(Alignment):
    """The first two moments, averaged over pairs of a source part and a target part.

    Parts of one sequence are left out.
    """

    class Settings(AlignmentSettings):
        """Settings of moment matching."""

        kind: str = "moments"

    def loss(self, batch: AlignmentBatch) -> Tensor:
        """Return the distance of the moments."""
        values = [moments(s.average, t.average) for s, t in pairs(batch, SMALLEST)]
        value = mean_or_zeros(values, batch, self.shape.members)
        self.measured = {"moments": value.detach()}
        return self.strength(batch.progress) * value
