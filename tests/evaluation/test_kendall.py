import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import kendalltau

from dann_tfbs.errors import InputError
from dann_tfbs.evaluation.kendall import kendall_tau_b
from dann_tfbs.evaluation.metrics import all_metrics


def test_tau_by_hand():
    # Pairs (1,2) and (1,3) concordant, (2,3) tied in the cycle: 2 / √(3 · 2).
    assert kendall_tau_b([1, 2, 3], [1, 2, 2]) == pytest.approx(2 / math.sqrt(6))


def test_replicates_are_averaged():
    scores, cycles = [1, 2, 2, 1], [1, 2, 1, 2]
    assert kendall_tau_b(scores, cycles, ["a", "a", "b", "b"]) == 0.0  # +1 and −1
    assert kendall_tau_b(scores, cycles, ["a", "a", None, math.nan]) == 1.0


def test_a_constant_replicate_adds_zero():
    assert kendall_tau_b([1, 2, 3, 3], [1, 2, 1, 2], [0, 0, 1, 1]) == 0.5
    assert kendall_tau_b([1, 2], [3, 3]) == 0.0
    assert kendall_tau_b([1], [3]) == 0.0


def test_negatives_do_not_count():
    assert kendall_tau_b([1, 2, 9, 9], [1, 2, 0, 0]) == 1.0
    assert all_metrics([1, 2, 0, 9], [1, 2, 0, 0], ["kendall_tau", "auroc"]) == {
        "kendall_tau": 1.0,
        "auroc": 0.5,
    }


def test_infinite_scores_tie_with_each_other():
    assert kendall_tau_b([-math.inf, -math.inf, 0], [1, 1, 2]) == 1.0


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(1, 4)), min_size=2, max_size=40))
def test_tau_equals_scipy(pairs):
    scores, cycles = np.array(pairs, dtype=float).T
    expected = kendalltau(scores, cycles).statistic
    assert kendall_tau_b(scores, cycles) == pytest.approx(
        0.0 if np.isnan(expected) else expected, abs=1e-12
    )


def test_sets_without_cycles_or_replicates_are_explained():
    with pytest.raises(InputError, match="no record has both a cycle above 0 and a replicate"):
        kendall_tau_b([1, 2], [0, 0])
    with pytest.raises(InputError, match="2 scores and 1 replicates"):
        kendall_tau_b([1, 2], [1, 2], ["a"])
