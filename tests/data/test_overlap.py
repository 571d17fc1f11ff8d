import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from dann_tfbs.data.intervals import make_intervals
from dann_tfbs.data.overlap import merged, overlaps_any, rows_by_chromosome


def test_touching_intervals_share_no_base():
    query = make_intervals(["a", "a", "a", "b"], [0, 9, 20, 12], [10, 11, 30, 13])
    reference = make_intervals(["a"], [10], [20])
    assert overlaps_any(query, reference).tolist() == [False, True, False, False]


def test_distance_counts_the_bases_between():
    reference = make_intervals(["a"], [1000], [1100])
    query = make_intervals(["a"] * 4, [1399, 1400, 600, 599], [1420, 1420, 701, 700])
    assert overlaps_any(query, reference, 300).tolist() == [True, False, True, False]


def test_long_reference_before_a_short_one_is_not_missed():
    reference = make_intervals(["a", "a"], [0, 10], [1000, 20])
    assert overlaps_any(make_intervals(["a"], [500], [501]), reference).tolist() == [True]


def test_records_without_coordinates_never_overlap():
    nowhere = make_intervals([""], [-1], [-1])
    assert not overlaps_any(nowhere, nowhere, 300).any()


spans = st.lists(st.tuples(st.sampled_from("ab"), st.integers(0, 60), st.integers(1, 15)))


@given(spans, spans, st.integers(0, 5))
def test_overlap_agrees_with_comparing_all_pairs(query, reference, distance):
    q = make_intervals(
        [c for c, _, _ in query], [s for _, s, _ in query], [s + w for _, s, w in query]
    )
    r = make_intervals(
        [c for c, _, _ in reference], [s for _, s, _ in reference], [s + w for _, s, w in reference]
    )
    # Two intervals are apart if the one that starts later leaves `distance` bases after the other.
    expected = [
        any(
            (c == d and max(s, t) - min(s + w, t + v) < distance)
            or (c == d and max(s, t) < min(s + w, t + v))
            for d, t, v in reference
        )
        for c, s, w in query
    ]
    assert overlaps_any(q, r, distance).tolist() == expected


@given(spans)
def test_merged_covers_the_same_bases_with_gaps_between(items):
    start = np.array([s for _, s, _ in items], dtype=np.int64)
    end = start + np.array([w for _, _, w in items], dtype=np.int64)
    covered = {base for s, e in zip(start, end, strict=True) for base in range(s, e)}
    new_start, new_end = merged(start, end)
    assert {b for s, e in zip(new_start, new_end, strict=True) for b in range(s, e)} == covered
    assert (new_start[1:] > new_end[:-1]).all()


def test_rows_by_chromosome_lists_rows_in_order():
    groups = rows_by_chromosome(np.array(["b", "a", "b"], dtype=object))
    assert {name: rows.tolist() for name, rows in groups.items()} == {"b": [0, 2], "a": [1]}
