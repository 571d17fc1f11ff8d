import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dann_tfbs.data.gc_match import gc_bins, gc_distance, largest_remainder, match_gc
from dann_tfbs.errors import InputError


def test_distance_by_hand():
    # Bins of width .5: (2/3, 1/3) against (1/3, 2/3).
    assert gc_distance([0.1, 0.2, 0.9], [0.1, 0.8, 0.9], bins=2) == pytest.approx(1 / 3)
    assert gc_distance([0.1], [0.9]) == 1.0
    assert np.isnan(gc_distance([], [0.5]))


def test_bin_edges_do_not_depend_on_the_floating_point_type():
    shares = np.arange(51) / 50
    assert gc_bins(shares.astype(np.float32)).tolist() == gc_bins(shares).tolist()
    assert gc_bins(shares).tolist() == [*range(50), 49]


def test_largest_remainder_by_hand():
    assert largest_remainder([1, 2, 2], 4).tolist() == [1, 2, 1]  # shares .8, 1.6, 1.6
    assert largest_remainder([1, 1, 1], 2).tolist() == [1, 1, 0]


def test_histogram_is_followed_exactly_where_the_pool_allows():
    rng = np.random.default_rng(0)
    target = np.repeat([0.31, 0.51, 0.71], [10, 30, 60])
    pool = rng.permutation(np.repeat([0.31, 0.51, 0.71], [500, 500, 500]))
    rows = match_gc(pool, target, 200, rng)
    assert np.unique(rows).size == 200
    values, counts = np.unique(pool[rows], return_counts=True)
    assert dict(zip(values, counts, strict=True)) == {0.31: 20, 0.51: 60, 0.71: 120}


def test_a_short_bin_is_filled_from_the_nearest_ones():
    # Wanted: 4 at .51. There is 1 there, 1 two bins above, and many far below.
    pool = np.array([0.51, 0.55, *[0.11] * 9])
    rows = match_gc(pool, [0.51], 4, np.random.default_rng(0))
    assert sorted(pool[rows]) == [0.11, 0.11, 0.51, 0.55]


def test_members_of_a_bin_are_equally_likely():
    rng = np.random.default_rng(1)
    drawn = np.concatenate([match_gc(np.full(5, 0.5), [0.5], 2, rng) for _ in range(2000)])
    assert np.abs(np.bincount(drawn) - 800).max() < 100  # 800 ± 22 expected


@given(
    st.lists(st.floats(0, 1), min_size=1, max_size=60),
    st.lists(st.floats(0, 1), min_size=1, max_size=20),
    st.data(),
)
def test_always_exactly_n_different_rows(pool, target, data):
    n = data.draw(st.integers(0, len(pool)))
    rows = match_gc(pool, target, n, np.random.default_rng(0))
    assert len(set(rows.tolist())) == len(rows) == n


def test_too_small_a_pool_is_an_error():
    with pytest.raises(InputError, match=r"3 GC-matched.*pool holds 2.*fewer negatives"):
        match_gc([0.5, 0.5], [0.5], 3, np.random.default_rng(0))
    with pytest.raises(InputError, match="no sequence whose GC content"):
        match_gc([0.5], [], 1, np.random.default_rng(0))
