"""Self-training: the teacher, its rounds and labels, and the loss on them."""

import pytest
import torch
from made_batches import CHANNELS, MEMBERS
from torch.nn.functional import binary_cross_entropy_with_logits

from dann_tfbs.adaptation.choose import build_alignment
from dann_tfbs.adaptation.contract import AlignmentBatch, Part, Shape
from dann_tfbs.config import Architecture
from dann_tfbs.errors import InputError
from dann_tfbs.model.network import Network

POOLS = [10, 5]
LAYOUT = Architecture(stem_widths=(3,), stem_channels=CHANNELS, blocks=0)


def network_of(seed=0):
    torch.manual_seed(seed)
    return Network(LAYOUT, ["HTS"], MEMBERS)


def build(network, **settings):
    weights = sum(v.numel() for v in network.state_dict().values() if v.is_floating_point())
    shape = Shape(["CHS", "HTS", "PBM"], CHANNELS, MEMBERS, POOLS, weights // MEMBERS)
    return build_alignment({"kind": "self_training", **settings}, shape)


def scores(seed=1):
    generator = torch.Generator().manual_seed(seed)
    return [torch.randn(n, MEMBERS, generator=generator) for n in POOLS]


def labelled_by(scored, **settings):
    network = network_of()
    alignment = build(network, warm_up=0, **settings)
    alignment.after_step(network)
    alignment.before_epoch(0.0, network, lambda _state: scored)
    return alignment


def batch_of(rows, progress=1.0, seed=3):
    generator = torch.Generator().manual_seed(seed)
    parts = []
    for domain, own in enumerate(rows, start=1):
        shape = (len(own), MEMBERS)
        logits = torch.randn(shape, generator=generator).requires_grad_()
        average = torch.randn(*shape, CHANNELS, generator=generator)
        parts.append(Part(domain, average, logits, torch.full(shape, -1.0), own))
    return AlignmentBatch([], [], parts, progress)


def test_the_highest_are_bound_and_the_lowest_unbound_in_every_pool_and_model():
    scored = scores()
    alignment = labelled_by(scored, bound=0.2, unbound=0.5)
    start = 0
    for logits in scored:
        n = len(logits)
        for member in range(MEMBERS):
            labels = alignment.labels[member, start : start + n]
            order = logits[:, member].argsort()
            expected = torch.full((n,), -1, dtype=torch.int8)
            expected[order[: n // 2]] = 0
            expected[order[n - max(n // 5, 1) :]] = 1
            assert torch.equal(labels, expected)
        start += n


def test_together_models_are_taught_by_their_mean():
    scored = scores()
    alignment = labelled_by(scored, bound=0.2, unbound=0.5, together=True)
    means = [logits.mean(1, keepdim=True).expand(-1, MEMBERS) for logits in scored]
    assert torch.equal(alignment.labels, labelled_by(means, bound=0.2, unbound=0.5).labels)
    assert not torch.equal(alignment.labels, labelled_by(scored, bound=0.2, unbound=0.5).labels)


def test_the_teacher_is_the_mean_of_the_first_steps_then_the_running_average():
    network = network_of()
    alignment = build(network, decay=0.75)
    seen = []
    expected = None
    for step in range(6):
        with torch.no_grad():
            for value in network.state_dict().values():
                if value.is_floating_point():
                    value += torch.randn(value.shape)
        flat = [
            torch.cat(
                [
                    value.view(MEMBERS, -1)[member].double()
                    for value in network.state_dict().values()
                    if value.is_floating_point()
                ]
            )
            for member in range(MEMBERS)
        ]
        seen.append(torch.stack(flat))
        alignment.after_step(network)
        # Of four steps the mean is the running average.
        expected = torch.stack(seen).mean(0) if step < 4 else 0.75 * expected + 0.25 * seen[-1]
        torch.testing.assert_close(alignment.teacher.double(), expected, rtol=1e-5, atol=1e-6)


def test_the_teachers_weights_score_the_pools():
    """In their places: a network that takes them over computes what it computed before."""
    network = network_of()
    network.train()
    codes = torch.randint(0, 4, (6, MEMBERS, 12))
    network(codes, "HTS")
    alignment = build(network, warm_up=0)
    alignment.after_step(network)
    given = []

    def score_pools(state):
        given.append({key: value.clone() for key, value in state.items()})
        return scores()

    alignment.before_epoch(0.0, network, score_pools)
    (state,) = given
    assert state.keys() == network.state_dict().keys()
    for key, value in network.state_dict().items():
        assert torch.equal(state[key], value), key


def test_rounds_are_at_equal_distances_after_the_warm_up_and_each_once():
    network = network_of()
    alignment = build(network, warm_up=0.4, rounds=3)
    rounds = []
    for epoch in range(10):
        alignment.before_epoch(
            epoch / 10, network, lambda _state, epoch=epoch: (rounds.append(epoch), scores())[1]
        )
        alignment.after_step(network)
    # At .4, .6 and .8 of the run.
    assert rounds == [4, 6, 8]


def test_there_is_no_round_before_there_is_a_teacher():
    network = network_of()
    alignment = build(network, warm_up=0)
    alignment.before_epoch(0.0, network, lambda _state: pytest.fail("no model has learnt yet"))
    assert (alignment.labels == -1).all()


def test_the_loss_by_a_loop_over_the_labelled_rows():
    alignment = labelled_by(scores(), bound=0.2, unbound=0.5, weight=0.7)
    rows = [torch.randint(n, (8, MEMBERS)) for n in POOLS]
    batch = batch_of(rows)
    loss = alignment.loss(batch)
    for member in range(MEMBERS):
        each = []
        for part, own, start in zip(batch.target, rows, (0, POOLS[0]), strict=True):
            for number in range(8):
                label = alignment.labels[member, start + own[number, member]]
                if label >= 0:
                    logit = part.logits[number, member].detach().double()
                    each.append(binary_cross_entropy_with_logits(logit, label.double()))
        assert loss[member].item() == pytest.approx(0.7 * float(sum(each)) / len(each), rel=1e-5)
        assert alignment.measured["labelled"][member] == len(each)


def test_without_labelled_rows_the_loss_is_0_with_a_graph():
    alignment = build(network_of())
    batch = batch_of([torch.zeros(4, MEMBERS, dtype=torch.int64) for _ in POOLS])
    loss = alignment.loss(batch)
    assert torch.equal(loss, torch.zeros(MEMBERS))
    loss.sum().backward()
    assert all((part.logits.grad == 0).all() for part in batch.target)


def test_models_stay_apart():
    losses = []
    for shift in (0, 5):
        scored = scores()
        scored[0][:, 1] = -scored[0][:, 1] + shift
        alignment = labelled_by(scored, bound=0.3, unbound=0.5)
        rows = [torch.arange(n)[:, None].expand(-1, MEMBERS) for n in POOLS]
        batch = batch_of(rows)
        with torch.no_grad():
            batch.target[0].logits[:, 1] += shift
        losses.append(alignment.loss(batch))
    assert torch.equal(losses[0][[0, 2]], losses[1][[0, 2]])
    assert losses[0][1] != losses[1][1]


def test_shares_that_overlap_are_refused():
    with pytest.raises(InputError, match="add up to more than 1"):
        build(network_of(), bound=0.6, unbound=0.5)
