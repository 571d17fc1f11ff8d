"""CDAN: a discriminator that sees the features together with the predicted class."""

from __future__ import annotations

from typing import ClassVar

import torch
from torch import Tensor

from dann_tfbs.adaptation.contract import Part
from dann_tfbs.adaptation.dann import Dann
from dann_tfbs.adaptation.entropy import binary_entropy


def class_probabilities(logits: Tensor) -> Tensor:
    """Return the probabilities of unbound and bound, shape (…, 2)."""
    return torch.stack([(-logits).sigmoid(), logits.sigmoid()], dim=-1)


class Cdan(Dann):
    """Conditional DANN (Long et al. 2018): the outer product of features and class probabilities.

    With entropy weighting (CDAN+E) a sequence counts 1 + e^(−H), H being the entropy of its
    prediction, as a share of the sum of its domain. Probabilities only condition: as in the
    authors' code, no gradient of the discriminator reaches them.
    """

    class Settings(Dann.Settings):
        """Settings of CDAN: those of DANN, and one more."""

        kind: str = "cdan"
        entropy_weighting: bool = True
        """Whether confidently predicted sequences count more."""

    inputs_per_channel: ClassVar[int] = 2
    settings: Settings

    def inputs(self, part: Part) -> Tensor:
        """Return the outer product, shape (n, members, 2 · channels), all of unbound first."""
        probabilities = class_probabilities(part.logits.detach())
        return (probabilities[..., :, None] * part.average[..., None, :]).flatten(2)

    def weights(self, part: Part) -> Tensor:
        """Return 1 + e^(−H), or ones, shape (n, members)."""
        if not self.settings.entropy_weighting:
            return super().weights(part)
        return 1 + (-binary_entropy(part.logits.detach())).exp()
