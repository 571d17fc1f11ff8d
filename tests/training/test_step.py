"""Draws of a step, weights of heads, and what batch norm goes by for a pool."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from planted import planted_table, pool_rows, rows, small_experiment
from torch import nn

from dann_tfbs.errors import InputError
from dann_tfbs.model.network import Network
from dann_tfbs.sequence import encode
from dann_tfbs.streams import stream
from dann_tfbs.training.adapting import build_alignments
from dann_tfbs.training.batches import LabelledSet, draw_share
from dann_tfbs.training.dataset import labelled_table
from dann_tfbs.training.material import gather
from dann_tfbs.training.step import StepLoss, epoch_steps, statistics, task_weights

STILL = {"shift_probability": 0, "reverse_complement_probability": 0}
SETTINGS = {"data": {"source": "CHS", "score_length": "own"}, "seeds": 2}
DANN = {"alignments": [{"kind": "dann"}]}


@pytest.fixture(scope="module")
def table(tmp_path_factory):
    """Peaks, a quarter of them bound; a large pool of reads and a small one of probes."""
    rng = np.random.default_rng(1)
    extra = [row for row in rows("CHS", "train", 96, rng) if row["label"] == 0]
    pools = [*pool_rows("HTS", 70), *pool_rows("PBM", 7, 17)]
    return planted_table(
        tmp_path_factory.mktemp("table"), n=48, validation=0, extra=[*extra, *pools]
    )


def prepared(table, **values):
    experiment = small_experiment(table, **SETTINGS, **values)
    material = gather(experiment, labelled_table(experiment.data, table), table, "CHS")
    return experiment, material


def steps_of(experiment, material, priors=(None, None), *, steps=5, epoch=1, with_pools=True):
    return list(epoch_steps(material, experiment, epoch, steps, priors, with_pools=with_pools))


def test_pools_and_further_heads_change_nothing_of_what_the_first_head_sees(table):
    plain = steps_of(*prepared(table), with_pools=False)
    richer = steps_of(
        *prepared(table, mode="multihead", heads={"HTS": {}, "PBM": {"window": 18}},
                  adaptation=DANN)
    )  # fmt: skip
    assert len(plain) == len(richer) == 5
    for one, other in zip(plain, richer, strict=True):
        assert torch.equal(one.labelled[0][0], other.labelled[0][0])
        assert torch.equal(one.labelled[0][1], other.labelled[0][1])
        assert (len(one.labelled), len(other.labelled)) == (1, 2)
        assert (len(one.target), len(other.target)) == (0, 2)


def test_heads_draw_apart_from_each_other(table):
    still = {"augmentation": STILL}
    experiment, material = prepared(
        table, mode="multihead", heads={"HTS": {}, "PBM": {}}, training=still
    )
    (first, second), *_ = (data.labelled for data in steps_of(experiment, material))
    assert first[0].shape == second[0].shape
    assert not torch.equal(first[0], second[0])


def test_pools_of_unequal_size_and_length_give_batches_of_one_size(table):
    experiment, material = prepared(table, adaptation=DANN | {"batch_size": 6})
    assert [len(pool.codes) for pool in material.pools] == [70, 7]
    drawn = steps_of(experiment, material, steps=9)
    for data in drawn:
        assert [tuple(codes.shape) for codes, _ in data.target] == [(6, 2, 20), (6, 2, 17)]
        assert [tuple(codes.shape) for _, codes, _ in data.source] == [(6, 2, 20), (6, 2, 17)]
    # Passes: every probe is seen before any for the second time, and again and again.
    for member in range(2):
        seen = torch.cat([data.target[1][1][:, member] for data in drawn]).numpy()
        counts = np.bincount(seen, minlength=7)
        assert counts.max() - counts.min() <= 1
        assert sorted(seen[:7]) == list(range(7))


def test_rows_of_a_pool_are_those_of_its_codes(table):
    """Self-training labels by row."""
    experiment, material = prepared(table, adaptation=DANN, training={"augmentation": STILL})
    for data in steps_of(experiment, material):
        for pool, (codes, drawn) in zip(material.pools, data.target, strict=True):
            assert torch.equal(codes, pool.codes[drawn])
            assert not torch.equal(drawn[:, 0], drawn[:, 1])


def test_another_pool_does_not_disturb_the_draws_of_the_first(table):
    experiment, material = prepared(table, adaptation=DANN)
    fewer = replace(material, pools=material.pools[:1])
    for one, other in zip(steps_of(experiment, material), steps_of(experiment, fewer), strict=True):
        assert torch.equal(one.target[0][0], other.target[0][0])
        assert torch.equal(one.source[0][1], other.source[0][1])


def test_epochs_and_seeds_draw_anew(table):
    experiment, material = prepared(table, adaptation=DANN)
    first, second = (steps_of(experiment, material, epoch=epoch)[0] for epoch in (1, 2))
    assert not torch.equal(first.target[0][1], second.target[0][1])
    assert not torch.equal(first.source[0][1], second.source[0][1])
    other = experiment.model_copy(update={"seed": 1})
    moved = steps_of(other, material)[0]
    assert torch.equal(moved.target[0][1][:, 0], first.target[0][1][:, 1])


@pytest.mark.parametrize(("prior", "share"), [(0.0, 0), (None, 0.25), (0.1, 0.1), (1.0, 1)])
def test_aligned_sources_hold_the_share_of_the_prior(table, prior, share):
    """Each model its own: the second always draws background."""
    experiment, material = prepared(table, adaptation=DANN | {"batch_size": 16})
    drawn = steps_of(experiment, material, (prior, 0.0), steps=60)
    labels = torch.cat([labels for data in drawn for _, _, labels in data.source])
    assert len(labels) == 60 * 2 * 16
    # 1920 draws: the standard deviation of a share of .1 is .007.
    assert labels[:, 0].mean() == pytest.approx(share, abs=0.03 if prior == 0.1 else 0.005)
    assert labels[:, 1].sum() == 0


def test_sequences_to_align_keep_their_labels(table):
    """A bound one carries the motif, but where it was cut."""
    experiment, material = prepared(table, adaptation=DANN, training={"augmentation": STILL})
    aligned = material.pools[0].aligned["CHS"]
    known = {
        (bytes(codes.numpy()), float(label))
        for codes, label in zip(aligned.codes, aligned.labels[0], strict=True)
    }
    for data in steps_of(experiment, material):
        _, codes, labels = data.source[0]
        for row in range(len(codes)):
            assert (bytes(codes[row, 1].numpy()), float(labels[row, 1])) in known


def test_where_a_kind_is_missing_the_other_fills_its_place(rng):
    for labels in (np.zeros(5), np.ones(5)):
        rows_drawn = draw_share(labels, 20, 0.5, rng)
        assert sorted(np.bincount(rows_drawn)) == [4] * 5


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ({}, {"HTS": 0.5, "PBM": 0.5}),
        ({"head_weights": "size"}, {"HTS": 2 / 3, "PBM": 1 / 3}),
        ({"head_weights": "given"}, {"HTS": 0.75, "PBM": 0.25}),
    ],
)
def test_weights_of_heads(table, values, expected):
    heads = {"HTS": {"weight": 3}, "PBM": {"negatives_per_positive": 1}}
    experiment, material = prepared(table, mode="multihead", heads=heads, **values)
    assert [len(one.data) for one in material.streams] == [96, 48]
    assert task_weights(experiment, material) == pytest.approx(expected)


def test_weights_that_are_all_0_are_refused(table):
    experiment, material = prepared(
        table, mode="multihead", heads={"HTS": {"weight": 0}}, head_weights="given"
    )
    with pytest.raises(InputError, match=r"heads.*weight"):
        task_weights(experiment, material)


def loss_of(experiment, material):
    network = Network(experiment.architecture, experiment.network_heads, 2)
    alignments = build_alignments(network, experiment, material, torch.device("cpu"))
    return network, StepLoss(network, material, experiment, alignments)


def test_the_loss_is_the_weighted_sum_over_heads_by_an_explicit_loop(table):
    heads = {"HTS": {"weight": 3}, "PBM": {"window": 18}}
    experiment, material = prepared(table, mode="multihead", heads=heads, head_weights="given")
    network, step_loss = loss_of(experiment, material)
    network.eval()
    (data,) = steps_of(experiment, material, steps=1, with_pools=False)
    total, recorded = step_loss(data, 0.0)
    expected = torch.zeros(2, dtype=torch.float64)
    for (codes, labels), head, weight in zip(data.labelled, heads, (0.75, 0.25), strict=True):
        logits = network(codes, head).double()
        each = -(labels * logits.sigmoid().log() + (1 - labels) * (-logits).sigmoid().log())
        expected += weight * each.mean(0)
        torch.testing.assert_close(recorded[f"train_loss_{head}"].double(), each.mean(0))
    torch.testing.assert_close(total.double(), expected)
    torch.testing.assert_close(recorded["train_loss"].double(), expected)


def test_a_batch_without_positives_is_a_step_like_any_other(table):
    experiment, material = prepared(
        table,
        mode="multihead",
        heads={"HTS": {}},
        adaptation={"alignments": [{"kind": kind, "schedule": "constant"}
                                   for kind in ("contrastive", "dann", "cdan", "mmd")]},
    )  # fmt: skip
    network, step_loss = loss_of(experiment, material)
    (data,) = steps_of(experiment, material, (0.0, 0.0), steps=1)
    codes, labels = data.labelled[0]
    unbound = replace(data, labelled=[(codes, torch.zeros_like(labels))])
    total, recorded = step_loss(unbound, 0.5)
    assert total.isfinite().all()
    assert recorded["contrastive_loss"].tolist() == [0, 0]
    total.sum().backward()
    for name, parameter in network.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.isfinite().all(), name


def test_the_labels_of_a_pool_are_unknown_to_every_alignment(table, monkeypatch):
    experiment, material = prepared(table, adaptation=DANN)
    _, step_loss = loss_of(experiment, material)
    (data,) = steps_of(experiment, material, steps=1)
    shown = []
    (alignment,) = step_loss.alignments
    loss = alignment.loss
    monkeypatch.setattr(alignment, "loss", lambda batch: (shown.append(batch), loss(batch))[1])
    step_loss(data, 0.25)
    (batch,) = shown
    assert batch.progress == 0.25
    assert all((part.labels == -1).all() for part in batch.target)
    names = [material.domains[part.domain] for part in batch.source + batch.target]
    assert names == ["CHS", "CHS", "HTS unlabelled", "PBM unlabelled"]


def norms(network):
    return [m for m in network.modules() if isinstance(m, nn.BatchNorm1d)]


def buffers(network):
    return {name: value.clone() for name, value in network.named_buffers()}


@pytest.mark.parametrize(
    ("choice", "moved"), [("source", False), ("batch", False), ("shared", True)]
)
def test_batch_statistics_are_touched_only_where_they_are_shared(choice, moved):
    network = Network(small_experiment(None).architecture, ["HTS"], 2)
    network.train()
    codes = torch.from_numpy(encode(["ACGTTGCAAC", "TTTTTTTTTA", "AAACAAAAAA"]).codes)
    codes = codes[:, None].expand(-1, 2, -1)
    network(codes, "HTS")
    before = buffers(network)
    with statistics(network, choice):
        within = network(codes, "HTS")
    after = buffers(network)
    assert all(torch.equal(before[name], after[name]) is not moved for name in before)
    assert all(norm.training and norm.momentum == 0.1 for norm in norms(network))
    own = network(codes, "HTS")
    # By the running statistics, or by the batch's own.
    assert torch.equal(within, own) is (choice != "source")


def test_batch_norm_is_restored_after_an_error():
    network = Network(small_experiment(None).architecture, ["HTS"])
    network.train()

    def fail():
        with statistics(network, "batch"):
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert all(norm.training and norm.momentum == 0.1 for norm in norms(network))


def test_streams_of_a_step_are_named_by_set_and_epoch(table):
    """What a pool draws is a function of seed, domain and epoch alone."""
    experiment, material = prepared(table, adaptation=DANN, training={"augmentation": STILL})
    data = steps_of(experiment, material, steps=3, epoch=4)
    expected = draw_share(
        np.zeros(70), 48, None, stream(1, "unlabelled", "HTS unlabelled", 4)
    ).reshape(3, 16)
    assert np.array_equal(np.stack([d.target[0][1][:, 1].numpy() for d in data]), expected)


def test_an_own_stream_smaller_than_a_batch_repeats(table):
    experiment, material = prepared(table)
    (first,) = material.streams
    small = LabelledSet(first.data.codes[:5], first.data.labels[:, :5])
    material = replace(material, streams=[first, replace(first, name=("HTS", "own"), data=small)])
    drawn = steps_of(experiment, material, steps=7, with_pools=False)
    assert [tuple(data.labelled[1][0].shape) for data in drawn] == [(5, 2, 24)] * 7


def test_source_sequences_are_drawn_only_where_an_alignment_reads_them(table):
    experiment, material = prepared(table, mode="dann", heads={"HTS": {"window": 24}})
    drawn = list(
        epoch_steps(material, experiment, 1, 2, (None, None), with_pools=True, with_source=False)
    )
    both = steps_of(experiment, material, steps=2)
    assert [len(data.source) for data in drawn] == [0, 0]
    assert all(data.source for data in both)
    assert torch.equal(drawn[1].target[0][0], both[1].target[0][0])


@pytest.mark.parametrize(
    ("kinds", "asked", "expected"),
    [
        (["dann"], "auto", "batch"),
        (["entropy", "self_training"], "auto", "source"),
        (["entropy", "moments"], "auto", "batch"),
        (["dann"], "source", "source"),
        (["entropy"], "shared", "shared"),
    ],
)
def test_batch_norm_of_pools_goes_by_what_the_alignments_look_at(table, kinds, asked, expected):
    adaptation = {"alignments": [{"kind": kind} for kind in kinds], "statistics": asked}
    experiment, material = prepared(table, adaptation=adaptation)
    network = Network(experiment.architecture, ["HTS"], 2)
    alignments = build_alignments(network, experiment, material, torch.device("cpu"))
    assert StepLoss(network, material, experiment, alignments).statistics == expected
