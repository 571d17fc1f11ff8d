"""Batches of made-up features for the tests of alignments."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from dann_tfbs.adaptation.choose import build_alignment
from dann_tfbs.adaptation.contract import Alignment, AlignmentBatch, Part, Shape

CHANNELS = 4
MEMBERS = 3
SHAPE = Shape(["CHS", "GHTS", "HTS"], CHANNELS, MEMBERS)
EMPTY = AlignmentBatch([], [], [], 1.0)


def make_part(domain: int, n: int, seed: int, labelled: bool = True) -> Part:
    """Return n sequences whose features and logits are leaves of the gradient graph."""
    generator = torch.Generator().manual_seed(seed)
    average = torch.randn(n, MEMBERS, CHANNELS, generator=generator)
    logits = 3 * torch.randn(n, MEMBERS, generator=generator)
    labels = (torch.rand(n, MEMBERS, generator=generator) < 0.5).float()
    return Part(
        domain,
        average.requires_grad_(),
        logits.requires_grad_(),
        labels if labelled else torch.full_like(labels, -1),
        torch.randint(100, (n, MEMBERS), generator=generator),
    )


def make_batch(
    sources: tuple[int, ...] = (7, 5), targets: tuple[int, ...] = (6,), seed: int = 0
) -> AlignmentBatch:
    """Return sources of these sizes from domains 0, 1, … and targets, all of domain 2."""
    learnt = [make_part(d, n, seed + d) for d, n in enumerate(sources)]
    source = [make_part(d, n, seed + 10 + d) for d, n in enumerate(sources)]
    target = [make_part(2, n, seed + 20 + i, labelled=False) for i, n in enumerate(targets)]
    return AlignmentBatch(learnt, source, target, 1.0)


def build(kind: str, shape: Shape = SHAPE, **settings: object) -> Alignment:
    """Return an alignment with initial values from seed 0, at full strength from the start."""
    torch.manual_seed(0)
    return build_alignment({"kind": kind, "schedule": "constant", **settings}, shape)


def parts_of(batch: AlignmentBatch) -> list[Part]:
    return [*batch.learnt, *batch.source, *batch.target]


def gradients(alignment: Alignment, batch: AlignmentBatch) -> tuple[Tensor, list[Tensor]]:
    """Return the loss (members,) and its gradients by all features and logits of the batch."""
    leaves = [leaf for part in parts_of(batch) for leaf in (part.average, part.logits)]
    loss = alignment.loss(batch)
    found = torch.autograd.grad(loss.sum(), leaves, allow_unused=True)
    return loss.detach(), [
        torch.zeros_like(leaf) if one is None else one
        for leaf, one in zip(leaves, found, strict=True)
    ]


def changed(batch: AlignmentBatch, member: int) -> AlignmentBatch:
    """Return the batch with features, logits and labels of one member replaced."""

    def change(part: Part) -> Part:
        average, logits = part.average.detach().clone(), part.logits.detach().clone()
        labels = part.labels.clone()
        average[:, member] = 5 * average[:, member].flip(0) + 1
        logits[:, member] += 2
        if (labels[:, member] >= 0).all():
            labels[:, member] = 1 - labels[:, member]
        return Part(
            part.domain, average.requires_grad_(), logits.requires_grad_(), labels, part.rows
        )

    return AlignmentBatch(
        [change(part) for part in batch.learnt],
        [change(part) for part in batch.source],
        [change(part) for part in batch.target],
        batch.progress,
    )


def check_members_apart(kind: str) -> None:
    """Changing one member leaves loss and gradients of the others as they were, to the bit."""
    alignment = build(kind)
    others = [0, 2]
    loss, before = gradients(alignment, make_batch())
    new_loss, after = gradients(build(kind), changed(make_batch(), member=1))
    assert torch.equal(loss[others], new_loss[others])
    assert loss[1] != new_loss[1]
    for a, b in zip(before, after, strict=True):
        assert torch.equal(a[:, others], b[:, others])


def check_edges(kind: str) -> None:
    """Parts missing, empty, of one sequence or all alike give finite numbers with a graph."""
    batches = {
        "no source": make_batch(sources=()),
        "no target": make_batch(targets=()),
        "parts of one": make_batch((1, 1), (1,)),
        "one of one": make_batch((1, 9), (1, 8)),
        "empty parts": make_batch((0, 4), (0,)),
        "far": scaled(make_batch(), 1e4),
        "all alike": scaled(make_batch(), 0),
    }
    for name, batch in batches.items():
        loss, found = gradients(build(kind), batch)
        assert loss.shape == (MEMBERS,), name
        assert loss.isfinite().all(), name
        for one in found:
            assert one.isfinite().all(), name
    assert build(kind).loss(batches["no source"]).requires_grad
    assert torch.equal(build(kind).loss(EMPTY), torch.zeros(MEMBERS))


def scaled(batch: AlignmentBatch, factor: float) -> AlignmentBatch:
    def scale(part: Part) -> Part:
        average, logits = part.average.detach() * factor, part.logits.detach() * factor
        return Part(
            part.domain, average.requires_grad_(), logits.requires_grad_(), part.labels, part.rows
        )

    return AlignmentBatch(
        [scale(part) for part in batch.learnt],
        [scale(part) for part in batch.source],
        [scale(part) for part in batch.target],
        batch.progress,
    )


def check_strength(kind: str) -> None:
    """The weight scales loss and gradients; with 0 the gradients are exactly zero."""
    loss, found = gradients(build(kind, weight=1), make_batch())
    doubled, of_doubled = gradients(build(kind, weight=2), make_batch())
    torch.testing.assert_close(doubled, 2 * loss)
    for a, b in zip(found, of_doubled, strict=True):
        torch.testing.assert_close(b, 2 * a)
    _, none = gradients(build(kind, weight=0), make_batch())
    assert all((one == 0).all() for one in none)
    assert any((one != 0).any() for one in found)


def check_pairs(kind: str, value: Callable[[Tensor, Tensor], float]) -> None:
    """The loss is the mean of `value` over pairs of parts, in float64, of one member."""
    batch = make_batch((7, 5), (6, 9))
    loss = build(kind).loss(batch)
    for member in range(MEMBERS):
        expected = [
            value(s.average[:, member].double().detach(), t.average[:, member].double().detach())
            for s in batch.source
            for t in batch.target
        ]
        assert len(expected) == 4
        assert loss[member].item() == pytest.approx(sum(expected) / 4, rel=1e-4, abs=1e-6)
