"""MMD: one distribution of the features of source and target, told by Gaussian kernels."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

import torch
from pydantic import Field
from torch import Tensor

from dann_tfbs.adaptation.contract import Alignment, AlignmentBatch, AlignmentSettings
from dann_tfbs.adaptation.parts import mean_or_zeros, pairs

SMALLEST = 2
"""The unbiased estimate needs pairs within a part."""
TINY = 1e-12
"""Least bandwidth: features may all be the same."""


def mmd(source: Tensor, target: Tensor, bandwidths: Sequence[float]) -> Tensor:
    """Return the unbiased estimate of MMD² (Gretton et al. 2012); it may be a little below 0.

    Parameters
    ----------
    source, target
        Features, shape (n, members, d), n ≥ 2.
    bandwidths
        The kernel is the mean of exp(−|x − y|² / (b · D)) over these b; D is the mean squared
        distance of all pairs of the two parts together, and counts as a constant.

    Returns
    -------
    Tensor
        Shape (members,).
    """
    joined = torch.cat([source, target]).movedim(1, 0)
    # Distances do not change, but squares that are subtracted from each other become small.
    joined = joined - joined.mean(1, keepdim=True).detach()
    squares = (joined**2).sum(2)
    distances = (squares[:, :, None] + squares[:, None] - 2 * joined @ joined.mT).clamp(min=0)
    total = joined.shape[1]
    mean = distances.detach().sum((1, 2)) / (total * (total - 1))
    relative = distances / mean.clamp(min=TINY)[:, None, None]
    kernel = torch.stack([(-relative / b).exp() for b in bandwidths]).mean(0)
    n = len(source)
    within = _within(kernel[:, :n, :n]) + _within(kernel[:, n:, n:])
    return within - 2 * kernel[:, :n, n:].mean((1, 2))


def _within(kernel: Tensor) -> Tensor:
    """Return the mean of all but the diagonal, (members, n, n) → (members,)."""
    n = kernel.shape[1]
    return (kernel.sum((1, 2)) - kernel.diagonal(dim1=1, dim2=2).sum(1)) / (n * (n - 1))


class Mmd(Alignment):
    """Multi-kernel MMD² (Long et al. 2015), averaged over pairs of a source and a target part.

    Parts of one sequence are left out.
    """

    class Settings(AlignmentSettings):
        """Settings of MMD."""

        kind: str = "mmd"
        bandwidths: tuple[Annotated[float, Field(gt=0)], ...] = Field(
            (0.25, 0.5, 1.0, 2.0, 4.0), min_length=1
        )
        """Bandwidths of the kernels, as multiples of the mean squared distance."""

    settings: Settings

    def loss(self, batch: AlignmentBatch) -> Tensor:
        """Return MMD²."""
        bandwidths = self.settings.bandwidths
        values = [mmd(s.average, t.average, bandwidths) for s, t in pairs(batch, SMALLEST)]
        value = mean_or_zeros(values, batch, self.shape.members)
        self.measured = {"mmd": value.detach()}
        return self.strength(batch.progress) * value
