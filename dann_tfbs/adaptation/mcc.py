"""MCC: predictions on the target's sequences that do not hesitate between the classes."""

from __future__ import annotations

from typing import ClassVar, Literal

import torch
from pydantic import Field
from torch import Tensor

from dann_tfbs.adaptation.contract import Alignment, AlignmentBatch, AlignmentSettings
from dann_tfbs.adaptation.entropy import binary_entropy
from dann_tfbs.adaptation.parts import filled, mean_or_zeros

TINY = 1e-12
"""Least sum of a row: a class may be predicted nowhere."""


def class_confusion(logits: Tensor, temperature: float) -> Tensor:
    """Return the share of confusion between the two classes, 0 to 1/2.

    Parameters
    ----------
    logits
        Shape (n, members).
    temperature
        Divides the logits.

    Returns
    -------
    Tensor
        Shape (members,). As in the authors' code, the weight of a sequence, 1 + e^(−entropy), is a
        constant.
    """
    scaled = logits / temperature
    bound, unbound = scaled.sigmoid(), (-scaled).sigmoid()
    # Their scale cancels below.
    weights = 1 + (-binary_entropy(scaled.detach())).exp()
    # Each row of the confusion matrix is divided by its sum: of two classes, only the products off
    # the diagonal and those sums are needed, and a row sums to the weight of its class.
    across = (weights * bound * unbound).sum(0)
    rows = torch.stack([(weights * bound).sum(0), (weights * unbound).sum(0)])
    return (across / rows.clamp(min=TINY)).mean(0)


class Mcc(Alignment):
    """Minimum class confusion (Jin et al. 2020); pools weigh the same."""

    uses_source: ClassVar[bool] = False
    statistics: ClassVar[Literal["source", "batch"]] = "source"

    class Settings(AlignmentSettings):
        """Settings of MCC."""

        kind: str = "mcc"
        temperature: float = Field(2.5, gt=0)
        """Divides the logits, so that confident ones do not dominate."""

    settings: Settings

    def loss(self, batch: AlignmentBatch) -> Tensor:
        """Return the class confusion of the target's logits."""
        temperature = self.settings.temperature
        values = [class_confusion(part.logits, temperature) for part in filled(batch.target)]
        value = mean_or_zeros(values, batch, self.shape.members)
        self.measured = {"mcc": value.detach()}
        return self.strength(batch.progress) * value
