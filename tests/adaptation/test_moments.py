"""Moments against explicit loops."""

import pytest
import torch
from made_batches import (
    build,
    check_edges,
    check_members_apart,
    check_pairs,
    check_strength,
    make_batch,
)
from torch import Tensor


def mean_and_deviation(values: list[float]) -> tuple[float, float]:
    mean = sum(values) / len(values)
    return mean, (sum((v - mean) ** 2 for v in values) / (len(values) - 1)) ** 0.5


def by_loop(source: Tensor, target: Tensor) -> float:
    total = 0.0
    for s, t in zip(source.T.tolist(), target.T.tolist(), strict=True):
        (mean_s, deviation_s), (mean_t, deviation_t) = mean_and_deviation(s), mean_and_deviation(t)
        total += (mean_s - mean_t) ** 2 + (deviation_s - deviation_t) ** 2
    return total / source.shape[1]


def test_against_a_loop():
    check_pairs("moments", by_loop)


def test_members_stay_apart():
    check_members_apart("moments")


def test_edges():
    check_edges("moments")


def test_strength():
    check_strength("moments")


def test_a_shift_costs_its_square():
    batch = make_batch((6,), ())
    own = batch.source[0]
    shifted = type(own)(2, own.average + 3, own.logits, own.labels, own.rows)
    loss = build("moments").loss(type(batch)([], [own], [shifted], 1.0))
    assert loss.tolist() == pytest.approx([9.0] * 3, rel=1e-5)


def test_parts_of_one_sequence_are_left_out():
    batch, with_one = make_batch((7,), (6,)), make_batch((7,), (6, 1))
    assert torch.equal(build("moments").loss(batch), build("moments").loss(with_one))
