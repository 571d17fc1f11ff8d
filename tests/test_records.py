import numpy as np

from dann_tfbs.data import intervals, records
from dann_tfbs.data.intervals import make_intervals
from dann_tfbs.data.records import NO_CYCLE, make_records
from dann_tfbs.sequence import decode, encode


def peaks():
    places = make_intervals(["chr1", "chr2"], [10, 20], [13, 22])
    return make_records(encode(["ACG", "TT"]), group="rep1", intervals=places)


def test_records_without_details_say_so():
    batch = make_records(encode(["ACG", "T"]))
    assert batch.group.tolist() == ["", ""]
    assert batch.cycle.tolist() == [NO_CYCLE, NO_CYCLE] == [-1, -1]
    assert np.isnan(batch.signal).all()
    assert batch.intervals is None


def test_taking_rows_keeps_every_column_in_step():
    batch = records.concatenate(
        [peaks(), make_records(encode(["GGGG"]), group="r", cycle=3, signal=np.array([2.5]))]
    )
    for rows in (np.array([2, 0]), np.array([2, 2])):
        part = batch.take(rows)
        assert decode(part.sequences) == [["ACG", "TT", "GGGG"][row] for row in rows]
        assert part.group.tolist() == [["rep1", "rep1", "r"][row] for row in rows]
        assert part.cycle.tolist() == [[-1, -1, 3][row] for row in rows]
        assert part.intervals.start.tolist() == [[10, 20, -1][row] for row in rows]
    mask = batch.take(batch.cycle == 3)
    assert (decode(mask.sequences), mask.signal.tolist()) == (["GGGG"], [2.5])
    assert decode(batch.take(slice(1, 2)).sequences) == ["TT"]


def test_joining_keeps_order_and_marks_what_has_no_coordinates():
    joined = records.concatenate([make_records(encode(["AAAAA"])), peaks()])
    assert decode(joined.sequences) == ["AAAAA", "ACG", "TT"]
    assert joined.intervals.chrom.tolist() == ["", "chr1", "chr2"]
    assert joined.intervals.start.tolist() == [-1, 10, 20]
    assert joined.intervals.end.tolist() == [-1, 13, 22]


def test_joining_reads_has_no_coordinates_and_joining_nothing_is_empty():
    reads = make_records(encode(["A"]), cycle=1)
    assert records.concatenate([reads, reads]).intervals is None
    assert len(records.concatenate([])) == 0
    assert len(intervals.concatenate([])) == 0


def test_intervals_join_and_take():
    one = make_intervals(["chrX"], [5], [9])
    two = make_intervals(["a", "b"], np.array([1, 2], dtype=np.int32), [3, 4])
    both = intervals.concatenate([one, two])
    assert both.chrom.tolist() == ["chrX", "a", "b"]
    assert both.start.dtype == both.end.dtype == np.int64
    part = both.take(np.array([False, True, True]))
    assert (part.chrom.tolist(), part.start.tolist(), part.end.tolist()) == (
        ["a", "b"],
        [1, 2],
        [3, 4],
    )
