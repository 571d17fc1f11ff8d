"""What alignments do alike with the parts of a batch."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import torch
from torch import Tensor

from dann_tfbs.adaptation.contract import AlignmentBatch, Part


def filled(parts: Iterable[Part], smallest: int = 1) -> list[Part]:
    """Return the parts that hold at least so many sequences."""
    return [part for part in parts if len(part.average) >= smallest]


def domain_numbers(parts: Sequence[Part]) -> Tensor:
    """Return the number of the domain of every sequence, `int64`, shape (n, members)."""
    return torch.cat(
        [torch.full(part.logits.shape, part.domain, device=part.logits.device) for part in parts]
    )


def pairs(batch: AlignmentBatch, smallest: int) -> list[tuple[Part, Part]]:
    """Return every source part with every target part, of those with enough sequences."""
    targets = filled(batch.target, smallest)
    return [(source, target) for source in filled(batch.source, smallest) for target in targets]


def zeros(batch: AlignmentBatch, members: int) -> Tensor:
    """Return zeros, shape (members,), that hang on the gradient graph of all features."""
    total = torch.zeros(members)
    for part in (*batch.learnt, *batch.source, *batch.target):
        total = total.to(part.average) + part.average[:0].sum((0, 2))
    return total


def mean_or_zeros(values: Sequence[Tensor], batch: AlignmentBatch, members: int) -> Tensor:
    """Average values of shape (members,); return `zeros` where there are none."""
    return torch.stack(tuple(values)).mean(0) if values else zeros(batch, members)
