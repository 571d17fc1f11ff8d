"""CDAN against an explicit loop over sequences; what it shares with DANN is in test_dann.py."""

import math

import pytest
import torch
from made_batches import MEMBERS, build, gradients, make_batch


def cross_entropy(alignment, features: list[float], logit: float, member: int, domain: int):
    p = 1 / (1 + math.exp(-logit))
    outer = [q * f for q in (1 - p, p) for f in features]
    weight = alignment.discriminator.logits.weight.view(MEMBERS, 3, 8)[member].tolist()
    bias = alignment.discriminator.logits.bias.view(MEMBERS, 3)[member].tolist()
    logits = [
        sum(w * x for w, x in zip(row, outer, strict=True)) + b
        for row, b in zip(weight, bias, strict=True)
    ]
    return math.log(sum(math.exp(z) for z in logits)) - logits[domain]


def certainty(logit: float) -> float:
    p = 1 / (1 + math.exp(-logit))
    return 1 + math.exp(p * math.log(p) + (1 - p) * math.log(1 - p))


@pytest.mark.parametrize("weighted", [True, False])
def test_against_a_loop(weighted: bool):
    batch = make_batch((7, 5), (6,))
    cdan = build("cdan", hidden=0, entropy_weighting=weighted)
    loss = cdan.loss(batch)
    for member in range(MEMBERS):
        domains = []
        for part in [*batch.source, *batch.target]:
            sums = [0.0, 0.0]
            features, logits = part.average[:, member], part.logits[:, member].tolist()
            for x, z in zip(features.tolist(), logits, strict=True):
                weight = certainty(z) if weighted else 1.0
                sums[0] += weight * cross_entropy(cdan, x, z, member, part.domain)
                sums[1] += weight
            domains.append(sums[0] / sums[1])
        assert loss[member].item() == pytest.approx(sum(domains) / 3, rel=1e-5)


def test_entropy_weighting_is_the_default_and_matters():
    batch = make_batch()
    weighted, plain = build("cdan"), build("cdan", entropy_weighting=False)
    assert not torch.equal(weighted.loss(batch), plain.loss(batch))


def test_the_discriminator_does_not_teach_the_head():
    _, found = gradients(build("cdan"), make_batch())
    assert all((one == 0).all() for one in found if one.dim() == 2)
    assert any((one != 0).any() for one in found if one.dim() == 3)
