"""Random streams: stable for ever, and independent of each other."""

import numpy as np
import pytest

from dann_tfbs.streams import stream


@pytest.mark.parametrize(
    ("seed", "purpose", "expected"),
    [
        (0, ("batches", 1), [88, 991, 596, 100, 916]),
        (7, ("permuted labels",), [934, 552, 591, 177, 946]),
        (3, ("HTS", "FOXA1"), [594, 56, 108, 513, 12]),
    ],
)
def test_numbers_never_change(seed, purpose, expected):
    """Golden values: a change here changes every table and every training."""
    assert stream(seed, *purpose).integers(0, 1000, 5).tolist() == expected


def test_numbers_and_text_of_a_purpose_read_alike_but_their_parts_do_not_run_together():
    assert stream(1, "batches", 12).random() == stream(1, "batches", "12").random()
    assert stream(1, "batches", 1, 2).random() != stream(1, "batches", 12).random()


def test_seeds_and_purposes_have_streams_of_their_own():
    draws = [
        stream(seed, purpose, epoch).random()
        for seed in range(10)
        for purpose in ("batches", "augmentation")
        for epoch in range(1, 11)
    ]
    assert len(set(draws)) == len(draws)
    neighbours = np.corrcoef([stream(0, "batches", epoch).random(2000) for epoch in range(1, 6)])
    assert np.abs(neighbours[np.triu_indices(5, 1)]).max() < 0.1


def test_a_draw_from_one_stream_does_not_move_another():
    expected = stream(4, "augmentation", 1).random(3)
    stream(4, "batches", 1).random(1000)
    assert np.array_equal(stream(4, "augmentation", 1).random(3), expected)
