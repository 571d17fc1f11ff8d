"""Entropy against a float64 formula, and for large logits."""

import math

import pytest
import torch
from made_batches import (
    MEMBERS,
    build,
    check_edges,
    check_members_apart,
    check_strength,
    gradients,
    make_batch,
)

from dann_tfbs.adaptation.entropy import binary_entropy


def entropy(logit: float) -> float:
    p = 1 / (1 + math.exp(-logit))
    return -p * math.log(p) - (1 - p) * math.log(1 - p)


def test_against_a_loop_with_equal_weight_of_the_pools():
    batch = make_batch((3,), (6, 2))
    loss = build("entropy").loss(batch)
    for member in range(MEMBERS):
        pools = [[entropy(z) for z in part.logits[:, member].tolist()] for part in batch.target]
        expected = sum(sum(pool) / len(pool) for pool in pools) / 2
        assert loss[member].item() == pytest.approx(expected, rel=1e-5)


def test_large_logits_have_small_entropies_and_right_slopes():
    logits = torch.tensor([0.0, 20.0, -20.0, 1000.0, -1000.0], requires_grad=True)
    values = binary_entropy(logits)
    tail = 21 * math.exp(-20)
    assert values.tolist() == pytest.approx([math.log(2), tail, tail, 0, 0], rel=1e-5)
    values.sum().backward()
    slope = 20 * math.exp(-20)  # dH/dz = −z p (1 − p)
    assert logits.grad is not None
    assert logits.grad.tolist() == pytest.approx([0, -slope, slope, 0, 0], rel=1e-5)


def test_members_stay_apart():
    check_members_apart("entropy")


def test_edges():
    check_edges("entropy")


def test_strength():
    check_strength("entropy")


def test_only_target_logits_get_a_gradient():
    batch = make_batch()
    _, found = gradients(build("entropy"), batch)
    *others, of_target = found
    assert (of_target != 0).all()
    assert all((one == 0).all() for one in others)
