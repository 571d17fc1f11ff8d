"""DANN: features that do not tell a discriminator which assay they come from."""

from __future__ import annotations

from typing import ClassVar

import torch
from pydantic import Field
from torch import Tensor
from torch.nn import functional

from dann_tfbs.adaptation.contract import (
    Alignment,
    AlignmentBatch,
    AlignmentSettings,
    Part,
    Shape,
)
from dann_tfbs.adaptation.discriminator import Discriminator
from dann_tfbs.adaptation.parts import domain_numbers, filled, zeros
from dann_tfbs.adaptation.reversal import reverse


class Dann(Alignment):
    """Domain-adversarial training (Ganin & Lempitsky 2015), for any number of domains.

    The discriminator learns at its full loss; `strength`, λ, scales only the reversed gradient that
    the features get. Every domain in the batch weighs the same, however many sequences it has. A
    batch with fewer than two domains has nothing to tell apart.
    """

    class Settings(AlignmentSettings):
        """Settings of DANN."""

        kind: str = "dann"
        hidden: int = Field(32, ge=0)
        """Units of a hidden layer of the discriminator; 0 means a linear one."""
        depth: int = Field(1, ge=1)
        """Hidden layers of the discriminator."""
        learning_rate: float | None = Field(None, gt=0)
        """Peak learning rate of the discriminator; none means that of the network."""

    inputs_per_channel: ClassVar[int] = 1
    settings: Settings

    def __init__(self, settings: Settings, shape: Shape) -> None:
        super().__init__(settings, shape)
        self.learning_rate = settings.learning_rate
        self.discriminator = Discriminator(
            self.inputs_per_channel * shape.channels,
            settings.hidden,
            settings.depth,
            len(shape.domains),
            shape.members,
        )

    def inputs(self, part: Part) -> Tensor:
        """Return what the discriminator sees, shape (n, members, inputs)."""
        return part.average

    def weights(self, part: Part) -> Tensor:
        """Return the weight of each sequence within its domain, shape (n, members)."""
        return torch.ones_like(part.logits)

    def loss(self, batch: AlignmentBatch) -> Tensor:
        """Return the cross-entropy of the discriminator, behind the reversal."""
        parts = filled([*batch.source, *batch.target])
        present = sorted({part.domain for part in parts})
        if len(present) < 2:
            self.measured = {}
            return zeros(batch, self.shape.members)
        factor = self.strength(batch.progress)
        inputs = torch.cat([self.inputs(part) for part in parts])
        logits = self.discriminator(reverse(inputs, factor))
        domain = domain_numbers(parts)
        each = functional.cross_entropy(logits.movedim(2, 1), domain, reduction="none")
        weights = torch.cat([self.weights(part) for part in parts])
        loss = _over_domains(each, weights, domain, present)
        right = (logits.argmax(2) == domain).to(each.dtype)
        accuracy = _over_domains(right, torch.ones_like(right), domain, present)
        self.measured = {
            "domain_loss": loss.detach(),
            "domain_accuracy": accuracy,
            "domain_chance": torch.full_like(accuracy, 1 / len(present)),
            "lambda": torch.full_like(accuracy, factor),
        }
        return loss


def _over_domains(values: Tensor, weights: Tensor, domain: Tensor, present: list[int]) -> Tensor:
    """Return the mean over domains of the weighted mean within each; (n, members) → (members,)."""
    means = []
    for number in present:
        own = weights * (domain == number)
        means.append((own * values).sum(0) / own.sum(0))
    return torch.stack(means).mean(0)
