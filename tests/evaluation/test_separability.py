import itertools

import numpy as np
import pytest

from dann_tfbs.errors import InputError
from dann_tfbs.evaluation.separability import (
    Pair,
    Separability,
    chance_of_ranking,
    mean_separability,
    proxy_a_distance,
    ranked,
    retrieval,
    separability,
    simple_features,
    standardised,
)
from dann_tfbs.sequence import encode, from_codes


def sequences(n, length, rng, gc=0.5):
    shares = [(1 - gc) / 2, gc / 2, gc / 2, (1 - gc) / 2]
    return from_codes(rng.choice(4, (n, length), p=shares).astype(np.uint8))


def told_apart(rng, **domains):
    """Return the balanced accuracy of the one pair by each kind of simple features."""
    features = {name: simple_features(part) for name, part in domains.items()}
    return {
        kind: separability({name: own[kind] for name, own in features.items()}, rng)
        .pairs[0]
        .balanced_accuracy
        for kind in ("GC", "length", "3-mers")
    }


def test_what_a_sequence_shows():
    features = simple_features(encode(["GGCC", "AATTN" * 20]), k=1)
    np.testing.assert_allclose(features["GC"], [[0.5, 0.25], [-0.5, 0.25]])
    np.testing.assert_allclose(features["length"][:, 0], [np.log(0.04), 0])
    # A and T are one 1-mer, C and G the other, and N is none.
    np.testing.assert_allclose(features["1-mers"], [[0, 1], [1, 0]])
    assert simple_features(encode(["ACGT"]))["3-mers"].shape == (1, 32)
    assert np.isfinite(simple_features(encode(["NN"]))["3-mers"]).all()


def test_domains_that_differ_in_gc_alone(rng):
    found = told_apart(rng, a=sequences(300, 60, rng, 0.35), b=sequences(300, 60, rng, 0.65))
    assert found["GC"] > 0.95
    assert found["3-mers"] > 0.95
    assert found["length"] == 0.5


def test_domains_that_differ_in_length_alone(rng):
    found = told_apart(rng, a=sequences(400, 40, rng), b=sequences(400, 35, rng))
    assert found["length"] == 1
    assert found["GC"] == pytest.approx(0.5, abs=0.07)
    assert found["3-mers"] == pytest.approx(0.5, abs=0.07)


def test_a_fixed_length_amid_varied_ones_is_told_apart(rng):
    texts = ["A" * length for length in rng.permutation(np.repeat([20, 80], 100))]
    found = told_apart(rng, fixed=encode(["A" * 40] * 200), varied=encode(texts))
    assert found["length"] > 0.95


def test_domains_that_differ_in_nothing(rng):
    found = told_apart(rng, a=sequences(400, 40, rng), b=sequences(400, 40, rng))
    assert found["length"] == 0.5
    assert found["GC"] == pytest.approx(0.5, abs=0.07)
    assert found["3-mers"] == pytest.approx(0.5, abs=0.07)


def shifted(rng, by, n=300, columns=6):
    features = rng.normal(size=(n, columns)) * np.geomspace(0.01, 100, columns)
    features[:, 2] += by * np.geomspace(0.01, 100, columns)[2]
    return features


def test_a_planted_shift_of_the_embedding_shows_by_its_size(rng):
    found = [
        separability({"a": shifted(rng, 0), "b": shifted(rng, by)}, rng).pairs[0]
        for by in (0, 1, 6)
    ]
    none, some, full = found
    assert none.balanced_accuracy == pytest.approx(0.5, abs=0.07)
    # Two normal distributions a deviation apart: half a deviation on either side of the middle.
    assert some.balanced_accuracy == pytest.approx(0.69, abs=0.06)
    assert some.auroc == pytest.approx(0.76, abs=0.06)
    assert full.a_distance == pytest.approx(2, abs=0.05)
    assert full.auroc > 0.99


def test_sequences_held_out_are_what_counts(rng):
    # With more columns than rows any labels can be learnt by heart.
    found = separability({name: rng.normal(size=(40, 200)) for name in "ab"}, rng)
    assert found.balanced_accuracy == pytest.approx(0.5, abs=0.15)


def test_a_large_domain_does_not_outvote_a_small_one(rng):
    found = separability({"a": shifted(rng, 0, n=60), "b": shifted(rng, 1, n=1200)}, rng)
    assert found.balanced_accuracy == pytest.approx(0.69, abs=0.09)


def test_three_domains_at_once_and_by_pair(rng):
    features = {"a": shifted(rng, 0), "b": shifted(rng, 0), "c": shifted(rng, 8)}
    found = separability(features, rng)
    assert found.chance == pytest.approx(1 / 3)
    # c is always known, a and b are guessed.
    assert found.balanced_accuracy == pytest.approx(2 / 3, abs=0.06)
    accuracy = {(pair.first, pair.second): pair.balanced_accuracy for pair in found.pairs}
    assert list(accuracy) == [("a", "b"), ("a", "c"), ("b", "c")]
    assert accuracy["a", "b"] == pytest.approx(0.5, abs=0.07)
    assert min(accuracy["a", "c"], accuracy["b", "c"]) > 0.99


def test_the_generator_decides_and_another_domain_changes_no_pair(rng):
    features = {"a": shifted(rng, 0), "b": shifted(rng, 1)}
    first = separability(features, np.random.default_rng(1))
    assert first == separability(features, np.random.default_rng(1))
    assert first != separability(features, np.random.default_rng(2))
    more = separability(features | {"c": shifted(rng, 2)}, np.random.default_rng(1))
    assert more.pairs[0] == first.pairs[0]


def test_too_few_domains_or_sequences(rng):
    with pytest.raises(InputError, match=r"there is one domain \(a\)"):
        separability({"a": shifted(rng, 0)}, rng)
    with pytest.raises(InputError, match="the domain b has 9 sequences"):
        separability({"a": shifted(rng, 0), "b": shifted(rng, 0, n=9)}, rng)


def test_the_ends_of_the_proxy_a_distance():
    assert [proxy_a_distance(error) for error in (0, 0.25, 0.5)] == [2, 1, 0]
    assert Pair("a", "b", 1.0, 1.0).a_distance == 2
    assert Pair("a", "b", 0.5, 0.5).a_distance == 0


def test_the_mean_over_models():
    one = Separability(0.6, 0.5, (Pair("a", "b", 0.6, 0.7),))
    two = Separability(0.8, 0.5, (Pair("a", "b", 0.8, 0.8),))
    mean = mean_separability([one, two])
    assert mean.balanced_accuracy == pytest.approx(0.7)
    assert mean.pairs[0].auroc == pytest.approx(0.75)
    assert (mean.pairs[0].first, mean.pairs[0].second, mean.chance) == ("a", "b", 0.5)


def test_standardised_features_share_one_scale():
    found = standardised({"a": np.array([[1.0, 5.0]]), "b": np.array([[3.0, 5.0]])})
    assert found["a"].tolist() == [[-1, 0]]
    assert found["b"].tolist() == [[1, 0]]


def test_a_ranking_by_hand():
    references = np.array([[9.0, 1.0], [2.0, 1.0], [0.1, 1.0], [-1.0, 0.0]])  # by falling cosine
    bound = np.array([True, False, True, False])
    order = [2, 0, 3, 1]
    found = ranked(np.array([[1.0, 0.0]]), references[order], bound[order])
    assert found == {
        "precision_at_1": 1.0,
        "mean_average_precision": pytest.approx((1 / 1 + 2 / 3) / 2),
        "r_precision": 0.5,
    }
    # The second query sees them the other way round: − + − +.
    both = ranked(np.array([[1.0, 0.0], [-1.0, 0.0]]), references, bound)
    assert both["precision_at_1"] == 0.5
    average = ((1 / 1 + 2 / 3) / 2 + (1 / 2 + 2 / 4) / 2) / 2
    assert both["mean_average_precision"] == pytest.approx(average)


@pytest.mark.parametrize(("references", "bound"), [(5, 2), (4, 1), (3, 3), (1, 1)])
def test_chance_is_the_mean_over_all_orders(references, bound):
    def average_precision(places):
        return np.mean([(rank + 1) / place for rank, place in enumerate(places)])

    every = itertools.combinations(range(1, references + 1), bound)
    expected = np.mean([average_precision(places) for places in every])
    chance = chance_of_ranking(references, bound)
    assert chance["mean_average_precision"] == pytest.approx(expected)
    assert chance["precision_at_1"] == chance["r_precision"] == bound / references


def test_bound_sequences_ask_the_other_domains_only(rng):
    east, west = np.array([[1.0, 0.0]]), np.array([[-1.0, 0.0]])
    features = {
        "a": np.concatenate([east, west]),
        "b": np.concatenate([west, east, east]),
        "c": np.concatenate([east] * 4),
    }
    labels = {"a": np.array([1, 0]), "b": np.array([1, 0, -1]), "c": np.full(4, -1)}
    a, b = retrieval(features, labels, rng)
    # a's bound one lies where b's unbound one lies; itself and the unlabelled ones do not answer.
    assert (a.domain, a.queries, a.references) == ("a", 1, 2)
    assert a.found == {"precision_at_1": 0, "mean_average_precision": 0.5, "r_precision": 0}
    assert a.chance["precision_at_1"] == 0.5
    assert (b.domain, b.queries, b.references) == ("b", 1, 2)


def test_without_bound_sequences_elsewhere_nobody_asks(rng):
    features = {name: shifted(rng, 0, n=5) for name in "ab"}
    labels = {"a": np.ones(5, dtype=int), "b": np.zeros(5, dtype=int)}
    assert retrieval(features, labels, rng) == ()


def test_so_many_queries_at_most(rng):
    features = {name: shifted(rng, 0, n=30) for name in "ab"}
    labels = dict.fromkeys("ab", np.arange(30) % 2)
    found = retrieval(features, labels, np.random.default_rng(0), most_queries=7)
    assert [one.queries for one in found] == [7, 7]
    assert [one.references for one in found] == [30, 30]
    assert found == retrieval(features, labels, np.random.default_rng(0), most_queries=7)


def test_a_shared_direction_is_found_and_noise_is_not(rng):
    labels = dict.fromkeys("ab", np.arange(200) % 2)
    noise = {name: rng.normal(size=(200, 4)) for name in "ab"}
    planted = {name: part.copy() for name, part in noise.items()}
    for part in planted.values():
        part[:, 0] += 6 * labels["a"]
    for one in retrieval(standardised(planted), labels, rng):
        assert one.found["precision_at_1"] > 0.9
    for one in retrieval(standardised(noise), labels, rng):
        gap = one.found["mean_average_precision"] - one.chance["mean_average_precision"]
        assert abs(gap) < 0.05
