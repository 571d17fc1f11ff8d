"""DANN against an explicit loop over sequences, and its edges."""

import math

import pytest
import torch
from made_batches import (
    CHANNELS,
    MEMBERS,
    SHAPE,
    build,
    check_edges,
    check_members_apart,
    gradients,
    make_batch,
    make_part,
    parts_of,
)

from dann_tfbs.adaptation.contract import AlignmentBatch, Shape


@pytest.mark.parametrize("kind", ["dann", "cdan"])
def test_members_stay_apart(kind: str):
    check_members_apart(kind)


@pytest.mark.parametrize("kind", ["dann", "cdan"])
def test_edges(kind: str):
    check_edges(kind)


def test_every_domain_weighs_the_same_against_a_loop():
    # Domain 2 comes in two pools, which together weigh as much as either source.
    batch = make_batch((7, 5), (6, 1))
    dann = build("dann", hidden=0)
    loss = dann.loss(batch)
    weight = dann.discriminator.logits.weight.double().view(MEMBERS, 3, CHANNELS)
    bias = dann.discriminator.logits.bias.double().view(MEMBERS, 3)
    for member in range(MEMBERS):
        losses: dict[int, list[float]] = {0: [], 1: [], 2: []}
        right: dict[int, list[bool]] = {0: [], 1: [], 2: []}
        for part in [*batch.source, *batch.target]:
            for features in part.average[:, member].double():
                logits = [
                    sum(w * f for w, f in zip(row, features.tolist(), strict=True)) + b
                    for row, b in zip(weight[member].tolist(), bias[member].tolist(), strict=True)
                ]
                total = math.log(sum(math.exp(logit) for logit in logits))
                losses[part.domain].append(total - logits[part.domain])
                right[part.domain].append(logits[part.domain] == max(logits))
        assert [len(own) for own in losses.values()] == [7, 5, 7]
        expected = sum(sum(own) / len(own) for own in losses.values()) / 3
        accuracy = sum(sum(own) / len(own) for own in right.values()) / 3
        assert loss[member].item() == pytest.approx(expected, rel=1e-5)
        assert dann.measured["domain_accuracy"][member].item() == pytest.approx(accuracy)
    assert torch.equal(dann.measured["domain_loss"], loss.detach())
    assert dann.measured["domain_chance"].tolist() == pytest.approx([1 / 3] * MEMBERS)


@pytest.mark.parametrize("kind", ["dann", "cdan"])
def test_lambda_scales_the_reversed_gradient_alone(kind: str):
    results = {}
    for weight in (0.0, 1.0, 0.25):
        alignment = build(kind, weight=weight)
        loss, found = gradients(alignment, make_batch())
        own = torch.autograd.grad(alignment.loss(make_batch()).sum(), list(alignment.parameters()))
        results[weight] = loss, found, own
        assert alignment.measured["lambda"].tolist() == [weight] * MEMBERS
    loss, found, own = results[1.0]
    for weight in (0.0, 0.25):
        other_loss, other_found, other_own = results[weight]
        assert torch.equal(other_loss, loss)
        assert all(torch.equal(a, b) for a, b in zip(own, other_own, strict=True))
        for a, b in zip(found, other_found, strict=True):
            assert torch.equal(b, weight * a)
    assert any((one != 0).any() for one in found)
    assert all((one != 0).any() for one in own)


def test_features_get_the_opposite_of_the_discriminator_s_gradient():
    batch = make_batch()
    dann = build("dann", weight=1.0)
    _, reversed_ = gradients(dann, batch)
    parts = [*batch.source, *batch.target]
    domain = torch.cat([torch.full(part.rows.shape, part.domain) for part in parts])
    share = torch.cat([torch.full(part.rows.shape, 1 / (3 * len(part.rows))) for part in parts])
    logits = dann.discriminator(torch.cat([part.average for part in parts]))
    plain = (torch.nn.functional.cross_entropy(logits.mT, domain, reduction="none") * share).sum()
    straight = torch.autograd.grad(plain, [part.average for part in parts])
    features = [g for g in reversed_ if g.dim() == 3][len(batch.learnt) :]
    for back, forth in zip(features, straight, strict=True):
        torch.testing.assert_close(back, -forth)


def test_a_step_of_the_discriminator_lowers_its_loss():
    batch, dann = make_batch(), build("dann")
    first = dann.loss(batch).sum()
    optimizer = torch.optim.SGD(dann.parameters(), 0.1)
    first.backward()
    optimizer.step()
    assert dann.loss(batch).sum() < first


def test_a_single_domain_has_nothing_to_tell_apart():
    alone = AlignmentBatch([], [make_part(2, 4, 0)], [make_part(2, 5, 1, labelled=False)], 1.0)
    dann = build("dann")
    dann.loss(make_batch())
    loss, found = gradients(dann, alone)
    assert torch.equal(loss, torch.zeros(MEMBERS))
    assert all((one == 0).all() for one in found)
    assert dann.measured == {}


def test_learnt_batches_are_not_read():
    batch = make_batch()
    bare = AlignmentBatch([], batch.source, batch.target, batch.progress)
    assert torch.equal(build("dann").loss(bare), build("dann").loss(batch))
    assert len(parts_of(bare)) < len(parts_of(batch))


def test_learning_rate_of_its_own():
    assert build("dann").learning_rate is None
    assert build("dann", learning_rate=0.02).learning_rate == 0.02


def test_lambda_follows_the_progress():
    dann = build("dann", schedule="dann", gamma=10.0)
    batch = make_batch()
    dann.loss(AlignmentBatch(batch.learnt, batch.source, batch.target, 0.25))
    expected = 2 / (1 + math.exp(-2.5)) - 1
    assert dann.measured["lambda"].tolist() == pytest.approx([expected] * MEMBERS)


def test_size_of_the_discriminator():
    one = Shape(SHAPE.domains, CHANNELS, 1)
    for kind, inputs in (("dann", 4), ("cdan", 8)):
        alignment = build(kind, one, hidden=6, depth=2)
        own = inputs * 6 + 6 + 6 * 6 + 6 + 6 * 3 + 3
        assert sum(p.numel() for p in alignment.parameters()) == own
