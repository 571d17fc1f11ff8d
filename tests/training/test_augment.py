"""Augmentation against hand-made examples."""

import numpy as np
import pytest
import torch

from dann_tfbs import sequence
from dann_tfbs.config import Augmentation
from dann_tfbs.sequence import decode, encode, from_codes
from dann_tfbs.training.augment import augment, draw_augmentation


def augmented(texts: list[str], shifts: list[int], flips: list[bool]) -> list[str]:
    codes = torch.from_numpy(encode(texts).codes)
    return decode(from_codes(augment(codes, torch.tensor(shifts), torch.tensor(flips)).numpy()))


@pytest.mark.parametrize(
    ("shift", "flip", "expected"),
    [
        (0, False, "AACGTN"),
        (1, False, "NAACGT"),
        (2, False, "TNAACG"),
        (-1, False, "ACGTNA"),
        (0, True, "NACGTT"),
        # Shifted first: NAACGT, whose opposite strand is ACGTTN.
        (1, True, "ACGTTN"),
    ],
)
def test_shift_is_cyclic_and_comes_before_the_strand(shift, flip, expected):
    assert augmented(["AACGTN"], [shift], [flip]) == [expected]


def test_each_sequence_has_its_own_change():
    assert augmented(["ACGG", "ACGG", "ACGG"], [0, 1, -1], [True, False, True]) == [
        "CCGT",
        "GACG",
        "TCCG",
    ]


def test_flipping_is_the_reverse_complement_and_its_own_inverse(rng):
    codes = rng.integers(0, 5, (20, 3, 17)).astype(np.uint8)
    zeros, ones = torch.zeros(20, 3, dtype=torch.int64), torch.ones(20, 3, dtype=torch.bool)
    once = augment(torch.from_numpy(codes), zeros, ones)
    flat = sequence.reverse_complement(from_codes(codes.reshape(60, 17)))
    assert np.array_equal(once.numpy().reshape(60, 17), flat.codes)
    assert np.array_equal(augment(once, zeros, ones).numpy(), codes)


def test_augmentation_keeps_the_letters_of_each_sequence_and_where_n_is_unknown(rng):
    codes = rng.integers(0, 5, (50, 20)).astype(np.uint8)
    shifts, flips = draw_augmentation(Augmentation(), 50, 20, rng)
    changed = augment(torch.from_numpy(codes), torch.from_numpy(shifts), torch.from_numpy(flips))
    complement = np.array([3, 2, 1, 0, 4], dtype=np.uint8)
    for before, after, flip in zip(codes, changed.numpy(), flips, strict=True):
        expected = complement[before] if flip else before
        assert sorted(after) == sorted(expected)


def test_probability_zero_changes_nothing(rng):
    settings = Augmentation(shift_probability=0, reverse_complement_probability=0)
    shifts, flips = draw_augmentation(settings, 1000, 40, rng)
    assert not shifts.any()
    assert not flips.any()


def test_half_are_shifted_by_up_to_a_tenth_to_either_side_and_half_are_flipped(rng):
    shifts, flips = draw_augmentation(Augmentation(), 20_000, 40, rng)
    values, counts = np.unique(shifts, return_counts=True)
    assert values.tolist() == [-4, -3, -2, -1, 0, 1, 2, 3, 4]
    # Half stay; the others spread evenly over eight shifts. Five sd of a count of 1/16: 171.
    assert abs(counts[4] - 10_000) < 5 * 71
    assert np.abs(np.delete(counts, 4) - 1250).max() < 171
    assert abs(flips.sum() - 10_000) < 5 * 71
    assert abs((flips & (shifts != 0)).sum() - 5_000) < 5 * 61


@pytest.mark.parametrize("window", [1, 5, 9])
def test_a_window_of_less_than_ten_bases_is_never_shifted(window, rng):
    assert not draw_augmentation(Augmentation(), 500, window, rng)[0].any()
