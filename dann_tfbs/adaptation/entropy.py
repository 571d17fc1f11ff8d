"""Entropy: confident predictions on the target's sequences."""

from __future__ import annotations

from typing import ClassVar, Literal

from torch import Tensor

from dann_tfbs.adaptation.contract import Alignment, AlignmentBatch, AlignmentSettings
from dann_tfbs.adaptation.parts import filled, mean_or_zeros


def binary_entropy(logits: Tensor) -> Tensor:
    """Return the entropy in nats of the two classes of a logit, exact for large logits too."""
    size = logits.abs()
    # −log p of the likelier class, and p of the other times the difference of the logs.
    return (-size).exp().log1p() + size * (-size).sigmoid()


class Entropy(Alignment):
    """Minimise the mean entropy of predictions (Grandvalet & Bengio 2004); pools weigh the same."""

    uses_source: ClassVar[bool] = False
    statistics: ClassVar[Literal["source", "batch"]] = "source"

    class Settings(AlignmentSettings):
        """Settings of entropy minimisation."""

        kind: str = "entropy"

    def loss(self, batch: AlignmentBatch) -> Tensor:
        """Return the mean entropy of the target's logits."""
        values = [binary_entropy(part.logits).mean(0) for part in filled(batch.target)]
        value = mean_or_zeros(values, batch, self.shape.members)
        self.measured = {"entropy": value.detach()}
        return self.strength(batch.progress) * value
