"""Contrastive: bound sequences of different assays close together, unbound ones away from them."""

from __future__ import annotations

from typing import ClassVar

import torch
from pydantic import Field
from pytorch_metric_learning.losses import SupConLoss
from pytorch_metric_learning.reducers import MeanReducer
from torch import Tensor
from torch.nn import functional

from dann_tfbs.adaptation.contract import (
    UNLABELLED,
    Alignment,
    AlignmentBatch,
    AlignmentSettings,
    Shape,
)
from dann_tfbs.adaptation.memory import CrossBatchMemory
from dann_tfbs.adaptation.parts import domain_numbers, filled, zeros


class Contrastive(Alignment):
    """Supervised contrastive loss (Khosla et al. 2020) between assays.

    An anchor is a bound sequence of the batch; its positives are the bound sequences of *other*
    domains, its negatives the unbound sequences of all domains, both from the batch and from the
    memory. Bound sequences of its own domain take no part: they would be pulled together without
    any alignment. The loss is the mean over the anchors that have a positive; without one, or
    without a negative, it is 0 (and, in the library, where there is one pair of each and no more).
    Features have unit length.

    Reads the labelled batches, and those sequences of target parts that have a label.
    """

    class Settings(AlignmentSettings):
        """Settings of the contrastive loss."""

        kind: str = "contrastive"
        temperature: float = Field(0.1, gt=0)
        """Divides the cosines."""
        memory: int = Field(256, ge=0)
        """Labelled sequences of earlier batches that each model remembers; 0 means none."""

    uses_pools: ClassVar[bool] = False
    settings: Settings

    def __init__(self, settings: Settings, shape: Shape) -> None:
        super().__init__(settings, shape)
        self.supervised = SupConLoss(settings.temperature, reducer=MeanReducer())
        self.memory = CrossBatchMemory(settings.memory, shape.channels, shape.members)

    def loss(self, batch: AlignmentBatch) -> Tensor:
        """Return the contrastive loss; in training, the memory then takes the batch in."""
        value = zeros(batch, self.shape.members)
        parts = filled([*batch.learnt, *batch.target])
        if parts:
            features = functional.normalize(torch.cat([part.average for part in parts]), dim=2)
            labels = torch.cat([part.labels for part in parts])
            domains = domain_numbers(parts)
            # The library takes one set of references at a time: a loop over members.
            value = value + torch.stack(
                [
                    self._member_loss(m, features[:, m], labels[:, m], domains[:, m])
                    for m in range(self.shape.members)
                ]
            )
        self.measured = {"contrastive": value.detach()}
        return self.strength(batch.progress) * value

    def _member_loss(
        self, member: int, features: Tensor, labels: Tensor, domains: Tensor
    ) -> Tensor:
        """Return the loss of one member, shape (), from (n, channels), (n,) and (n,)."""
        labelled = labels != UNLABELLED
        features, labels, domains = features[labelled], labels[labelled], domains[labelled]
        known = self.memory.of(member)
        references = torch.cat([features, known[0].to(features.dtype)])
        reference_labels = torch.cat([labels, known[1].to(labels.dtype)])
        reference_domains = torch.cat([domains, known[2]])
        if self.training:
            self.memory.add(member, features, labels, domains)

        bound = labels == 1
        positive = (reference_labels == 1) & (domains[bound, None] != reference_domains)
        has_positive = positive.any(1)
        positive = positive[has_positive]
        negative = (reference_labels == 0).expand(len(positive), -1)
        value: Tensor = self.supervised(
            features[bound][has_positive],
            indices_tuple=(*torch.where(positive), *torch.where(negative)),
            ref_emb=references,
        )
        return value
