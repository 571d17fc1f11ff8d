"""MMD against an explicit loop over pairs of sequences."""

import math

import pytest
import torch
from made_batches import (
    MEMBERS,
    build,
    check_edges,
    check_members_apart,
    check_pairs,
    check_strength,
    gradients,
    make_batch,
)
from torch import Tensor

from dann_tfbs.adaptation.contract import AlignmentBatch, Part
from dann_tfbs.adaptation.mmd import mmd

BANDWIDTHS = (0.25, 0.5, 1, 2, 4)


def by_loop(source: Tensor, target: Tensor) -> float:
    s, t = source.tolist(), target.tolist()
    both = s + t
    pairs = [math.dist(a, b) ** 2 for i, a in enumerate(both) for b in both[:i]]
    mean = sum(pairs) / len(pairs)

    def kernel(a: list[float], b: list[float]) -> float:
        return sum(math.exp(-(math.dist(a, b) ** 2) / (w * mean)) for w in BANDWIDTHS) / 5

    def within(x: list[list[float]]) -> float:
        values = [kernel(a, b) for i, a in enumerate(x) for j, b in enumerate(x) if i != j]
        return sum(values) / len(values)

    across = [kernel(a, b) for a in s for b in t]
    return within(s) + within(t) - 2 * sum(across) / len(across)


def test_against_a_loop():
    check_pairs("mmd", by_loop)


def test_members_stay_apart():
    check_members_apart("mmd")


def test_edges():
    check_edges("mmd")


def test_strength():
    check_strength("mmd")


def test_precise_far_from_the_origin():
    batch = make_batch((7,), (6,))
    source, target = batch.source[0].average.detach(), batch.target[0].average.detach()
    near, far = mmd(source, target, BANDWIDTHS), mmd(source + 300, target + 300, BANDWIDTHS)
    torch.testing.assert_close(near, far, rtol=1e-3, atol=1e-4)


def test_bandwidths_are_constants_and_do_not_depend_on_scale():
    source, target = (
        part[0].average.detach() for part in (make_batch().source, make_batch().target)
    )
    torch.testing.assert_close(
        mmd(source, target, BANDWIDTHS), mmd(4 * source, 4 * target, BANDWIDTHS)
    )
    # Were the bandwidth not a constant, a change of scale of all features could not change MMD².
    scale = torch.ones((), requires_grad=True)
    mmd(scale * source, scale * target, BANDWIDTHS).sum().backward()
    assert scale.grad is not None
    assert scale.grad.abs() > 1e-3


def test_its_gradient_brings_two_clouds_together():
    generator = torch.Generator().manual_seed(3)
    source = torch.randn(50, MEMBERS, 4, generator=generator)
    target = (torch.randn(50, MEMBERS, 4, generator=generator) + 1).requires_grad_()
    rest = (torch.zeros(50, MEMBERS), torch.zeros(50, MEMBERS), torch.zeros(50, MEMBERS).long())
    batch = AlignmentBatch([], [Part(0, source, *rest)], [Part(2, target, *rest)], 1.0)
    alignment = build("mmd")
    first = alignment.loss(batch)
    gradient = torch.autograd.grad(first.sum(), target)[0]
    moved = AlignmentBatch([], batch.source, [Part(2, target - 20 * gradient, *rest)], 1.0)
    assert (alignment.loss(moved) < first).all()
    assert (gradient.mean((0, 2)) > 0).all()


def test_features_all_alike_have_no_gradient():
    batch = make_batch((4,), (4,))
    for part in (*batch.source, *batch.target):
        with torch.no_grad():
            part.average.fill_(0.1)
    loss, found = gradients(build("mmd"), batch)
    assert loss.tolist() == pytest.approx([0] * MEMBERS, abs=1e-6)
    assert all(one.abs().max() < 1e-6 for one in found)
