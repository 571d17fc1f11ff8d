import numpy as np
import pytest

from dann_tfbs import sequence
from dann_tfbs.simulation.binding import BindingModel, bound_probability

SKEWED = np.array([0.7, 0.1, 0.1, 0.1])


def naive_affinity(frequencies, text, min_affinity):
    """Sum over both strands of one window, straight from the documented formula."""
    energy = np.log((frequencies + 1e-3) / 0.251)
    typical = (frequencies * energy).sum()
    total = 0.0
    for strand in (text, text[::-1].translate(str.maketrans("ACGT", "TGCA"))):
        score = sum(energy[j, "ACGT".index(letter)] for j, letter in enumerate(strand))
        value = np.exp(score - typical)
        total += value if value >= min_affinity else 0.0
    return total


def test_one_column_by_hand():
    # E(A) = ln(.701/.251) = 1.02703, E(other) = ln(.101/.251) = -.91034;
    # typical = .7 * 1.02703 - .3 * .91034 = .44582; a(A) = e^.58121 = 1.7882, a(T) = e^-1.35616
    model = BindingModel("X", SKEWED[None], min_affinity=0.01)
    found = model.affinities(sequence.encode(["AC"]).codes)[0]
    assert found[0] == pytest.approx(1.7882 + 0.2577, abs=2e-4)
    assert found[1] == pytest.approx(2 * 0.2577, abs=2e-4)


@pytest.mark.parametrize("length", [1, 5, 6, 7, 12, 13])
def test_look_up_tables_agree_with_the_formula_at_every_matrix_length(length):
    rng = np.random.default_rng(length)
    frequencies = rng.dirichlet(np.full(4, 0.4), size=length)
    codes = rng.integers(0, 4, (3, 20), dtype=np.uint8)
    model = BindingModel("X", frequencies, min_affinity=0.02)
    found = model.affinities(codes)
    for row, text in enumerate(sequence.decode(sequence.from_codes(codes))):
        for start in range(20 - length + 1):
            expected = naive_affinity(frequencies, text[start : start + length], 0.02)
            assert found[row, start] == pytest.approx(expected, rel=1e-4, abs=1e-6)


def test_windows_with_n_bind_nothing():
    model = BindingModel("X", np.stack([SKEWED, SKEWED]), min_affinity=1e-6)
    found = model.affinities(sequence.encode(["AANAA"]).codes)[0]
    assert (found == 0).tolist() == [False, True, True, False]


def test_occupancy_is_the_same_on_both_strands():
    rng = np.random.default_rng(1)
    model = BindingModel("X", rng.dirichlet(np.ones(4), size=8))
    batch = sequence.from_codes(rng.integers(0, 4, (50, 40), dtype=np.uint8))
    flipped = sequence.reverse_complement(batch)
    np.testing.assert_allclose(
        model.occupancy(batch.codes), model.occupancy(flipped.codes), rtol=1e-4
    )


def test_position_weights_scale_sites_by_their_start():
    model = BindingModel("X", np.stack([SKEWED] * 6), min_affinity=0.05)
    site, empty = "AAAAAA", "CCCCCC"
    batch = sequence.encode([site + empty, empty + site]).codes
    weight = np.zeros(7)
    weight[6] = 0.5
    plain, weighted = model.occupancy(batch), model.occupancy(batch, weight)
    assert weighted[0] < 0.1 * plain[0]
    assert weighted[1] == pytest.approx(0.5 * model.affinities(batch)[1, 6], rel=1e-5)


def test_bound_probability_saturates():
    np.testing.assert_allclose(bound_probability(np.array([0.0, 0.5, 1e9]), 2.0), [0, 0.5, 1])
