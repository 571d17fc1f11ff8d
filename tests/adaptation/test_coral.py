"""CORAL against covariances by explicit loops."""

import pytest
import torch
from made_batches import (
    MEMBERS,
    build,
    check_edges,
    check_members_apart,
    check_pairs,
    check_strength,
    make_batch,
)
from torch import Tensor


def covariance(x: list[list[float]], i: int, j: int) -> float:
    n = len(x)
    mean_i, mean_j = sum(row[i] for row in x) / n, sum(row[j] for row in x) / n
    return sum((row[i] - mean_i) * (row[j] - mean_j) for row in x) / (n - 1)


def by_loop(source: Tensor, target: Tensor) -> float:
    s, t, d = source.tolist(), target.tolist(), source.shape[1]
    squares = [(covariance(s, i, j) - covariance(t, i, j)) ** 2 for i in range(d) for j in range(d)]
    return sum(squares) / (4 * d * d)


def test_against_a_loop():
    check_pairs("coral", by_loop)


def test_members_stay_apart():
    check_members_apart("coral")


def test_edges():
    check_edges("coral")


def test_strength():
    check_strength("coral")


def test_parts_of_one_sequence_are_left_out():
    batch, with_one = make_batch((7,), (6,)), make_batch((7,), (6, 1))
    assert torch.equal(build("coral").loss(batch), build("coral").loss(with_one))


def test_a_shift_costs_nothing_and_the_value_is_recorded_unscaled():
    batch = make_batch((6,), ())
    shifted = type(batch.source[0])(
        2,
        batch.source[0].average + 3,
        *(getattr(batch.source[0], k) for k in ("logits", "labels", "rows")),
    )
    alike = type(batch)(batch.learnt, batch.source, [shifted], 1.0)
    coral = build("coral", weight=0.5)
    assert coral.loss(alike).tolist() == pytest.approx([0] * MEMBERS, abs=1e-10)
    loss = coral.loss(make_batch())
    torch.testing.assert_close(loss.detach(), 0.5 * coral.measured["coral"])
