"""Scores depend on the sequence alone: not on batches, filling, order or strand."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from dann_tfbs import sequence
from dann_tfbs.config import Architecture
from dann_tfbs.errors import InputError
from dann_tfbs.model import scoring
from dann_tfbs.model.deployed import DeployedNetwork
from dann_tfbs.model.network import Network
from dann_tfbs.model.scoring import fitted_to_window, score

LAYOUT = Architecture(stem_widths=(3, 7), stem_channels=3, blocks=2, depthwise_width=5)


def trained_like(pooling: str = "mean", members: int = 2) -> Network:
    """Return a network whose norms have seen data, so that its scores spread."""
    torch.manual_seed(1)
    network = Network(LAYOUT.model_copy(update={"pooling": pooling}), ["HTS"], members)
    generator = torch.Generator().manual_seed(2)
    for _ in range(20):
        network(torch.randint(0, 4, (64, members, 30), generator=generator), "HTS")
    return network.eval()


NETWORK = trained_like()
dna = st.text(alphabet="ACGTN", min_size=1, max_size=40)


@pytest.mark.parametrize("pooling", ["mean", "max"])
def test_filling_and_neighbours_never_change_a_score(pooling, rng):
    network = trained_like(pooling)
    texts = ["".join(rng.choice(list("ACGT"), size)) for size in rng.integers(1, 60, 50)]
    together = score(network, "HTS", sequence.encode(texts), "mean")
    alone = np.vstack([score(network, "HTS", sequence.encode([t]), "mean") for t in texts])
    assert together.std() > 0.01
    np.testing.assert_allclose(together, alone, atol=1e-6)


def test_scores_follow_the_sequences_into_another_order(rng, monkeypatch):
    monkeypatch.setattr(scoring, "BATCH", 7)
    batch = sequence.encode(["".join(rng.choice(list("ACGT"), n)) for n in range(5, 45)])
    order = rng.permutation(len(batch))
    scores = score(NETWORK, "HTS", batch, "mean")
    np.testing.assert_allclose(
        score(NETWORK, "HTS", batch.take(order), "mean"), scores[order], atol=1e-6
    )


@settings(max_examples=30, deadline=None)
@given(st.lists(dna, min_size=1, max_size=6), st.sampled_from(["mean", "max"]), st.integers(1, 45))
def test_both_strands_of_a_sequence_score_equally_padded_or_not(texts, strands, window):
    batch = sequence.encode(texts)
    opposite = sequence.reverse_complement(batch)
    for way in ("own", "train"):
        one, two = (
            score(NETWORK, "HTS", fitted_to_window(side, window, way), strands)
            for side in (batch, opposite)
        )
        np.testing.assert_allclose(one, two, atol=1e-6)


def test_strands_are_joined_as_they_are_named(rng):
    batch = sequence.encode(["".join(rng.choice(list("ACGT"), 25)) for _ in range(9)])
    forward = score(NETWORK, "HTS", batch, "forward")
    backward = score(NETWORK, "HTS", sequence.reverse_complement(batch), "forward")
    assert np.abs(forward - backward).max() > 1e-3
    np.testing.assert_allclose(
        score(NETWORK, "HTS", batch, "mean"), (forward + backward) / 2, atol=1e-6
    )
    np.testing.assert_allclose(
        score(NETWORK, "HTS", batch, "max"), np.maximum(forward, backward), atol=1e-6
    )


def test_own_keeps_sequences_and_train_pads_the_shorter_ones_evenly():
    batch = sequence.encode(["ACG", "ACGT", "ACGTACGT"])
    assert fitted_to_window(batch, 6, "own") is batch
    assert fitted_to_window(batch, 6, "auto") is batch
    padded = sequence.decode(fitted_to_window(batch, 6, "train"))
    # Three bases cannot stand in the middle of six: two N on either side.
    assert padded == ["NNACGNN", "NACGTN", "ACGTACGT"]


def test_padding_changes_a_score_but_a_sequence_longer_than_the_window_is_scored_whole():
    def scores(text: str, window: int, way: str) -> np.ndarray:
        return score(NETWORK, "HTS", fitted_to_window(sequence.encode([text]), window, way), "mean")

    short, long = "ACGTTGACTCAG", "ACGTTGACTCAGGATTACATTTGACCA"
    assert np.abs(scores(short, 20, "own") - scores(short, 20, "train")).min() > 1e-4
    assert np.array_equal(scores(long, 20, "own"), scores(long, 20, "train"))
    assert np.abs(scores(long, 20, "own") - scores(long[:20], 20, "own")).min() > 1e-4


def test_a_sequence_without_bases_is_named():
    batch = sequence.encode(["ACG", "", "A"])
    with pytest.raises(InputError, match=r"sequence 2 .* no bases.*Remove it"):
        score(NETWORK, "HTS", batch, "mean")


def test_no_sequences_give_no_scores():
    assert score(NETWORK, "HTS", sequence.encode([]), "mean").shape == (0, 2)


@pytest.mark.parametrize("strands", ["mean", "max", "forward"])
def test_the_deployed_form_gives_the_same_scores(strands, rng):
    codes = rng.integers(0, 5, (6, 22)).astype(np.uint8)
    logits = score(NETWORK, "HTS", sequence.from_codes(codes), strands)
    expected = 1 / (1 + np.exp(-logits.mean(axis=1)))
    with torch.no_grad():
        scores = DeployedNetwork(NETWORK, "HTS", strands)(torch.from_numpy(codes.astype(np.int64)))
    np.testing.assert_allclose(scores.numpy(), expected, atol=1e-6)
