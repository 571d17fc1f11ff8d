import numpy as np
import pytest

from dann_tfbs.simulation.composition import draw_sites, markov_dna, random_library, transitions


def dinucleotides(codes):
    pairs = codes[:, :-1].astype(int) * 4 + codes[:, 1:]
    return np.bincount(pairs.ravel(), minlength=16).reshape(4, 4)


def test_chain_follows_its_transition_matrix():
    rng = np.random.default_rng(0)
    matrix = random_library(0.5, rng)
    counts = dinucleotides(markov_dna(matrix, 3000, 100, rng))
    observed = counts / counts.sum(axis=1, keepdims=True)
    np.testing.assert_allclose(observed, matrix[0], atol=0.01)


def test_each_sequence_follows_its_own_chain():
    rng = np.random.default_rng(1)
    gc = np.array([0.3, 0.6])
    codes = markov_dna(transitions(gc, np.ones(2)), 2, 50_000, rng)
    found = ((codes == 1) | (codes == 2)).mean(axis=1)
    np.testing.assert_allclose(found, gc, atol=0.04)


def test_cpg_is_depleted_as_asked():
    rng = np.random.default_rng(2)

    def ratio(cpg):
        matrix = transitions(np.array([0.45]), np.array([cpg]))
        counts = dinucleotides(markov_dna(matrix, 1000, 300, rng))
        letters = counts.sum(axis=1)
        return counts[1, 2] * counts.sum() / (letters[1] * letters[2])

    assert ratio(0.25) == pytest.approx(0.28, abs=0.05)
    assert ratio(1.0) == pytest.approx(0.9, abs=0.1)


def test_sites_are_drawn_from_the_matrix_on_both_strands():
    rng = np.random.default_rng(3)
    # Forward sites read A then C or G (3:1); reverse complements read G or C then T.
    frequencies = np.array([[1.0, 0, 0, 0], [0, 0.75, 0.25, 0]])
    sites = draw_sites(frequencies, 40_000, rng)
    share = {
        text: np.mean((sites == codes).all(axis=1))
        for text, codes in {"AC": [0, 1], "AG": [0, 2], "GT": [2, 3], "CT": [1, 3]}.items()
    }
    assert share["AC"] == pytest.approx(0.375, abs=0.01)
    assert share["AG"] == pytest.approx(0.125, abs=0.01)
    assert share["GT"] == pytest.approx(0.375, abs=0.01)
    assert share["CT"] == pytest.approx(0.125, abs=0.01)
