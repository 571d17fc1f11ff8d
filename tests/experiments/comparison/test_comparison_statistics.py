"""Statistics of comparisons: cases computed by hand, and coverage by simulation."""

import math

import numpy as np
import pytest
from scipy.stats import wilcoxon

from dann_tfbs.experiments.comparison.statistics import (
    averaged_by,
    bootstrap_mean,
    geometric_mean,
    holm,
    least_p,
    mean,
    over_seeds,
    ranks,
    signed_rank_p,
)
from dann_tfbs.experiments.comparison.words import COVERAGE

NAN = float("nan")


def test_over_seeds_by_hand():
    means, sds, counts = over_seeds(np.array([[0.6, 0.8, NAN], [0.5, NAN, NAN], [NAN] * 3]))
    assert counts.tolist() == [2, 1, 0]
    assert means[:2] == pytest.approx([0.7, 0.5])
    assert sds[0] == pytest.approx(math.sqrt(0.02))  # (.1² + .1²) / (2 − 1)
    assert np.isnan([means[2], sds[1], sds[2]]).all()


def test_tasks_of_a_tf_count_as_one():
    values = np.array([[0.2, 0.4, 1.0], [NAN, 0.4, NAN]])
    by_tf = averaged_by(values, np.array([0, 0, 1]), 2)
    assert by_tf[0] == pytest.approx([0.3, 1.0])
    assert by_tf[1, 0] == pytest.approx(0.4)
    assert np.isnan(by_tf[1, 1])
    assert mean(by_tf) == pytest.approx([0.65, 0.4])


def test_bootstrap_of_three_units_by_hand(rng: np.random.Generator):
    # The means of 27 equally likely resamples of 0, 0, 3: 0 in 8, 1 in 12, 2 in 6, 3 in 1 of them
    # (3.7 %), so that the 97.5 % quantile is 3 and the 2.5 % quantile 0.
    found = bootstrap_mean(np.array([0.0, 3.0, 0.0, NAN]), rng)
    assert (found.value, found.low, found.high) == (1.0, 0.0, 3.0)


def test_two_units_have_no_interval(rng: np.random.Generator):
    found = bootstrap_mean(np.array([0.1, 0.3]), rng)
    assert found.value == pytest.approx(0.2)
    assert np.isnan([found.low, found.high]).all()


def test_bootstrap_interval_of_many_units_is_that_of_the_normal_theory(rng: np.random.Generator):
    values = rng.normal(0.5, 1.0, 400)
    found = bootstrap_mean(values, rng)
    half = 1.96 * values.std() / math.sqrt(400)
    assert found.high - found.value == pytest.approx(half, rel=0.06)
    assert found.value - found.low == pytest.approx(half, rel=0.06)


@pytest.mark.parametrize(("n", "least", "most"), [(6, 0.80, 0.90), (40, 0.925, 0.955)])
def test_few_units_make_intervals_too_narrow_and_many_do_not(
    n: int, least: float, most: float, rng: np.random.Generator
):
    # What the captions and docs/comparison.md say. 800 sets: ± 2.5 % at most.
    draws = rng.normal(0.3, 1.0, (800, n))
    found = [bootstrap_mean(values, rng, 400) for values in draws]
    coverage = np.mean([one.low <= 0.3 <= one.high for one in found])
    assert least < coverage < most


@pytest.mark.slow
def test_the_coverage_that_the_page_states(rng: np.random.Generator):
    stated = COVERAGE | {10: 0.90, 20: 0.93, 40: 0.94}
    for n, expected in stated.items():
        draws = rng.normal(0.3, 1.0, (4000, n))
        found = [bootstrap_mean(values, rng, 2000) for values in draws]
        coverage = np.mean([one.low <= 0.3 <= one.high for one in found])
        assert coverage == pytest.approx(expected, abs=0.02), n


def test_signed_rank_by_hand():
    # All five of one sign: 2 of 32 sign patterns are as extreme.
    assert signed_rank_p(np.array([0.1, 0.2, 0.3, 0.4, 0.5])) == 2 / 32 == least_p(5)
    # Only the smallest is negative: positive ranks sum to 14; sums 0, 1, 14 and 15 are as extreme.
    assert signed_rank_p(np.array([-0.1, 0.2, 0.3, 0.4, 0.5])) == 4 / 32
    assert math.isnan(signed_rank_p(np.array([0.1, 0.2, 0.3, 0.4])))
    assert math.isnan(signed_rank_p(np.array([0.1, 0.2, 0.3, 0.4, 0.0, NAN])))


def test_signed_rank_with_ties_by_hand():
    # Ranks 1.5, 1.5, 3, 4, 5, the negative one 1.5: positive ranks sum to 13.5. As extreme: sums
    # of at most 1.5 or at least 13.5, each {∅, one of the two 1.5s}: 3 + 3 patterns.
    assert signed_rank_p(np.array([-0.1, 0.1, 0.3, 0.4, 0.5])) == 6 / 32


@pytest.mark.parametrize("n", [5, 9, 16, 25])
def test_signed_rank_equals_that_of_scipy(n: int, rng: np.random.Generator):
    for _ in range(5):
        values = rng.normal(0.3, 1.0, n)
        assert signed_rank_p(values) == pytest.approx(wilcoxon(values).pvalue, abs=1e-12)


def test_holm_by_hand():
    # Sorted .01 × 3, .02 × 2 → .04, .04 × 1 → .04; the missing one is no test.
    assert holm(np.array([0.04, 0.01, NAN, 0.02]))[[0, 1, 3]] == pytest.approx([0.04, 0.03, 0.04])
    assert np.isnan(holm(np.array([0.04, NAN]))[1])
    assert holm(np.array([0.6, 0.7])).tolist() == [1.0, 1.0]


def test_ranks_share_ties_and_put_the_missing_last():
    scores = np.array([[0.9, 0.5], [0.8, NAN], [0.9, 0.7], [NAN, 0.6]])
    assert ranks(scores).tolist() == [[1, 3], [3, 4], [1, 1], [4, 2]]


def test_geometric_mean_by_hand():
    found = geometric_mean(np.array([[1.0, 4.0, NAN], [2.0, 2.0, 2.0], [NAN] * 3]))
    assert found[:2] == pytest.approx([2.0, 2.0])
    assert np.isnan(found[2])
