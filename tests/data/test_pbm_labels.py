import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from dann_tfbs.data.pbm_labels import positives, qnzs_positives, sd_positives, sd_threshold
from dann_tfbs.errors import InputError


def test_qnzs_takes_z_of_four_and_more():
    assert qnzs_positives(np.array([3.999, 4.0, 9, -5])).tolist() == [False, True, True, False]


def test_mean_plus_four_sd_between_both_limits():
    # 1900 zeros and 100 of value 20: mean 1, variance 20²·.05·.95 = 19, t = 1 + 4·√19 = 18.435…
    signal = np.repeat([0.0, 20.0], [1900, 100])
    assert sd_threshold(signal) == pytest.approx(1 + 4 * np.sqrt(19), abs=1e-12)
    assert sd_positives(signal).sum() == 100


def test_the_fiftieth_largest_bounds_from_above():
    # 0 … 1999: mean + 4·sd = 999.5 + 4·577.35 is beyond the largest, the 50th largest is 1950.
    assert sd_threshold(np.arange(2000.0)) == 1950
    assert sd_positives(np.arange(2000.0)).sum() == 50


def test_the_1300th_largest_bounds_from_below():
    # 40,000 zeros and 2,000 spots of 1000 … 2999: mean 2000·1999.5/42000 = 95.21, mean square
    # (333333.25 + 1999.5²)/21 = 206253.98, sd √(206253.98 − 95.21²) = 444.06,
    # t = 1871.45, so 1872 … 2999 are bound. With 100000 … 101999 instead, t = 4809.5 + 4·21509 =
    # 90846 would let all 2,000 pass.
    zeros = np.zeros(40_000)
    assert sd_positives(np.concatenate([zeros, 1000.0 + np.arange(2000)])).sum() == 1128
    many = np.concatenate([zeros, 100_000.0 + np.arange(2000)])
    assert sd_threshold(many) == 100_700
    assert sd_positives(many).sum() == 1300


def test_ties_at_the_threshold_are_all_bound():
    signal = np.concatenate([np.arange(1000.0), np.full(208, 5000.0), [6000.0] * 10])
    # mean + 4·sd = 1327 + 4·1786 > 6000, so the 50th largest counts: it is one of the 208 ties.
    assert sd_threshold(signal) == 5000
    assert sd_positives(signal).sum() == 218


def test_small_arrays_know_no_ranks():
    signal = np.array([0.0] * 30 + [100.0])
    assert sd_positives(signal).tolist() == [False] * 30 + [True]


@given(
    arrays(np.float64, st.integers(1, 3000), elements=st.floats(-1e6, 1e6, width=32)),
    st.integers(0, 9),
)
def test_row_order_means_nothing(signal, seed):
    order = np.random.default_rng(seed).permutation(len(signal))
    np.testing.assert_array_equal(sd_positives(signal)[order], sd_positives(signal[order]))


def test_the_preprocessing_chooses_the_rule():
    signal = np.concatenate([np.zeros(1000), [3.0], [4.0] * 60])
    assert positives(signal, "QNZS").sum() == 60
    # The 50th largest is 4.0 and mean + 4·sd = .229 + 4·.932 = 3.96 is below it.
    assert positives(signal, "SD").sum() == positives(signal, "RAW").sum() == 60


@pytest.mark.parametrize("signal", [[], [1.0, np.nan], [np.inf]])
def test_unmeasured_spots_are_refused(signal):
    with pytest.raises(InputError, match=r"mean_signal_intensity.*Drop control"):
        positives(np.array(signal), "SD")
