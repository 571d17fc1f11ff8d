import numpy as np

from dann_tfbs import sequence
from dann_tfbs.testsets.labelled import as_negatives, first_of_each, join, labelled, numbered


def of(*texts, label=1):
    return labelled(sequence.encode(texts), label, header=[f"h{text}" for text in texts])


def test_sequences_are_numbered_in_the_order_of_their_letters():
    first, number = numbered(sequence.encode(["GA", "AC", "GA", "AT", "AC"]))
    assert number.tolist() == [2, 0, 2, 1, 0]
    assert first.tolist() == [1, 3, 0]


def test_numbers_agree_with_sorting_whole_rows(rng):
    codes = rng.integers(0, 2, (500, 7), dtype=np.uint8)
    rows = codes.view(np.dtype((np.void, 7))).ravel()
    _, first, number = np.unique(rows, return_index=True, return_inverse=True)
    found = numbered(sequence.from_codes(codes))
    np.testing.assert_array_equal(found[0], first)
    np.testing.assert_array_equal(found[1], number)


def test_a_sequence_that_ends_in_n_is_not_its_shorter_self():
    first, number = numbered(sequence.encode(["ACN", "AC", "ACGTACGTA", "ACN"]))
    assert len(first) == 3
    assert number[0] == number[3] != number[1]


def test_repeats_and_known_sequences_are_dropped():
    part = first_of_each(of("AC", "GT", "AC", "TT"), sequence.encode(["TT"]))
    assert part.header.tolist() == ["hAC", "hGT"]


def test_joining_keeps_columns_and_widths():
    both = join([of("AC"), as_negatives(of("GTT", label=4))])
    assert sequence.decode(both.sequences) == ["AC", "GTT"]
    assert both.label.tolist() == [1, 0]
    assert both.header.tolist() == ["hAC", "hGTT"]
