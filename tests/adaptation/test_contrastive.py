"""The contrastive loss against an explicit loop over pairs, and its memory over checkpoints."""

import math
from collections.abc import Sequence

import pytest
import torch
from made_batches import (
    CHANNELS,
    MEMBERS,
    build,
    changed,
    check_edges,
    check_members_apart,
    check_strength,
    gradients,
    make_batch,
    make_part,
)

from dann_tfbs.adaptation.contract import AlignmentBatch, Part, Shape
from dann_tfbs.adaptation.memory import CrossBatchMemory

Entry = tuple[list[float], float, int]
"""Features, label and domain of a sequence."""


def entries(parts: Sequence[Part], member: int) -> list[Entry]:
    return [
        (x, label, part.domain)
        for part in parts
        for x, label in zip(
            part.average[:, member].tolist(), part.labels[:, member].tolist(), strict=True
        )
        if label >= 0
    ]


def cosine(a: list[float], b: list[float]) -> float:
    dot = sum(x * y for x, y in zip(a, b, strict=True))
    return dot / math.hypot(*a) / math.hypot(*b)


def by_loop(batch: list[Entry], memory: list[Entry], temperature: float) -> float:
    anchors = []
    for x, label, domain in batch:
        if label != 1:
            continue
        references = batch + memory
        positive = [cosine(x, y) for y, other, d in references if other == 1 and d != domain]
        negative = [cosine(x, y) for y, other, _ in references if other == 0]
        if positive and negative:
            total = math.log(sum(math.exp(c / temperature) for c in positive + negative))
            anchors.append(sum(total - c / temperature for c in positive) / len(positive))
    return sum(anchors) / len(anchors) if anchors else 0.0


@pytest.mark.parametrize("memory", [0, 50])
def test_against_a_loop_over_several_batches(memory: int):
    alignment = build("contrastive", memory=memory, temperature=0.2)
    earlier: list[list[Entry]] = [[] for _ in range(MEMBERS)]
    for step in range(3):
        batch = make_batch((7, 5), (4,), seed=100 * step)
        loss = alignment.loss(batch)
        for member in range(MEMBERS):
            own = entries(batch.learnt, member)
            expected = by_loop(own, earlier[member], 0.2)
            assert expected > 0
            assert loss[member].item() == pytest.approx(expected, rel=1e-4)
            if memory:
                earlier[member] += own


def test_members_stay_apart():
    check_members_apart("contrastive")


def test_members_stay_apart_through_the_memory():
    one, other = build("contrastive", memory=9), build("contrastive", memory=9)
    one.loss(make_batch())
    other.loss(changed(make_batch(), member=1))
    a, b = one.loss(make_batch(seed=50)), other.loss(make_batch(seed=50))
    assert torch.equal(a[[0, 2]], b[[0, 2]])
    assert a[1] != b[1]


def test_edges():
    check_edges("contrastive")


def test_strength():
    check_strength("contrastive")


def test_it_asks_for_no_pools():
    assert not build("contrastive").uses_pools


def relabelled(part: Part, label: float) -> Part:
    return Part(
        part.domain, part.average, part.logits, torch.full_like(part.labels, label), part.rows
    )


@pytest.mark.parametrize(
    "labels", [(0.0, 0.0), (1.0, 1.0), (1.0, 0.0)], ids=["no bound", "no unbound", "one bound"]
)
def test_without_positives_or_negatives_it_is_zero_with_a_graph(labels):
    parts = [relabelled(make_part(d, 4, d), label) for d, label in enumerate(labels)]
    loss, found = gradients(build("contrastive"), AlignmentBatch(parts, [], [], 1.0))
    assert torch.equal(loss, torch.zeros(MEMBERS))
    assert all((one == 0).all() for one in found)


def test_bound_sequences_of_a_single_domain_are_not_pulled_together():
    batch = AlignmentBatch([make_part(0, 9, 0), make_part(0, 9, 1)], [], [], 1.0)
    loss, found = gradients(build("contrastive"), batch)
    assert torch.equal(loss, torch.zeros(MEMBERS))
    assert all((one == 0).all() for one in found)


def test_labelled_sequences_of_target_parts_take_part_one_by_one():
    batch = make_batch((7,), (6,))
    labels = torch.full((6, MEMBERS), -1.0)
    labels[2:4, 0] = torch.tensor([1.0, 0.0])
    labels[:, 1] = 1
    own = batch.target[0]
    target = Part(own.domain, own.average, own.logits, labels, own.rows)
    loss = build("contrastive", temperature=0.2).loss(
        AlignmentBatch(batch.learnt, [], [target], 1.0)
    )
    for member in range(MEMBERS):
        both = entries([*batch.learnt, target], member)
        assert loss[member].item() == pytest.approx(by_loop(both, [], 0.2), rel=1e-4)
    # Member 2 has labels of one domain only.
    assert (loss > 0).tolist() == [True, True, False]


def test_a_resumed_memory_goes_on_exactly():
    batches = [make_batch(seed=100 * step) for step in range(8)]
    # A batch of 12, a memory of 20: the place in the queue is in its midst at the cut.
    through = build("contrastive", memory=20)
    for batch in batches[:4]:
        through.loss(batch)
    state = {key: value.clone() for key, value in through.state_dict().items()}
    assert state["memory.place"].tolist() == [4 * 12 % 20] * MEMBERS
    resumed = build("contrastive", memory=20)
    resumed.load_state_dict(state)
    for batch in batches[4:]:
        (a, of_a), (b, of_b) = gradients(through, batch), gradients(resumed, batch)
        assert torch.equal(a, b)
        assert all(torch.equal(x, y) for x, y in zip(of_a, of_b, strict=True))
    for key, value in through.state_dict().items():
        assert torch.equal(value, resumed.state_dict()[key]), key


def test_the_state_is_that_of_single_models_joined():
    def single(member: int, batch: AlignmentBatch) -> AlignmentBatch:
        own = slice(member, member + 1)
        learnt = [
            Part(p.domain, *(x[:, own] for x in (p.average, p.logits, p.labels, p.rows)))
            for p in batch.learnt
        ]
        return AlignmentBatch(learnt, [], [], batch.progress)

    together = build("contrastive", memory=20)
    alone = [
        build("contrastive", Shape(["a", "b"], CHANNELS, 1), memory=20) for _ in range(MEMBERS)
    ]
    for batch in (make_batch(), make_batch(seed=100)):
        together.loss(batch)
        for member, one in enumerate(alone):
            one.loss(single(member, batch))
    for key, value in together.state_dict().items():
        assert torch.equal(value, torch.cat([one.state_dict()[key] for one in alone])), key


def test_evaluation_leaves_the_memory_alone():
    alignment = build("contrastive").eval()
    alignment.loss(make_batch())
    assert (alignment.state_dict()["memory.labels"] == -1).all()


def test_a_queue_by_hand():
    memory = CrossBatchMemory(3, 1, 2)

    def add(member: int, *values: float) -> None:
        x = torch.tensor(values)
        memory.add(member, x[:, None], (x % 2), x.long())

    def held(member: int) -> list[float]:
        return memory.of(member)[0][:, 0].tolist()

    assert held(0) == []
    add(1, 1, 2)
    assert (held(0), held(1)) == ([], [1, 2])
    add(1, 3, 4)
    assert held(1) == [4, 2, 3]
    assert memory.of(1)[1].tolist() == [0, 0, 1]
    assert memory.of(1)[2].tolist() == [4, 2, 3]
    # More than it holds: evenly spaced ones, from the place that is next.
    add(1, 10, 11, 12, 13, 14, 15)
    assert held(1) == [14, 10, 12]
    add(1)
    assert held(1) == [14, 10, 12]
    assert held(0) == []
