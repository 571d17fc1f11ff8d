import numpy as np
import pytest

from dann_tfbs.data.gc_match import gc_distance
from dann_tfbs.testsets.matching import balanced, draw_like, drawn_report, most_matched


@pytest.mark.parametrize(
    ("sizes", "total", "quotas"),
    [
        ([10, 10, 10], 6, [2, 2, 2]),
        ([1, 10, 10], 9, [1, 4, 4]),
        ([3, 1, 2], 100, [3, 1, 2]),
        ([5, 5], 3, [1, 2]),
        ([], 3, []),
    ],
)
def test_shares_are_as_equal_as_sizes_allow(sizes, total, quotas):
    assert balanced(sizes, total) == quotas


def test_a_pool_that_is_large_enough_gives_the_number_asked_for(rng):
    rows = draw_like(np.full(50, 0.2), np.full(10, 0.8), 20, rng)
    assert len(set(rows.tolist())) == 20


def test_a_pool_that_is_too_small_gives_what_stays_alike(rng):
    # Positives: half at .3, half at .7. The pool has 100 of one and 10 of the other; 1000 are
    # wanted. With k drawn, k/2 − 10 may be missing up to a tenth of k: k = 25.
    pool = np.repeat([0.3, 0.7], [100, 10])
    target = np.repeat([0.3, 0.7], 50)
    assert most_matched(pool, target, 1000) == 25
    rows = draw_like(pool, target, 1000, rng)
    assert gc_distance(pool[rows], target) == pytest.approx(0.1)


def test_what_a_pool_has_nothing_of_does_not_shrink_it():
    # A tenth of the positives is at .9, where the pool has none: that share is bound to miss.
    target = np.repeat([0.3, 0.9], [90, 10])
    assert most_matched(np.full(100, 0.3), target, 1000) == 100


def test_an_empty_pool_gives_nothing(rng):
    assert len(draw_like(np.empty(0), np.full(3, 0.5), 6, rng)) == 0
    report = drawn_report(6, np.full(3, 0.5), np.empty(0), {"near": 2, "other": 0})
    assert report == {
        "asked": 6,
        "count": 0,
        "per_positive": 0.0,
        "gc_distance": None,
        "dropped": {"near": 2},
    }
