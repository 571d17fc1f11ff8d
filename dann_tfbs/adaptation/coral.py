"""CORAL: equal covariances of the features of source and target."""

from __future__ import annotations

from torch import Tensor

from dann_tfbs.adaptation.contract import Alignment, AlignmentBatch, AlignmentSettings
from dann_tfbs.adaptation.parts import mean_or_zeros, pairs

SMALLEST = 2
"""A single sequence has no covariance."""


def covariance(x: Tensor) -> Tensor:
    """Return the covariances (divisor n − 1), shape (members, d, d), of x (n, members, d)."""
    centred = (x - x.mean(0)).movedim(1, 0)
    return centred.mT @ centred / (len(x) - 1)


def coral(source: Tensor, target: Tensor) -> Tensor:
    """Return ‖C_s − C_t‖² / (4 d²), shape (members,), of features (n, members, d)."""
    difference = covariance(source) - covariance(target)
    return (difference**2).sum((1, 2)) / (4 * source.shape[2] ** 2)


class Coral(Alignment):
    """Deep CORAL (Sun & Saenko 2016), averaged over pairs of a source part and a target part.

    Parts of one sequence are left out.
    """

    class Settings(AlignmentSettings):
        """Settings of CORAL."""

        kind: str = "coral"

    def loss(self, batch: AlignmentBatch) -> Tensor:
        """Return the distance of the covariances."""
        values = [coral(s.average, t.average) for s, t in pairs(batch, SMALLEST)]
        value = mean_or_zeros(values, batch, self.shape.members)
        self.measured = {"coral": value.detach()}
        return self.strength(batch.progress) * value
