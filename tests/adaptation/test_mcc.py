"""Minimum class confusion against the paper's matrices in explicit loops."""

import math

import pytest
import torch
from made_batches import (
    MEMBERS,
    build,
    check_edges,
    check_members_apart,
    check_strength,
    make_batch,
)

from dann_tfbs.adaptation.mcc import class_confusion


def confusion(logits: list[float], temperature: float) -> float:
    bound = [1 / (1 + math.exp(-z / temperature)) for z in logits]
    rows = [(1 - p, p) for p in bound]
    certainty = [1 + math.exp(sum(q * math.log(q) for q in row)) for row in rows]
    weights = [len(rows) * c / sum(certainty) for c in certainty]
    matrix = [
        [sum(w * row[i] * row[j] for w, row in zip(weights, rows, strict=True)) for j in (0, 1)]
        for i in (0, 1)
    ]
    return sum(matrix[i][j] / sum(matrix[i]) for i in (0, 1) for j in (0, 1) if i != j) / 2


@pytest.mark.parametrize("temperature", [1.0, 2.5])
def test_against_a_loop_with_equal_weight_of_the_pools(temperature: float):
    batch = make_batch((3,), (6, 2))
    loss = build("mcc", temperature=temperature).loss(batch)
    for member in range(MEMBERS):
        pools = [confusion(part.logits[:, member].tolist(), temperature) for part in batch.target]
        assert loss[member].item() == pytest.approx(sum(pools) / 2, rel=1e-5)


def test_from_no_hesitation_to_full():
    certain = torch.tensor([[40.0], [-40.0], [40.0]])
    assert class_confusion(certain, 1.0).item() < 1e-6
    assert class_confusion(torch.zeros(3, 1), 1.0).item() == pytest.approx(0.5)


def test_a_class_predicted_nowhere_gives_no_nan():
    logits = torch.full((4, 1), -1000.0, requires_grad=True)
    value = class_confusion(logits, 1.0).sum()
    value.backward()
    assert logits.grad is not None
    assert value.item() == 0
    assert (logits.grad == 0).all()


def test_members_stay_apart():
    check_members_apart("mcc")


def test_edges():
    check_edges("mcc")


def test_strength():
    check_strength("mcc")
